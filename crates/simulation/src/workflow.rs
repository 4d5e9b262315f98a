//! Random workflows: as YAML, which goes through the real parser, and as plain data, against which what the core makes
//! of them is checked.

mod shape;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tasker_core::Graph;

use crate::chance::Chance;

/// Namespaces that templates may have.
pub const NAMESPACES: [&str; 2] = ["north", "south"];

/// Callables that steps may have.
pub const CALLABLES: [&str; 5] = ["run.a", "run.b", "run.c", "run.d", "run.e"];

/// A workflow.
#[derive(Debug)]
pub struct Workflow {
    /// The template's text.
    pub yaml: String,
    /// What the core runs.
    pub graph: Arc<Graph>,
    /// The template's steps, in its order.
    pub nodes: Vec<Node>,
    /// Whether a step's error ends the task.
    pub fails: bool,
    /// How long a task may take.
    pub max_duration: Option<Duration>,
}

/// A step of a template, as it was meant.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// How it takes part.
    pub kind: Kind,
    /// The places of its parents.
    pub parents: Vec<usize>,
    /// Its handler.
    pub callable: &'static str,
    /// How its failures are retried.
    pub retry: Retry,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
}

/// How a node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One step.
    Standard,
    /// One step that names which of its children exist.
    Decision,
    /// One step, if one of its parents exists.
    Convergence,
    /// One step that says how many batches there are.
    Batchable,
    /// A step for each batch.
    BatchWorker {
        /// Whether a failed batch keeps the others back.
        fail_fast: bool,
    },
}

/// How failures are retried.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Whether there is more than one attempt, whatever the handler says.
    pub retryable: bool,
    /// Attempts in all.
    pub max_attempts: u32,
    /// `none`, `linear`, `exponential` or `fibonacci`.
    pub backoff: &'static str,
    /// The unit of the waits.
    pub base: Duration,
    /// The longest wait, but for its random part.
    pub most: Duration,
}

impl Retry {
    /// The attempts that may count.
    pub fn limit(&self) -> u32 {
        if self.retryable { self.max_attempts } else { 1 }
    }

    /// The shortest wait after this many counted attempts.
    pub fn wait(&self, failed: u32) -> Duration {
        let factor = match self.backoff {
            "none" => 0,
            "linear" => failed,
            "exponential" => 2u32.pow(failed - 1),
            _ => match failed {
                1 | 2 => 1,
                3 => 2,
                4 => 3,
                _ => 5,
            },
        };
        (self.base * factor).min(self.most)
    }
}

impl Workflow {
    /// A random one, whose name has this number.
    pub fn random(number: usize, chance: &mut Chance) -> Workflow {
        let mut nodes = shape::random(chance);
        // The order in the file says nothing.
        if chance.permille(500) {
            nodes = reordered(&nodes, chance);
        }
        let fails = chance.permille(200);
        let max_duration = chance
            .permille(200)
            .then(|| Duration::from_millis(250 * chance.between(1, 40)));
        let namespace = chance.pick(&NAMESPACES);
        let yaml = yaml(number, namespace, &nodes, fails, max_duration);
        let document = tasker_template::parse(&yaml, "generated.yaml")
            .unwrap_or_else(|problems| panic!("{problems}\n{yaml}"));
        let template = document
            .merged("production")
            .unwrap_or_else(|problems| panic!("{problems}\n{yaml}"));
        let graph = Arc::new(Graph::new(&template, template.content_hash()));
        Workflow {
            yaml,
            graph,
            nodes,
            fails,
            max_duration,
        }
    }

    /// The node that a step of this name is of: a batch has a number behind its node's name.
    pub fn node_of(&self, step_name: &str) -> usize {
        let named = |name: &str| self.nodes.iter().position(|node| node.name == name);
        let stem = step_name.rsplit_once('_').map(|(stem, _)| stem);
        named(step_name)
            .or_else(|| named(stem?))
            .unwrap_or_else(|| panic!("no node has a step {step_name}"))
    }

    /// The names that a decision may give.
    pub fn branches(&self, decision: usize) -> Vec<&str> {
        self.nodes
            .iter()
            .filter(|node| node.parents.contains(&decision) && node.kind != Kind::Convergence)
            .map(|node| node.name.as_str())
            .collect()
    }
}

fn reordered(nodes: &[Node], chance: &mut Chance) -> Vec<Node> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    chance.shuffle(&mut order);
    let mut place = vec![0; nodes.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let moved = order.iter().map(|old| {
        let mut node = nodes[*old].clone();
        for parent in &mut node.parents {
            *parent = place[*parent];
        }
        node
    });
    moved.collect()
}

fn yaml(
    number: usize,
    namespace: &str,
    nodes: &[Node],
    fails: bool,
    max_duration: Option<Duration>,
) -> String {
    let mut yaml =
        format!("name: workflow_{number}\nnamespace_name: {namespace}\nversion: 1.0.0\n");
    // Writing to a string does not fail.
    if fails {
        yaml.push_str("on_failure: fail\n");
    }
    if let Some(duration) = max_duration {
        let seconds = duration.as_secs_f64();
        let _ = writeln!(yaml, "lifecycle: {{max_duration_seconds: {seconds}}}");
    }
    yaml.push_str("steps:\n");
    for node in nodes {
        let parents: Vec<&str> = node
            .parents
            .iter()
            .map(|parent| nodes[*parent].name.as_str())
            .collect();
        let retry = &node.retry;
        let _ = writeln!(
            yaml,
            "  - name: {}\n    type: {}\n    handler: {{callable: {}}}\n    dependencies: [{}]\n    \
             retry: {{retryable: {}, max_attempts: {}, backoff: {}, backoff_base_ms: {}, max_backoff_ms: {}}}",
            node.name,
            match node.kind {
                Kind::Standard => "standard",
                Kind::Decision => "decision",
                Kind::Convergence => "deferred_convergence",
                Kind::Batchable => "batchable",
                Kind::BatchWorker { .. } => "batch_worker",
            },
            node.callable,
            parents.join(", "),
            retry.retryable,
            retry.max_attempts,
            retry.backoff,
            retry.base.as_millis(),
            retry.most.as_millis(),
        );
        if let Some(timeout) = node.timeout {
            let _ = writeln!(yaml, "    timeout_seconds: {}", timeout.as_secs_f64());
        }
        if node.kind == (Kind::BatchWorker { fail_fast: true }) {
            yaml.push_str("    batch_config: {failure_strategy: fail_fast}\n");
        }
    }
    yaml
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_written_is_what_was_meant() {
        let mut kinds = BTreeSet::new();
        for seed in 0..300 {
            let workflow = Workflow::random(1, &mut Chance::new(seed));
            assert_eq!(workflow.graph.nodes.len(), workflow.nodes.len());
            assert_eq!(workflow.graph.max_duration, workflow.max_duration);
            for (node, meant) in workflow.graph.nodes.iter().zip(&workflow.nodes) {
                let parents: Vec<usize> = node.parents.iter().map(|p| *p as usize).collect();
                assert_eq!((&node.name, &parents), (&meant.name, &meant.parents));
                let timeout = node.timeout_ms.map(Duration::from_millis);
                assert_eq!(timeout, meant.timeout);
                kinds.insert(format!("{:?}", meant.kind));
            }
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }
}
