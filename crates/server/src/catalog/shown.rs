//! Templates as the API shows them.

use tasker_protocol::api;
use tasker_template::{Backoff, OnFailure, Retry, Step, StepType, Template};

/// A merged template, without its marks. `document_hash` is that of the document that was merged, `hash` the merged
/// content's.
pub fn shown(merged: &Template, document_hash: &str, hash: &str) -> api::Template {
    api::Template {
        namespace: merged.namespace_name.clone(),
        name: merged.name.clone(),
        version: merged.version.clone(),
        description: merged.description.clone(),
        tags: merged.metadata.tags.clone(),
        document_hash: document_hash.to_owned(),
        template_hash: hash.to_owned(),
        on_failure: match merged.on_failure {
            OnFailure::Block => api::OnFailure::Block,
            OnFailure::Fail => api::OnFailure::Fail,
        },
        max_duration_ms: merged.lifecycle.max_duration_ms(),
        steps: merged.steps.iter().map(step).collect(),
        default: false,
        named_default: None,
        retired: None,
    }
}

fn step(step: &Step) -> api::TemplateStep {
    api::TemplateStep {
        name: step.name.clone(),
        description: step.description.clone(),
        step_type: match step.step_type {
            StepType::Standard => api::StepType::Standard,
            StepType::Decision => api::StepType::Decision,
            StepType::DeferredConvergence => api::StepType::DeferredConvergence,
            StepType::Batchable => api::StepType::Batchable,
            StepType::BatchWorker => api::StepType::BatchWorker,
        },
        dependencies: step.dependencies.clone(),
        callable: step.handler.callable.clone(),
        method: step.handler.method.clone(),
        retry: retry(&step.retry),
        timeout_ms: step.timeout_ms(),
    }
}

fn retry(retry: &Retry) -> api::Retry {
    api::Retry {
        retryable: retry.retryable,
        max_attempts: retry.max_attempts,
        backoff: match retry.backoff {
            Backoff::None => api::Backoff::None,
            Backoff::Linear => api::Backoff::Linear,
            Backoff::Exponential => api::Backoff::Exponential,
            Backoff::Fibonacci => api::Backoff::Fibonacci,
        },
        backoff_base_ms: retry.backoff_base_ms,
        max_backoff_ms: retry.max_backoff_ms,
    }
}
