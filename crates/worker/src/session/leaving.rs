//! The end of a session that drains or stops.

use std::time::Duration;

use tasker_protocol::frame::WorkerMessage;

use super::{Effect, Phase, Session};

impl Session {
    pub(super) fn leave_if_drained(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let Some(until) = self.draining else {
            return;
        };
        if !self.attempts.is_empty() {
            if until.is_none_or(|until| now < until) {
                return;
            }
            effects.push(Effect::Warn(format!(
                "leaving with {} attempts held",
                self.attempts.len()
            )));
        }
        match self.phase {
            Phase::Open(_) => effects.push(Effect::Send(WorkerMessage::Leaving {
                running: self.attempts.all(),
            })),
            Phase::Connecting { .. } | Phase::Greeting(_) => effects.push(Effect::Disconnect),
            Phase::Waiting { .. } | Phase::Stopped => {}
        }
        self.phase = Phase::Stopped;
    }
}
