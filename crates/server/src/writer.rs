//! The writing half of a session's socket: it goes on while the other half reads, so that a worker that does not read
//! is still heard, and given up when it is silent, frozen or dead.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt};
use tasker_core::gateway::HEARTBEAT;
use tasker_protocol::frame::{EngineMessage, MAX_FRAME_BYTES};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use crate::outbox::Outgoing;

/// Messages that share a frame at the most.
const MESSAGES_PER_FRAME: usize = 1024;

/// Messages share a frame up to this many bytes. A single message stays well below the limit of a frame, whose rest is
/// left to it.
const GATHERED_BYTES: usize = MAX_FRAME_BYTES / 2;

/// How long a worker may take to read a frame. The longest is 32 MiB: 9 Mbit/s are enough.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is nothing more to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The session is over; all its own messages are written.
    Over,
    /// The engine has let go of the session: another one of the same process has replaced it.
    Dropped,
    /// The worker has not read a frame in time.
    Unread,
    /// The connection is lost.
    Lost,
}

/// Writes what the engine has for the worker (`inbox`) and the session's own messages (`own`), each in its order, until
/// either ends; a ping when there is nothing for a while, because a session that waits for the engine does not answer the
/// worker's own. `patience` is for one frame.
pub async fn write<S: Sink<Message> + Unpin>(
    mut sink: S,
    mut inbox: UnboundedReceiver<Outgoing>,
    mut own: UnboundedReceiver<Outgoing>,
    patience: Duration,
) -> Ended {
    let mut messages = Vec::new();
    let ended = loop {
        let said = tokio::select! {
            biased;
            message = own.recv() => match message {
                None => break Ended::Over,
                message => message,
            },
            count = inbox.recv_many(&mut messages, MESSAGES_PER_FRAME) => match count {
                0 => break Ended::Dropped,
                _ => None,
            },
            () = sleep(HEARTBEAT) => {
                match timeout(patience, sink.send(Message::Ping(Bytes::new()))).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return Ended::Lost,
                    Err(_) => return Ended::Unread,
                }
            }
        };
        messages.extend(said);
        for frame in frames(messages.iter().map(|outgoing| &outgoing.message)) {
            match timeout(patience, sink.send(Message::Text(frame.into()))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ended::Lost,
                Err(_) => return Ended::Unread,
            }
        }
        messages.clear();
    };
    // The peer may be gone already.
    let _ = timeout(patience, sink.close()).await;
    ended
}

/// The messages in as few frames as their size allows. Each is written where it is sent from: a busy session's are many.
fn frames<'a>(messages: impl IntoIterator<Item = &'a EngineMessage>) -> Vec<String> {
    let mut frames = Vec::with_capacity(1);
    let mut frame = Vec::new();
    let mut count = 0;
    for message in messages {
        let end = frame.len();
        frame.push(if count == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut frame, message)
            .unwrap_or_else(|error| unreachable!("a message serialises into memory: {error}"));
        if count > 0 && frame.len() > GATHERED_BYTES {
            let mut next = frame.split_off(end);
            next[0] = b'[';
            frames.push(text(std::mem::replace(&mut frame, next), count));
            count = 0;
        }
        count += 1;
    }
    frames.push(text(frame, count));
    frames
}

