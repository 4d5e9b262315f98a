//! The commands: who carries out which, and the answers that need nothing else.

use std::sync::Arc;

use tasker_core::TaskId;
use tokio::sync::{broadcast, oneshot};

use super::replies::Saw;
use super::{Engine, Error};
use crate::command::Command;
use crate::follow::{BEHIND, Followed};

impl Engine {
    pub(super) fn command(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Open { .. } | Command::Session { .. } | Command::Fetch { .. }
                if self.stopping => {}
            Command::Create { task, wait, reply } => self.create(*task, wait, reply),
            Command::CreateMany { tasks, reply } => self.create_many(tasks, reply),
            Command::Task { task, wait, reply } => self.show(task, wait, reply),
            Command::Tasks { tasks, reply } => self.show_many(tasks, reply),
            Command::Steps {
                task,
                from,
                limit,
                reply,
            } => self.show_steps(task, from, limit, reply),
            Command::Step {
                task,
                step_uuid,
                reply,
            } => self.show_step(task, step_uuid, reply),
            Command::Follow { task, reply } => self.follow(task, reply),
            Command::Workers { reply } => {
                let workers = self.workers();
                self.answer(Saw::All, workers, reply, |reply| Command::Workers { reply });
            }
            Command::Open { event, outbox } => self.open(&event, outbox),
            Command::Session { events, share } => self.said(events, share.as_ref()),
            Command::Fetch {
                session,
                fetch,
                reserved,
            } => self.fetch(session, fetch, reserved),
            Command::Order(order) => self.order(order),
            Command::Found { task, loaded } => self.found(task, loaded),
            Command::Texts(texts) => self.texts.found(&texts)?,
        }
        Ok(())
    }

    fn follow(
        &mut self,
        task: TaskId,
        reply: oneshot::Sender<Option<broadcast::Receiver<Arc<Followed>>>>,
    ) {
        let state = self.core.state();
        let is_open = state.task(task).is_some() || state.idle(task).is_some();
        let commits = is_open.then(|| {
            let followers = self.followers.entry(task);
            let followers = followers.or_insert_with(|| broadcast::Sender::new(BEHIND));
            followers.subscribe()
        });
        self.answer(Saw::Task(task), commits, reply, move |reply| {
            Command::Follow { task, reply }
        });
    }
}
