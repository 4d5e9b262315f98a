//! Invariants of an engine's memory: what it keeps is compared with what follows from scratch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tasker_core::payload::Look;
use tasker_core::state::Idle;
use tasker_core::worker::Worker;
use tasker_core::{Change, Instance, Record, State, StepIndex, Task, TaskId, Time, waiting};
use tasker_protocol::api::StepState;
use tasker_protocol::frame::Dispatch;

use crate::engine::{Serving, View};
use crate::environment::Environment;
use crate::invariants::{Check, Violation, holds};
use crate::journal::Stored;
use crate::model::Model;

type Live = BTreeMap<Instance, BTreeSet<(TaskId, StepIndex)>>;

/// The open attempts of each worker, from the tasks alone.
fn live(state: &State) -> Live {
    let mut live = Live::new();
    for task in state.tasks() {
        for (index, step) in (0..).zip(&task.steps) {
            if let (StepState::InProgress, Some(worker)) = (step.state, &step.worker) {
                let live = live.entry(worker.instance).or_default();
                live.insert((task.id, index));
            }
        }
    }
    live
}

/// An engine's clock never goes back, whatever the journal's shows.
pub fn time_never_goes_back(before: Time, now: Time) -> Check {
    holds!(
        time_never_goes_back,
        now >= before,
        "an engine's clock showed {before:?}, then {now:?}"
    )
}

/// What holds of an engine's memory after each dispatch.
pub fn dispatched(state: &State, changes: &[Change]) -> Check {
    let live = live(state);
    workers_hold_what_is_open_with_them(state, &live)?;
    slots_are_not_exceeded(state, changes, &live)?;
    no_slot_is_free_for_a_ready_step(state, &live)
}

/// The attempts that a worker is thought to hold are those that are open with it.
pub fn workers_hold_what_is_open_with_them(state: &State, live: &Live) -> Check {
    let none = BTreeSet::new();
    let wrong = state
        .workers()
        .iter()
        .find(|(instance, worker)| worker.live != *live.get(instance).unwrap_or(&none));
    let missing = live
        .keys()
        .find(|instance| state.workers().get(**instance).is_none());
    holds!(
        workers_hold_what_is_open_with_them,
        wrong.is_none() && missing.is_none(),
        "{wrong:?} or {missing:?}, open are {live:?}"
    )
}

/// A dispatch carries what the journal alone gives for it.
pub fn dispatched_with(
    dispatch: &Dispatch,
    task: &Task,
    step: StepIndex,
    env: &Environment,
) -> Check {
    let stored = env.journal.task(task.id);
    let texts = stored.map(Stored::texts);
    let durable = texts.map(|texts| Look::new(&texts).dispatch(task, step, dispatch.attempt));
    let text = |dispatch: &Dispatch| serde_json::to_string(dispatch).unwrap_or_default();
    holds!(
        a_dispatch_carries_what_the_journal_has,
        durable.as_ref().map(text) == Some(text(dispatch)),
        "{dispatch:?} and not {durable:?}"
    )
}

/// No attempt starts with a worker that has no slot left for it.
pub fn slots_are_not_exceeded(state: &State, changes: &[Change], live: &Live) -> Check {
    for change in changes {
        if let Change::Recorded {
            record: Record::Started { instance, .. },
            ..
        } = change
        {
            let slots = state
                .workers()
                .get(*instance)
                .map_or(0, |worker| worker.slots);
            let held = live.get(instance).map_or(0, BTreeSet::len);
            holds!(
                slots_are_not_exceeded,
                held <= slots as usize,
                "worker {instance} was given {held} attempts and has {slots} slots"
            )?;
        }
    }
    Ok(())
}

/// Whether a worker has slots left for ready steps; those of attempts that the engine ended are taken for a while, and
/// one that has handed something back is given nothing for a while.
fn free(worker: &Worker, held: usize) -> bool {
    held + worker.revoked.len() < worker.slots as usize && worker.allows() > 0
}

/// After a dispatch no ready step waits while a worker that can run it has a slot free.
pub fn no_slot_is_free_for_a_ready_step(state: &State, live: &Live) -> Check {
    let mut ready = BTreeSet::new();
    for task in state.tasks() {
        for step in &task.steps {
            let node = task.graph.node(step.node);
            if step.state == StepState::Enqueued {
                ready.insert((&*task.graph.namespace, &*node.callable));
            }
        }
    }
    for (namespace, callable) in ready {
        for (instance, worker) in state.workers().iter() {
            let held = live.get(&instance).map_or(0, BTreeSet::len);
            holds!(
                no_slot_is_free_for_a_ready_step,
                !worker.can_run(namespace, callable) || !free(worker, held),
                "a step waits for {callable} in {namespace}, worker {instance} holds {held} of {} attempts",
                worker.slots
            )?;
        }
    }
    Ok(())
}

