//! Random workflows: as YAML, which goes through the real parser, and as plain data, against which what the core makes
//! of them is checked.

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
    /// The steps, in the template's order.
    pub steps: Vec<Step>,
}

/// A step, as it was meant.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// The places of its parents.
    pub parents: Vec<usize>,
    /// Its handler.
    pub callable: &'static str,
    /// How its failures are retried.
    pub retry: Retry,
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
        let mut steps = shape(chance);
        // The order in the file says nothing.
        if chance.permille(500) {
            steps = reordered(steps, chance);
        }
        let yaml = yaml(number, *chance.pick(&NAMESPACES), &steps);
        let document = tasker_template::parse(&yaml, "generated.yaml")
            .unwrap_or_else(|problems| panic!("{problems}\n{yaml}"));
        let template = document
            .merged("production")
            .unwrap_or_else(|problems| panic!("{problems}\n{yaml}"));
        let graph = Arc::new(Graph::new(&template, template.content_hash()));
        Workflow { yaml, graph, steps }
    }
}

fn step(number: usize, parents: Vec<usize>, chance: &mut Chance) -> Step {
    Step {
        name: format!("s{number}"),
        parents,
        callable: *chance.pick(&CALLABLES),
        retry: Retry {
            retryable: !chance.permille(100),
            max_attempts: chance.between(1, 5) as u32,
            backoff: *chance.pick(&["none", "linear", "exponential", "fibonacci"]),
            base: Duration::from_millis(*chance.pick(&[1, 20, 300])),
            most: Duration::from_millis(*chance.pick(&[300, 1000])),
        },
    }
}

/// Steps in an order in which parents come first.
fn shape(chance: &mut Chance) -> Vec<Step> {
    let parents: Vec<Vec<usize>> = match chance.below(5) {
        // A chain.
        0 => (0..chance.between(1, 8) as usize)
            .map(|step| step.checked_sub(1).into_iter().collect())
            .collect(),
        // A fan: one before all, and sometimes one after all.
        1 => {
            let width = chance.between(2, 8) as usize;
            let mut parents = vec![vec![0]; width + 1];
            parents[0].clear();
            if chance.permille(700) {
                parents.push((1..=width).collect());
            }
            parents
        }
        // Diamonds in a row.
        2 => {
            let mut parents = vec![Vec::new()];
            for _ in 0..chance.between(1, 3) {
                let top = parents.len() - 1;
                parents.extend([vec![top], vec![top], vec![top + 1, top + 2]]);
            }
            parents
        }
        // Steps that have nothing to do with one another.
        3 => vec![Vec::new(); chance.between(1, 5) as usize],
        // Anything without a cycle.
        _ => {
            let density = chance.between(100, 700);
            (0..chance.between(2, 10) as usize)
                .map(|step| {
                    (0..step)
                        .filter(|_| chance.permille(density))
                        .collect::<Vec<_>>()
                })
                .collect()
        }
    };
    let numbered = (0..).zip(parents);
    numbered
        .map(|(number, parents)| step(number, parents, chance))
        .collect()
}

fn reordered(steps: Vec<Step>, chance: &mut Chance) -> Vec<Step> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    chance.shuffle(&mut order);
    let mut place = vec![0; steps.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let moved = order.iter().map(|old| {
        let mut step = steps[*old].clone();
        for parent in &mut step.parents {
            *parent = place[*parent];
        }
        step
    });
    moved.collect()
}

fn yaml(number: usize, namespace: &str, steps: &[Step]) -> String {
    let mut yaml =
        format!("name: workflow_{number}\nnamespace_name: {namespace}\nversion: 1.0.0\nsteps:\n");
    for step in steps {
        let parents: Vec<&str> = step
            .parents
            .iter()
            .map(|parent| steps[*parent].name.as_str())
            .collect();
        let retry = &step.retry;
        // Writing to a string does not fail.
        let _ = writeln!(
            yaml,
            "  - name: {}\n    handler: {{callable: {}}}\n    dependencies: [{}]\n    \
             retry: {{retryable: {}, max_attempts: {}, backoff: {}, backoff_base_ms: {}, max_backoff_ms: {}}}",
            step.name,
            step.callable,
            parents.join(", "),
            retry.retryable,
            retry.max_attempts,
            retry.backoff,
            retry.base.as_millis(),
            retry.most.as_millis(),
        );
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_meant() {
        for seed in 0..200 {
            let workflow = Workflow::random(1, &mut Chance::new(seed));
            assert_eq!(workflow.graph.nodes.len(), workflow.steps.len());
            for (node, step) in workflow.graph.nodes.iter().zip(&workflow.steps) {
                let parents: Vec<usize> = node.parents.iter().map(|p| *p as usize).collect();
                assert_eq!((&node.name, &parents), (&step.name, &step.parents));
            }
        }
    }
}
