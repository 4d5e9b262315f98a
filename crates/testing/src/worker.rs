//! What the played worker holds, and how it greets an engine.

use std::collections::BTreeMap;

use tasker_core::{Graph, Instance};
use tasker_protocol::error::ErrorDetail;
use tasker_protocol::frame::{
    AttemptRef, EngineMessage, Hello, Outcome, PROTOCOL_VERSIONS, WorkerMessage,
};

use crate::command::Answer;

/// Attempts that the worker holds at once: as many as a worker's default.
const SLOTS: u32 = 128;

/// One worker process.
#[derive(Debug)]
pub struct Worker {
    instance: Instance,
    name: String,
    greetings: u64,
    /// The attempts that it holds, with the outcomes that the engine has not accepted.
    held: BTreeMap<AttemptRef, Option<Outcome>>,
    received: Vec<Answer>,
}

impl Worker {
    /// The process with this number, counted from 1.
    pub fn new(number: u64, instance: Instance) -> Worker {
        Worker {
            instance,
            name: format!("test-worker-{number}"),
            greetings: 0,
            held: BTreeMap::new(),
            received: Vec::new(),
        }
    }

    /// What opens its next session: who it is and what it holds.
    pub fn greet(&mut self, graph: &Graph) -> WorkerMessage {
        self.greetings += 1;
        let callables = graph.nodes.iter().map(|node| node.callable.to_string());
        WorkerMessage::Hello(Hello {
            protocol: PROTOCOL_VERSIONS,
            worker_id: self.name.clone(),
            instance: self.instance,
            greeting: self.greetings,
            language: "test".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            namespaces: vec![graph.namespace.to_string()],
            callables: callables.collect(),
            templates: Vec::new(),
            slots: SLOTS,
            running: self.held.keys().copied().collect(),
            not_ready: Vec::new(),
        })
    }

    /// What it sends once a session is open: the outcomes that may have been lost with the last one.
    pub fn send_again(&self) -> Vec<WorkerMessage> {
        let unaccepted = self.held.values().flatten().cloned();
        unaccepted.map(WorkerMessage::Outcome).collect()
    }

    /// Keeps the outcomes until they are accepted. Those of attempts that it does not hold are sent all the same.
    pub fn complete(&mut self, outcomes: Vec<Outcome>) -> Vec<WorkerMessage> {
        for outcome in &outcomes {
            if let Some(held) = self.held.get_mut(&outcome.attempt_ref()) {
                *held = Some(outcome.clone());
            }
        }
        outcomes.into_iter().map(WorkerMessage::Outcome).collect()
    }

    /// Takes a message of the engine's.
    pub fn receive(&mut self, message: EngineMessage) {
        match message {
            EngineMessage::Dispatch(dispatch) => {
                self.held.insert(dispatch.attempt_ref(), None);
                self.received.push(Answer::Dispatch(dispatch));
            }
            EngineMessage::Cancel(attempt) => self.received.push(Answer::Cancel(attempt)),
            EngineMessage::Accepted(attempts) => {
                for attempt in attempts {
                    self.held.remove(&attempt);
                }
            }
            EngineMessage::Fetched(fetched) => {
                self.received.push(Answer::Fetched(Box::new(fetched)));
            }
            EngineMessage::Welcome(_) | EngineMessage::Drain {} => {}
            EngineMessage::Rejected(rejection) | EngineMessage::Error(rejection) => {
                self.received.push(Answer::Refused(ErrorDetail {
                    code: rejection.code,
                    message: rejection.message,
                    details: serde_json::Value::Null,
                }));
            }
        }
    }

    /// Whether it has received something that was not taken.
    pub fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// What it has received since the last time.
    pub fn take_received(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.received)
    }
}
