//! Tasks that are not in memory: they are read again, and what has waited for them goes on.

use tasker_core::{Event, TaskId};

use super::{Engine, Waiting};
use crate::batch;
use crate::command::Loaded;

impl Engine {
    /// Has a task read that is not in memory; what waits for it is taken up again then.
    pub(super) fn read(&mut self, task: TaskId, waits: Waiting) {
        if self.readings.add(task, waits) {
            // The reader ends only with the engine.
            let _ = self.readers.tasks.send(task);
        }
    }

    /// The task of what found it not in memory: that is repeated on it, or leads nowhere.
    pub(super) fn found(&mut self, id: TaskId, loaded: Option<Box<Loaded>>) {
        let exists = loaded.is_some();
        if let (None, Some(loaded)) = (self.core.state().task(id), loaded) {
            self.texts.restore(id, loaded.texts, loaded.rows);
            self.happen(&Event::Restored(loaded.restored), None);
            if let Some(task) = self.core.state().task(id) {
                self.stored.insert(id, batch::stored_status(task));
            }
            self.resume(id);
        }
        if !exists {
            for (session, attempt) in self.refusals.forget(id) {
                self.happen(&Event::Unknown { session, attempt }, None);
            }
        }
        for waiting in self.readings.end(id) {
            match waiting {
                Waiting::Outcome(missed) if exists => {
                    self.happen(&missed.event, missed.texts.as_ref());
                }
                Waiting::Outcome(missed) => {
                    let (session, attempt) = (missed.session, missed.attempt);
                    if matches!(missed.event, Event::Outcome { .. }) {
                        self.happen(&Event::Unknown { session, attempt }, None);
                    }
                }
                Waiting::Order(order) => self.obey(order),
                Waiting::Fetch(session, fetch, reserved) => self.fetch(session, fetch, reserved),
                // What is due follows by itself.
                Waiting::Time => {}
                Waiting::Share(share) => self.reply(id, move || drop(share)),
            }
        }
    }

    /// Makes good on a task what was lost with it when the journal refused it.
    fn resume(&mut self, id: TaskId) {
        let Some(task) = self.core.state().task(id) else {
            return;
        };
        let resumed = self.refusals.resume(task, self.core.state());
        for session in resumed.close {
            self.sessions.remove(&session);
        }
        for (event, texts) in resumed.events {
            self.happen(&event, texts.as_ref());
        }
    }
}
