//! What is made of tasks and their texts: answers to callers, dispatches, results that were left out. Where texts are
//! not in memory, it is made once they are.

use tasker_core::payload::Look;
use tasker_core::state::Idle;
use tasker_core::store::Absent;
use tasker_core::texts::TaskTexts;
use tasker_core::worker::SessionId;
use tasker_core::{Event, State, StepIndex, Task, TaskId, decide, fetch, order, view};
use tasker_protocol::api;
use tasker_protocol::error::ErrorDetail;
use tasker_protocol::frame::{Dispatch, EngineMessage, Fetch};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::replies::Saw;
use super::{Engine, Error, Started, Waiting, WaitingForTexts};
use crate::command::{Command, NewTask, Obeyed};
use crate::outbox::Reserved;

type ShownStep = Option<Result<(api::Step, u64), ErrorDetail>>;

impl Engine {
    pub(super) fn create(&mut self, new: NewTask, wait: bool, reply: Obeyed<api::Task>) {
        let id = self.add(new);
        if wait {
            self.wait(id, reply);
        } else {
            self.show(id, false, reply);
        }
    }

    pub(super) fn create_many(
        &mut self,
        new: Vec<NewTask>,
        reply: oneshot::Sender<Vec<Result<api::Task, ErrorDetail>>>,
    ) {
        let ids: Vec<TaskId> = new.into_iter().map(|new| self.add(new)).collect();
        // What has just come is in memory.
        let tasks = ids
            .iter()
            .filter_map(|id| self.task(*id)?.ok())
            .collect::<Vec<_>>();
        self.hold(Saw::Tasks(ids), move |refused| {
            let tasks = tasks.into_iter();
            let tasks = tasks.map(|task| match refused.get(&task.task_uuid) {
                Some(refused) => Err(refused.error.clone()),
                None => Ok(task),
            });
            drop(reply.send(tasks.collect()));
            None
        });
    }

    fn add(&mut self, new: NewTask) -> TaskId {
        let texts = TaskTexts::new(new.request, new.context);
        self.texts.create(new.id, texts);
        if let Some(key) = new.key {
            self.keys.insert(new.id, key);
        }
        let event = Event::Create {
            task: new.id,
            graph: new.graph,
            priority: new.priority,
        };
        self.happen(&event, None);
        let until_durable = new.until_durable;
        self.reply(new.id, move || drop(until_durable));
        new.id
    }

    pub(super) fn show(&mut self, id: TaskId, wait: bool, reply: Obeyed<api::Task>) {
        let state = self.core.state();
        let task = state.task(id).map(|task| !task.is_settled());
        let idle = state.idle(id).map(Idle::goes_on);
        if wait && task.or(idle) == Some(true) {
            return self.wait(id, reply);
        }
        match self.task(id).transpose() {
            Ok(task) => self.hold(Saw::Task(id), move |refused| {
                let answer = match refused.get(&id) {
                    None => task.map(Ok),
                    Some(refused) if !refused.is_created => Some(Err(refused.error.clone())),
                    Some(_) => {
                        return Some(Command::Task {
                            task: id,
                            wait,
                            reply,
                        });
                    }
                };
                drop(reply.send(answer));
                None
            }),
            Err(absent) => self.later(
                vec![absent],
                Command::Task {
                    task: id,
                    wait,
                    reply,
                },
            ),
        }
    }

    pub(super) fn show_many(&mut self, ids: Vec<TaskId>, reply: oneshot::Sender<Vec<api::Task>>) {
        let (mut tasks, mut absent) = (Vec::new(), Vec::new());
        for task in ids.iter().filter_map(|id| self.task(*id)) {
            match task {
                Ok(task) => tasks.push(task),
                Err(missing) => absent.push(missing),
            }
        }
        if absent.is_empty() {
            let saw = Saw::Tasks(ids.clone());
            self.answer(saw, tasks, reply, |reply| Command::Tasks {
                tasks: ids,
                reply,
            });
        } else {
            self.later(absent, Command::Tasks { tasks: ids, reply });
        }
    }

    pub(super) fn show_steps(
        &mut self,
        id: TaskId,
        from: StepIndex,
        limit: usize,
        reply: oneshot::Sender<Option<api::StepPage>>,
    ) {
        let page = self.view(id, |state, task, texts| {
            view::steps(state, task, texts, from, limit)
        });
        match page.transpose() {
            Ok(page) => self.answer(Saw::Task(id), page, reply, move |reply| Command::Steps {
                task: id,
                from,
                limit,
                reply,
            }),
            Err(absent) => self.later(
                vec![absent],
                Command::Steps {
                    task: id,
                    from,
                    limit,
                    reply,
                },
            ),
        }
    }

    pub(super) fn show_step(
        &mut self,
        id: TaskId,
        step_uuid: Uuid,
        reply: oneshot::Sender<ShownStep>,
    ) {
        let step = self.view(id, |state, task, texts| match task.find(step_uuid) {
            Some(step) => Ok((view::step(state, task, texts, step), task.records)),
            None => Err(order::no_step(id, step_uuid)),
        });
        match step.transpose() {
            Ok(step) => self.answer(Saw::Task(id), step, reply, move |reply| Command::Step {
                task: id,
                step_uuid,
                reply,
            }),
            Err(absent) => self.later(
                vec![absent],
                Command::Step {
                    task: id,
                    step_uuid,
                    reply,
                },
            ),
        }
    }

    /// Answers when the task settles. Who asked may have gone meanwhile: such calls are forgotten by and by.
    fn wait(&mut self, task: TaskId, reply: Obeyed<api::Task>) {
        if self.stopping {
            return self.show(task, false, reply);
        }
        let waiters = self.waiters.entry(task).or_default();
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.push(reply);
    }

