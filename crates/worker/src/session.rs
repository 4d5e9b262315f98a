//! A worker's side of a session, as a pure state machine: time and inputs in, effects out.
//!
//! ```text
//!            Connect            Connected: hello           welcome
//! Waiting ────────────▶ Connecting ────────────▶ Greeting ────────▶ Open ────────▶ Stopped
//!    ▲                      │                       │                 │  drained
//!    └──────────────────────┴───────────────────────┴─────────────────┘
//!          connection lost, silent for 5 s, refused: back-off
//! ```
//!
//! It holds every attempt from its dispatch until the engine has accepted its outcome, whatever happens to the
//! connection in between: each greeting names all of them, and every welcome is followed by the outcomes that the
//! engine may not have. An outcome of a cancelled attempt goes the same way, since it frees the attempt's slot. So does
//! what a running handler has asked for and not yet got.

mod attempts;
mod backoff;
mod connecting;
mod epochs;
mod fetches;
mod greeting;
mod leaving;
mod open;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;
use tasker_protocol::frame::{
    AttemptRef, Dispatch, EngineMessage, Fetch, Fetched, Outcome, Rejection, WorkerMessage,
};
use uuid::Uuid;

use crate::status::SessionState;
use attempts::Attempts;
use backoff::Backoff;
use epochs::Epochs;
use fetches::Fetches;

/// A connection on which nothing was heard for this long is given up.
pub const SILENCE: Duration = Duration::from_secs(5);

/// A connection that is not made within this time is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a ping is sent until the engine has said how often it wants one.
const FIRST_HEARTBEAT: Duration = Duration::from_secs(1);

/// What a worker says about itself in each greeting.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The worker's name, for people.
    pub worker_id: String,
    /// Random per process.
    pub instance: Uuid,
    /// The language of its handlers.
    pub language: String,
    /// The worker library's version.
    pub version: String,
    /// Namespaces whose steps it runs.
    pub namespaces: Vec<String>,
    /// Callables that it can run.
    pub callables: Vec<String>,
    /// The text of each template that it brings, unless it is not ready.
    pub templates: Vec<String>,
    /// Why it is not ready, a sentence each.
    pub problems: Vec<String>,
}

/// What a worker has to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Run this attempt and complete it with its outcome.
    Dispatch(Box<Dispatch>),
    /// Stop this attempt if that is possible; it is still to be completed.
    Cancel(AttemptRef),
}

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Input {
    /// A deadline has come.
    Tick,
    /// The connection asked for by [`Effect::Connect`] is there.
    Connected,
    /// It could not be made, or is gone.
    Lost {
        /// Why, a sentence for people.
        reason: String,
        /// The engine answered, and does not want this worker.
        refused: bool,
    },
    /// Bytes came from the engine, maybe no whole message.
    Heard,
    /// A message came from the engine.
    Received(EngineMessage),
    /// Handlers have ended.
    Completed(Vec<Outcome>),
    /// A handler asks for results that its dispatch left out.
    Fetch(Fetch),
    /// The worker holds so many attempts from now on.
    Slots(u32),
    /// A reason why the worker is not ready: it takes nothing new from now on.
    Problem(String),
    /// Take nothing new, and leave when nothing is held any more, or after the time given.
    Drain(Duration),
    /// Leave at once.
    Stop,
}

/// What is to be done, in this order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a connection.
    Connect,
    /// Drop the connection, or the attempt to make one.
    Disconnect,
    /// Send a message.
    Send(WorkerMessage),
    /// Send a WebSocket ping.
    Ping,
    /// Give a message to the handlers.
    Deliver(Message),
    /// Give the answer to a fetch to whoever asked.
    Fetched(Fetched),
    /// Tell people something that is worth knowing.
    Inform(String),
    /// Tell people something that is wrong.
    Warn(String),
}

#[derive(Debug)]
enum Phase {
    Waiting { until: Duration },
    Connecting { until: Duration },
    Greeting(Line),
    Open(Line),
    Stopped,
}

/// A connection that is there.
#[derive(Debug)]
struct Line {
    heard_at: Duration,
    ping_at: Duration,
    heartbeat: Duration,
    /// The slots that the engine was last told; none when it is to be told anew.
    offered: Option<u32>,
}

/// The machine. Times are counted from any one moment, such as the start of the process, and never go back.
#[derive(Debug)]
pub struct Session {
    profile: Profile,
    slots: u32,
    attempts: Attempts,
    fetches: Fetches,
    phase: Phase,
    backoff: Backoff,
    /// Greetings sent so far.
    greetings: u64,
    epochs: Epochs,
    /// Set once the worker drains: the time at which it leaves in any case, if there is one.
    draining: Option<Option<Duration>>,
    /// Why the session is not open.
    trouble: Option<String>,
    /// Whether that is the engine's own word.
    refused: bool,
}

