//! The open sessions: what their workers say, and what is sent to them.

use std::collections::VecDeque;
use std::sync::Arc;

use tasker_core::gateway::{self, Texts};
use tasker_core::worker::SessionId;
use tasker_core::{Event, Time};
use tasker_protocol::frame::EngineMessage;

use super::replies::Saw;
use super::{Engine, Started, Waiting};
use crate::admission::Share;
use crate::outbox::Outbox;

/// An open session.
pub(super) struct Open {
    pub outbox: Outbox,
    pub since: Time,
    /// Attempts that it is given once its worker has read more.
    pub behind: VecDeque<Started>,
}

impl Engine {
    /// Lets all workers go, which keep what they hold and name it wherever they come: another engine may have the tasks.
    pub(super) fn cut_off(&mut self) {
        if std::mem::replace(&mut self.is_cut_off, true) {
            return;
        }
        tracing::warn!(
            sessions = self.sessions.len(),
            "the lease ran out and is not renewed: workers' sessions are closed, so that they go where an engine has the \
             tasks"
        );
        self.happen(&Event::CutOff, None);
        self.sessions.clear();
    }

    /// Opens a session, in place of an earlier one of the same process.
    pub(super) fn open(&mut self, event: &Event, outbox: Outbox) {
        let Event::Opened { session, offer, .. } = event else {
            return;
        };
        if self.lease.is_cut_off() {
            return;
        }
        let worker = self.core.state().workers().get(offer.instance);
        let replaced = worker.and_then(|worker| worker.session);
        self.happen(event, None);
        // Otherwise a later session of the process is here already, and this one closes with its outbox.
        if self.core.state().workers().instance(*session).is_some() {
            if let Some(replaced) = replaced {
                self.sessions.remove(&replaced);
            }
            let since = self.clock.now();
            let open = Open {
                outbox,
                since,
                behind: VecDeque::new(),
            };
            self.sessions.insert(*session, open);
        }
    }

    /// Handles what a session's worker has said, or that the session has ended. The share is kept until what was said is
    /// durable, also where its task is read first.
    pub(super) fn said(&mut self, events: Vec<(Event, Option<Texts>)>, share: Option<&Arc<Share>>) {
        for (event, texts) in events {
            if let Event::Closed { session, .. } | Event::Left { session, .. } = &event {
                self.sessions.remove(session);
            }
            let (event, texts) = gateway::check_results(self.core.state(), event, texts);
            self.happen(&event, texts.as_ref());
            if let (Event::Outcome { attempt, .. } | Event::Logged { attempt, .. }, Some(share)) =
                (&event, share)
                && self.readings.has(attempt.task_uuid)
            {
                let share = Waiting::Share(Arc::clone(share));
                self.readings.add(attempt.task_uuid, share);
            }
        }
        if let Some(share) = share.cloned() {
            self.hold(Saw::Nothing, move |_| {
                drop(share);
                None
            });
        }
    }

    pub(super) fn send(&self, session: SessionId, message: EngineMessage) {
        if let Some(open) = self.sessions.get(&session) {
            open.outbox.send(message);
        }
    }
}
