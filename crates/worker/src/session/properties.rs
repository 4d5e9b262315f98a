//! The session under any sequence of events: an engine that is right, a network that is not, handlers that end when
//! they like.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tests::{dispatch, outcome, profile, urls, welcome};
use super::*;

/// One thing that happens. Numbers choose among what is possible at that moment.
#[derive(Clone, Debug)]
enum Happening {
    Wait {
        ms: u64,
    },
    /// The process stands still for so long, and finds that the engine has sent something.
    Freeze {
        ms: u64,
    },
    ConnectionAnswers,
    ConnectionLost,
    Welcome,
    Reject,
    Dispatch,
    DispatchAgain(usize),
    Accept(usize),
    Cancel(usize),
    HandlerEnds(usize),
    Slots(u32),
    Drain,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0u64..8_000).prop_map(|ms| Happening::Wait { ms }),
        1 => (0u64..8_000).prop_map(|ms| Happening::Freeze { ms }),
        6 => Just(Happening::ConnectionAnswers),
        1 => Just(Happening::ConnectionLost),
        6 => Just(Happening::Welcome),
        1 => Just(Happening::Reject),
        9 => Just(Happening::Dispatch),
        2 => any::<usize>().prop_map(Happening::DispatchAgain),
        5 => any::<usize>().prop_map(Happening::Accept),
        2 => any::<usize>().prop_map(Happening::Cancel),
        6 => any::<usize>().prop_map(Happening::HandlerEnds),
        1 => (0u32..5).prop_map(Happening::Slots),
        1 => Just(Happening::Drain),
    ]
}

/// What is true of the outside world, against which the machine is held.
struct World {
    session: Session,
    now: Duration,
    link: Link,
    slots: u32,
    /// Given to a handler that has not ended.
    running: BTreeSet<AttemptRef>,
    /// Ended, and not accepted: whether its outcome was sent in this session.
    finished: BTreeMap<AttemptRef, bool>,
    /// Every attempt that a handler was given, ever.
    given: BTreeSet<AttemptRef>,
    returned: BTreeSet<AttemptRef>,
    cancelled: BTreeSet<AttemptRef>,
    dispatched: u128,
    /// The last message was `leaving`.
    left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    None,
    Opening,
    Greeted,
    Open,
}

impl World {
    fn new(slots: u32, seed: u64) -> Self {
        let mut world = Self {
            session: Session::new(profile(), urls(2), slots, seed),
            now: Duration::ZERO,
            link: Link::None,
            slots,
            running: BTreeSet::new(),
            finished: BTreeMap::new(),
            given: BTreeSet::new(),
            returned: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            dispatched: 0,
            left: false,
        };
        world.give(Input::Tick);
        world
    }

    fn happen(&mut self, happening: Happening) {
        if self.session.is_stopped() {
            return;
        }
        match happening {
            Happening::Wait { ms } => {
                let until = self.now + Duration::from_millis(ms);
                while let Some(deadline) = self.session.deadline()
                    && deadline <= until
                {
                    self.now = self.now.max(deadline);
                    self.give(Input::Tick);
                }
                self.now = until;
            }
            Happening::Freeze { ms } => {
                let frozen = Duration::from_millis(ms);
                self.now += frozen;
                self.give(Input::Heard);
                let may_read = frozen < SILENCE || matches!(self.link, Link::None | Link::Opening);
                assert!(may_read, "it would run what was given to others");
            }
            Happening::ConnectionAnswers if self.link == Link::Opening => {
                self.give(Input::Connected);
            }
            Happening::ConnectionLost if self.link != Link::None => {
                self.link = Link::None;
                self.give(Input::Lost {
                    reason: "reset".to_owned(),
                    refused: false,
                });
            }
            Happening::Welcome if self.link == Link::Greeted => {
                self.link = Link::Open;
                for sent in self.finished.values_mut() {
                    *sent = false;
                }
                self.receive(welcome());
            }
            Happening::Reject if self.link == Link::Greeted => {
                self.receive(EngineMessage::Rejected(Rejection {
                    code: ErrorCode::Unauthorized,
                    message: "no".to_owned(),
                }));
            }
            Happening::Dispatch if self.link == Link::Open => {
                self.dispatched += 1;
                let attempt = super::tests::attempt(self.dispatched);
                self.receive(dispatch(attempt));
                assert!(
                    self.given.contains(&attempt) != self.returned.contains(&attempt),
                    "a dispatch is either run or handed back"
                );
            }
            Happening::DispatchAgain(choice) if self.link == Link::Open => {
                if let Some(attempt) = self.held(choice) {
                    self.receive(dispatch(attempt));
                }
            }
            Happening::Accept(choice) if self.link == Link::Open => {
                let attempt = chosen(self.finished.keys(), choice);
                if let Some(attempt) = attempt {
                    assert!(self.finished[&attempt], "accepted before it was sent");
                    self.finished.remove(&attempt);
                    self.receive(EngineMessage::Accepted(vec![attempt]));
                }
            }
            Happening::Cancel(choice) if self.link == Link::Open => {
                if let Some(attempt) = self.held(choice) {
                    self.receive(EngineMessage::Cancel(attempt));
                }
            }
            Happening::HandlerEnds(choice) => {
                if let Some(attempt) = chosen(&self.running, choice) {
                    self.running.remove(&attempt);
                    self.finished.insert(attempt, false);
                    self.give(Input::Completed(vec![outcome(attempt)]));
                }
            }
            Happening::Slots(slots) => {
                self.slots = slots;
                self.give(Input::Slots(slots));
            }
            Happening::Drain => self.give(Input::Drain(Duration::from_secs(3_600))),
            _ => {}
        }
        self.check();
    }

