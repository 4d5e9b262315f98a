//! The open session: attempts come, are cancelled and completed; their handlers ask for results.

use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{
    AttemptRef, Dispatch, Fetch, Fetched, Outcome, Rejection, WorkerMessage,
};

use super::attempts::Admission;
use super::{Effect, Message, Phase, Session};

impl Session {
    pub(super) fn dispatched(&mut self, dispatch: Box<Dispatch>, effects: &mut Vec<Effect>) {
        let attempt = dispatch.attempt_ref();
        match self.attempts.admit(attempt, self.capacity()) {
            Admission::Taken => effects.push(Effect::Deliver(Message::Dispatch(dispatch))),
            Admission::Duplicate => {}
            Admission::Full => {
                // First what is free: the engine offers the step again as soon as it has it back.
                self.offer(effects);
                effects.push(Effect::Send(WorkerMessage::Returned(attempt)));
            }
        }
    }

    pub(super) fn cancelled(&mut self, attempt: AttemptRef, effects: &mut Vec<Effect>) {
        if self.attempts.cancel(attempt) {
            effects.push(Effect::Deliver(Message::Cancel(attempt)));
        }
        // The engine may keep a slot back for what it cancels until it hears of the slots again.
        if let Phase::Open(line) = &mut self.phase {
            line.offered = None;
        }
    }

    pub(super) fn completed(&mut self, outcomes: Vec<Outcome>, effects: &mut Vec<Effect>) {
        for outcome in outcomes {
            let attempt = outcome.attempt_ref();
            let open = matches!(self.phase, Phase::Open(_));
            let unanswered = self.fetches.end(&attempt).into_iter();
            effects.extend(unanswered.map(|fetch| Effect::Fetched(ended(fetch))));
            let message = open.then(|| WorkerMessage::Outcome(outcome.clone()));
            if !self.attempts.finish(outcome) {
                effects.push(Effect::Warn(format!(
                    "attempt {} of step {} has no handler that runs: its outcome is dropped",
                    attempt.attempt, attempt.step_uuid
                )));
            } else if let Some(message) = message {
                effects.push(Effect::Send(message));
            }
        }
    }

    /// Attempts that the engine may have open with this worker at once. Those that it has cancelled are not open
    /// with it any more, but hold a slot here until their handlers end.
    pub(super) fn wanted(&self) -> u32 {
        self.capacity().saturating_sub(self.attempts.cancelled())
    }

    /// Attempts that it holds at once: none new while it drains, or is not ready and would fail what another worker can
    /// do.
    pub(crate) fn capacity(&self) -> u32 {
        if self.draining.is_some() || !self.profile.problems.is_empty() {
            0
        } else {
            self.slots
        }
    }

    /// Tells the engine the slots when they are other than it was last told.
    pub(super) fn offer(&mut self, effects: &mut Vec<Effect>) {
        let slots = self.wanted();
        if let Phase::Open(line) = &mut self.phase
            && line.offered != Some(slots)
        {
            line.offered = Some(slots);
            effects.push(Effect::Send(WorkerMessage::Ready { slots }));
        }
    }

    /// Asks the engine, now or in the next session; at once says what it would, if the attempt's handler has ended.
    pub(super) fn fetch(&mut self, fetch: Fetch, effects: &mut Vec<Effect>) {
        if !self.attempts.is_running(&fetch.attempt_ref()) {
            effects.push(Effect::Fetched(ended(fetch)));
        } else if self.fetches.add(&fetch) && matches!(self.phase, Phase::Open(_)) {
            effects.push(Effect::Send(WorkerMessage::Fetch(fetch)));
        }
    }

    pub(super) fn fetched(&mut self, fetched: Fetched, effects: &mut Vec<Effect>) {
        if self.fetches.answered(&fetched.fetch()) {
            effects.push(Effect::Fetched(fetched));
        }
    }
}

/// The answer to who asks for an attempt that has ended here.
fn ended(fetch: Fetch) -> Fetched {
    let message = format!(
        "attempt {} of step {} does not run here any more",
        fetch.attempt, fetch.step_uuid
    );
    Fetched {
        task_uuid: fetch.task_uuid,
        step_uuid: fetch.step_uuid,
        attempt: fetch.attempt,
        name: fetch.name,
        from: fetch.from,
        results: Vec::new(),
        next: None,
        error: Some(Rejection {
            code: ErrorCode::AttemptNotOpen,
            message,
        }),
    }
}
