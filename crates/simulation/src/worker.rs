//! A worker's process: the worker library's session machine, and handlers that do what their script says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_core::Time;
use tasker_protocol::Json;
use tasker_protocol::frame::{
    AttemptRef, Dispatch, EngineMessage, Failure, Fetch, Fetched, Outcome, WorkerMessage, decode,
    encode,
};
use tasker_worker::session::{Effect, Input, Message, Profile, SILENCE, Session};

use crate::environment::Environment;
use crate::invariants;
use crate::network::{Item, LinkId, Side};
use crate::plan::Seat;
use crate::schedule::{Happening, WorkerId};
use crate::script::{self, Act, Branches, End};
use crate::trace::Note;

/// What a worker's process has to handle.
#[derive(Debug)]
pub enum WorkerInput {
    /// Something arrived over a link.
    Arrived(LinkId, Item),
    /// A handler's time is over.
    Handled(AttemptRef),
    /// Somebody asks something of the worker.
    Asked(Input),
    /// A deadline has come.
    Wake,
}

/// Whether a process goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    On,
    /// It has ended in order.
    Over,
    /// It was killed by its own handler.
    Crashed,
}

/// A worker's process.
#[derive(Debug)]
pub struct WorkerProcess {
    id: WorkerId,
    /// Where it is started again.
    pub seat: usize,
    session: Session,
    started: Time,
    /// When it last did something.
    alive: Time,
    /// When it last found that it had stood still for as long as engines wait for a worker.
    woken: Option<Time>,
    link: Option<LinkId>,
    /// Handlers that run, and what they will do.
    handlers: BTreeMap<AttemptRef, Act>,
    /// What handlers have asked for, and the results that they must get.
    asked: BTreeMap<(AttemptRef, String), String>,
    wake: Option<Time>,
    effects: Vec<Effect>,
}

impl WorkerProcess {
    /// A new process in a seat.
    pub fn start(id: WorkerId, seat: usize, env: &mut Environment) -> WorkerProcess {
        let Seat {
            namespaces,
            callables,
            slots,
        } = env.plan.seats[seat].clone();
        let mut bytes = [0; 16];
        env.chance.fill(&mut bytes);
        let profile = Profile {
            worker_id: format!("worker-{seat}"),
            instance: uuid::Builder::from_random_bytes(bytes).into_uuid(),
            language: "rust".to_owned(),
            version: "0.0.0".to_owned(),
            namespaces,
            callables,
            templates: Vec::new(),
            problems: Vec::new(),
        };
        let urls = vec!["http://engine".to_owned()];
        let session = Session::new(profile, urls, slots, env.chance.draw());
        let mut process = WorkerProcess {
            id,
            seat,
            session,
            started: env.now,
            alive: env.now,
            woken: None,
            link: None,
            handlers: BTreeMap::new(),
            asked: BTreeMap::new(),
            wake: None,
            effects: Vec::new(),
        };
        process.apply([Input::Tick], env);
        process
    }

    /// Attempts that it holds.
    pub fn held(&self) -> usize {
        self.session.held()
    }

    /// Handles something.
    pub fn handle(&mut self, input: WorkerInput, env: &mut Environment) -> Life {
        if env.now.since(self.alive) >= SILENCE {
            self.woken = Some(env.now);
        }
        self.alive = env.now;
        match input {
            WorkerInput::Arrived(link, item) => {
                if self.link == Some(link) {
                    self.arrived(item, env);
                }
            }
            WorkerInput::Handled(attempt) => {
                if let Some(act) = self.handlers.remove(&attempt) {
                    if act.end == End::Crash {
                        return Life::Crashed;
                    }
                    let outcome = outcome(&attempt, &act.end);
                    env.ledger.finished(&attempt, act.end, env.now);
                    env.note(Note::Finished(self.id, attempt));
                    self.apply([Input::Completed(vec![outcome])], env);
                }
            }
            WorkerInput::Asked(input) => self.apply([input], env),
            WorkerInput::Wake => {
                self.wake = None;
                self.apply([Input::Tick], env);
            }
        }
        if self.session.is_stopped() {
            if let Some(link) = self.link.take() {
                env.close(link, Side::Worker);
            }
            return Life::Over;
        }
        Life::On
    }

    fn arrived(&mut self, item: Item, env: &mut Environment) {
        match item {
            Item::Open => {}
            Item::Opened => self.apply([Input::Connected], env),
            Item::Sign => self.apply([Input::Heard], env),
            Item::Frame(text) => {
                let received = decode::<EngineMessage>(&text).into_iter().map(|message| {
                    Input::Received(message.unwrap_or_else(|error| panic!("{error}")))
                });
                let inputs: Vec<Input> = std::iter::once(Input::Heard).chain(received).collect();
                for input in &inputs {
                    if let Input::Received(EngineMessage::Accepted(attempts)) = input {
                        for attempt in attempts {
                            env.note(Note::Accepted(self.id, *attempt));
                            let check = env.ledger.accepted(attempt);
                            env.check(check);
                        }
                    }
                }
                self.apply(inputs, env);
            }
            Item::Closed => {
                self.link = None;
                let reason = "the engine hung up".to_owned();
                let refused = false;
                self.apply([Input::Lost { reason, refused }], env);
            }
        }
    }

