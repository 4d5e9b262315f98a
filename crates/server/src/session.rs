//! The thin shell around a worker's session: the socket and the clock; what they mean is decided by the core's gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt;
use tasker_core::Event;
use tasker_core::gateway::{Output, Session, Texts};
use tasker_core::worker::SessionId;
use tasker_protocol::frame::EngineMessage;

use crate::admission::Share;
use crate::command::Command;
use crate::outbox::{Outbox, Room};
use crate::running::Running;
use crate::writer::{self, Ended};

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// Serves one worker until its session is over.
pub async fn serve(socket: WebSocket, engine: Arc<Running>) {
    let id = SessionId(NEXT_SESSION.fetch_add(1, Ordering::Relaxed));
    let room = Room::new();
    let (outbox, inbox) = room.outbox();
    let (own, owned) = room.outbox();
    let mut shell = Shell {
        id,
        session: Session::new(id, engine.clock.now()),
        engine,
        outbox: Some(outbox),
        own,
        room: room.clone(),
        close: false,
    };
    let (sink, mut frames) = socket.split();
    let mut writing = std::pin::pin!(writer::write(sink, inbox, owned, writer::PATIENCE));
    let mut written = None;
    let lease = shell.engine.lease.clone();
    let mut cut_off = std::pin::pin!(lease.cut_off());
    while !shell.close {
        // A worker that does not read is not read from either: what it says would have to be answered.
        let reads = !room.is_full();
        let deadline = shell.engine.clock.instant(shell.session.deadline());
        let next = tokio::select! {
            frame = frames.next(), if reads => match frame {
                Some(Ok(Message::Text(text))) => Next::Frame(text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {
                    shell.session.heard(shell.engine.clock.now());
                    continue;
                }
            },
            () = room.awaited(), if !reads => {
                shell.session.heard(shell.engine.clock.now());
                continue;
            }
            ended = &mut writing => {
                written = Some(ended);
                break;
            }
            () = &mut cut_off => break,
            () = tokio::time::sleep_until(deadline), if reads => Next::Time,
        };
        // The engine may take its time; what it has for the worker goes on meanwhile.
        tokio::select! {
            () = shell.handle(next) => {}
            () = &mut cut_off => break,
            ended = &mut writing => {
                written = Some(ended);
                break;
            }
        }
    }
    if written == Some(Ended::Unread) {
        tracing::warn!(
            session = id.0,
            worker = shell.session.worker_id().unwrap_or("unknown"),
            "a worker is cut off: it has not read a frame for {:?}",
            writer::PATIENCE
        );
    }
    let outputs = shell.session.closed();
    shell.carry_out(outputs, None).await;
    // What the session had to say last is still written.
    drop(shell);
    if written.is_none() {
        writing.await;
    }
}

/// What a session has to handle.
enum Next {
    Frame(Utf8Bytes),
    Time,
}

struct Shell {
    id: SessionId,
    session: Session,
    engine: Arc<Running>,
    /// Given to the engine when the session opens.
    outbox: Option<Outbox>,
    /// Where the session's own messages go.
    own: Outbox,
    room: Room,
    close: bool,
}

impl Shell {
    async fn handle(&mut self, next: Next) {
        match next {
            Next::Frame(text) => {
                let share = self.engine.admission.frames().wait(text.len()).await;
                let outputs = self.session.frame(&text, self.engine.clock.now());
                drop(text);
                self.carry_out(outputs, share).await;
            }
            Next::Time => {
                let outputs = self.session.tick(self.engine.clock.now());
                self.carry_out(outputs, None).await;
            }
        }
    }

    /// `share` is that of the frame of which this comes.
    async fn carry_out(&mut self, outputs: Vec<Output>, share: Option<Arc<Share>>) {
        let mut events = Vec::new();
        for output in outputs {
            match output {
                Output::Send(message) => {
                    if let EngineMessage::Rejected(rejection) | EngineMessage::Error(rejection) =
                        &message
                    {
                        tracing::warn!(
                            session = self.id.0,
                            worker = self.session.worker_id().unwrap_or("unknown"),
                            code = ?rejection.code,
                            "a worker's message is refused: {}",
                            rejection.message
                        );
                    }
                    self.own.send(message);
                }
                Output::Event(event @ Event::Opened { .. }, texts) => match self.outbox.take() {
                    Some(outbox) => self.ask(Command::Open { event, outbox }).await,
                    None => events.push((event, texts)),
                },
                Output::Event(event, texts) => events.push((event, texts)),
                Output::Register(templates) => {
                    let result = self.engine.register(templates).await;
                    let epoch = self.engine.epoch();
                    let outputs = self.session.registered(result, epoch);
                    Box::pin(self.carry_out(outputs, share.clone())).await;
                }
                Output::Fetch(fetch) => {
                    self.say(std::mem::take(&mut events), share.clone()).await;
                    let Some(reserved) = self.room.reserve().await else {
                        continue;
                    };
                    self.ask(Command::Fetch {
                        session: self.id,
                        fetch,
                        reserved,
                    })
                    .await;
                }
                Output::Close => self.close = true,
            }
        }
        self.say(events, share).await;
    }

    async fn say(&mut self, events: Vec<(Event, Option<Texts>)>, share: Option<Arc<Share>>) {
        if !events.is_empty() {
            self.ask(Command::Session { events, share }).await;
        }
    }

    async fn ask(&mut self, command: Command) {
        // An engine that has ended has dropped the session's outbox, which ends the session.
        let _ = self.engine.admission.wait(command).await;
    }
}
