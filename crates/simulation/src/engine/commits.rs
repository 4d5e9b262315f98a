//! A commit: what the journal is given, and what is let go once that is durable.

use tasker_core::engine::{Commit, Leaves, Release};
use tasker_core::worker::SessionId;
use tasker_core::{Event, StepIndex, TaskId, record};
use tasker_protocol::api::TaskStatus;
use tasker_protocol::frame::{EngineMessage, Fetched};

use super::calls::{self, RequestId, View};
use super::reading::Waiting;
use super::serving::Serving;
use crate::environment::Environment;
use crate::inspection;
use crate::journal::{Append, Created, Row};
use crate::trace::Note;

/// An attempt whose start is durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub session: SessionId,
    pub task: TaskId,
    pub step: StepIndex,
    pub attempt: u32,
}

/// An answer that is held back.
#[derive(Debug)]
pub(super) enum Reply {
    View(RequestId, View),
    Fetched(SessionId, Fetched),
}

impl Serving {
    pub(super) fn append(&self, commit: Commit) -> Append {
        let rows = commit.tasks.into_iter().filter_map(|part| {
            let task = self.core.state().task(part.task)?;
            let created = part.created.then(|| Created {
                template: task.graph.hash.clone(),
                priority: task.priority,
                at: task.created_at,
                context: self
                    .texts
                    .get(task.id)
                    .and_then(|texts| texts.payload.context())
                    .map_or_else(String::new, |context| context.get().to_owned()),
            });
            let (records, payload) = if part.records.is_empty() {
                (Vec::new(), String::new())
            } else {
                record::encode(&part.records, part.texts.iter().map(|text| &**text))
            };
            Some(Row {
                task: part.task,
                created,
                records,
                payload,
                ended: task.has_ended(),
                blocked: task.status() == TaskStatus::BlockedByFailures,
            })
        });
        Append {
            rows: rows.collect(),
        }
    }

    pub(super) fn release(&mut self, released: Vec<Release<Reply>>, env: &mut Environment) {
        let mut messages = Vec::new();
        for release in released {
            match release {
                Release::Welcome(session, welcome) => {
                    messages.push((session, EngineMessage::Welcome(welcome)));
                }
                Release::Cancel(session, attempt) => {
                    messages.push((session, EngineMessage::Cancel(attempt)));
                }
                Release::Accepted(session, attempts) => {
                    messages.push((session, EngineMessage::Accepted(attempts)));
                }
                Release::Dispatch {
                    session,
                    task,
                    step,
                    attempt,
                } => {
                    let started = Started {
                        session,
                        task,
                        step,
                        attempt,
                    };
                    self.dispatch(started, &mut messages, env);
                }
                Release::Reply(Reply::View(request, view)) => {
                    calls::answer(request, Some(view), env);
                }
                Release::Reply(Reply::Fetched(session, fetched)) => {
                    messages.push((session, EngineMessage::Fetched(fetched)));
                }
                Release::Evict(task, leaves) => {
                    self.texts.remove(task);
                    if leaves == Leaves::Idle {
                        env.note(Note::Rested(task));
                    }
                }
            }
        }
        self.say(messages, env);
    }

    pub(super) fn dispatch(
        &mut self,
        started: Started,
        messages: &mut Vec<(SessionId, EngineMessage)>,
        env: &mut Environment,
    ) {
        let Some(task) = self.core.state().task(started.task) else {
            return;
        };
        let dispatch = self.texts.look(started.task, |texts| {
            texts.dispatch(task, started.step, started.attempt)
        });
        match dispatch {
            Some(Ok(dispatch)) => {
                if env.journal.is_owner(self.id) {
                    let check = inspection::dispatched_with(&dispatch, task, started.step, env);
                    env.check(check);
                }
                let message = EngineMessage::Dispatch(Box::new(dispatch));
                messages.push((started.session, message));
            }
            Some(Err(absent)) => {
                let waiting = Waiting::Dispatch(started);
                self.texts.wait(vec![absent], waiting);
                let delayed = Event::Delayed {
                    task: started.task,
                    step: started.step,
                    attempt: started.attempt,
                };
                self.happen(&delayed, None, env);
            }
            None => {}
        }
    }
}
