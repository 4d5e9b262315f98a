//! An engine's process: the shell around the core's engine and the gateway's sessions, as the server is one.
//!
//! Sessions turn frames into commands; a round of the loop takes all commands that have come, lets the core decide,
//! dispatches, and hands the journal the next commit when the last one is durable.
//!
//! Layout:
//! - `serving`: the loop. `sessions`: those of workers. `calls`: those of clients.
//! - `commits`: what the journal is given, and what is let go once it is durable. `appender`: one after the other.
//! - `reading`: tasks and texts that are not in memory.

mod appender;
mod calls;
mod commits;
mod reading;
mod serving;
mod sessions;

use std::sync::Arc;

use tasker_core::state::Idle;
use tasker_core::store::Wanted;
use tasker_core::{Change, State, TaskId, Time};

use crate::clock::EngineClock;
use crate::environment::Environment;
use crate::journal::{Stored, Ticket};
use crate::network::{Item, LinkId, Side};
use crate::schedule::{EngineId, Happening, JournalRequest};
use crate::trace::Note;
use crate::worker::Life;

pub use calls::{Request, RequestId, View};
pub use serving::Serving;

/// What an engine has to handle.
#[derive(Debug)]
pub enum EngineInput {
    /// Something arrived over a link.
    Arrived(LinkId, Item),
    /// A client asks something.
    Request(RequestId, Request),
    /// The journal answers, or its connection breaks.
    Journal(Ticket, JournalAnswer),
    /// The engine's lease has run out for a while, or is renewed.
    CutOff(bool),
    /// The loop runs.
    Round,
    /// A deadline has come.
    Wake,
}

/// What the journal says.
#[derive(Debug)]
pub enum JournalAnswer {
    /// The engine is owned, in this epoch.
    Owned(i64),
    /// The open tasks, and the journal's time.
    Tasks(Vec<Stored>, Time),
    /// The commit is durable.
    Durable,
    /// Another process owns the engine.
    Fenced,
    /// The engine is owned in a new epoch; whether the commit in doubt is durable.
    Rejoined(i64, bool),
    /// The task of an outcome, if there is one.
    Found(TaskId, Option<Stored>),
    /// Texts that were wanted; none when they could not be read.
    Texts(Vec<Wanted>, Option<Vec<Option<String>>>),
    /// No answer will come.
    Lost,
}

/// An engine's process.
#[derive(Debug)]
pub struct EngineProcess {
    id: EngineId,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    TakingOver,
    Recovering { epoch: i64 },
    Serving(Box<Serving>),
}

impl EngineProcess {
    /// A new process: it takes the engine over.
    pub fn start(id: EngineId, env: &mut Environment) -> EngineProcess {
        ask(id, JournalRequest::TakeOver, env);
        EngineProcess {
            id,
            phase: Phase::TakingOver,
        }
    }

    /// What it has recovered and goes on with.
    pub fn serving(&self) -> Option<&Serving> {
        match &self.phase {
            Phase::Serving(serving) => Some(serving),
            _ => None,
        }
    }

    /// Handles something.
    pub fn handle(&mut self, input: EngineInput, env: &mut Environment) -> Life {
        match (&mut self.phase, input) {
            (Phase::Serving(serving), input) => return serving.handle(input, env),
            (Phase::TakingOver, EngineInput::Journal(_, JournalAnswer::Owned(epoch))) => {
                env.note(Note::TookOver(self.id, epoch));
                self.phase = Phase::Recovering { epoch };
                ask(self.id, JournalRequest::Read, env);
            }
            (
                Phase::Recovering { epoch },
                EngineInput::Journal(_, JournalAnswer::Tasks(tasks, base)),
            ) => {
                env.note(Note::Recovered(self.id, tasks.len()));
                let clock = EngineClock::new(base, env.now);
                let serving = Serving::start(self.id, *epoch, clock, &tasks, env);
                self.phase = Phase::Serving(Box::new(serving));
            }
            // The port is open, but there is no engine behind it yet.
            (_, EngineInput::Arrived(link, _)) => env.close(link, Side::Engine),
            (_, EngineInput::Request(request, _)) => calls::refuse(request, env),
            (
                _,
                EngineInput::Journal(..)
                | EngineInput::CutOff(_)
                | EngineInput::Round
                | EngineInput::Wake,
            ) => {}
        }
        Life::On
    }
}

fn ask(id: EngineId, request: JournalRequest, env: &mut Environment) {
    let wait = env.commit();
    env.after(wait, Happening::Journal(id, Ticket(0), request));
}

/// The state that the journal's tasks make. Of those that are blocked it is enough to know that.
pub fn recover(tasks: &[Stored], env: &Environment) -> State {
    let mut state = State::with_patience(env.plan.patience);
    for stored in tasks {
        if stored.blocked {
            let graph = &env.workflows[&stored.created.template].graph;
            state.evolve(&Change::Rested {
                task: stored.task,
                idle: Idle::blocked(graph, stored.created.at),
            });
            continue;
        }
        let restored = stored.restored(&env.workflows[&stored.created.template].graph);
        state.evolve(&Change::Restored(Arc::new(restored)));
    }
    state
}
