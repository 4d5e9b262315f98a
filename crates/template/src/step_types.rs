//! Which types of steps may depend on which: decisions, batches, and what brings them together again.

use std::collections::HashSet;

use crate::code;
use crate::graph::{Graph, dependencies, dependencies_place, name};
use crate::node::Node;
use crate::problem::{Place, Sink};
use crate::template::StepType;

/// The most steps that a batch worker can become.
const MOST_BATCHES: u32 = 100_000;
/// The fewest digits that the number has in the name of such a step.
const FEWEST_DIGITS: usize = 3;

/// Checks the steps by their types, as far as those can be read.
pub(crate) fn check(steps: &[Node], graph: &Graph, sink: &mut Sink) {
    let types: Vec<Option<StepType>> = steps.iter().map(step_type).collect();
    let typed = Typed {
        children: graph.children(),
        steps,
        types: &types,
        graph,
    };
    typed.batch_configs(sink);
    typed.batch_step_names(sink);
    // With an edge or a type missing, what the others lack may be that.
    if graph.is_whole && types.iter().all(Option::is_some) {
        typed.neighbours(sink);
        typed.deferred_convergences(sink);
    }
}

fn step_type(step: &Node) -> Option<StepType> {
    let Some(node) = step.get("type") else {
        return Some(StepType::default());
    };
    match node.text()? {
        "standard" => Some(StepType::Standard),
        "decision" => Some(StepType::Decision),
        "deferred_convergence" => Some(StepType::DeferredConvergence),
        "batchable" => Some(StepType::Batchable),
        "batch_worker" => Some(StepType::BatchWorker),
        _ => None,
    }
}

struct Typed<'a> {
    steps: &'a [Node],
    types: &'a [Option<StepType>],
    graph: &'a Graph,
    children: Vec<Vec<usize>>,
}

impl<'a> Typed<'a> {
    fn is(&self, step: usize, wanted: StepType) -> bool {
        self.types[step] == Some(wanted)
    }

