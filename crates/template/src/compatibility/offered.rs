//! What workers have handlers for that bring the new templates.

use std::collections::{BTreeSet, HashMap};

use super::side::Side;
use crate::document::Document;
use crate::problem::Problems;
use crate::template::{Handler, Step, StepType};

/// What a handler's outcome has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Results.
    Plain,
    /// The names of steps.
    Decision,
    /// Batches.
    Batchable,
    /// The results of one batch.
    BatchWorker,
}

impl Role {
    pub(super) fn of(step_type: StepType) -> Self {
        match step_type {
            StepType::Standard | StepType::DeferredConvergence => Self::Plain,
            StepType::Decision => Self::Decision,
            StepType::Batchable => Self::Batchable,
            StepType::BatchWorker => Self::BatchWorker,
        }
    }

    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Plain => "a plain step",
            Self::Decision => "a decision",
            Self::Batchable => "a batchable step",
            Self::BatchWorker => "a batch worker",
        }
    }
}

/// The handlers that templates name in any environment, for a worker knows none.
#[derive(Debug, Default)]
pub(super) struct Offered {
    /// By callable and method, for what they are used.
    handlers: HashMap<String, HashMap<String, BTreeSet<Role>>>,
    namespaces: BTreeSet<String>,
}

impl Offered {
    pub(super) fn by(documents: &[Document]) -> Result<Self, Problems> {
        let mut offered = Self::default();
        for document in documents {
            offered.namespaces.insert(document.namespace().to_owned());
            for environment in document.environments().into_iter().map(Some).chain([None]) {
                for step in Side::of(document, environment)?.template.steps {
                    offered.add(&step);
                }
            }
        }
        Ok(offered)
    }

    fn add(&mut self, step: &Step) {
        let Handler {
            callable, method, ..
        } = &step.handler;
        let methods = self.handlers.entry(callable.clone()).or_default();
        let roles = methods.entry(method.clone()).or_default();
        roles.insert(Role::of(step.step_type));
    }

    pub(super) fn has_callable(&self, handler: &Handler) -> bool {
        self.handlers.contains_key(&handler.callable)
    }

    /// What the method of the callable is used for; nothing where it is not.
    pub(super) fn roles(&self, handler: &Handler) -> Option<&BTreeSet<Role>> {
        self.handlers.get(&handler.callable)?.get(&handler.method)
    }

    /// Whether every step of a template is served.
    pub(super) fn serves(&self, document: &Document) -> Result<bool, Problems> {
        let mut is_served = self.namespaces.contains(document.namespace());
        for environment in document.environments().into_iter().map(Some).chain([None]) {
            let steps = Side::of(document, environment)?.template.steps;
            is_served &= steps.iter().all(|step| {
                let roles = self.roles(&step.handler);
                roles.is_some_and(|it| it.contains(&Role::of(step.step_type)))
            });
        }
        Ok(is_served)
    }
}
