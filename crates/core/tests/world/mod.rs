//! A world for the core: a clock, workers that answer when told to, and a journal of what was recorded.
#![allow(
    dead_code,
    reason = "each test binary uses a part of the world it shares"
)]

use std::sync::Arc;
use std::time::Duration;

use tasker_core::event::Verdict;
use tasker_core::graph::step_uuid;
use tasker_core::operator::{self, Action, Refusal};
use tasker_core::outcome::Success;
use tasker_core::task::Step;
use tasker_core::worker::{Offer, SessionId};
use tasker_core::{Change, Event, Graph, State, Task, TaskId, Time, decide, waiting};
use tasker_protocol::frame::{AttemptRef, Welcome};
use uuid::Uuid;

/// Everything around one engine.
#[derive(Default)]
pub struct World {
    pub state: State,
    pub now: Time,
    /// The random number that each decision is handed.
    pub random: u64,
    pub accepted: Vec<AttemptRef>,
    /// Attempts that the engine ended itself.
    pub revoked: Vec<AttemptRef>,
    /// Events that recorded something, each with the dispatch that followed: what a journal would commit.
    pub commits: usize,
    pub records: usize,
    journal: Vec<Change>,
    sessions: u64,
    tasks: u128,
}

/// An attempt that is open with a worker.
#[derive(Clone, Debug)]
pub struct Running {
    pub task: TaskId,
    pub step: String,
    pub attempt: u32,
}

impl PartialEq<(TaskId, &str, u32)> for Running {
    fn eq(&self, other: &(TaskId, &str, u32)) -> bool {
        (self.task, self.step.as_str(), self.attempt) == *other
    }
}

impl World {
    /// A world whose clock shows `now`.
    pub fn at(now: Time) -> World {
        World {
            now,
            ..World::default()
        }
    }

    pub fn happen(&mut self, event: Event) -> Vec<Change> {
        let before = self.records;
        let changes = self.decide(&event);
        self.decide(&Event::Dispatch);
        self.commits += usize::from(self.records > before);
        changes
    }

    fn decide(&mut self, event: &Event) -> Vec<Change> {
        let changes = decide(&self.state, event, self.now, self.random);
        for change in &changes {
            self.state.evolve(change);
            match change {
                Change::Created { .. } | Change::Recorded { .. } => {
                    self.records += 1;
                    self.journal.push(change.clone());
                }
                Change::Accepted { attempt, .. } => self.accepted.push(*attempt),
                Change::Revoked { attempt, .. } => self.revoked.push(*attempt),
                _ => {}
            }
        }
        changes
    }

    pub fn create(&mut self, steps: &[(&str, &[&str])]) -> TaskId {
        self.create_with_priority(steps, 0)
    }

