//! Results that a dispatch left out, for the attempt that asks: a page at a time.

use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{Fetch, Fetched, Rejection};

use crate::decide::is_open;
use crate::payload::{Look, Page, Slot};
use crate::texts::TaskTexts;
use crate::worker::SessionId;
use crate::{NodeIndex, State, StepIndex, Task};

/// The answer to a worker. `texts` are those of the fetch's task. What it shows was durable before the attempt started.
///
/// # Errors
/// The texts that it needs and that are not in memory.
pub fn answer(
    state: &State,
    texts: Option<&TaskTexts>,
    session: SessionId,
    fetch: &Fetch,
) -> Result<Fetched, Vec<Slot>> {
    let look = texts.map(Look::new);
    let found = find(state, session, fetch).and_then(|(task, ancestor)| {
        let look = look.as_ref();
        let page = look.and_then(|look| look.page(task, ancestor, fetch.from));
        page.ok_or_else(|| {
            let message = format!("{} has no result {}", fetch.name, fetch.from);
            rejection(ErrorCode::ResultNotFound, message)
        })
    });
    let (page, error) = match found {
        Ok(page) => (page, None),
        Err(error) => (Page::default(), Some(error)),
    };
    let fetched = Fetched {
        task_uuid: fetch.task_uuid,
        step_uuid: fetch.step_uuid,
        attempt: fetch.attempt,
        name: fetch.name.clone(),
        from: fetch.from,
        results: page.results,
        next: page.next,
        error,
    };
    match look {
        Some(look) => look.finish(fetched),
        None => Ok(fetched),
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
