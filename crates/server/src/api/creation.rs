//! What stands between a creation's body and the engine: checks, and its idempotency key.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::json;
use tasker_core::texts::Request;
use tasker_core::trace::TraceContext;
use tasker_core::{TaskId, creation};
use tasker_journal::{FirstUse, Key, NewKey};
use tasker_protocol::api::{CreateTask, MAX_KEY_CHARS};
use tasker_protocol::error::ErrorCode;

use super::error::ApiError;
use crate::admission::Share;
use crate::command::{NewTask, UntilDurable};
use crate::idempotency::{body_hash, is_same_body};
use crate::running::Running;

/// The header that a creation may have its idempotency key in.
pub const KEY_HEADER: &str = "Idempotency-Key";

/// The header that a creation may have the caller's span in.
pub const TRACE_HEADER: &str = "traceparent";

/// A creation whose body may be taken.
pub struct Wanted {
    create: CreateTask,
    trace: Option<TraceContext>,
    key: Option<Key>,
    body_hash: [u8; 32],
}

impl Wanted {
    /// Refuses what the body alone forbids. `trace` is the span of whoever asks.
    pub fn check(mut create: CreateTask, trace: Option<TraceContext>) -> Result<Wanted, ApiError> {
        creation::check_body(&create)?;
        let key = create.idempotency_key.take();
        if let Some(key) = &key {
            check_key(key)?;
        }
        let body_hash = match key {
            Some(_) => body_hash(&create),
            None => Default::default(),
        };
        let namespace = create.namespace.clone();
        let key = key.map(|key| Key { namespace, key });
        Ok(Wanted {
            create,
            trace,
            key,
            body_hash,
        })
    }

    /// The idempotency key.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// The task that the first use of the key created.
    ///
    /// # Errors
    /// The first use had another body.
    pub fn first(&self, first: &FirstUse) -> Result<TaskId, ApiError> {
        let task = first.task_uuid;
        if is_same_body(&self.create, &self.body_hash, &first.body_hash) {
            return Ok(task);
        }
        let key = self.key.as_ref().map_or("", |key| &key.key);
        Err(ApiError::with_details(
            ErrorCode::IdempotencyConflict,
            format!(
                "the idempotency key {key:?} has created task {task} from another body: send that body again, or use \
                 a key of its own"
            ),
            json!({"task_uuid": task}),
        ))
    }

    /// The task to create; a key, which nobody has used before, is still to be handed to it.
    pub fn task(self, engine: &Running, share: Arc<Share>) -> Result<NewTask, ApiError> {
        let create = self.create;
        let graph =
            engine
                .catalog
                .find(&create.namespace, &create.name, create.version.as_deref())?;
        creation::check_context(&graph, &create.context)?;
        let request = Request {
            traceparent: self.trace.map(|trace| trace.to_string()),
            ..Request::from(&create)
        };
        let id = engine.new_task_id(self.key.as_ref())?;
        Ok(NewTask {
            id,
            graph,
            priority: create.priority,
            request,
            context: create.context,
            key: self.key.map(|key| NewKey {
                task_uuid: id,
                key,
                body_hash: self.body_hash,
            }),
            until_durable: UntilDurable { held: None, share },
        })
    }
}

/// Takes the key that the header has, if it has one, for the body's.
pub fn take_header(headers: &HeaderMap, create: &mut CreateTask) -> Result<(), ApiError> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(());
    };
    if values.next().is_some() {
        return Err(invalid_key(
            "the header Idempotency-Key is there twice: send one",
        ));
    }
    let key = str::from_utf8(value.as_bytes())
        .map_err(|_| invalid_key("the header Idempotency-Key is not UTF-8"))?;
    match &create.idempotency_key {
        Some(other) if other != key => Err(invalid_key(&format!(
            "the header Idempotency-Key is {key:?}, `idempotency_key` in the body is {other:?}: send one of them"
        ))),
        _ => {
            create.idempotency_key = Some(key.to_owned());
            Ok(())
        }
    }
}

/// The span of whoever asks, by the header `traceparent`. One that cannot be read is none, as its standard wants it.
pub fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACE_HEADER).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    only.to_str().ok()?.parse().ok()
}

fn check_key(key: &str) -> Result<(), ApiError> {
    let count = key.chars().count();
    if !(1..=MAX_KEY_CHARS).contains(&count) {
        return Err(invalid_key(&format!(
            "the idempotency key has {count} characters: it takes 1 to {MAX_KEY_CHARS}"
        )));
    }
    match key.chars().find(|character| character.is_control()) {
        Some(control) => Err(invalid_key(&format!(
            "the idempotency key has the control character {control:?}: leave it out"
        ))),
        None => Ok(()),
    }
}

/// A key that cannot be one.
pub fn invalid_key(message: &str) -> ApiError {
    ApiError::with_details(
        ErrorCode::IdempotencyKeyInvalid,
        message,
        json!({"path": "idempotency_key"}),
    )
}
