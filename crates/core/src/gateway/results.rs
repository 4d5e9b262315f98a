//! Results held against the `result_schema` of their step.

use tasker_protocol::Json;
use tasker_protocol::frame::AttemptRef;
use tasker_template::Violation;

use super::Texts;
use super::texts::breaks_schema;
use crate::event::Verdict;
use crate::{Event, State};

/// The event that is to happen: an outcome whose results break their step's schema becomes a permanent failure, any
/// other event is as it was.
pub fn check_results(state: &State, event: Event, texts: Option<Texts>) -> (Event, Option<Texts>) {
    let broken = match (&event, &texts) {
        (
            Event::Outcome {
                attempt,
                verdict: Verdict::Success(_),
                ..
            },
            Some(texts),
        ) => violations(state, attempt, &texts.body),
        _ => None,
    };
    match (event, texts, broken) {
        (
            Event::Outcome {
                session, attempt, ..
            },
            Some(texts),
            Some(violations),
        ) => {
            let (verdict, texts) = breaks_schema(&violations, texts.metadata);
            let event = Event::Outcome {
                session,
                attempt,
                verdict,
            };
            (event, Some(texts))
        }
        (event, texts, _) => (event, texts),
    }
}

fn violations(state: &State, attempt: &AttemptRef, results: &Json) -> Option<Vec<Violation>> {
    let task = state.task(attempt.task_uuid)?;
    let node = task.node(task.find(attempt.step_uuid)?);
    let schema = node.result_schema.as_ref()?;
    schema.check(results.get()).err()
}
