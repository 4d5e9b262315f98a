//! Tasks and texts that are not in memory: they are read, and what has waited for them goes on.

use std::sync::Arc;

use tasker_core::missed::Missed;
use tasker_core::store::{Absent, Wanted};
use tasker_core::worker::SessionId;
use tasker_core::{Event, TaskId, decide, fetch};
use tasker_protocol::frame::Fetch;

use super::calls::{Request, RequestId};
use super::commits::{Reply, Started};
use super::serving::Serving;
use crate::environment::Environment;
use crate::journal::{Stored, Ticket};
use crate::schedule::{Happening, JournalRequest};

/// What waits for texts that are being read.
#[derive(Debug)]
pub(super) enum Waiting {
    Dispatch(Started),
    Fetch(SessionId, Fetch),
}

/// What waits for a task that is being read.
#[derive(Debug)]
pub(super) enum Reading {
    Missed(Missed),
    Request(RequestId, Request),
    Time,
}

impl Serving {
    /// Has a task read that is not in memory; what waits for it is taken up again then.
    pub(super) fn read_task(&mut self, task: TaskId, waits: Reading, env: &mut Environment) {
        if self.readings.add(task, waits) {
            let request = JournalRequest::Find(task);
            let wait = env.commit();
            env.after(wait, Happening::Journal(self.id, Ticket(0), request));
        }
    }

    /// The task of what found it not in memory: that is repeated on it, or leads nowhere.
    pub(super) fn found(&mut self, id: TaskId, stored: Option<Stored>, env: &mut Environment) {
        let exists = stored.is_some();
        if let (None, Some(stored)) = (self.core.state().task(id), stored) {
            let rows = stored.rows.len() as u32;
            self.texts.restore(id, stored.texts(), rows);
            let restored = stored.restored(&env.workflows[&stored.created.template].graph);
            self.happen(&Event::Restored(Arc::new(restored)), None, env);
        }
        for waiting in self.readings.end(id) {
            match waiting {
                Reading::Missed(missed) if exists => {
                    self.happen(&missed.event, missed.texts.as_ref(), env);
                }
                Reading::Missed(missed) => {
                    let (session, attempt) = (missed.session, missed.attempt);
                    if matches!(missed.event, Event::Outcome { .. }) {
                        self.happen(&Event::Unknown { session, attempt }, None, env);
                    }
                }
                Reading::Request(id, request) => self.request(id, request, env),
                Reading::Time => {}
            }
        }
    }

    pub(super) fn read_texts(&mut self, wanted: Vec<Wanted>, env: &mut Environment) {
        let fails = env.loses_commit();
        let request = JournalRequest::Texts { wanted, fails };
        let wait = env.commit();
        env.after(wait, Happening::Journal(self.id, Ticket(0), request));
    }

    /// Goes on with what has waited for texts that are in memory now.
    pub(super) fn look_again(&mut self, env: &mut Environment) {
        let mut messages = Vec::new();
        for waiting in self.texts.ready() {
            match waiting {
                Waiting::Dispatch(started) if self.is_open(started) => {
                    let Started {
                        task,
                        step,
                        attempt,
                        ..
                    } = started;
                    let given = Event::Given {
                        task,
                        step,
                        attempt,
                    };
                    self.happen(&given, None, env);
                    self.dispatch(started, &mut messages, env);
                }
                Waiting::Dispatch(_) => {}
                Waiting::Fetch(session, fetch) => self.fetch(session, fetch),
            }
        }
        self.say(messages, env);
    }

    fn is_open(&self, started: Started) -> bool {
        let state = self.core.state();
        state.task(started.task).is_some_and(|task| {
            decide::is_open(state, started.session, task, started.step, started.attempt)
        })
    }

    pub(super) fn fetch(&mut self, session: SessionId, fetch: Fetch) {
        let task = fetch.task_uuid;
        let texts = self.texts.get(task);
        match fetch::answer(self.core.state(), texts, session, &fetch) {
            Ok(fetched) => self.core.hold(Reply::Fetched(session, fetched)),
            Err(slots) => {
                let absent = vec![Absent { task, slots }];
                self.texts.wait(absent, Waiting::Fetch(session, fetch));
            }
        }
    }
}