    fn held(&self, choice: usize) -> Option<AttemptRef> {
        chosen(self.running.iter().chain(self.finished.keys()), choice)
    }

    fn receive(&mut self, message: EngineMessage) {
        self.give(Input::Received(message));
    }

    fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.session.handle(self.now, input, &mut effects);
        for effect in effects {
            assert!(!self.left, "{effect:?} after leaving");
            self.observe(effect);
        }
    }

    fn observe(&mut self, effect: Effect) {
        match effect {
            Effect::Connect(_) => {
                assert_eq!(self.link, Link::None, "a second connection");
                self.link = Link::Opening;
            }
            Effect::Disconnect => {
                assert_ne!(self.link, Link::None, "no connection to drop");
                self.link = Link::None;
            }
            Effect::Ping => assert!(matches!(self.link, Link::Greeted | Link::Open)),
            Effect::Send(WorkerMessage::Hello(hello)) => {
                assert_eq!(self.link, Link::Opening);
                self.link = Link::Greeted;
                let named: BTreeSet<_> = hello.running.iter().copied().collect();
                let held = self.running.iter().chain(self.finished.keys());
                assert_eq!(
                    named,
                    held.copied().collect(),
                    "the greeting names all held"
                );
                assert_eq!(hello.running.len(), named.len());
            }
            Effect::Send(message) => {
                assert_eq!(self.link, Link::Open, "{message:?} outside a session");
                self.sent(message);
            }
            Effect::Deliver(Message::Dispatch(dispatch)) => {
                let attempt = dispatch.attempt_ref();
                assert!(self.given.insert(attempt), "two handlers for one attempt");
                self.running.insert(attempt);
                assert!(self.running.len() <= self.slots as usize, "too many held");
            }
            Effect::Deliver(Message::Cancel(attempt)) => {
                assert!(self.running.contains(&attempt));
                assert!(self.cancelled.insert(attempt), "cancelled twice");
            }
            Effect::Fetched(_) => panic!("nobody asked for it"),
            Effect::Inform(_) | Effect::Warn(_) => {}
        }
    }

    fn sent(&mut self, message: WorkerMessage) {
        match message {
            WorkerMessage::Outcome(sent) => {
                let attempt = sent.attempt_ref();
                let results = sent
                    .results
                    .as_ref()
                    .map(|results| results.get().to_owned());
                assert_eq!(results, Some(attempt.step_uuid.as_u128().to_string()));
                let already = self.finished.insert(attempt, true);
                assert_eq!(
                    already,
                    Some(false),
                    "sent twice in one session, or unasked"
                );
            }
            WorkerMessage::Returned(attempt) => {
                assert!(!self.given.contains(&attempt), "handed back what is run");
                assert!(self.returned.insert(attempt));
            }
            WorkerMessage::Ready { slots } => assert!(slots <= self.slots),
            WorkerMessage::Leaving { .. } => self.left = true,
            WorkerMessage::Fetch(_) => panic!("nobody asked for it"),
            WorkerMessage::Hello(_) => unreachable!("handled by the caller"),
        }
    }

    fn check(&self) {
        assert_eq!(
            self.session.held(),
            self.running.len() + self.finished.len(),
            "nothing is forgotten before it is accepted"
        );
        if self.link == Link::Open {
            let unsent = self.finished.values().filter(|sent| !**sent).count();
            assert_eq!(unsent, 0, "every outcome is sent in every session");
        }
        if self.session.is_stopped() {
            assert_eq!(
                self.link == Link::Open,
                self.left,
                "leaving is told, if it can be"
            );
        } else {
            assert!(!self.left && self.session.deadline().is_some());
        }
    }

    /// From here on everything goes well: the worker must come to its end by itself.
    fn settle(&mut self) {
        self.happen(Happening::Drain);
        for _ in 0..1_000 {
            if self.session.is_stopped() {
                break;
            }
            match self.link {
                Link::None => self.happen(Happening::Wait { ms: 5_000 }),
                Link::Opening => self.happen(Happening::ConnectionAnswers),
                Link::Greeted => self.happen(Happening::Welcome),
                Link::Open if !self.running.is_empty() => self.happen(Happening::HandlerEnds(0)),
                Link::Open => self.happen(Happening::Accept(0)),
            }
        }
        assert!(self.session.is_stopped(), "the worker never drained");
        assert!(self.running.is_empty() && self.finished.is_empty());
    }
}

fn chosen<'a>(
    attempts: impl IntoIterator<Item = &'a AttemptRef>,
    choice: usize,
) -> Option<AttemptRef> {
    let attempts: Vec<_> = attempts.into_iter().collect();
    match attempts.len() {
        0 => None,
        count => Some(*attempts[choice % count]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_outcome_is_sent_until_accepted_and_no_attempt_runs_twice(
        slots in 0u32..5,
        seed in any::<u64>(),
        happenings in prop::collection::vec(happening(), 0..200),
    ) {
        let mut world = World::new(slots, seed);
        for happening in happenings {
            world.happen(happening);
        }
        world.settle();
    }
}
