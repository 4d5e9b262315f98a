//! The steps as a graph: names unique, dependencies known, no cycle.

use std::collections::{HashMap, HashSet};

use crate::check::is_name;
use crate::code;
use crate::node::Node;
use crate::problem::{Place, Sink};

/// Which step waits for which, by their indices.
pub(crate) struct Graph {
    /// For each step those that it waits for.
    pub(crate) parents: Vec<Vec<usize>>,
    /// Whether every dependency has been found. If not, there is more between the steps than is known.
    pub(crate) is_whole: bool,
}

impl Graph {
    /// Checks the graph of `steps`, as far as their names and dependencies can be read.
    pub(crate) fn check(steps: &[Node], sink: &mut Sink) -> Self {
        let names = unique_names(steps, sink);
        // A step whose name cannot be read may be the one that is missing.
        let all_are_named = steps.iter().all(|step| name(step).is_some());
        let mut graph = Self {
            parents: vec![Vec::new(); steps.len()],
            is_whole: all_are_named,
        };
        for (index, step) in steps.iter().enumerate() {
            let mut seen = HashSet::new();
            for node in dependencies(step) {
                let Some(dependency) = node.text() else {
                    graph.is_whole = false;
                    continue;
                };
                if !seen.insert(dependency) {
                    let message = format!("the dependency `{dependency}` is named twice");
                    sink.push(code::DUPLICATE_DEPENDENCY, node.at, message, None);
                    continue;
                }
                if let Some(parent) = names.get(dependency) {
                    graph.parents[index].push(*parent);
                    continue;
                }
                graph.is_whole = false;
                if all_are_named {
                    let hint = sink
                        .did_you_mean(dependency, all_names(steps).filter(|name| is_name(name)));
                    let message = format!("no step has the name {dependency:?}");
                    sink.push(code::UNKNOWN_DEPENDENCY, node.at, message, hint);
                }
            }
        }
        for cycle in graph.cycles() {
            report_cycle(&cycle, steps, sink);
        }
        graph
    }

    /// For each step those that wait for it.
    pub(crate) fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.parents.len()];
        for (index, parents) in self.parents.iter().enumerate() {
            for parent in parents {
                children[*parent].push(index);
            }
        }
        children
    }

    /// One cycle for each knot of steps that all wait for one another: each step stands before one that waits for it.
    fn cycles(&self) -> Vec<Vec<usize>> {
        let knots = self.knots();
        let mut positions = vec![None; self.parents.len()];
        let mut walked = HashSet::new();
        let mut cycles = Vec::new();
        for first in 0..self.parents.len() {
            if !walked.insert(knots[first]) {
                continue;
            }
            // Within a knot every way up comes back to where it has been.
            let mut path = Vec::new();
            let mut next = Some(first);
            while let Some(step) = next {
                if let Some(start) = positions[step] {
                    let mut cycle = path.split_off(start);
                    cycle.reverse();
                    cycles.push(cycle);
                    break;
                }
                positions[step] = Some(path.len());
                path.push(step);
                let mut parents = self.parents[step].iter().copied();
                next = parents.find(|parent| knots[*parent] == knots[step]);
            }
        }
        cycles
    }

    /// For each step the knot that it is in, which is named by one of its steps (Tarjan's strongly connected
    /// components). On a stack of its own: a chain may be long.
    fn knots(&self) -> Vec<usize> {
        const NONE: usize = usize::MAX;
        let count = self.parents.len();
        let (mut order, mut lowest, mut knots) =
            (vec![NONE; count], vec![NONE; count], vec![NONE; count]);
        let mut visited = 0;
        let mut open = Vec::new();
        for start in 0..count {
            let mut path = match order[start] {
                NONE => vec![(start, 0)],
                _ => continue,
            };
            while let Some((step, next)) = path.last_mut() {
                let step = *step;
                if *next == 0 {
                    (order[step], lowest[step]) = (visited, visited);
                    visited += 1;
                    open.push(step);
                }
                if let Some(parent) = self.parents[step].get(*next).copied() {
                    *next += 1;
                    if order[parent] == NONE {
                        path.push((parent, 0));
                    } else if knots[parent] == NONE {
                        lowest[step] = lowest[step].min(order[parent]);
                    }
                    continue;
                }
                path.pop();
                if let Some((child, _)) = path.last() {
                    lowest[*child] = lowest[*child].min(lowest[step]);
                }
                if lowest[step] == order[step] {
                    while let Some(member) = open.pop() {
                        knots[member] = step;
                        if member == step {
                            break;
                        }
                    }
                }
            }
        }
        knots
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

pub(crate) fn dependencies(step: &Node) -> &[Node] {
    step.get("dependencies").map_or(&[], Node::items)
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
    let at = dependencies_place(&steps[cycle[start]]);
    sink.push(code::CYCLE, at, message, None);
}

/// Where the dependencies stand, or the step that has none.
pub(crate) fn dependencies_place(step: &Node) -> Place {
    step.get("dependencies").map_or(step.at, |node| node.at)
}
