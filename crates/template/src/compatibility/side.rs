//! One of two templates that are compared, with one environment merged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::change::Location;
use crate::document::Document;
use crate::node::Node;
use crate::problem::{Place, Problems};
use crate::template::{Step, StepType, Template};

/// A merged template, with the places of what it says.
pub(super) struct Side<'a> {
    document: &'a Document,
    pub(super) template: Template,
    pub(super) root: Node,
}

/// A step of a [`Side`].
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) side: &'a Side<'a>,
    pub(super) step: &'a Step,
    pub(super) node: &'a Node,
}

/// A step before and now; one of the two is there.
pub(super) struct Pair<'a> {
    pub(super) old: Option<Placed<'a>>,
    pub(super) new: Option<Placed<'a>>,
}

impl<'a> Side<'a> {
    pub(super) fn of(document: &'a Document, environment: Option<&str>) -> Result<Self, Problems> {
        let (root, template) = document.merged_tree(environment)?;
        Ok(Self {
            document,
            template,
            root,
        })
    }

    pub(super) fn steps(&'a self) -> impl Iterator<Item = Placed<'a>> {
        let nodes = self.root.get("steps").map_or(&[][..], Node::items);
        let steps = self.template.steps.iter().zip(nodes);
        steps.map(|(step, node)| Placed {
            side: self,
            step,
            node,
        })
    }

    /// Where a field of the template stands, or the template.
    pub(super) fn location(&self, field: &str) -> Location {
        self.at(place(&self.root, &[field]))
    }

    pub(super) fn at(&self, at: Place) -> Location {
        self.document.at(at)
    }

    /// For each step all that come before it.
    pub(super) fn ancestors(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let steps = &self.template.steps;
        let parents: HashMap<&str, &[String]> = steps
            .iter()
            .map(|step| (step.name.as_str(), step.dependencies.as_slice()))
            .collect();
        let mut ancestors = BTreeMap::new();
        for step in steps {
            let mut before = BTreeSet::new();
            let mut open = vec![step.name.as_str()];
            while let Some(name) = open.pop() {
                let parents = parents.get(name).copied().unwrap_or_default();
                let names = parents.iter().map(String::as_str);
                open.extend(names.filter(|it| before.insert(*it)));
            }
            ancestors.insert(step.name.as_str(), before);
        }
        ancestors
    }

    /// The steps that a decision can name.
    pub(super) fn branches(&self, decision: &str) -> BTreeSet<&str> {
        let is_branch = |step: &&Step| {
            step.step_type != StepType::DeferredConvergence
                && step.dependencies.iter().any(|it| it == decision)
        };
        let branches = self.template.steps.iter().filter(is_branch);
        branches.map(|step| step.name.as_str()).collect()
    }
}

impl<'a> Placed<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.step.name
    }

    /// Where a field stands, or the step.
    pub(super) fn location(&self, path: &[&str]) -> Location {
        self.side.at(place(self.node, path))
    }

    /// Whether both steps run the same code.
    pub(super) fn has_handler_of(&self, other: &Self) -> bool {
        let (one, other) = (&self.step.handler, &other.step.handler);
        one.callable == other.callable && one.method == other.method
    }
}

/// Where the value under a path stands, or as much of it as there is.
fn place(node: &Node, path: &[&str]) -> Place {
    let mut node = node;
    for key in path {
        match node.get(key) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node.at
}

/// The steps of both, by their names. A step that went and one that came are one step that was renamed, where they have
/// the handler and the type in common, and nothing else that went or came has them.
pub(super) fn pairs<'a>(old: &'a Side<'a>, new: &'a Side<'a>) -> Vec<Pair<'a>> {
    let by_name = |side: &'a Side<'a>| -> HashMap<&'a str, Placed<'a>> {
        side.steps().map(|it| (it.name(), it)).collect()
    };
    let (olds, news) = (by_name(old), by_name(new));
    let gone: Vec<Placed<'a>> = old
        .steps()
        .filter(|it| !news.contains_key(it.name()))
        .collect();
    let come: Vec<Placed<'a>> = new
        .steps()
        .filter(|it| !olds.contains_key(it.name()))
        .collect();
    let alike = |of: &Placed<'a>, among: &[Placed<'a>]| -> Vec<Placed<'a>> {
        let alike = among
            .iter()
            .copied()
            .filter(|it| it.has_handler_of(of) && it.step.step_type == of.step.step_type);
        alike.collect()
    };
    let renamed = |it: &Placed<'a>| match (&alike(it, &gone)[..], &alike(it, &come)[..]) {
        ([_], [now]) => Some(*now),
        _ => None,
    };
    let mut pairs = Vec::new();
    let mut taken = BTreeSet::new();
    for it in old.steps() {
        let now = news.get(it.name()).copied().or_else(|| renamed(&it));
        taken.extend(now.map(|it| it.name()));
        pairs.push(Pair {
            old: Some(it),
            new: now,
        });
    }
    let added = come.into_iter().filter(|it| !taken.contains(it.name()));
    pairs.extend(added.map(|it| Pair {
        old: None,
        new: Some(it),
    }));
    pairs
}