    fn all(&self, wanted: StepType) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(move |step| self.is(*step, wanted))
    }

    fn name(&self, step: usize) -> &'a str {
        name(&self.steps[step]).map_or("", |(name, _)| name)
    }

    /// Where the type stands.
    fn place(&self, step: usize) -> Place {
        let step = &self.steps[step];
        step.get("type").map_or(step.at, |node| node.at)
    }

    fn batch_configs(&self, sink: &mut Sink) {
        for (step, node) in self.steps.iter().enumerate() {
            let is_something_else = self.types[step].is_some_and(|it| it != StepType::BatchWorker);
            if let Some(config) = node.get("batch_config")
                && is_something_else
            {
                let message = "only a batch worker has a `batch_config`";
                sink.push(code::MISPLACED_BATCH_CONFIG, config.at, message, None);
            }
        }
    }

    /// No step has the name that a created one could get.
    fn batch_step_names(&self, sink: &mut Sink) {
        let workers: HashSet<&str> = self
            .all(StepType::BatchWorker)
            .map(|step| self.name(step))
            .collect();
        for (name, at) in self.steps.iter().filter_map(name) {
            if let Some((worker, number)) = name.rsplit_once('_')
                && workers.contains(worker)
                && is_batch_number(number)
            {
                let message = format!("`{name}` could be the name of a batch of `{worker}`");
                sink.push(code::BATCH_STEP_NAME, at, message, None);
            }
        }
    }

    /// What each step needs of those right before and after it.
    fn neighbours(&self, sink: &mut Sink) {
        for step in 0..self.steps.len() {
            match self.types[step] {
                Some(StepType::Decision) => self.decision(step, sink),
                Some(StepType::Batchable) => self.batchable(step, sink),
                Some(StepType::BatchWorker) => self.batch_worker(step, sink),
                Some(StepType::Standard | StepType::DeferredConvergence) | None => {}
            }
        }
    }

    fn decision(&self, step: usize, sink: &mut Sink) {
        let is_branch = |child: &usize| !self.is(*child, StepType::DeferredConvergence);
        if !self.children[step].iter().any(is_branch) {
            let message = format!(
                "the decision `{}` has nothing to choose from",
                self.name(step)
            );
            let at = self.place(step);
            sink.push(code::DECISION_WITHOUT_BRANCHES, at, message, None);
        }
    }

    fn batchable(&self, step: usize, sink: &mut Sink) {
        let workers: Vec<String> = self.children[step]
            .iter()
            .filter(|child| self.is(**child, StepType::BatchWorker))
            .map(|child| format!("`{}`", self.name(*child)))
            .collect();
        let (name, at) = (self.name(step), self.place(step));
        let (found, hint) = match &workers[..] {
            [_] => return,
            [] => (
                "none".to_owned(),
                format!("add a step of type `batch_worker` with `dependencies: [{name}]`"),
            ),
            several => (
                several.join(", "),
                "split the work in as many batchable steps as there are batch workers".to_owned(),
            ),
        };
        let message = format!("the batchable step `{name}` needs one batch worker, found {found}");
        sink.push(code::NOT_ONE_BATCH_WORKER, at, message, Some(hint));
    }

    fn batch_worker(&self, step: usize, sink: &mut Sink) {
        let name = self.name(step);
        let parents = &self.graph.parents[step];
        let is_alone = matches!(&parents[..], [parent] if self.is(*parent, StepType::Batchable));
        if !is_alone {
            let message =
                format!("the batch worker `{name}` must depend on one batchable step alone");
            let at = dependencies_place(&self.steps[step]);
            sink.push(code::BAD_BATCH_WORKER_DEPENDENCY, at, message, None);
        }
        for child in &self.children[step] {
            if self.is(*child, StepType::DeferredConvergence) {
                continue;
            }
            let named = dependencies(&self.steps[*child]).iter();
            let at = named
                .filter(|node| node.text() == Some(name))
                .map(|node| node.at)
                .next();
            let message = format!(
                "only a deferred convergence may depend on the batch worker `{name}`, found `{}`",
                self.name(*child)
            );
            let at = at.unwrap_or_else(|| self.place(*child));
            sink.push(code::BAD_BATCH_WORKER_DEPENDENT, at, message, None);
        }
    }

    /// Behind each there is a decision or a batch worker, or else nothing is deferred.
    fn deferred_convergences(&self, sink: &mut Sink) {
        let mut is_behind = vec![false; self.steps.len()];
        let mut open: Vec<usize> = self
            .all(StepType::Decision)
            .chain(self.all(StepType::BatchWorker))
            .collect();
        while let Some(step) = open.pop() {
            for child in &self.children[step] {
                if !std::mem::replace(&mut is_behind[*child], true) {
                    open.push(*child);
                }
            }
        }
        for step in self.all(StepType::DeferredConvergence) {
            if !is_behind[step] {
                let message = format!(
                    "no decision and no batch worker comes before the deferred convergence `{}`",
                    self.name(step)
                );
                let at = self.place(step);
                sink.push(code::NOTHING_TO_CONVERGE, at, message, None);
            }
        }
    }
}

/// Whether some count of batches gives one of them this number: from 1, with zeros in front to as many digits as the
/// count has, and to three at least.
fn is_batch_number(digits: &str) -> bool {
    let most = MOST_BATCHES.to_string().len();
    (FEWEST_DIGITS..=most).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits
            .parse()
            .is_ok_and(|number: u32| (1..=MOST_BATCHES).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::is_batch_number;

    #[test]
    fn numbers_are_those_of_one_to_a_hundred_thousand_batches() {
        for number in [
            "001", "999", "0001", "1000", "09999", "000001", "099999", "100000",
        ] {
            assert!(is_batch_number(number), "{number}");
        }
        for other in [
            "",
            "1",
            "01",
            "000",
            "000000",
            "100001",
            "0000001",
            "00a",
            "+01",
            "\u{663}\u{663}\u{663}",
        ] {
            assert!(!is_batch_number(other), "{other}");
        }
    }
}
