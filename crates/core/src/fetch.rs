//! Results that a dispatch left out, for the attempt that asks: a page at a time, of what memory holds.

use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{Fetch, Fetched, Rejection};

use crate::decide::is_open;
use crate::payload::{Page, Payload};
use crate::worker::SessionId;
use crate::{NodeIndex, State, StepIndex, Task};

/// The answer to a worker. `payload` is that of the fetch's task. What it shows was durable before the attempt started.
pub fn answer(
    state: &State,
    payload: Option<&Payload>,
    session: SessionId,
    fetch: Fetch,
) -> Fetched {
    let found = find(state, session, &fetch).and_then(|(task, ancestor)| {
        let page = payload.and_then(|payload| payload.page(task, ancestor, fetch.from));
        page.ok_or_else(|| {
            let message = format!("{} has no result {}", fetch.name, fetch.from);
            rejection(ErrorCode::ResultNotFound, message)
        })
    });
    let (page, error) = match found {
        Ok(page) => (page, None),
        Err(error) => (Page::default(), Some(error)),
    };
    Fetched {
        task_uuid: fetch.task_uuid,
        step_uuid: fetch.step_uuid,
        attempt: fetch.attempt,
        name: fetch.name,
        from: fetch.from,
        results: page.results,
        next: page.next,
        error,
    }
}

/// The ancestor that is asked for, and its task.
fn find<'a>(
    state: &'a State,
    session: SessionId,
    fetch: &Fetch,
) -> Result<(&'a Task, NodeIndex), Rejection> {
    let (task, step) = open(state, session, fetch).ok_or_else(|| {
        let message = format!(
            "attempt {} of step {} is not open with this worker",
            fetch.attempt, fetch.step_uuid
        );
        rejection(ErrorCode::AttemptNotOpen, message)
    })?;
    let ancestors = task.ancestors(step);
    let mut ancestors = ancestors.iter().copied();
    let ancestor = ancestors.find(|ancestor| task.graph.node(*ancestor).name == fetch.name);
    let ancestor = ancestor.ok_or_else(|| {
        let message = format!(
            "there is no step {:?} before step {}",
            fetch.name,
            task.step_name(step)
        );
        rejection(ErrorCode::ResultNotFound, message)
    })?;
    Ok((task, ancestor))
}

fn open<'a>(state: &'a State, session: SessionId, fetch: &Fetch) -> Option<(&'a Task, StepIndex)> {
    let task = state.task(fetch.task_uuid)?;
    let step = task.find(fetch.step_uuid)?;
    is_open(state, session, task, step, fetch.attempt).then_some((task, step))
}

fn rejection(code: ErrorCode, message: String) -> Rejection {
    Rejection { code, message }
}
