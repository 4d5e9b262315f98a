//! A commit: what the journal is given, and what is let go once that is durable.

use std::sync::Arc;

use tasker_core::TaskId;
use tasker_core::engine::{Leaves, Release};
use tasker_journal::{self as journal, Append};
use tasker_protocol::frame::EngineMessage;

use super::replies::{Refused, Reply};
use super::{Engine, Error, Started};
use crate::batch;
use crate::follow::Followed;
use crate::traces;

impl Engine {
    /// What the journal is to append next. Who follows a task hears of it once it is durable.
    pub(super) fn seal(&mut self) -> Option<Append> {
        let commit = self.core.seal()?;
        self.commit_began = Some(self.clock.now());
        let append = batch::append(
            &commit,
            self.core.state(),
            &self.texts,
            &mut self.stored,
            &mut self.keys,
        );
        self.texts.sealed(&commit);
        self.refusals.sealed(&commit);
        for change in &append.changed {
            if let Some(ended) = self.ended(change.task_uuid) {
                self.reply(change.task_uuid, move || ended.send());
            }
        }
        for part in commit.tasks {
            match self.followers.get(&part.task) {
                Some(followers) if followers.receiver_count() == 0 => {
                    self.followers.remove(&part.task);
                }
                Some(followers) => {
                    let (task, followers) = (part.task, followers.clone());
                    let followed = Arc::new(Followed::from(part));
                    self.reply(task, move || drop(followers.send(followed)));
                }
                None => {}
            }
        }
        Some(append)
    }

    /// The span of a task, if it has ended.
    fn ended(&self, id: TaskId) -> Option<traces::Ended> {
        let (task, texts) = (self.core.state().task(id)?, self.texts.get(id)?);
        self.traces.ended(task, &texts.request)
    }

    pub(super) fn committed(&mut self, outcome: journal::AppendOutcome) -> Result<(), Error> {
        let again = self.refuse(outcome.refused);
        self.commit_began = None;
        self.texts.committed();
        self.refusals.committed();
        let released = self.core.committed();
        self.release(released);
        again.into_iter().try_for_each(|again| self.command(again))
    }

    pub(super) fn release(&mut self, released: Vec<Release<Reply>>) {
        for release in released {
            match release {
                Release::Welcome(session, welcome) => {
                    self.send(session, EngineMessage::Welcome(welcome));
                }
                Release::Cancel(session, attempt) => {
                    self.send(session, EngineMessage::Cancel(attempt));
                }
                Release::Accepted(session, attempts) => {
                    self.send(session, EngineMessage::Accepted(attempts));
                }
                Release::Dispatch {
                    session,
                    task,
                    step,
                    attempt,
                } => {
                    self.dispatch(Started {
                        session,
                        task,
                        step,
                        attempt,
                    });
                }
                Release::Reply(reply) => drop(reply.give(&Refused::new())),
                Release::Evict(task, leaves) => {
                    self.texts.remove(task);
                    self.stored.remove(&task);
                    self.refusals.forget(task);
                    if leaves == Leaves::Ended {
                        self.followers.remove(&task);
                    }
                }
            }
        }
    }
}
