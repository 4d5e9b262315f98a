//! `GET /v1/tasks/{task_uuid}/events`: every state change of a task, as server-sent events that can be resumed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tasker_core::TaskId;
use tasker_protocol::api::TaskEvent;
use tasker_protocol::error::ErrorCode;
use tokio::sync::{broadcast, oneshot};

use super::App;
use super::body::TaskUuid;
use super::error::ApiError;
use super::tasks::stopping;
use crate::command::Command;
use crate::follow::{EventId, Followed, Follower};
use crate::recovery;
use crate::running::Running;

/// For what stands between the engine and a follower: nginx holds an answer back unless it says that it is not to, and
/// what compresses answers holds them back until enough has come.
const PASS_ON: [(&str, &str); 2] = [
    ("x-accel-buffering", "no"),
    ("cache-control", "no-cache, no-transform"),
];

/// The events after `Last-Event-ID`, or from the task's creation on; the stream ends with the task. 204 where nothing
/// comes after it any more: an `EventSource` comes again after the end of a stream, and never after that.
pub async fn follow(
    State(app): State<App>,
    TaskUuid(id): TaskUuid,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let engine = app.engine()?;
    let after = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap_or_default().parse::<EventId>())
        .transpose()
        .map_err(|error| ApiError::new(ErrorCode::InvalidRequest, error.to_string()))?;
    let following = Following::start(&engine, id, after).await?;
    if after.is_some() && following.is_over() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::default());
    Ok((PASS_ON, events).into_response())
}

/// A task that is followed: what the journal holds, then what is committed from now on.
struct Following {
    follower: Follower,
    commits: Option<broadcast::Receiver<Arc<Followed>>>,
    events: VecDeque<(EventId, TaskEvent)>,
}

impl Following {
    async fn start(
        engine: &Arc<Running>,
        id: TaskId,
        after: Option<EventId>,
    ) -> Result<Following, ApiError> {
        // First the live commits, then the journal: what is in both is told once, and nothing falls between them.
        let (reply, answer) = oneshot::channel();
        engine.send(Command::Follow { task: id, reply }).await?;
        let commits = answer.await.map_err(|_| stopping())?;
        let (stored, decoded) = engine.stored(id).await?;
        let task = recovery::created(&stored.task, Arc::clone(&decoded.graph));
        let (mut follower, events) = Follower::new(task, after);
        let mut events = VecDeque::from(events);
        let stored = Followed::new(1, decoded.records, decoded.record_texts);
        events.extend(follower.commit(&stored));
        Ok(Following {
            follower,
            commits,
            events,
        })
    }

    /// Whether the task has ended, and all its events were told.
    fn is_over(&self) -> bool {
        self.events.is_empty() && self.follower.has_ended()
    }

    async fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() && !self.follower.has_ended() {
            // A follower that has missed commits is cut off: it comes again, with the id of the last event that it had.
            let commit = self.commits.as_mut()?.recv().await.ok()?;
            self.events.extend(self.follower.commit(&commit));
        }
        let (id, event) = self.events.pop_front()?;
        let kind = match event {
            TaskEvent::Task { .. } => "task",
            TaskEvent::Step { .. } => "step",
        };
        let data = serde_json::to_string(&event)
            .unwrap_or_else(|error| unreachable!("an event serialises into memory: {error}"));
        Some(Event::default().id(id.to_string()).event(kind).data(data))
    }
}
