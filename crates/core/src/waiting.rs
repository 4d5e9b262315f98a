//! Why a step is not done.

use tasker_protocol::api::StepState;

use crate::graph::Kind;
use crate::worker::Worker;
use crate::{NodeIndex, State, StepIndex, Task, Time};

/// Workers that a reason names at the most.
const NAMED_WORKERS: usize = 5;

/// A sentence for a step that is not done; none for one that is. `rfc3339` renders a time; `failure` is the message of
/// the step's last failure.
pub fn reason(
    state: &State,
    task: &Task,
    step: StepIndex,
    rfc3339: impl Fn(Time) -> String,
    failure: Option<&str>,
) -> Option<String> {
    let now = task.step(step);
    let failure = failure.map_or_else(String::new, |message| format!(": {message}"));
    match now.state {
        StepState::Pending => Some(pending(task, step)),
        StepState::Enqueued => Some(enqueued(state, task, step)),
        StepState::InProgress => Some(format!(
            "runs on {} (attempt {} of {})",
            now.worker
                .as_ref()
                .map_or("a worker", |worker| &*worker.worker_id),
            now.attempts,
            task.max_attempts(step)
        )),
        StepState::WaitingForRetry => Some(format!(
            "back-off until {} (attempt {} failed{failure})",
            rfc3339(now.ready_at),
            now.attempts
        )),
        StepState::Error => Some(format!(
            "failed after {} of {} attempts{failure}",
            now.attempts,
            task.max_attempts(step)
        )),
        StepState::Complete | StepState::Cancelled | StepState::ResolvedManually => None,
    }
}

fn pending(task: &Task, step: StepIndex) -> String {
    let node = task.step(step).node;
    if task.is_failing_fast(node) {
        let failed = task
            .steps_of(node)
            .find(|sibling| task.step(*sibling).state == StepState::Error);
        if let Some(failed) = failed {
            let batch = task.step(failed).batch;
            return format!(
                "fail_fast after batch {batch}: {} is in error",
                task.step_name(failed)
            );
        }
    }
    let ancestors = task.ancestors(step);
    let failed = ancestors
        .iter()
        .flat_map(|ancestor| task.steps_of(*ancestor))
        .find(|step| task.step(*step).state == StepState::Error);
    if let Some(failed) = failed {
        return format!("blocked by the failure of {}", task.step_name(failed));
    }
    let (decisions, others): (Vec<_>, Vec<_>) = task
        .parents(step)
        .filter(|parent| !task.is_done(*parent))
        .partition(|parent| task.graph.node(*parent).kind == Kind::Decision);
    let names = |nodes: &[NodeIndex]| {
        let names = nodes
            .iter()
            .map(|node| task.graph.node(*node).name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let mut reasons = Vec::new();
    if !others.is_empty() {
        reasons.push(format!("waits for {}", names(&others)));
    }
    if !decisions.is_empty() {
        reasons.push(format!("behind the decision {}", names(&decisions)));
    }
    reasons.join(", ")
}

fn enqueued(state: &State, task: &Task, step: StepIndex) -> String {
    let node = task.node(step);
    let namespace = &task.graph.namespace;
    let (ready, unready): (Vec<_>, Vec<_>) = state
        .workers()
        .iter()
        .map(|(_, worker)| worker)
        .filter(|worker| worker.can_run(namespace, &node.callable))
        .partition(|worker| worker.not_ready().is_empty());
    if ready.iter().any(|worker| worker.free() > 0) {
        return "is about to be dispatched".to_owned();
    }
    if !ready.is_empty() {
        return format!("no free slot ({})", named(&ready, occupied));
    }
    let callable = &node.callable;
    if unready.is_empty() {
        return format!("no connected worker has callable {callable} in namespace {namespace}");
    }
    format!(
        "no worker that is ready has callable {callable} in namespace {namespace} ({})",
        named(&unready, |worker| format!("{} is not ready", worker.name()))
    )
}

/// What keeps a worker's slots from the step.
fn occupied(worker: &Worker) -> String {
    match (worker.slots, worker.allows()) {
        (0, _) => format!("none offered by {}", worker.name()),
        (_, 0) => format!("{} hands back what it is given", worker.name()),
        _ => format!("{} in use by {}", worker.taken(), worker.name()),
    }
}

/// What is to be said of each worker, as far as there is room.
fn named(workers: &[&Worker], say: impl Fn(&Worker) -> String) -> String {
    let first = workers.iter().take(NAMED_WORKERS);
    let mut said: Vec<String> = first.map(|worker| say(worker)).collect();
    if workers.len() > NAMED_WORKERS {
        said.push(format!("{} more workers", workers.len() - NAMED_WORKERS));
    }
    said.join(", ")
}
