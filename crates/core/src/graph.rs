//! The graph of a template: made once from its merged content, shared by every task that runs it.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tasker_protocol::Json;
use tasker_template::{Retry, Template};
use uuid::Uuid;

use crate::{StepIndex, TaskId};

/// A workflow as the core runs it.
#[derive(Debug)]
pub struct Graph {
    /// The template's namespace.
    pub namespace: Arc<str>,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// SHA-256 of the template's merged content, in hexadecimal.
    pub hash: String,
    /// The steps, in the template's order.
    pub nodes: Vec<Node>,
}

/// A step as the core runs it.
#[derive(Debug)]
pub struct Node {
    /// The step's name.
    pub name: String,
    /// The handler.
    pub callable: Arc<str>,
    /// The handler's method.
    pub method: String,
    /// The handler's configuration.
    pub configuration: Json,
    /// How failures are retried.
    pub retry: Retry,
    /// Milliseconds that an attempt may take.
    pub timeout_ms: Option<u64>,
    /// The steps that this one depends on.
    pub parents: Vec<StepIndex>,
    /// The steps that depend on this one.
    pub children: Vec<StepIndex>,
    /// Every step before this one, its parents first.
    pub ancestors: Vec<StepIndex>,
}

impl Graph {
    /// The graph of a template whose dependencies all exist and form no cycle, as every parsed template's do.
    pub fn new(template: &Template, hash: String) -> Graph {
        let index: HashMap<&str, StepIndex> = (0..)
            .zip(&template.steps)
            .map(|(index, step)| (step.name.as_str(), index))
            .collect();
        let mut nodes: Vec<Node> = template
            .steps
            .iter()
            .map(|step| Node {
                name: step.name.clone(),
                callable: step.handler.callable.as_str().into(),
                method: step.handler.method.clone(),
                configuration: step.handler.initialization.clone().into(),
                retry: step.retry.clone(),
                timeout_ms: step.timeout_ms(),
                parents: step
                    .dependencies
                    .iter()
                    .map(|name| index[name.as_str()])
                    .collect(),
                children: Vec::new(),
                ancestors: Vec::new(),
            })
            .collect();
        for child in 0..nodes.len() {
            for parent in nodes[child].parents.clone() {
                nodes[parent as usize].children.push(child as StepIndex);
            }
        }
        for step in 0..nodes.len() {
            nodes[step].ancestors = ancestors(&nodes, step);
        }
        Graph {
            namespace: template.namespace_name.as_str().into(),
            name: template.name.clone(),
            version: template.version.clone(),
            hash,
            nodes,
        }
    }

    /// The node of a step.
    pub fn node(&self, step: StepIndex) -> &Node {
        &self.nodes[step as usize]
    }

    /// The step of a task that has this identifier.
    pub fn step(&self, task: TaskId, step_uuid: Uuid) -> Option<StepIndex> {
        (0..)
            .zip(&self.nodes)
            .find(|(_, node)| step_uuid == crate::graph::step_uuid(task, &node.name))
            .map(|(index, _)| index)
    }
}

/// Breadth first, so that nearer ancestors come before farther ones.
fn ancestors(nodes: &[Node], step: usize) -> Vec<StepIndex> {
    let mut found = nodes[step].parents.clone();
    let mut seen = vec![false; nodes.len()];
    for parent in &found {
        seen[*parent as usize] = true;
    }
    let mut next = 0;
    while next < found.len() {
        for parent in &nodes[found[next] as usize].parents {
            if !std::mem::replace(&mut seen[*parent as usize], true) {
                found.push(*parent);
            }
        }
        next += 1;
    }
    found
}

/// A step's identifier: a UUIDv8 of the SHA-256 of task and name, so it never needs to be stored.
pub fn step_uuid(task: TaskId, name: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(task.as_bytes())
        .chain_update(name.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::new_v8(bytes)
}

#[cfg(test)]
mod tests {
    use crate::task::tests::graph_of;

    use super::*;

    #[test]
    fn ancestors_are_parents_first_and_each_once() {
        let graph = graph_of(&[
            ("root", &[]),
            ("left", &["root"]),
            ("right", &["root"]),
            ("end", &["left", "right"]),
        ]);
        assert_eq!(graph.nodes[3].parents, [1, 2]);
        assert_eq!(graph.nodes[3].ancestors, [1, 2, 0]);
        assert_eq!(graph.nodes[0].children, [1, 2]);
    }

    #[test]
    fn a_step_is_found_by_the_identifier_derived_from_its_name() {
        let graph = graph_of(&[("first", &[]), ("second", &["first"])]);
        let task = Uuid::from_u128(7);
        let uuid = step_uuid(task, "second");
        assert_eq!(uuid.get_version_num(), 8);
        assert_eq!(graph.step(task, uuid), Some(1));
        assert_eq!(graph.step(Uuid::from_u128(8), uuid), None);
    }
}
