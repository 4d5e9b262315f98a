//! A commit of which the journal has refused one task's part.

use tasker_protocol::frame::AttemptRef;

use super::{Batch, Engine, Held, Release};
use crate::state::Idle;
use crate::worker::SessionId;
use crate::{Change, TaskId, Time};

/// What was held back for a task and is not released.
#[derive(Debug)]
pub struct Dropped<R> {
    /// Outcomes that were to be acknowledged.
    pub outcomes: Vec<(SessionId, AttemptRef)>,
    /// What the shell held back.
    pub replies: Vec<R>,
}

impl<R> Engine<R> {
    /// The journal has refused what the commit in flight adds to a task; to be called before [`Engine::committed`]. The
    /// task leaves the state, and with it what was decided of it meanwhile and whatever rests on that. It is to be read
    /// `again` at a time; never when it is its creation that was refused. `saw` tells the answers that rest on the task.
    pub fn refused(
        &mut self,
        task: TaskId,
        again: Option<Time>,
        saw: impl Fn(&R) -> bool,
    ) -> Dropped<R> {
        self.state.evolve(&match again {
            Some(again) => Change::Rested {
                task,
                idle: Idle::refused(again),
            },
            None => Change::Evicted { task },
        });
        self.open.forget(task);
        let mut dropped = Dropped {
            outcomes: Vec::new(),
            replies: Vec::new(),
        };
        for held in self.in_flight.iter_mut().chain([&mut self.open.held]) {
            held.drop_those_of(task, &saw, &mut dropped);
        }
        dropped
    }
}

impl<R> Batch<R> {
    fn forget(&mut self, task: TaskId) {
        if self.places.contains_key(&task) {
            self.commit.tasks.retain(|part| part.task != task);
            let parts = self.commit.tasks.iter().enumerate();
            self.places = parts.map(|(place, part)| (part.task, place)).collect();
        }
    }
}

impl<R> Held<R> {
    fn drop_those_of(&mut self, id: TaskId, saw: impl Fn(&R) -> bool, dropped: &mut Dropped<R>) {
        self.accepted.retain(|session, attempts| {
            let own = attempts.extract_if(.., |attempt| attempt.task_uuid == id);
            dropped
                .outcomes
                .extend(own.map(|attempt| (*session, attempt)));
            !attempts.is_empty()
        });
        let own = self.releases.extract_if(.., |release| match release {
            Release::Cancel(_, attempt) => attempt.task_uuid == id,
            Release::Dispatch { task, .. } | Release::Evict(task, _) => *task == id,
            Release::Reply(reply) => saw(reply),
            Release::Welcome(..) | Release::Accepted(..) => false,
        });
        dropped
            .replies
            .extend(own.filter_map(|release| match release {
                Release::Reply(reply) => Some(reply),
                _ => None,
            }));
    }
}
