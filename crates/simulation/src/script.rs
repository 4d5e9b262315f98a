//! What handlers do: for each attempt the same, whenever and wherever it runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tasker_core::TaskId;
use tasker_protocol::frame::AttemptRef;

use crate::chance::Chance;
use crate::workflow::{Kind, Workflow};

/// How long before the end of its task's time a handler may end that takes about as long.
const NEARLY: Duration = Duration::from_millis(1000);

/// How often handlers do what, in a thousand.
#[derive(Clone, Debug)]
pub struct Temper {
    /// They fail, and may be tried again.
    pub fail: u64,
    /// They fail for good.
    pub give_up: u64,
    /// They say when to try again.
    pub retry_after: u64,
    /// They take long.
    pub slow: u64,
    /// They never return by themselves, where there is a time-out.
    pub hang: u64,
    /// They end their worker's process.
    pub crash: u64,
    /// They say what their step cannot have.
    pub nonsense: u64,
}

/// What one handler does.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// How long it takes; none for one that does not return by itself.
    pub takes: Option<Duration>,
    /// What comes of it.
    pub end: End,
}

/// What comes of a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Results.
    Success(Branches),
    /// A failure.
    Failure {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// Milliseconds to wait, if the handler says so.
        retry_after_ms: Option<u64>,
    },
    /// The end of the worker's process.
    Crash,
}

/// What comes with results.
#[derive(Clone, Debug, PartialEq)]
pub enum Branches {
    /// Nothing.
    None,
    /// These steps are to exist.
    Steps(Vec<String>),
    /// So many batches.
    Batches(u32),
}

/// What the handler of an attempt does. Its worker stops it at its time-out, if it can be stopped.
pub fn act(
    seed: u64,
    temper: &Temper,
    workflow: &Workflow,
    node: usize,
    attempt: &AttemptRef,
) -> Act {
    let mut hasher = DefaultHasher::new();
    (seed, attempt).hash(&mut hasher);
    let mut chance = Chance::new(hasher.finish());
    let takes = if chance.permille(temper.slow) {
        chance.duration(Duration::from_millis(200), Duration::from_secs(12))
    } else {
        chance.duration(Duration::from_micros(100), Duration::from_millis(200))
    };
    let takes = match workflow.max_duration {
        // Its outcome comes about when the task's time is over.
        Some(duration) if chance.permille(200) => {
            chance.duration(duration.saturating_sub(NEARLY), duration)
        }
        _ => takes,
    };
    let timeout = workflow.nodes[node].timeout;
    if timeout.is_some() && chance.permille(temper.hang) {
        let end = failure(true, None);
        return Act { takes: None, end };
    }
    if let Some(timeout) = timeout.filter(|timeout| *timeout < takes)
        && chance.permille(500)
    {
        return Act {
            takes: Some(timeout),
            end: failure(true, None),
        };
    }
    let end = if chance.permille(temper.crash) {
        End::Crash
    } else if chance.permille(temper.give_up) {
        failure(false, None)
    } else if chance.permille(temper.fail) {
        let says = chance.permille(temper.retry_after);
        failure(true, says.then(|| chance.pick(&[0, 1, 70, 2500])))
    } else {
        End::Success(branches(temper, workflow, node, &mut chance))
    };
    let takes = Some(takes);
    Act { takes, end }
}

fn failure(retryable: bool, retry_after_ms: Option<u64>) -> End {
    End::Failure {
        retryable,
        retry_after_ms,
    }
}

fn branches(temper: &Temper, workflow: &Workflow, node: usize, chance: &mut Chance) -> Branches {
    let nonsense = chance.permille(temper.nonsense);
    match workflow.nodes[node].kind {
        Kind::Decision => {
            let names = workflow.branches(node).into_iter();
            let mut chosen: Vec<String> = names
                .filter(|_| chance.permille(600))
                .map(str::to_owned)
                .collect();
            if nonsense {
                chosen.push("no_such_step".to_owned());
            }
            Branches::Steps(chosen)
        }
        // Cursors that say nothing are nonsense too, and cheaper than too many.
        Kind::Batchable if nonsense => Branches::None,
        Kind::Batchable => Branches::Batches(chance.pick(&[0, 1, 2, 3, 5, 12])),
        Kind::Standard | Kind::Convergence | Kind::BatchWorker { .. } => {
            if nonsense {
                Branches::Batches(1)
            } else {
                Branches::None
            }
        }
    }
}

/// What the handler of an attempt logs, in half of the attempts.
pub fn logs(attempt: &AttemptRef) -> Option<String> {
    let (step, number) = (attempt.step_uuid, attempt.attempt);
    let logs = (step.as_bytes()[15] ^ number as u8).is_multiple_of(2);
    logs.then(|| format!(r#"[{{"at":"now","level":"info","message":"{step} {number}"}}]"#))
}

/// Whether the handler of an attempt fetches what it was sent, as one in four does.
pub fn fetches(attempt: &AttemptRef) -> bool {
    (attempt.step_uuid.as_bytes()[14] ^ attempt.attempt as u8).is_multiple_of(4)
}

/// What a task works on, which no other task does.
pub fn context(task: TaskId) -> String {
    format!(r#"{{"of": "{task}"}}"#)
}

/// The results of an attempt, which no other attempt has.
pub fn results(attempt: &AttemptRef) -> String {
    format!(
        r#"{{"step":"{}","attempt":{}}}"#,
        attempt.step_uuid, attempt.attempt
    )
}