    pub fn create_with_priority(&mut self, steps: &[(&str, &[&str])], priority: i16) -> TaskId {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, parents)| {
                let parents = parents.join(", ");
                format!(
                    "{{name: {name}, dependencies: [{parents}], handler: {{callable: call.{name}}}}}"
                )
            })
            .collect();
        let yaml = format!(
            "{{name: n, namespace_name: ns, version: 1.0.0, steps: [{}]}}",
            steps.join(", ")
        );
        self.create_task(&yaml, priority)
    }

    /// A task with these steps, written as `name: type <- parent, parent`, one a line; after a `|` comes what else the
    /// template says of the step.
    pub fn create_typed(&mut self, steps: &str) -> TaskId {
        self.create_typed_with("", steps)
    }

    /// The same, with more fields of the template.
    pub fn create_typed_with(&mut self, fields: &str, steps: &str) -> TaskId {
        self.create_typed_with_priority(fields, steps, 0)
    }

    pub fn create_typed_with_priority(
        &mut self,
        fields: &str,
        steps: &str,
        priority: i16,
    ) -> TaskId {
        let lines = steps.lines().map(str::trim).filter(|line| !line.is_empty());
        let steps: Vec<String> = lines
            .map(|line| {
                let (line, more) = line.split_once('|').unwrap_or((line, ""));
                let (name, rest) = line.split_once(':').expect("`name: type`");
                let (kind, parents) = rest.split_once("<-").unwrap_or((rest, ""));
                let more = if more.is_empty() { String::new() } else { format!(", {}", more.trim()) };
                format!(
                    "{{name: {}, type: {}, dependencies: [{}], handler: {{callable: call.{}}}{more}}}",
                    name.trim(), kind.trim(), parents.trim(), name.trim(),
                )
            })
            .collect();
        self.create_task(
            &format!(
                "{{name: n, namespace_name: ns, version: 1.0.0, {fields} steps: [{}]}}",
                steps.join(", ")
            ),
            priority,
        )
    }

    pub fn create_from(&mut self, yaml: &str) -> TaskId {
        self.create_task(yaml, 0)
    }

    fn create_task(&mut self, yaml: &str, priority: i16) -> TaskId {
        let document = tasker_template::parse(yaml, "test.yaml").expect("a valid template");
        let template = document.merged("production").expect("merges");
        let graph = Arc::new(Graph::new(&template, template.content_hash()));
        self.tasks += 1;
        let task = Uuid::from_u128(self.tasks);
        self.happen(Event::Create {
            task,
            graph,
            priority,
        });
        task
    }

    /// Connects a worker that has the callables `call.a` to `call.z` and those of words.
    pub fn connect(&mut self, worker: u64, slots: u32) {
        let names = ('a'..='z').map(String::from).chain(
            ["start", "left", "right", "end"]
                .into_iter()
                .map(String::from),
        );
        let callables: Vec<String> = names.map(|name| format!("call.{name}")).collect();
        let callables: Vec<&str> = callables.iter().map(String::as_str).collect();
        self.connect_with(worker, slots, "ns", &callables);
    }

    pub fn connect_with(&mut self, worker: u64, slots: u32, namespace: &str, callables: &[&str]) {
        let offer = Offer {
            instance: Uuid::from_u128(worker.into()),
            greeting: self.sessions + 1,
            worker_id: format!("worker-{worker}").into(),
            language: "rust".into(),
            version: "1.0.0".into(),
            namespaces: [namespace.to_owned()].into(),
            callables: callables.iter().map(|name| (*name).to_owned()).collect(),
            slots,
            running: Vec::new(),
            not_ready: Vec::new(),
        };
        self.open(offer);
    }

    /// Connects a worker with four slots that has `call.a` and is not ready.
    pub fn connect_unready(&mut self, worker: u64) {
        self.open(Offer {
            instance: Uuid::from_u128(worker.into()),
            greeting: self.sessions + 1,
            worker_id: format!("worker-{worker}").into(),
            language: "rust".into(),
            version: "1.0.0".into(),
            namespaces: ["ns".to_owned()].into(),
            callables: ["call.a".to_owned()].into(),
            slots: 4,
            running: Vec::new(),
            not_ready: vec!["call.b cannot be imported".to_owned()],
        });
    }

    /// Opens a new session of a worker that names what it runs; tells what it is to cancel.
    pub fn reconnect(
        &mut self,
        worker: u64,
        slots: u32,
        running: Vec<AttemptRef>,
    ) -> Vec<AttemptRef> {
        let offer = Offer {
            instance: Uuid::from_u128(worker.into()),
            greeting: self.sessions + 1,
            worker_id: format!("worker-{worker}").into(),
            language: "rust".into(),
            version: "1.0.0".into(),
            namespaces: ["ns".to_owned()].into(),
            callables: ('a'..='z').map(|name| format!("call.{name}")).collect(),
            slots,
            running,
            not_ready: Vec::new(),
        };
        self.open(offer)
    }

    fn open(&mut self, offer: Offer) -> Vec<AttemptRef> {
        self.sessions += 1;
        let changes = self.happen(Event::Opened {
            session: SessionId(self.sessions),
            offer: Arc::new(offer),
            welcome: Welcome {
                protocol: 1,
                epoch: 1,
                heartbeat_ms: 1000,
            },
        });
        changes
            .into_iter()
            .find_map(|change| match change {
                Change::Opened { stale, .. } => Some(stale),
                _ => None,
            })
            .expect("the session is open")
    }

    fn session(&self, worker: u64) -> SessionId {
        self.state
            .workers()
            .get(Uuid::from_u128(worker.into()))
            .and_then(|worker| worker.session)
            .expect("the worker is connected")
    }

    pub fn disconnect(&mut self, worker: u64, grace: bool) {
        let session = self.session(worker);
        self.happen(Event::Closed { session, grace });
    }

    pub fn leave(&mut self, worker: u64, running: Vec<AttemptRef>) {
        let session = self.session(worker);
        self.happen(Event::Left { session, running });
    }

    pub fn slots(&mut self, worker: u64, slots: u32) {
        let session = self.session(worker);
        self.happen(Event::Slots { session, slots });
    }

    pub fn attempt(&self, task: TaskId, step: &str, attempt: u32) -> AttemptRef {
        AttemptRef {
            task_uuid: task,
            step_uuid: step_uuid(task, step),
            attempt,
        }
    }

    pub fn outcome(
        &mut self,
        worker: u64,
        task: TaskId,
        step: &str,
        attempt: u32,
        verdict: Verdict,
    ) {
        let event = Event::Outcome {
            session: self.session(worker),
            attempt: self.attempt(task, step, attempt),
            verdict,
        };
        self.happen(event);
    }

    /// The success of a decision that names these steps.
    pub fn choose(&mut self, worker: u64, task: TaskId, step: &str, names: &[&str]) {
        let attempt = self.step(task, step).attempts;
        let success = Success {
            create_steps: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            batches: None,
        };
        self.outcome(worker, task, step, attempt, Verdict::Success(success));
    }

    /// The success of a batchable step with so many batches.
    pub fn split(&mut self, worker: u64, task: TaskId, step: &str, batches: u64) {
        let attempt = self.step(task, step).attempts;
        let success = Success {
            create_steps: None,
            batches: Some(batches),
        };
        self.outcome(worker, task, step, attempt, Verdict::Success(success));
    }

    /// Lets every attempt that is open with a worker succeed, until there is none.
    pub fn finish_all(&mut self, worker: u64) {
        while let Some(open) = self.running(worker).into_iter().next() {
            self.succeed(worker, open.task, &open.step, open.attempt);
        }
    }

    /// What an operator does to a step, or why it cannot be done.
    pub fn act(&mut self, task: TaskId, step: &str, action: Action) -> Result<(), Refusal> {
        let step = self.index(task, step);
        operator::act(self.task(task), step, &action, self.now)?;
        self.happen(Event::Act { task, step, action });
        Ok(())
    }

    pub fn cancel(&mut self, task: TaskId) -> Result<(), Refusal> {
        operator::cancel(self.task(task), self.now)?;
        self.happen(Event::Cancel { task });
        Ok(())
    }

    /// The names of a task's steps, in order.
    pub fn names(&self, task: TaskId) -> Vec<String> {
        let task = self.task(task);
        let steps = 0..task.steps.len() as u32;
        steps
            .map(|step| task.step_name(step).into_owned())
            .collect()
    }

    /// The names of a step's parents.
    pub fn parents(&self, task: TaskId, step: &str) -> Vec<&str> {
        let index = self.index(task, step);
        let task = self.task(task);
        let name = |node| task.graph.node(node).name.as_str();
        task.parents(index).map(name).collect()
    }

    pub fn index(&self, task: TaskId, name: &str) -> u32 {
        let task = self.task(task);
        let index = (0..task.steps.len() as u32).find(|step| task.step_name(*step) == name);
        index.unwrap_or_else(|| panic!("there is no step {name}"))
    }

    pub fn succeed(&mut self, worker: u64, task: TaskId, step: &str, attempt: u32) {
        self.outcome(
            worker,
            task,
            step,
            attempt,
            Verdict::Success(Success::default()),
        );
    }

    pub fn fail(&mut self, worker: u64, task: TaskId, step: &str, attempt: u32, retryable: bool) {
        let verdict = Verdict::Failure {
            retryable,
            retry_after_ms: None,
        };
        self.outcome(worker, task, step, attempt, verdict);
    }

    pub fn return_attempt(&mut self, worker: u64, task: TaskId, step: &str, attempt: u32) {
        let event = Event::Returned {
            session: self.session(worker),
            attempt: self.attempt(task, step, attempt),
        };
        self.happen(event);
    }

    /// The engine does nothing for a while, then goes on.
    pub fn freeze(&mut self, gap: Duration) {
        self.now = self.now + gap;
        self.happen(Event::Frozen { gap });
        self.happen(Event::Tick);
    }

    pub fn advance(&mut self, duration: Duration) {
        self.advance_to(self.now + duration);
    }

    pub fn advance_to(&mut self, now: Time) {
        self.now = now;
        self.happen(Event::Tick);
    }

    /// The attempts that are open with a worker, by task and step.
    pub fn running(&self, worker: u64) -> Vec<Running> {
        let worker = self.state.workers().get(Uuid::from_u128(worker.into()));
        worker
            .into_iter()
            .flat_map(|worker| &worker.live)
            .map(|(task, step)| {
                let task = self.task(*task);
                Running {
                    task: task.id,
                    step: task.step_name(*step).into_owned(),
                    attempt: task.step(*step).attempts,
                }
            })
            .collect()
    }

    pub fn task(&self, task: TaskId) -> &Task {
        self.state.task(task).expect("the task is in memory")
    }

    pub fn step(&self, task: TaskId, name: &str) -> &Step {
        self.task(task).step(self.index(task, name))
    }

    pub fn reason(&self, task: TaskId, name: &str) -> String {
        let index = self.index(task, name);
        let rfc3339 = |time: Time| time.0.to_string();
        waiting::reason(&self.state, self.task(task), index, rfc3339, None).expect("a reason")
    }

    /// Another engine, made from what the first recorded and nothing else.
    pub fn recover(self) -> World {
        let mut world = World {
            now: self.now,
            sessions: self.sessions,
            tasks: self.tasks,
            ..World::default()
        };
        for change in &self.journal {
            world.state.evolve(change);
        }
        world.journal = self.journal;
        world.happen(Event::Recovered);
        world
    }
}
