//! The steps as a graph: names unique, dependencies known, no cycle.

use std::collections::{HashMap, HashSet};

use crate::code;
use crate::node::Node;
use crate::problem::{Place, Sink};

/// Checks the graph of `steps`, as far as their names and dependencies can be read.
pub(crate) fn check(steps: &[Node], sink: &mut Sink) {
    let names = unique_names(steps, sink);
    // A step whose name cannot be read may be the one that is missing.
    let all_are_named = steps.iter().all(|step| name(step).is_some());
    let mut parents: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        let mut seen = HashSet::new();
        for node in dependencies(step) {
            let Some(dependency) = node.text() else {
                continue;
            };
            if !seen.insert(dependency) {
                let message = format!("the dependency `{dependency}` is named twice");
                sink.push(code::DUPLICATE_DEPENDENCY, node.at, message, None);
                continue;
            }
            match names.get(dependency) {
                Some(parent) => parents[index].push(*parent),
                None if all_are_named => {
                    let hint = sink.did_you_mean(dependency, all_names(steps));
                    let message = format!("no step has the name {dependency:?}");
                    sink.push(code::UNKNOWN_DEPENDENCY, node.at, message, hint);
                }
                None => {}
            }
        }
    }
    if let Some(cycle) = find_cycle(&parents) {
        report_cycle(&cycle, steps, sink);
    }
}

/// Names with the index of the first step that has them.
fn unique_names<'a>(steps: &'a [Node], sink: &mut Sink) -> HashMap<&'a str, usize> {
    let mut names = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        let Some((name, at)) = name(step) else {
            continue;
        };
        let first = *names.entry(name).or_insert(index);
        if first != index {
            let message = format!("two steps have the name `{name}`");
            let hint = format!("the other one stands in line {}", steps[first].at.line);
            sink.push(code::DUPLICATE_STEP, at, message, Some(hint));
        }
    }
    names
}

/// The names of the steps that have one.
pub(crate) fn all_names(steps: &[Node]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| Some(name(step)?.0))
}

pub(crate) fn name(step: &Node) -> Option<(&str, Place)> {
    let name = step.get("name")?;
    Some((name.text()?, name.at))
}

fn dependencies(step: &Node) -> &[Node] {
    step.get("dependencies").map_or(&[], Node::items)
}

/// The steps of a cycle, each before the one that waits for it. On a stack of its own: a chain may be long.
fn find_cycle(parents: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; parents.len()];
    for start in 0..parents.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        let mut path = vec![(start, 0)];
        while let Some((step, next)) = path.last_mut() {
            let Some(parent) = parents[*step].get(*next).copied() else {
                marks[*step] = Mark::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match marks[parent] {
                Mark::Done => {}
                Mark::New => {
                    marks[parent] = Mark::Open;
                    path.push((parent, 0));
                }
                Mark::Open => {
                    let waiting = path.iter().map(|(step, _)| *step);
                    let mut cycle: Vec<usize> =
                        waiting.skip_while(|step| *step != parent).collect();
                    cycle.reverse();
                    return Some(cycle);
                }
            }
        }
    }
    None
}

fn report_cycle(cycle: &[usize], steps: &[Node], sink: &mut Sink) {
    let start = cycle
        .iter()
        .enumerate()
        .min_by_key(|(_, step)| **step)
        .map_or(0, |(position, _)| position);
    let (before, after) = cycle.split_at(start);
    let mut names: Vec<&str> = after
        .iter()
        .chain(before)
        .filter_map(|step| name(&steps[*step]))
        .map(|(name, _)| name)
        .collect();
    names.extend(names.first().copied());
    let message = format!(
        "steps wait for each other in a circle: {}",
        names.join(" -> ")
    );
    let hint = "remove one of these dependencies".to_owned();
    let at = dependencies_place(&steps[cycle[start]]);
    sink.push(code::CYCLE, at, message, Some(hint));
}

fn dependencies_place(step: &Node) -> Place {
    step.get("dependencies").map_or(step.at, |node| node.at)
}
