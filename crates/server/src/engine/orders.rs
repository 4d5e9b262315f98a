//! What people want done to a task: the core says whether it can be, and the answer waits until it is durable.

use tasker_core::gateway::Texts;
use tasker_core::operator::Action;
use tasker_core::{Event, TaskId, order, view};
use tasker_protocol::api;
use tasker_protocol::error::ErrorDetail;
use uuid::Uuid;

use super::{Engine, Waiting};
use crate::command::{Command, Order, What};

impl Engine {
    /// Carries an order out, after its task was read if that is not in memory.
    pub(super) fn order(&mut self, order: Order) {
        if self.core.state().task(order.task).is_some() {
            self.obey(order);
        } else {
            self.read(order.task, Waiting::Order(order));
        }
    }

    /// Carries an order out, if its task is in memory, once what the answer shows is too.
    pub(super) fn obey(&mut self, order: Order) {
        let id = order.task;
        let shown = match &order.what {
            What::Cancel { .. } => self.task(id).map(|task| task.map(drop)),
            What::Act { step_uuid, .. } => self.view(id, |state, task, texts| {
                let step = task.find(*step_uuid);
                step.map(|step| view::step(state, task, texts, step));
            }),
        };
        if let Some(Err(absent)) = shown {
            return self.later(vec![absent], Command::Order(order));
        }
        match order.what {
            What::Cancel { reply } => {
                let answer = self.cancel(id);
                self.obeyed(id, answer, reply);
            }
            What::Act {
                step_uuid,
                action,
                texts,
                share,
                reply,
            } => {
                let answer = self.act(id, step_uuid, action, &texts);
                self.reply(id, move || drop(share));
                self.obeyed(id, answer, reply);
            }
        }
    }

    fn cancel(&mut self, id: TaskId) -> Option<Result<api::Task, ErrorDetail>> {
        let task = self.core.state().task(id)?;
        if let Err(refused) = order::check_cancel(task, self.clock.now()) {
            return Some(Err(refused));
        }
        self.happen(&Event::Cancel { task: id }, None);
        self.task(id)?.ok().map(Ok)
    }

    fn act(
        &mut self,
        id: TaskId,
        step_uuid: Uuid,
        action: Action,
        texts: &Texts,
    ) -> Option<Result<api::Step, ErrorDetail>> {
        let task = self.core.state().task(id)?;
        let step = match order::check(task, step_uuid, &action, texts, self.clock.now()) {
            Ok(step) => step,
            Err(refused) => return Some(Err(refused)),
        };
        let event = Event::Act {
            task: id,
            step,
            action,
        };
        self.happen(&event, Some(texts));
        let shown = self.view(id, |state, task, texts| {
            view::step(state, task, texts, step)
        });
        shown?.ok().map(Ok)
    }
}
