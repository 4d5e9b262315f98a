//! The graph of a template: made once from its merged content, shared by every task that runs it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tasker_protocol::Json;
use tasker_protocol::frame::BatchConfig;
use tasker_template::{FailureStrategy, OnFailure, Retry, Schema, StepType, Template};
use uuid::Uuid;

use crate::{NodeIndex, TaskId};

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
    /// The template's steps, in its order.
    pub nodes: Vec<Node>,
    /// What contexts must keep to.
    pub input_schema: Option<Arc<Schema>>,
    /// What a step's final failure does to the task.
    pub on_failure: OnFailure,
    /// How long a task may take.
    pub max_duration: Option<Duration>,
    /// Whether what exists depends on what decisions name.
    pub conditional: bool,
}

/// A step of the template as the core runs it.
#[derive(Debug)]
pub struct Node {
    /// The step's name.
    pub name: String,
    /// How it takes part in the graph.
    pub kind: Kind,
    /// The handler.
    pub callable: Arc<str>,
    /// The handler's method.
    pub method: String,
    /// The handler's configuration.
    pub configuration: Json,
    /// How failures are retried.
    pub retry: Retry,
    /// What results must keep to.
    pub result_schema: Option<Arc<Schema>>,
    /// Milliseconds that an attempt may take.
    pub timeout_ms: Option<u64>,
    /// What the batches of a batchable node are to be like.
    pub batch_config: Option<BatchConfig>,
    /// The nodes that this one depends on.
    pub parents: Vec<NodeIndex>,
    /// The nodes that depend on this one.
    pub children: Vec<NodeIndex>,
    /// Every node before this one, its parents first.
    pub ancestors: Vec<NodeIndex>,
}

/// How a node takes part in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One step, when all its parents exist.
    Standard,
    /// As standard; its outcome names which of its children exist, convergences apart.
    Decision,
    /// One step, when at least one of its parents exists.
    Convergence,
    /// As standard; its outcome says how many steps its only child becomes.
    Batchable,
    /// A step for each batch of its only parent.
    BatchWorker(FailureStrategy),
}

impl Graph {
    /// The graph of a template whose dependencies all exist and form no cycle, as every parsed template's do.
    pub fn new(template: &Template, hash: String) -> Graph {
        let index: HashMap<&str, NodeIndex> = (0..)
            .zip(&template.steps)
            .map(|(index, step)| (step.name.as_str(), index))
            .collect();
        let mut nodes: Vec<Node> = template
            .steps
            .iter()
            .map(|step| Node {
                name: step.name.clone(),
                kind: match step.step_type {
                    StepType::Standard => Kind::Standard,
                    StepType::Decision => Kind::Decision,
                    StepType::DeferredConvergence => Kind::Convergence,
                    StepType::Batchable => Kind::Batchable,
                    StepType::BatchWorker => Kind::BatchWorker(step.batch_config.failure_strategy),
                },
                callable: step.handler.callable.as_str().into(),
                method: step.handler.method.clone(),
                configuration: step.handler.initialization.clone().into(),
                retry: step.retry.clone(),
                result_schema: step.result_schema.clone(),
                timeout_ms: step.timeout_ms(),
                batch_config: None,
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
                nodes[parent as usize].children.push(child as NodeIndex);
            }
        }
        for (node, step) in template.steps.iter().enumerate() {
            if let (Kind::BatchWorker(_), Some(parent)) =
                (nodes[node].kind, nodes[node].parents.first())
            {
                let parent = *parent as usize;
                nodes[parent].batch_config = Some(BatchConfig {
                    batch_size: step.batch_config.batch_size,
                    max_workers: step.batch_config.max_workers,
                });
            }
        }
        for node in 0..nodes.len() {
            nodes[node].ancestors = ancestors(&nodes, node, |_| true);
        }
        Graph {
            namespace: template.namespace_name.as_str().into(),
            name: template.name.clone(),
            version: template.version.clone(),
            hash,
            input_schema: template.input_schema.clone(),
            on_failure: template.on_failure,
            max_duration: template
                .lifecycle
                .max_duration_ms()
                .map(Duration::from_millis),
            conditional: nodes.iter().any(|node| node.kind == Kind::Decision),
            nodes,
        }
    }

    /// A node.
    pub fn node(&self, node: NodeIndex) -> &Node {
        &self.nodes[node as usize]
    }

    /// Every node before this one that is reached over nodes for which `exists` holds, parents first.
    pub fn ancestors_that(
        &self,
        node: NodeIndex,
        exists: impl Fn(NodeIndex) -> bool,
    ) -> Vec<NodeIndex> {
        ancestors(&self.nodes, node as usize, exists)
    }
}

/// Breadth first, so that nearer ancestors come before farther ones.
fn ancestors(nodes: &[Node], node: usize, exists: impl Fn(NodeIndex) -> bool) -> Vec<NodeIndex> {
    let mut found = Vec::new();
    let mut seen = vec![false; nodes.len()];
    let mut next = node;
    let mut expanded = 0;
    loop {
        for parent in &nodes[next].parents {
            if !std::mem::replace(&mut seen[*parent as usize], true) && exists(*parent) {
                found.push(*parent);
            }
        }
        match found.get(expanded) {
            Some(ancestor) => next = *ancestor as usize,
            None => return found,
        }
        expanded += 1;
    }
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
    fn what_is_behind_an_absent_node_is_no_ancestor() {
        let graph = graph_of(&[
            ("root", &[]),
            ("other", &[]),
            ("left", &["root", "other"]),
            ("end", &["left", "root"]),
        ]);
        assert_eq!(graph.ancestors_that(3, |node| node != 2), [0]);
    }

    #[test]
    fn a_step_is_known_by_its_task_and_name() {
        let task = Uuid::from_u128(7);
        let uuid = step_uuid(task, "second");
        assert_eq!(uuid.get_version_num(), 8);
        assert_eq!(uuid, step_uuid(task, "second"));
        assert_ne!(uuid, step_uuid(task, "first"));
        assert_ne!(uuid, step_uuid(Uuid::from_u128(8), "second"));
    }
}