/// What a client is told is durable: the journal's records make the same of the task.
pub fn answered(view: Option<&View>, env: &Environment) -> Check {
    let Some(view) = view else {
        return Ok(());
    };
    let stored = env.journal.task(view.task);
    let durable = stored.map(|stored| {
        let graph = &env.workflows[&stored.created.template].graph;
        View::of(&stored.replay(graph, view.records))
    });
    holds!(
        an_answer_shows_only_what_is_durable,
        durable.as_ref().is_some_and(|durable| {
            durable.records == view.records
                && durable.steps.len() == view.steps.len()
                && durable
                    .steps
                    .iter()
                    .zip(&view.steps)
                    .all(|(durable, seen)| without_time(*durable) == without_time(*seen))
        }),
        "a client was shown {view:?}, durable is {durable:?}"
    )
}

/// The end of a back-off follows from the time and has no record.
fn without_time((state, attempts): (StepState, u32)) -> (StepState, u32) {
    match state {
        StepState::WaitingForRetry => (StepState::Enqueued, attempts),
        state => (state, attempts),
    }
}

/// An engine that has nothing uncommitted has in memory what recovery would make of the journal.
pub fn the_journal_alone_gives_the_same_state(serving: &Serving, env: &Environment) -> Check {
    let stored = env.journal.open_tasks();
    let mut recovered = State::default();
    for stored in &stored {
        let restored = stored.restored(&env.workflows[&stored.created.template].graph);
        recovered.evolve(&Change::Restored(Arc::new(restored)));
    }
    let live = serving.state();
    let now = serving.now(env);
    let normal = |task: &Task| {
        let mut steps = task.steps.clone();
        for step in &mut steps {
            if step.state == StepState::WaitingForRetry && step.ready_at <= now {
                step.state = StepState::Enqueued;
            }
        }
        (task.records, task.updated_at, steps)
    };
    let tasks = stored.iter().map(|stored| stored.task);
    let ids: BTreeSet<TaskId> = tasks.chain(live.tasks().map(|task| task.id)).collect();
    for id in ids {
        if let Some(idle) = live.idle(id) {
            let made = stored
                .iter()
                .find(|stored| stored.task == id)
                .map(|stored| {
                    let graph = &env.workflows[&stored.created.template].graph;
                    Idle::of(&stored.replay(graph, u64::MAX))
                });
            holds!(
                the_journal_alone_gives_the_same_state,
                live.task(id).is_none()
                    && made.is_some_and(|made| {
                        made.status == idle.status
                            && idle.next.is_none_or(|_| idle.next == made.next)
                    }),
                "task {id} is {idle:?} in memory, the journal makes {made:?}"
            )?;
            continue;
        }
        let (kept, made) = (live.task(id).map(normal), recovered.task(id).map(normal));
        holds!(
            the_journal_alone_gives_the_same_state,
            kept == made,
            "task {id} is {kept:?}, the journal makes {made:?}"
        )?;
    }
    Ok(())
}

/// A task is, step by step, what its records make of it by the letter of the semantics.
pub fn the_core_agrees_with_the_letter(stored: &Stored, env: &Environment) -> Check {
    let graph = &env.workflows[&stored.created.template].graph;
    let task = stored.replay(graph, u64::MAX);
    let steps = (0..).zip(&task.steps);
    let made: Vec<_> = steps
        .map(|(index, step)| {
            let (state, attempts) = without_time((step.state, step.attempts));
            (task.step_name(index).into_owned(), state, attempts)
        })
        .collect();
    let model = env.ledger.task(stored.task);
    let meant: Vec<_> = model
        .into_iter()
        .flat_map(|model| model.steps.iter().map(move |step| (model, step)))
        .map(|(model, step)| (step.name.clone(), model.state(step), step.attempts))
        .collect();
    let ended = model.is_some_and(Model::has_ended);
    holds!(
        the_core_agrees_with_the_letter,
        made == meant && task.has_ended() == ended,
        "task {} is {made:?} and should be {meant:?}",
        stored.task
    )
}

/// A task to which nothing will happen by itself has ended, or a step of it is in error.
pub fn a_settled_task_has_ended_or_failed(state: &State) -> Check {
    for task in state.tasks() {
        holds!(
            a_settled_task_has_ended_or_failed,
            !task.is_settled() || task.has_ended() || task.count(StepState::Error) > 0,
            "nothing will happen to task {}, and nothing failed in it",
            task.id
        )?;
    }
    Ok(())
}

/// Every step that is not done says why.
pub fn every_step_that_waits_says_why(state: &State) -> Check {
    for task in state.tasks() {
        for (index, step) in (0..).zip(&task.steps) {
            let reason = waiting::reason(state, task, index, |time| time.0.to_string(), None);
            let done = matches!(
                step.state,
                StepState::Complete | StepState::ResolvedManually | StepState::Cancelled
            );
            holds!(
                every_step_that_waits_says_why,
                done || reason
                    .is_some_and(|reason| !reason.is_empty() && !reason.ends_with("for ")),
                "step {index} of {} is {:?} and says nothing",
                task.id,
                step.state
            )?;
        }
    }
    Ok(())
}
