//! Why a step is not done.

use tasker_protocol::api::StepState;

use crate::{State, StepIndex, Task};

/// A sentence for a step that is not done; none for one that is. `rfc3339` renders a time.
pub fn reason(
    state: &State,
    task: &Task,
    step: StepIndex,
    rfc3339: impl Fn(crate::Time) -> String,
) -> Option<String> {
    let now = task.step(step);
    match now.state {
        StepState::Pending => Some(pending(task, step)),
        StepState::Enqueued => Some(enqueued(state, task, step)),
        StepState::InProgress => Some(format!(
            "runs on {} (attempt {} of {})",
            now.worker
                .as_ref()
                .map_or("a worker", |worker| worker.worker_id.as_str()),
            now.attempts,
            task.max_attempts(step)
        )),
        StepState::WaitingForRetry => Some(format!(
            "back-off until {} (attempt {} failed)",
            rfc3339(now.ready_at),
            now.attempts
        )),
        StepState::Error => Some(format!(
            "failed after {} of {} attempts",
            now.attempts,
            task.max_attempts(step)
        )),
        StepState::Complete | StepState::Cancelled | StepState::ResolvedManually => None,
    }
}

fn pending(task: &Task, step: StepIndex) -> String {
    let node = task.graph.node(step);
    let failed = node
        .ancestors
        .iter()
        .find(|ancestor| task.step(**ancestor).state == StepState::Error);
    if let Some(failed) = failed {
        return format!(
            "blocked by the failure of {}",
            task.graph.node(*failed).name
        );
    }
    let open: Vec<&str> = node
        .parents
        .iter()
        .filter(|parent| {
            !matches!(
                task.step(**parent).state,
                StepState::Complete | StepState::ResolvedManually
            )
        })
        .map(|parent| task.graph.node(*parent).name.as_str())
        .collect();
    format!("waits for {}", open.join(", "))
}

fn enqueued(state: &State, task: &Task, step: StepIndex) -> String {
    let node = task.graph.node(step);
    let namespace = &task.graph.namespace;
    let servers: Vec<_> = state
        .workers()
        .iter()
        .filter(|(_, worker)| worker.can_run(namespace, &node.callable))
        .map(|(_, worker)| worker)
        .collect();
    if servers.is_empty() {
        return format!(
            "no connected worker has callable {} in namespace {namespace}",
            node.callable
        );
    }
    let used: Vec<String> = servers
        .iter()
        .map(|worker| format!("{} in use by {}", worker.live.len(), worker.name()))
        .collect();
    if servers.iter().all(|worker| worker.free() == 0) {
        format!("no free slot ({})", used.join(", "))
    } else {
        "is about to be dispatched".to_owned()
    }
}
