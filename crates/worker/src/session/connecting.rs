//! Waiting, connecting, and what ends a connection.

use std::time::Duration;

use super::{CONNECT_TIMEOUT, Effect, Phase, SILENCE, Session};

impl Session {
    pub(super) fn lost(
        &mut self,
        now: Duration,
        reason: String,
        refused: bool,
        effects: &mut Vec<Effect>,
    ) {
        if matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        let wait = if refused {
            self.backoff.after_refusal()
        } else {
            self.backoff.after_loss()
        };
        // An engine that is away for a while is one line in the log, not one for each try.
        if self.trouble.as_ref() != Some(&reason) {
            effects.push(Effect::Warn(format!("no session: {reason}")));
        }
        self.trouble = Some(reason);
        self.refused = refused;
        self.phase = Phase::Waiting { until: now + wait };
    }

    pub(super) fn drop_connection(
        &mut self,
        now: Duration,
        reason: String,
        refused: bool,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Disconnect);
        self.lost(now, reason, refused, effects);
    }

    pub(super) fn heard(&mut self, now: Duration) {
        if let Phase::Greeting(line) | Phase::Open(line) = &mut self.phase {
            line.heard_at = now;
        }
    }

    pub(super) fn pass_time(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Waiting { until } if now >= *until => {
                self.phase = Phase::Connecting {
                    until: now + CONNECT_TIMEOUT,
                };
                effects.push(Effect::Connect);
            }
            Phase::Connecting { until } if now >= *until => {
                let reason = format!("no connection within {} s", CONNECT_TIMEOUT.as_secs());
                self.drop_connection(now, reason, false, effects);
            }
            Phase::Greeting(line) | Phase::Open(line) => {
                if now >= line.heard_at + SILENCE {
                    let reason = format!(
                        "nothing was heard from the engine for {} s",
                        SILENCE.as_secs()
                    );
                    self.drop_connection(now, reason, false, effects);
                } else if now >= line.ping_at {
                    line.ping_at = now + line.heartbeat;
                    effects.push(Effect::Ping);
                }
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } | Phase::Stopped => {}
        }
    }
}
