//! The greeting of a new connection and its welcome.

use std::time::Duration;

use tasker_protocol::frame::{Hello, PROTOCOL_VERSIONS, Welcome, WorkerMessage};

use super::connecting::End;
use super::{Effect, FIRST_HEARTBEAT, LONGEST_HEARTBEAT, Line, Phase, Profile, Session};

impl Session {
    pub(super) fn connected(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        let slots = self.wanted();
        self.phase = Phase::Greeting(Line {
            heard_at: now,
            pinged_at: now,
            heartbeat: FIRST_HEARTBEAT,
            offered: Some(slots),
        });
        let Profile {
            worker_id,
            instance,
            language,
            version,
            namespaces,
            callables,
            mut templates,
            problems,
        } = self.profile.clone();
        if !problems.is_empty() {
            // An engine that does not know `not_ready` would register them.
            templates.clear();
        }
        self.greetings += 1;
        effects.push(Effect::Send(WorkerMessage::Hello(Hello {
            protocol: PROTOCOL_VERSIONS,
            worker_id,
            instance,
            greeting: self.greetings,
            language,
            version,
            namespaces,
            callables,
            templates,
            slots,
            running: self.attempts.all(),
            not_ready: problems,
        })));
    }

    pub(super) fn welcomed(&mut self, now: Duration, welcome: &Welcome, effects: &mut Vec<Effect>) {
        let [oldest, newest] = PROTOCOL_VERSIONS;
        if !(oldest..=newest).contains(&welcome.protocol) {
            let reason = format!(
                "the engine speaks version {} of the session protocol, this worker {oldest} to {newest}",
                welcome.protocol
            );
            return self.drop_connection(now, &reason, End::Refused, effects);
        }
        let known = self.epochs.highest();
        let holds = !self.attempts.is_empty();
        if !self.epochs.welcome(now, welcome.epoch, holds) {
            let reason = format!(
                "the engine of epoch {} was superseded by one of epoch {known}, whose attempts are held here",
                welcome.epoch
            );
            return self.drop_connection(now, &reason, End::Useless, effects);
        }
        let Phase::Greeting(line) = &self.phase else {
            return;
        };
        let heartbeat = Duration::from_millis(welcome.heartbeat_ms.max(1)).min(LONGEST_HEARTBEAT);
        self.phase = Phase::Open(Line {
            heard_at: now,
            pinged_at: line.pinged_at,
            heartbeat,
            offered: line.offered,
        });
        self.backoff.reset();
        self.engines.welcomed();
        effects.push(Effect::Inform(format!(
            "session open with {}, epoch {}, {} attempts held",
            self.engines.url(),
            welcome.epoch,
            self.attempts.len()
        )));
        let unaccepted = self.attempts.unaccepted().cloned();
        effects.extend(unaccepted.map(|outcome| Effect::Send(WorkerMessage::Outcome(outcome))));
        let unanswered = self.fetches.all().into_iter();
        effects.extend(unanswered.map(|fetch| Effect::Send(WorkerMessage::Fetch(fetch))));
    }
}
