//! Distributed traces: a span for each task, sent to an OpenTelemetry collector when it has ended.
//!
//! A span's ids follow from the task (`tasker_core::trace`), so nothing is kept for it while the task runs, and workers
//! continue it after a restart of the engine too. Without a collector there is none, and what a caller says of its own
//! trace goes on to the workers as it is.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};
use tasker_core::texts::Request;
use tasker_core::trace::TraceContext;
use tasker_core::{Task, Time};
use tasker_protocol::api::TaskStatus;

const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// How long the end of the engine waits for spans that a collector does not take.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Where spans go. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// Sends on a thread of its own; drops spans that a slow collector leaves waiting.
    processor: Option<std::sync::Arc<BatchSpanProcessor>>,
}

impl Traces {
    /// To the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, over HTTP, if it names one.
    pub fn from_env() -> Traces {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let Some(named) = ENDPOINTS.into_iter().find(is_set) else {
            return Traces::default();
        };
        match SpanExporter::builder().with_http().build() {
            Ok(exporter) => {
                let mut processor = BatchSpanProcessor::builder(exporter).build();
                processor.set_resource(&resource());
                Traces {
                    processor: Some(processor.into()),
                }
            }
            Err(error) => {
                tracing::warn!("{named} is set, but no traces are sent: {error}");
                Traces::default()
            }
        }
    }

    /// What the attempts of a task continue, as a `traceparent`.
    pub fn parent_of_attempts(&self, task: &Task, request: &Request) -> Option<String> {
        if self.processor.is_some() {
            let asked = asked(request);
            Some(TraceContext::of_task(task.id, asked).to_string())
        } else {
            request.traceparent.clone()
        }
    }

    /// The span of a task that has ended; none without a collector, or if whoever asked does not record the trace.
    pub fn ended(&self, task: &Task, request: &Request) -> Option<Ended> {
        let processor = self.processor.clone()?;
        let span = span(task, request)?;
        Some(Ended { processor, span })
    }

    /// Sends what is still to be sent, for a while.
    pub async fn shut_down(self) {
        // The processor's own thread sends; waiting for it blocks.
        let _ = tokio::task::spawn_blocking(move || self.flush()).await;
    }

    fn flush(&self) {
        if let Some(processor) = &self.processor
            && let Err(error) = processor.shutdown_with_timeout(SHUTDOWN)
        {
            tracing::warn!("the last spans were not sent: {error}");
        }
    }
}

/// A span that is complete.
pub struct Ended {
    processor: std::sync::Arc<BatchSpanProcessor>,
    span: SpanData,
}

impl Ended {
    /// Has it sent.
    pub fn send(self) {
        self.processor.on_end(self.span);
    }
}

fn asked(request: &Request) -> Option<TraceContext> {
    request.traceparent.as_ref()?.parse().ok()
}

fn span(task: &Task, request: &Request) -> Option<SpanData> {
    let asked = asked(request);
    let context = TraceContext::of_task(task.id, asked);
    let ended_at = task.ended_at?;
    if !context.is_recorded() {
        return None;
    }
    let graph = &task.graph;
    let mut attributes = vec![
        KeyValue::new("tasker.namespace", graph.namespace.to_string()),
        KeyValue::new("tasker.name", graph.name.clone()),
        KeyValue::new("tasker.version", graph.version.clone()),
        KeyValue::new("tasker.task_uuid", task.id.to_string()),
        KeyValue::new("tasker.status", word(task.status())),
    ];
    if let Some(id) = &request.correlation_id {
        attributes.push(KeyValue::new("tasker.correlation_id", id.clone()));
    }
    Some(SpanData {
        span_context: SpanContext::new(
            TraceId::from(context.trace_id),
            SpanId::from(context.span_id),
            TraceFlags::new(context.flags),
            false,
            TraceState::NONE,
        ),
        parent_span_id: asked.map_or(SpanId::INVALID, |asked| SpanId::from(asked.span_id)),
        parent_span_is_remote: asked.is_some(),
        span_kind: SpanKind::Server,
        name: format!("{}/{}", graph.namespace, graph.name).into(),
        start_time: system_time(task.created_at),
        end_time: system_time(ended_at),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: match task.status() {
            TaskStatus::Error => Status::error("the task ended as error"),
            TaskStatus::Cancelled => Status::error("the task was cancelled"),
            _ => Status::Ok,
        },
        instrumentation_scope: InstrumentationScope::builder("tasker_server").build(),
    })
}

/// A status as the API writes it.
fn word(status: TaskStatus) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => format!("{status:?}"),
    }
}

fn system_time(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + time.since(Time(0))
}

/// This engine, unless the variables of OpenTelemetry call it otherwise.
fn resource() -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some()
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES")
            .is_ok_and(|attributes| attributes.contains("service.name="));
    let resource = Resource::builder();
    if named {
        resource.build()
    } else {
        resource.with_service_name("tasker-engine").build()
    }
}