/// A frame of so many messages: without the array that it begins if there is only one.
fn text(mut frame: Vec<u8>, messages: usize) -> String {
    if messages == 1 {
        frame.remove(0);
    } else {
        frame.push(b']');
    }
    String::from_utf8(frame).unwrap_or_else(|error| unreachable!("JSON is UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tasker_protocol::error::ErrorCode;
    use tasker_protocol::frame::{Rejection, decode};

    use super::*;
    use crate::outbox::{Outbox, Room};

    /// A peer that reads so many frames and then no more, or is gone.
    #[derive(Default)]
    struct Peer {
        frames: usize,
        is_gone: bool,
        read: Vec<Message>,
    }

    impl Sink<Message> for &mut Peer {
        type Error = ();

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            match (self.is_gone, self.read.len() < self.frames) {
                (true, _) => Poll::Ready(Err(())),
                (false, true) => Poll::Ready(Ok(())),
                (false, false) => Poll::Pending,
            }
        }

        fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
            self.read.push(message);
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes to a peer, which is given a millisecond a frame, what a session says before it is over.
    async fn written(peer: &mut Peer, say: impl FnOnce(Outbox)) -> Ended {
        let (_engine, inbox) = Room::new().outbox();
        let (session, own) = Room::new().outbox();
        say(session);
        write(peer, inbox, own, Duration::from_millis(1)).await
    }

    fn peer(frames: usize) -> Peer {
        Peer {
            frames,
            ..Peer::default()
        }
    }

    #[tokio::test]
    async fn what_a_session_says_last_is_written() {
        let mut peer = peer(9);
        let ended = written(&mut peer, |session| session.send(of_size(1)));
        assert_eq!(ended.await, Ended::Over);
        assert_eq!(peer.read.len(), 1);
    }

    #[tokio::test]
    async fn a_session_that_the_engine_lets_go_of_ends_after_what_it_had_for_it() {
        let mut peer = peer(9);
        let (held, own) = Room::new().outbox();
        let (engine, inbox) = Room::new().outbox();
        engine.send(EngineMessage::Drain {});
        drop(engine);
        let ended = write(&mut peer, inbox, own, Duration::from_millis(1)).await;
        drop(held);
        assert_eq!((ended, peer.read.len()), (Ended::Dropped, 1));
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let mut peer = peer(1);
        let large = || of_size(GATHERED_BYTES);
        let ended = written(&mut peer, |session| {
            session.send(large());
            session.send(large());
        });
        assert_eq!(ended.await, Ended::Unread);
        assert_eq!(peer.read.len(), 1);
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_lost() {
        let mut peer = Peer {
            is_gone: true,
            ..Peer::default()
        };
        let ended = written(&mut peer, |session| session.send(of_size(1)));
        assert_eq!(ended.await, Ended::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_to_whom_nothing_is_said_is_pinged() {
        let mut peer = peer(2);
        let (_engine, inbox) = Room::new().outbox();
        let (_session, own) = Room::new().outbox();
        let ended = write(&mut peer, inbox, own, PATIENCE).await;
        // It has read two and no more.
        assert_eq!(ended, Ended::Unread);
        assert!(matches!(
            peer.read[..],
            [Message::Ping(_), Message::Ping(_)]
        ));
    }

    fn of_size(bytes: usize) -> EngineMessage {
        EngineMessage::Error(Rejection {
            code: ErrorCode::Internal,
            message: "x".repeat(bytes),
        })
    }

    #[test]
    fn small_messages_share_a_frame() {
        assert_eq!(
            frames(&[EngineMessage::Drain {}]),
            [r#"{"drain":{}}"#.to_owned()]
        );
        assert_eq!(
            frames(&[EngineMessage::Drain {}, EngineMessage::Drain {}]),
            [r#"[{"drain":{}},{"drain":{}}]"#.to_owned()]
        );
    }

    #[test]
    fn large_messages_come_in_order_in_frames_that_a_worker_reads() {
        let sizes = [
            1,
            MAX_FRAME_BYTES / 4,
            MAX_FRAME_BYTES / 4,
            2,
            MAX_FRAME_BYTES / 2,
            3,
        ];
        let frames = frames(&sizes.map(of_size));
        assert!(frames.iter().all(|frame| frame.len() < MAX_FRAME_BYTES));
        let read = frames.iter().map(|frame| {
            let messages = decode::<EngineMessage>(frame).into_iter();
            let sizes = messages.map(|message| match message {
                Ok(EngineMessage::Error(rejection)) => rejection.message.len(),
                other => panic!("{other:?}"),
            });
            sizes.collect()
        });
        let read: Vec<Vec<usize>> = read.collect();
        assert_eq!(
            read,
            [
                vec![1, MAX_FRAME_BYTES / 4],
                vec![MAX_FRAME_BYTES / 4, 2],
                vec![MAX_FRAME_BYTES / 2],
                vec![3]
            ]
        );
    }
}