    pub(super) fn task(&mut self, id: TaskId) -> Option<Result<api::Task, Absent>> {
        self.view(id, view::task)
    }

    /// What `show` makes of a task that is in memory, or which texts that needs that are not.
    pub(super) fn view<T>(
        &mut self,
        id: TaskId,
        show: impl FnOnce(&State, &Task, &Look<'_>) -> T,
    ) -> Option<Result<T, Absent>> {
        let state = self.core.state();
        let task = state.task(id)?;
        self.texts.look(id, |texts| show(state, task, texts))
    }

    /// Has texts read; then the command is carried out.
    pub(super) fn later(&mut self, absent: Vec<Absent>, command: Command) {
        self.texts.wait(absent, WaitingForTexts::Command(command));
    }

    /// Goes on with what has waited for texts that are in memory now.
    pub(super) fn look_again(&mut self) -> Result<(), Error> {
        for waiting in self.texts.ready() {
            match waiting {
                WaitingForTexts::Dispatch(started) => self.go_on(started),
                WaitingForTexts::Command(command) => self.command(command)?,
            }
        }
        Ok(())
    }

    fn is_open(&self, started: Started) -> bool {
        let state = self.core.state();
        state.task(started.task).is_some_and(|task| {
            decide::is_open(state, started.session, task, started.step, started.attempt)
        })
    }

    /// Gives a worker an attempt, once it has read enough of what it was given before.
    pub(super) fn dispatch(&mut self, started: Started) {
        match self.sessions.get_mut(&started.session) {
            Some(open) if open.outbox.is_full() => {
                open.behind.push_back(started);
                self.delayed(started);
            }
            Some(_) => self.give(started),
            // The attempt ends with its session.
            None => {}
        }
    }

    /// Goes on with the attempts of workers that have read more meanwhile; each beat of the engine's pulse looks for them.
    pub(super) fn catch_up(&mut self) {
        let sessions = self.sessions.iter();
        let behind = sessions.filter(|(_, open)| !open.behind.is_empty());
        let behind: Vec<SessionId> = behind.map(|(session, _)| *session).collect();
        for session in behind {
            while let Some(open) = self.sessions.get_mut(&session)
                && !open.outbox.is_full()
                && let Some(started) = open.behind.pop_front()
            {
                self.go_on(started);
            }
        }
    }

    /// Gives a worker an attempt that has waited, if it is still open.
    fn go_on(&mut self, started: Started) {
        let Started {
            session,
            task,
            step,
            attempt,
        } = started;
        if self.is_open(started) {
            let given = Event::Given {
                task,
                step,
                attempt,
            };
            self.happen(&given, None);
            self.dispatch(started);
        } else {
            // The engine has ended the attempt, its worker is gone, or its task was refused: it was never given to a
            // handler.
            self.refusals.ungiven(task, session, step, attempt);
        }
    }

    fn delayed(&mut self, started: Started) {
        let Started {
            task,
            step,
            attempt,
            ..
        } = started;
        let delayed = Event::Delayed {
            task,
            step,
            attempt,
        };
        self.happen(&delayed, None);
    }

    /// Gives a worker an attempt, once its texts are in memory.
    fn give(&mut self, started: Started) {
        let Started {
            session,
            task: id,
            step,
            attempt,
        } = started;
        let state = self.core.state();
        let Some(task) = state.task(id) else {
            return;
        };
        let traces = &self.traces;
        let dispatch = self.texts.look(id, |texts| Dispatch {
            traceparent: traces.parent_of_attempts(task, texts.request()),
            ..texts.dispatch(task, step, attempt)
        });
        match dispatch {
            Some(Ok(dispatch)) => self.send(session, EngineMessage::Dispatch(Box::new(dispatch))),
            Some(Err(absent)) => {
                let waiting = WaitingForTexts::Dispatch(started);
                self.texts.wait(vec![absent], waiting);
                self.delayed(started);
            }
            None => {}
        }
    }

    pub(super) fn fetch(&mut self, session: SessionId, fetch: Fetch, reserved: Reserved) {
        let Some(open) = self.sessions.get(&session) else {
            return;
        };
        let (outbox, task) = (open.outbox.clone(), fetch.task_uuid);
        if self.core.state().task(task).is_none() && self.refusals.contains(task) {
            return self.read(task, Waiting::Fetch(session, fetch, reserved));
        }
        let texts = self.texts.get(task);
        match fetch::answer(self.core.state(), texts, session, &fetch) {
            Ok(fetched) => self.hold(Saw::Task(task), move |refused| {
                if !refused.is_empty() {
                    return Some(Command::Fetch {
                        session,
                        fetch,
                        reserved,
                    });
                }
                outbox.answer(EngineMessage::Fetched(fetched), reserved);
                None
            }),
            Err(slots) => self.later(
                vec![Absent { task, slots }],
                Command::Fetch {
                    session,
                    fetch,
                    reserved,
                },
            ),
        }
    }

    pub(super) fn workers(&self) -> Vec<api::Worker> {
        let workers = self.core.state().workers().iter();
        let mut workers: Vec<api::Worker> = workers
            .filter_map(|(_, worker)| {
                let open = self.sessions.get(&worker.session?)?;
                Some(view::worker(worker.offer.as_ref()?, worker, open.since))
            })
            .collect();
        workers.sort_by(|a, b| (&a.worker_id, a.instance).cmp(&(&b.worker_id, b.instance)));
        workers
    }
}
