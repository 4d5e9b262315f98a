//! Waiting, connecting, and what ends a connection.

use std::time::Duration;

use super::{Effect, Phase, SILENCE, Session};
use End::{Broken, Refused, Unanswered, Useless};

/// How a connection ended, or did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It broke, or could not be made.
    Broken,
    /// Nothing was heard on it, or it is of no use.
    Useless,
    /// The engine did not answer the request for it.
    Unanswered,
    /// The engine answered, and does not want this worker.
    Refused,
}

impl Session {
    pub(super) fn lost(
        &mut self,
        now: Duration,
        reason: &str,
        end: End,
        effects: &mut Vec<Effect>,
    ) {
        if matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        // An engine that is away for a while is one line in the log, not one for each try.
        effects.extend(self.engines.lost(reason, end == Refused).map(Effect::Warn));
        match end {
            Refused => self.engines.rest_until(now + self.backoff.after_refusal()),
            Unanswered => self.engines.unanswered(now),
            Broken | Useless => {}
        }
        // Each engine is asked as often as a single one would be.
        let earliest = now + self.backoff.after_loss() / self.engines.count();
        // Whoever had a session when the connection broke has half a second to return to it.
        let returns = end == Broken && matches!(self.phase, Phase::Open(_));
        let until = if returns {
            earliest
        } else {
            self.engines.go_on(earliest)
        };
        self.phase = Phase::Waiting { until };
    }

    pub(super) fn drop_connection(
        &mut self,
        now: Duration,
        reason: &str,
        end: End,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Disconnect);
        self.lost(now, reason, end, effects);
    }

    pub(super) fn heard(&mut self, now: Duration) {
        if let Phase::Greeting(line) | Phase::Open(line) = &mut self.phase {
            line.heard_at = now;
        }
    }

    /// Drops a connection in which this process gave no sign of life for too long, before anything of it is read.
    pub(super) fn notice_freeze(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if let Phase::Greeting(line) | Phase::Open(line) = &self.phase
            && now >= line.pinged_at + SILENCE
        {
            let frozen = now - line.pinged_at;
            let reason = format!(
                "this process stood still for {frozen:.1?}, so the engine may have given it up, and what it sent since is \
                 unread"
            );
            self.drop_connection(now, &reason, Broken, effects);
        }
    }

    pub(super) fn pass_time(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Waiting { until } if now >= *until => {
                self.phase = Phase::Connecting {
                    until: now + self.engines.connect_timeout(),
                };
                effects.push(Effect::Connect(self.engines.current()));
            }
            Phase::Connecting { until } if now >= *until => {
                let patience = self.engines.connect_timeout().as_secs();
                let reason = format!("no connection within {patience} s");
                self.drop_connection(now, &reason, Unanswered, effects);
            }
            Phase::Greeting(line) | Phase::Open(line) => {
                if now >= line.heard_at + SILENCE {
                    let reason = format!(
                        "nothing was heard from the engine for {} s",
                        SILENCE.as_secs()
                    );
                    self.drop_connection(now, &reason, Useless, effects);
                } else if now >= line.pinged_at + line.heartbeat {
                    line.pinged_at = now;
                    effects.push(Effect::Ping);
                }
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Stopped => {}
        }
    }
}