    fn apply(&mut self, inputs: impl IntoIterator<Item = Input>, env: &mut Environment) {
        let now = env.now.since(self.started);
        let mut effects = std::mem::take(&mut self.effects);
        for input in inputs {
            self.session.handle(now, input, &mut effects);
        }
        let mut messages = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Connect(_) => self.link = Some(env.connect(self.id)),
                Effect::Disconnect => {
                    if let Some(link) = self.link.take() {
                        env.close(link, Side::Worker);
                    }
                    messages.clear();
                }
                Effect::Send(message) => messages.push(message),
                Effect::Ping => {
                    if let Some(link) = self.link {
                        env.send(link, Side::Engine, Item::Sign);
                    }
                }
                Effect::Deliver(message) => self.deliver(message, env),
                Effect::Fetched(fetched) => self.fetched(&fetched, env),
                Effect::Inform(_) | Effect::Warn(_) => {}
            }
        }
        self.effects = effects;
        self.send(&messages, env);
        if let Some(deadline) = self.session.deadline() {
            // Never at this moment again: the machine has seen it.
            let at = (self.started + deadline).max(env.now + Duration::from_micros(1));
            if self.wake.is_none_or(|wake| at < wake) {
                self.wake = Some(at);
                env.schedule
                    .add(at, Happening::Worker(self.id, WorkerInput::Wake));
            }
        }
    }

    fn send(&mut self, messages: &[WorkerMessage], env: &mut Environment) {
        if let (Some(link), false) = (self.link, messages.is_empty()) {
            let frame = encode(messages).unwrap_or_else(|error| panic!("{error}"));
            env.send(link, Side::Engine, Item::Frame(frame));
        }
    }

    fn deliver(&mut self, message: Message, env: &mut Environment) {
        match message {
            Message::Dispatch(dispatch) => {
                let attempt = dispatch.attempt_ref();
                env.note(Note::Began(self.id, attempt));
                let check = env.ledger.began(self.id, attempt);
                env.check(check);
                let woken = self.woken == Some(env.now);
                let check = invariants::nothing_unread_is_run_after_a_freeze(&attempt, woken);
                env.check(check);
                let workflow = env.workflow(&dispatch.name);
                let node = workflow.node_of(&dispatch.step_name);
                let mut act = script::act(env.seed, &env.plan.temper, &workflow, node, &attempt);
                if env.healed && act.end == End::Crash {
                    act.end = End::Failure {
                        retryable: true,
                        retry_after_ms: None,
                    };
                }
                if let Some(takes) = act.takes {
                    let handled = WorkerInput::Handled(attempt);
                    env.after(takes, Happening::Worker(self.id, handled));
                }
                self.handlers.insert(attempt, act);
                self.fetch(&dispatch, env);
            }
            Message::Cancel(attempt) => {
                // Some handlers heed it, others run to their end.
                let running = self.handlers.get(&attempt);
                if running.is_some_and(|act| act.takes.is_none() || env.chance.permille(500)) {
                    let wait = env.latency();
                    let handled = WorkerInput::Handled(attempt);
                    env.after(wait, Happening::Worker(self.id, handled));
                }
            }
        }
    }
}

impl WorkerProcess {
    /// Some handlers ask for a result that they were sent: it must be the same.
    fn fetch(&mut self, dispatch: &Dispatch, env: &mut Environment) {
        let (attempt, id) = (dispatch.attempt_ref(), self.id);
        if let Some((name, results)) = dispatch.results.first_key_value()
            && script::fetches(&attempt)
        {
            let asked = (attempt, name.clone());
            self.asked.insert(asked, results.get().to_owned());
            let fetch = Fetch {
                task_uuid: attempt.task_uuid,
                step_uuid: attempt.step_uuid,
                attempt: attempt.attempt,
                name: name.clone(),
                from: 0,
            };
            let asked = WorkerInput::Asked(Input::Fetch(fetch));
            let wait = env.latency();
            env.after(wait, Happening::Worker(id, asked));
        }
    }

    fn fetched(&mut self, fetched: &Fetched, env: &mut Environment) {
        let asked = (fetched.fetch().attempt_ref(), fetched.name.clone());
        let expected = self.asked.remove(&asked);
        let check = invariants::what_is_fetched_is_what_was_sent(expected.as_deref(), fetched);
        env.check(check);
    }
}

fn outcome(attempt: &AttemptRef, end: &End) -> Outcome {
    let json = |text: String| -> Json {
        let raw = RawValue::from_string(text).unwrap_or_else(|error| panic!("{error}"));
        raw.into()
    };
    let (mut create_steps, mut batches) = (None, None);
    let (results, error) = match end {
        End::Success(branches) => {
            match branches {
                Branches::None => {}
                Branches::Steps(names) => create_steps = Some(json(format!("{names:?}"))),
                Branches::Batches(count) => {
                    let cursors = vec![r#"{"start":0,"end":1}"#; *count as usize];
                    batches = Some(json(format!("[{}]", cursors.join(","))));
                }
            }
            (Some(json(script::results(attempt))), None)
        }
        End::Crash => (None, None),
        End::Failure {
            retryable,
            retry_after_ms,
        } => {
            let failure = Failure {
                message: "as the script says".to_owned(),
                error_type: "Scripted".to_owned(),
                error_code: None,
                retryable: *retryable,
                retry_after_ms: *retry_after_ms,
                backtrace: None,
            };
            (None, Some(failure))
        }
    };
    Outcome {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        success: results.is_some(),
        results,
        error,
        metadata: None,
        create_steps,
        batches,
        logs: script::logs(attempt).map(json),
    }
}