impl Session {
    /// A session that wants to connect at once. `seed` decides the random part of its waits.
    pub fn new(profile: Profile, slots: u32, seed: u64) -> Self {
        Self {
            profile,
            slots,
            attempts: Attempts::default(),
            fetches: Fetches::default(),
            phase: Phase::Waiting {
                until: Duration::ZERO,
            },
            backoff: Backoff::new(seed),
            greetings: 0,
            epochs: Epochs::default(),
            draining: None,
            trouble: None,
            refused: false,
        }
    }

    /// Takes an input in and appends what follows from it, and from the time, to `effects`.
    pub fn handle(&mut self, now: Duration, input: Input, effects: &mut Vec<Effect>) {
        if self.is_stopped() {
            return;
        }
        match input {
            Input::Tick => {}
            Input::Connected => self.connected(now, effects),
            Input::Lost { reason, refused } => self.lost(now, reason, refused, effects),
            Input::Heard => self.heard(now),
            Input::Received(message) => {
                self.heard(now);
                self.received(now, message, effects);
            }
            Input::Completed(outcomes) => self.completed(outcomes, effects),
            Input::Fetch(fetch) => self.fetch(fetch, effects),
            Input::Slots(slots) => self.slots = slots,
            Input::Problem(problem) => self.profile.problems.push(problem),
            Input::Drain(timeout) => {
                let until = now + timeout;
                self.draining = Some(match self.draining.flatten() {
                    Some(earlier) => Some(until.min(earlier)),
                    None => Some(until),
                });
            }
            Input::Stop => self.draining = Some(Some(now)),
        }
        self.pass_time(now, effects);
        self.offer(effects);
        self.leave_if_drained(now, effects);
    }

    /// When the machine wants a [`Input::Tick`] next, if nothing else happens. None once it has stopped.
    pub fn deadline(&self) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Waiting { until } | Phase::Connecting { until } => *until,
            Phase::Greeting(line) | Phase::Open(line) => line.ping_at.min(line.heard_at + SILENCE),
            Phase::Stopped => return None,
        };
        Some(match self.draining.flatten() {
            Some(until) => phase.min(until),
            None => phase,
        })
    }

    /// Whether the worker has left for good.
    pub fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Where the session stands.
    pub fn state(&self) -> SessionState {
        match (&self.phase, self.draining) {
            (Phase::Stopped, _) => SessionState::Stopped,
            (_, Some(_)) => SessionState::Draining,
            (Phase::Open(_), None) => SessionState::Open,
            (_, None) => SessionState::Connecting,
        }
    }

    /// Why the session is not open, when the reason is known.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether the session is not open because the engine does not want this worker, as it is.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Attempts running or with an outcome that is not yet accepted.
    pub fn held(&self) -> usize {
        self.attempts.len()
    }

    fn received(&mut self, now: Duration, message: EngineMessage, effects: &mut Vec<Effect>) {
        match (&mut self.phase, message) {
            (Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Stopped, _) => {}
            (_, EngineMessage::Rejected(rejection)) => {
                let reason = format!("the engine refused the session: {}", described(&rejection));
                self.drop_connection(now, reason, true, effects);
            }
            (_, EngineMessage::Error(rejection)) => effects.push(Effect::Warn(format!(
                "the engine could not handle a message: {}",
                described(&rejection)
            ))),
            (Phase::Greeting(_), EngineMessage::Welcome(welcome)) => {
                self.welcomed(now, &welcome, effects);
            }
            (Phase::Greeting(_), _) => {
                // Whatever it was, the greeting of the next connection sets it right: it names all that is held.
                let reason = "the engine sent a message before its welcome".to_owned();
                self.drop_connection(now, reason, false, effects);
            }
            (Phase::Open(_), EngineMessage::Welcome(_)) => {
                effects.push(Effect::Warn("the engine sent a second welcome".to_owned()));
            }
            (Phase::Open(_), EngineMessage::Dispatch(dispatch)) => {
                self.dispatched(dispatch, effects);
            }
            (Phase::Open(_), EngineMessage::Accepted(accepted)) => {
                for attempt in &accepted {
                    self.attempts.accepted(attempt);
                }
            }
            (Phase::Open(_), EngineMessage::Cancel(attempt)) => self.cancelled(attempt, effects),
            (Phase::Open(_), EngineMessage::Fetched(fetched)) => self.fetched(fetched, effects),
            (Phase::Open(_), EngineMessage::Drain {}) => {
                if self.draining.is_none() {
                    effects.push(Effect::Inform("the engine asks to drain".to_owned()));
                    self.draining = Some(None);
                }
            }
        }
    }
}

fn described(rejection: &Rejection) -> String {
    // A code is always a JSON string; its name there is the one that the documentation uses.
    let code = serde_json::to_value(rejection.code);
    match code.as_ref().ok().and_then(|code| code.as_str()) {
        Some(code) => format!("{code}: {}", rejection.message),
        None => rejection.message.clone(),
    }
}
