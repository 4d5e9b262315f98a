//! A worker's side of a session, as a pure state machine: time and inputs in, effects out.
//!
//! ```text
//!            Connect            Connected: hello           welcome
//! Waiting ────────────▶ Connecting ────────────▶ Greeting ────────▶ Open ────────▶ Stopped
//!    ▲                      │                       │                 │  drained
//!    └──────────────────────┴───────────────────────┴─────────────────┘
//!          connection lost, silent for 5 s, refused: back-off, the next engine
//! ```
//!
//! It holds every attempt from its dispatch until the engine has accepted its outcome, whatever happens to the
//! connection in between: each greeting names all of them, and every welcome is followed by the outcomes that the
//! engine may not have. An outcome of a cancelled attempt goes the same way, since it frees the attempt's slot. So does
//! what a running handler has asked for and not yet got.
//!
//! When it finds that it did nothing for as long as the engine waits for a sign of life, the engine may have given it up
//! (unless it stood still as well, with the machine), and given to others what lies unread in the connection: the worker
//! drops that and greets anew.

mod attempts;
mod backoff;
mod connecting;
mod engines;
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
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{
    AttemptRef, Dispatch, EngineMessage, Fetch, Fetched, Outcome, Rejection, WorkerMessage,
};
use uuid::Uuid;

use crate::status::SessionState;
use attempts::Attempts;
use backoff::Backoff;
use connecting::End;
use engines::Engines;
use epochs::Epochs;
use fetches::Fetches;

pub use engines::{CONNECT_TIMEOUT, Trouble};

/// A connection on which nothing was heard for this long is given up.
pub const SILENCE: Duration = Duration::from_secs(5);

/// How often a ping is sent until the engine has said how often it wants one.
const FIRST_HEARTBEAT: Duration = Duration::from_secs(1);

/// A ping is sent at least so often, whatever the engine says: well within its and this side's silence.
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(2);

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
    /// Open a connection to the engine of this index.
    Connect(usize),
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
    /// When the last ping was sent, or the greeting.
    pinged_at: Duration,
    heartbeat: Duration,
    /// The slots that the engine was last told; none when it is to be told anew.
    offered: Option<u32>,
}

/// The machine. Times are counted from any one moment, such as the start of the process, and never go back.
#[derive(Debug)]
pub struct Session {
    profile: Profile,
    engines: Engines,
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
}

impl Session {
    /// A session that wants to connect at once. `urls` are the engines' addresses, at least one; `seed` decides the
    /// random part of its waits.
    pub fn new(profile: Profile, urls: Vec<String>, slots: u32, seed: u64) -> Self {
        Self {
            profile,
            engines: Engines::new(urls),
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
        }
    }

    /// Takes an input in and appends what follows from it, and from the time, to `effects`.
    pub fn handle(&mut self, now: Duration, input: Input, effects: &mut Vec<Effect>) {
        if self.is_stopped() {
            return;
        }
        self.notice_freeze(now, effects);
        match input {
            Input::Tick => {}
            Input::Connected => self.connected(now, effects),
            Input::Lost { reason, refused } => {
                let end = if refused { End::Refused } else { End::Broken };
                self.lost(now, &reason, end, effects);
            }
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
            Phase::Greeting(line) | Phase::Open(line) => {
                let ping_at = line.pinged_at + line.heartbeat;
                ping_at.min(line.heard_at + SILENCE)
            }
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

    /// Why the session is not open, one for each engine that was asked in vain.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.engines.troubles()
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
                let end = match rejection.code {
                    // It wants this worker, and cannot store its templates at present.
                    ErrorCode::Unavailable => End::Useless,
                    _ => End::Refused,
                };
                self.drop_connection(now, &reason, end, effects);
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
                let reason = "the engine sent a message before its welcome";
                self.drop_connection(now, reason, End::Useless, effects);
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
