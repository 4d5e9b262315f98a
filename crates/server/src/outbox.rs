//! The messages that a worker has not read yet, limited by their bytes: what goes over that waits where it takes no memory.
//! An attempt is made a message only once there is room, and the answer to a `fetch` has its room before it is made.

use std::sync::Arc;

use tasker_protocol::frame::{Dispatch, EngineMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::admission::Share;

/// Bytes of messages at the most, and the one that goes over it.
const BYTES: usize = 32 << 20;

/// The longest answer to a `fetch`: one result.
const FETCHED: u32 = tasker_protocol::api::MAX_PAYLOAD_BYTES as u32;

/// What a message takes besides its payloads.
const LEAST: usize = 512;

/// Room that is kept for an answer.
pub type Reserved = OwnedSemaphorePermit;

/// A message, with the room that it takes until it is written.
pub struct Outgoing {
    /// The message.
    pub message: EngineMessage,
    _room: Option<Share>,
}

/// Where a session's messages go. Clones are the same.
#[derive(Clone)]
pub struct Outbox {
    messages: mpsc::UnboundedSender<Outgoing>,
    room: Room,
}

/// The room in an outbox.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Of an outbox that is empty.
    pub fn new() -> Room {
        Room(Arc::new(Semaphore::new(BYTES)))
    }

    /// An outbox that has this room, and what comes out of it.
    pub fn outbox(&self) -> (Outbox, mpsc::UnboundedReceiver<Outgoing>) {
        let (messages, inbox) = mpsc::unbounded_channel();
        let room = self.clone();
        (Outbox { messages, room }, inbox)
    }

    /// Whether nothing more is to be put in.
    pub fn is_full(&self) -> bool {
        self.0.available_permits() == 0
    }

    /// Waits until that is not so.
    pub async fn awaited(&self) {
        // It is never closed.
        drop(self.0.acquire().await);
    }

    /// Waits for room for the answer to a `fetch`.
    pub async fn reserve(&self) -> Option<Reserved> {
        // It is never closed.
        Arc::clone(&self.0).acquire_many_owned(FETCHED).await.ok()
    }

    /// What a message takes of what is left.
    fn take(&self, bytes: usize) -> Option<Share> {
        let left = self.0.available_permits();
        let bytes = u32::try_from(bytes.min(left)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

impl Outbox {
    /// Whether attempts have to wait.
    pub fn is_full(&self) -> bool {
        self.room.is_full()
    }

    /// Puts a message in. A session that closes meanwhile says so by an event of its own.
    pub fn send(&self, message: EngineMessage) {
        let _room = self.room.take(bytes(&message));
        let _ = self.messages.send(Outgoing { message, _room });
    }

    /// Puts a message in for which there is room.
    pub fn answer(&self, message: EngineMessage, reserved: Reserved) {
        let _room = Some(reserved);
        let _ = self.messages.send(Outgoing { message, _room });
    }
}

/// About what a message takes.
fn bytes(message: &EngineMessage) -> usize {
    LEAST
        + match message {
            EngineMessage::Dispatch(dispatch) => payload(dispatch),
            EngineMessage::Accepted(attempts) => attempts.len() * LEAST / 4,
            EngineMessage::Error(rejection) | EngineMessage::Rejected(rejection) => {
                rejection.message.len()
            }
            _ => 0,
        }
}

fn payload(dispatch: &Dispatch) -> usize {
    let results = dispatch.results.values().map(|json| json.get().len());
    let cursor = dispatch.cursor.as_ref().map_or(0, |json| json.get().len());
    dispatch.context.get().len() + cursor + results.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tasker_protocol::error::ErrorCode;
    use tasker_protocol::frame::Rejection;

    use super::*;

    fn of_size(bytes: usize) -> EngineMessage {
        EngineMessage::Error(Rejection {
            code: ErrorCode::Internal,
            message: "x".repeat(bytes),
        })
    }

    #[test]
    fn an_outbox_is_full_until_its_messages_are_written() {
        let room = Room::new();
        let (outbox, mut inbox) = room.outbox();
        outbox.send(of_size(BYTES - 2 * LEAST));
        assert!(!outbox.is_full());
        outbox.send(of_size(BYTES));
        assert!(outbox.is_full() && room.awaited().now_or_never().is_none());
        let first = inbox.try_recv().expect("a message");
        assert!(outbox.is_full(), "it is not written yet");
        drop(first);
        assert!(!outbox.is_full() && room.awaited().now_or_never().is_some());
    }

    #[test]
    fn an_answer_has_its_room_before_it_is_made() {
        let room = Room::new();
        let (outbox, inbox) = room.outbox();
        let answers = BYTES / FETCHED as usize;
        for _ in 0..answers {
            let reserved = room.reserve().now_or_never().flatten().expect("room");
            outbox.answer(of_size(1), reserved);
        }
        assert!(room.reserve().now_or_never().is_none());
        drop(inbox);
        assert!(room.reserve().now_or_never().is_some());
    }
}
