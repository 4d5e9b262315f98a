//! One commit after another, and what became of one whose answer was lost: `crates/journal`'s appender.

use std::rc::Rc;

use crate::engine::JournalAnswer;
use crate::environment::Environment;
use crate::journal::{Append, Ticket};
use crate::schedule::{EngineId, Happening, JournalRequest};

/// Writes for one engine.
#[derive(Debug)]
pub struct Appender {
    engine: EngineId,
    epoch: i64,
    /// The last number given to a commit of this epoch.
    number: u64,
    /// What is not known to be durable yet.
    pending: Option<Rc<Append>>,
    /// The request that is answered next; answers to others come too late.
    asked: Ticket,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The commit is durable.
    Durable,
    /// Nothing will ever be committed again.
    Fenced,
    /// It is not known yet.
    Open,
}

impl Appender {
    /// An appender that has just taken over.
    pub fn new(engine: EngineId, epoch: i64) -> Appender {
        Appender {
            engine,
            epoch,
            number: 0,
            pending: None,
            asked: Ticket(1),
        }
    }

    /// The engine's epoch.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Sends a commit. The one before is durable.
    pub fn append(&mut self, append: Append, env: &mut Environment) {
        self.pending = Some(Rc::new(append));
        self.send(env);
    }

    /// The journal has answered.
    pub fn answered(
        &mut self,
        ticket: Ticket,
        answer: &JournalAnswer,
        env: &mut Environment,
    ) -> Progress {
        if ticket != self.asked {
            return Progress::Open;
        }
        match answer {
            JournalAnswer::Durable => self.durable(),
            JournalAnswer::Fenced => Progress::Fenced,
            JournalAnswer::Rejoined(epoch, committed) => {
                self.epoch = *epoch;
                self.number = 0;
                if *committed {
                    return self.durable();
                }
                self.send(env);
                Progress::Open
            }
            JournalAnswer::Lost => {
                let doubt = (self.epoch, self.number);
                let lost = env.loses_commit();
                let request = JournalRequest::Rejoin {
                    epoch: self.epoch,
                    doubt,
                    answer_lost: lost,
                };
                self.ask(request, env);
                Progress::Open
            }
            JournalAnswer::Owned(_)
            | JournalAnswer::Tasks(..)
            | JournalAnswer::Found(..)
            | JournalAnswer::Texts(..) => Progress::Open,
        }
    }

    fn durable(&mut self) -> Progress {
        self.pending = None;
        Progress::Durable
    }

    fn send(&mut self, env: &mut Environment) {
        let Some(append) = &self.pending else {
            return;
        };
        self.number += 1;
        let request = JournalRequest::Append {
            epoch: self.epoch,
            number: self.number,
            append: Rc::clone(append),
            answer_lost: false,
        };
        if !env.loses_commit() {
            return self.ask(request, env);
        }
        match env.chance.below(3) {
            // It is durable, and the answer never comes.
            0 => self.ask(request.with_answer_lost(), env),
            // It never arrives.
            1 => self.lose_connection(env),
            // It arrives after the connection was given up, maybe after the engine has rejoined.
            _ => {
                self.lose_connection(env);
                let late = env.chance.duration(
                    std::time::Duration::from_micros(100),
                    std::time::Duration::from_secs(5),
                );
                let request = request.with_answer_lost();
                let happening = Happening::Journal(self.engine, self.asked, request);
                env.after(late, happening);
            }
        }
    }

    fn ask(&mut self, request: JournalRequest, env: &mut Environment) {
        self.asked.0 += 1;
        let wait = env.commit();
        env.after(wait, Happening::Journal(self.engine, self.asked, request));
    }

    fn lose_connection(&mut self, env: &mut Environment) {
        self.asked.0 += 1;
        env.lose_journal(self.engine, self.asked);
    }
}
