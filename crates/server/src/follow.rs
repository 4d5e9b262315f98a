//! Following a task: its records, from the journal and then live, turned into events by a replica of the task.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tasker_core::engine::Part;
use tasker_core::history::{self, Transition};
use tasker_core::{Record, Task, view};
use tasker_protocol::api::TaskEvent;
use tasker_protocol::frame::Failure;

/// Commits to a task that a follower may be behind: one that is further behind is cut off.
pub const BEHIND: usize = 256;

/// What one commit added to a task, as far as events tell it.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The number of its first record, counted from 1 over the task's life.
    first: u64,
    /// The records, with the text of those that are failures.
    records: Vec<(Record, Option<Arc<str>>)>,
}

impl Followed {
    /// The records from number `first` on. `texts` are as many as each says.
    pub fn new(first: u64, records: Vec<Record>, texts: Vec<Arc<str>>) -> Followed {
        let mut texts = texts.into_iter();
        let records = records.into_iter().map(|record| {
            let own: Vec<Arc<str>> = texts.by_ref().take(record.texts()).collect();
            let is_failure = matches!(record, Record::Failed { .. });
            let failure = own.into_iter().next().filter(|_| is_failure);
            (record, failure)
        });
        Followed {
            first,
            records: records.collect(),
        }
    }
}

impl From<Part> for Followed {
    fn from(part: Part) -> Followed {
        Followed::new(part.first, part.records, part.texts)
    }
}

/// Where an event stands in its task's history: the record that made it, and its place among those it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    record: u64,
    place: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.record, self.place)
    }
}

/// A `Last-Event-ID` that no event of a task has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an event's id: send back the `id` of the last event that was read")]
pub struct NotAnEventId(String);

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<EventId, NotAnEventId> {
        text.split_once('-')
            .and_then(|(record, place)| {
                Some(EventId {
                    record: record.parse().ok()?,
                    place: place.parse().ok()?,
                })
            })
            .ok_or_else(|| NotAnEventId(text.to_owned()))
    }
}

/// A replica of a task that turns records into events.
pub struct Follower {
    replica: Task,
    after: Option<EventId>,
}

impl Follower {
    /// Follows a task from its creation; `task` has no records yet. Events up to `after` are left out.
    pub fn new(task: Task, after: Option<EventId>) -> (Follower, Vec<(EventId, TaskEvent)>) {
        let follower = Follower {
            replica: task,
            after,
        };
        let events = follower.events(0, &history::creation(&follower.replica), None);
        (follower, events)
    }

    /// The events of a commit; those of records that were seen before are left out.
    pub fn commit(&mut self, commit: &Followed) -> Vec<(EventId, TaskEvent)> {
        let mut events = Vec::new();
        for (number, (record, failure)) in (commit.first..).zip(&commit.records) {
            if number != self.replica.records + 1 {
                continue;
            }
            let transitions = history::follow(&mut self.replica, record);
            let error = match (record, failure) {
                (Record::Failed { .. }, Some(failure)) => serde_json::from_str::<Failure>(failure)
                    .ok()
                    .map(|failure| failure.message),
                (Record::Lost { .. }, _) => Some("the worker went away".to_owned()),
                (Record::TimedOut { .. }, _) => Some("the attempt took too long".to_owned()),
                (Record::Rejected { reason, .. }, _) => Some(reason.to_string()),
                _ => None,
            };
            events.extend(self.events(number, &transitions, error));
        }
        events
    }

    /// Whether no event will follow.
    pub fn has_ended(&self) -> bool {
        self.replica.has_ended()
    }

    fn events(
        &self,
        record: u64,
        transitions: &[Transition],
        error: Option<String>,
    ) -> Vec<(EventId, TaskEvent)> {
        let made_by_failure = |transition: &Transition| {
            let state = match transition {
                Transition::Step { state, .. } => *state,
                Transition::Task { .. } => return false,
            };
            use tasker_protocol::api::StepState::{Enqueued, Error, WaitingForRetry};
            matches!(state, Enqueued | Error | WaitingForRetry)
        };
        (0..)
            .zip(transitions)
            .map(|(place, transition)| {
                let error = error.clone().filter(|_| made_by_failure(transition));
                let event = view::event(&self.replica, transition, error);
                (EventId { record, place }, event)
            })
            .filter(|(id, _)| self.after.is_none_or(|after| *id > after))
            .collect()
    }
}
