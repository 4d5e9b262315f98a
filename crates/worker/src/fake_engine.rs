//! The engine's side of a session for tests: a listener, and sessions that a test drives message by message.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use tasker_protocol::frame::{
    AttemptRef, EngineMessage, Hello, Outcome, Welcome, WorkerMessage, decode, encode,
};
use tokio_tungstenite::tungstenite::{
    self, Message as Frame, WebSocket,
    error::ProtocolError,
    handshake::server::{Request, Response},
};

/// A test that waits longer than this for the worker has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener at which workers knock.
pub(crate) struct FakeEngine {
    listener: TcpListener,
}

/// One session, from the handshake on.
pub(crate) struct FakeSession {
    socket: WebSocket<TcpStream>,
    /// Path and `Authorization` of the request.
    pub(crate) asked: (String, Option<String>),
}

impl FakeEngine {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self { listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }

    /// The next TCP connection, before anything was said.
    pub(crate) fn accept_tcp(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        stream
    }

    /// The next connection, after the WebSocket's handshake.
    pub(crate) fn accept(&self) -> FakeSession {
        let mut asked = None;
        // The size of the error is the WebSocket library's choice.
        #[allow(clippy::result_large_err)]
        let note = |request: &Request, response: Response| {
            let token = request.headers().get("authorization");
            asked = Some((
                request.uri().path().to_owned(),
                token.map(|token| token.to_str().expect("text").to_owned()),
            ));
            Ok(response)
        };
        let socket = tungstenite::accept_hdr(self.accept_tcp(), note).expect("a handshake");
        FakeSession {
            socket,
            asked: asked.expect("a request"),
        }
    }

    /// The next session, greeted and welcomed.
    pub(crate) fn welcome(&self) -> (FakeSession, Hello) {
        let mut session = self.accept();
        let hello = session.hello();
        session.send(&[EngineMessage::Welcome(Welcome {
            protocol: 1,
            epoch: 1,
            heartbeat_ms: 1_000,
        })]);
        (session, hello)
    }
}

impl FakeSession {
    /// Sends messages in one frame.
    pub(crate) fn send(&mut self, messages: &[EngineMessage]) {
        let frame = encode(messages).expect("JSON");
        self.socket.send(Frame::text(frame)).expect("sent");
    }

    pub(crate) fn accepted(&mut self, attempts: &[AttemptRef]) {
        self.send(&[EngineMessage::Accepted(attempts.to_vec())]);
    }

    /// The messages of the next frame; None at the end of the session.
    pub(crate) fn frame(&mut self) -> Option<Vec<WorkerMessage>> {
        loop {
            match self.socket.read() {
                Ok(Frame::Text(text)) => {
                    let messages = decode(&text).into_iter();
                    return Some(messages.map(|message| message.expect("readable")).collect());
                }
                Ok(Frame::Close(_))
                | Err(tungstenite::Error::ConnectionClosed)
                | Err(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                    return None;
                }
                Ok(_) => {}
                Err(error) => panic!("the worker is gone: {error}"),
            }
        }
    }

    pub(crate) fn hello(&mut self) -> Hello {
        match self.frame().as_deref() {
            Some([WorkerMessage::Hello(hello)]) => hello.clone(),
            other => panic!("not a greeting: {other:?}"),
        }
    }

    pub(crate) fn outcomes(&mut self) -> Vec<Outcome> {
        let messages = self.frame().expect("a frame").into_iter();
        let outcome = |message| match message {
            WorkerMessage::Outcome(outcome) => outcome,
            other => panic!("not an outcome: {other:?}"),
        };
        messages.map(outcome).collect()
    }

    /// All messages until the worker hangs up.
    pub(crate) fn rest(&mut self) -> Vec<WorkerMessage> {
        std::iter::from_fn(|| self.frame()).flatten().collect()
    }

    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).expect("written");
    }
}
