//! Random loads: no slot stays free while a step is ready, and none goes to a step while one of higher effective priority
//! waits, as the definition has it: looked through step by step, without lanes and marks.

mod world;

use std::collections::HashMap;

use proptest::prelude::*;
use tasker_core::{StepIndex, TaskId, Time};
use tasker_protocol::api::StepState;
use world::World;

const SECOND: i64 = 1_000_000;

const SHAPES: &[&[(&str, &[&str])]] = &[
    &[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["c"])],
    &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])],
    &[("a", &[]), ("b", &[]), ("c", &[])],
];

#[derive(Clone, Debug)]
enum Act {
    Create { shape: usize, priority: i16 },
    Finish { nth: usize },
    Advance { millis: i64 },
    Slots { slots: u32 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..SHAPES.len(), -1..=1i16)
            .prop_map(|(shape, priority)| Act::Create { shape, priority }),
        10 => (0..8usize).prop_map(|nth| Act::Finish { nth }),
        3 => prop_oneof![0..1_500i64, 0..25_000i64].prop_map(|millis| Act::Advance { millis }),
        1 => (0..4u32).prop_map(|slots| Act::Slots { slots }),
    ]
}

/// A step with what its effective priority follows from.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    priority: i16,
    since: Time,
}

impl Waiting {
    fn effective_priority(self, now: Time) -> i64 {
        i64::from(self.priority) + (now.0 - self.since.0).div_euclid(10 * SECOND)
    }
}

/// What the definition says of the same load.
#[derive(Default)]
struct Model {
    world: World,
    tasks: Vec<TaskId>,
    /// When each task's turn began, and with what.
    turns: HashMap<TaskId, (Time, Waiting)>,
}

impl Model {
    /// All steps in a state.
    fn steps(&self, state: StepState) -> Vec<(TaskId, StepIndex)> {
        let steps = self.tasks.iter().flat_map(|id| {
            let task = self.world.task(*id);
            (0..task.steps.len() as StepIndex).map(|step| (*id, step))
        });
        steps
            .filter(|(task, step)| self.world.task(*task).step(*step).state == state)
            .collect()
    }

    fn perform(&mut self, act: &Act) {
        let running = self.steps(StepState::InProgress);
        let served: HashMap<TaskId, Time> = self
            .tasks
            .iter()
            .map(|id| (*id, self.world.task(*id).dispatched_at))
            .collect();
        let mut succeeded = None;
        match act {
            Act::Create { shape, priority } => {
                let task = self.world.create_with_priority(SHAPES[*shape], *priority);
                self.tasks.push(task);
            }
            Act::Finish { nth } => {
                let open = self.world.running(1);
                if let Some(open) = open.get(nth % open.len().max(1)) {
                    self.world.succeed(1, open.task, &open.step, open.attempt);
                    succeeded = Some(open.task);
                }
            }
            Act::Advance { millis } => self.world.now.0 += millis * 1000,
            Act::Slots { slots } => self.world.slots(1, *slots),
        }
        let mut started = self.steps(StepState::InProgress);
        started.retain(|step| !running.contains(step));
        self.check(&started, &served, succeeded);
    }

    fn check(
        &mut self,
        started: &[(TaskId, StepIndex)],
        served: &HashMap<TaskId, Time>,
        mut succeeded: Option<TaskId>,
    ) {
        let now = self.world.now;
        let waiting = self.steps(StepState::Enqueued);
        let worker = self.world.state.workers().iter().next();
        let free = worker.map_or(0, |(_, worker)| worker.free());
        assert!(waiting.is_empty() || free == 0, "a slot is free");
        let mut seen = HashMap::new();
        for (id, step) in started {
            let task = self.world.task(*id);
            let ready_at = task.step(*step).ready_at;
            // A task that starts two steps at once is served by the first.
            let served_at = *seen.get(id).or(served.get(id)).unwrap_or(&task.created_at);
            seen.insert(*id, now);
            let own = Waiting {
                priority: task.priority,
                since: ready_at.max(served_at),
            };
            let turn = self.turns.get(id).copied();
            let turn = turn.filter(|(began, _)| now.0 - began.0 <= SECOND);
            let goes_on =
                turn.filter(|_| ready_at == now && succeeded.take_if(|it| it == id).is_some());
            let priority = own.effective_priority(now);
            let priority = goes_on.map_or(priority, |(_, with)| {
                priority.max(with.effective_priority(now))
            });
            if turn.is_none() {
                self.turns.insert(*id, (now, own));
            }
            for (other, step) in &waiting {
                let task = self.world.task(*other);
                let other = Waiting {
                    priority: task.priority,
                    since: task.step(*step).ready_at.max(task.dispatched_at),
                };
                assert!(
                    other.effective_priority(now) <= priority,
                    "{other:?} waits, {own:?} was started"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slots_go_by_effective_priority(
        slots in 1..4u32,
        acts in prop::collection::vec(act(), 1..120),
    ) {
        let mut model = Model::default();
        model.world.connect(1, slots);
        for act in &acts {
            model.perform(act);
        }
    }
}
