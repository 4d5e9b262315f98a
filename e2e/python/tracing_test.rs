//! One trace from whoever asks for a task through the engine to the handlers, as a collector receives it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tasker_e2e::settings::Settings;
use tasker_e2e::stack::{Changes, Stack};
use tasker_e2e::{IntegrationTestManager, WorkerType, create_task_request};
use tasker_protocol::api::{Task, TaskStatus};
use tokio::sync::Notify;

const ENGINE: &str = "orchestration";
const WORKER: &str = "python-worker";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const STEPS: [&str; 4] = [
    "linear_step_1",
    "linear_step_2",
    "linear_step_3",
    "linear_step_4",
];

/// A span with the service that sent it.
type Sent = (String, Span);

/// Takes what the services send, over HTTP.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Sent>>>,
    arrived: Arc<Notify>,
}

impl Collector {
    /// Starts one; its URL.
    async fn start(&self) -> Result<String> {
        let router = Router::new()
            .route("/v1/traces", post(receive))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind((Settings::read()?.host, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }

    /// The spans of a trace, once there are so many.
    async fn spans_of(&self, trace_id: &str, count: usize) -> Vec<Sent> {
        loop {
            let arrived = self.arrived.notified();
            let spans = self.received(trace_id);
            if spans.len() >= count {
                return spans;
            }
            arrived.await;
        }
    }

    /// The spans of a trace that are there.
    fn received(&self, trace_id: &str) -> Vec<Sent> {
        let spans = self.spans.lock().expect("nobody panics with it");
        let spans = spans
            .iter()
            .filter(|(_, span)| hex(&span.trace_id) == trace_id);
        spans.cloned().collect()
    }
}

async fn receive(State(collector): State<Collector>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = collector.spans.lock().expect("nobody panics with it");
    for resource in request.resource_spans {
        let attributes = resource.resource.unwrap_or_default().attributes;
        let service = attributes
            .iter()
            .find(|attribute| attribute.key == "service.name")
            .and_then(|attribute| text(attribute.value.as_ref()?.value.as_ref()?))
            .unwrap_or("")
            .to_owned();
        for scope in resource.scope_spans {
            spans.extend(scope.spans.into_iter().map(|span| (service.clone(), span)));
        }
    }
    drop(spans);
    collector.arrived.notify_waiters();
    StatusCode::OK
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?;
    text(found.value.as_ref()?.value.as_ref()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn restart(stack: &Stack, service: &str, collector: &str) -> Result<()> {
    stack.term(service).await?;
    assert_eq!(stack.ended(service).await?, 0);
    let changes = Changes {
        environment: [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
            // Milliseconds between two requests to the collector.
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ]
        .into(),
        ..Changes::default()
    };
    stack.start_with(service, &changes).await
}

async fn run(settings: &Settings, traceparent: Option<&str>) -> Result<Task> {
    let request = create_task_request(
        "linear_workflow_py",
        "mathematical_sequence_py",
        json!({"even_number": 6}),
    );
    let mut call = reqwest::Client::new()
        .post(format!("{}/v1/tasks?wait=30", settings.orchestration_url))
        .bearer_auth(settings.token.as_deref().unwrap_or_default())
        .json(&request);
    if let Some(traceparent) = traceparent {
        call = call.header("traceparent", traceparent);
    }
    let task: Task = call.send().await?.error_for_status()?.json().await?;
    assert_eq!(task.status, TaskStatus::Complete);
    Ok(task)
}

/// The task's own span, after all others were held against it.
fn check(spans: &[Sent]) -> Result<Span> {
    let mut names = HashMap::new();
    for (service, span) in spans {
        *names
            .entry((service.as_str(), span.name.as_str()))
            .or_insert(0) += 1;
    }
    let handler = |step: &str| format!("linear_workflow.step_handlers.LinearStep{step}Handler");
    let handlers: Vec<String> = ["1", "2", "3", "4"].map(handler).into();
    let mut expected = HashMap::from([
        (
            (
                "tasker-engine",
                "linear_workflow_py/mathematical_sequence_py",
            ),
            1,
        ),
        (("tasker-worker", "attempt"), 4),
    ]);
    expected.extend(
        handlers
            .iter()
            .map(|name| (("tasker-worker", name.as_str()), 1)),
    );
    assert_eq!(names, expected);

    let of_task = spans.iter().find(|(service, _)| service == "tasker-engine");
    let of_task = &of_task.context("the engine's span")?.1;
    let mut attempts = HashMap::new();
    for (_, span) in spans.iter().filter(|(_, span)| span.name == "attempt") {
        assert_eq!(span.parent_span_id, of_task.span_id);
        assert!(of_task.start_time_unix_nano <= span.start_time_unix_nano);
        attempts.insert(attribute(span, "tasker.step_name"), &span.span_id);
    }
    for (step, handler) in STEPS.iter().zip(&handlers) {
        let inner = spans.iter().find(|(_, span)| &span.name == handler);
        let inner = &inner.context("the handler's span")?.1;
        assert_eq!(attempts.get(&Some(*step)), Some(&&inner.parent_span_id));
    }
    Ok(of_task.clone())
}

#[tokio::test]
async fn a_task_its_attempts_and_handlers_are_in_the_trace_of_whoever_asked() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let stack = manager.stack().await?;
    let collector = Collector::default();
    let endpoint = collector.start().await?;
    restart(&stack, ENGINE, &endpoint).await?;
    restart(&stack, WORKER, &endpoint).await?;
    let settings = Settings::read()?;

    let task = run(&settings, Some(&format!("00-{TRACE}-{CALLER}-01"))).await?;
    let of_task = check(&collector.spans_of(TRACE, 9).await)?;
    let task_uuid = task.task_uuid.to_string();
    assert_eq!(hex(&of_task.parent_span_id), CALLER);
    assert_eq!(attribute(&of_task, "tasker.task_uuid"), Some(&*task_uuid));
    assert_eq!(attribute(&of_task, "tasker.status"), Some("complete"));

    // A trace that its caller does not record is not recorded here either.
    let unrecorded = TRACE.replace('4', "5");
    run(&settings, Some(&format!("00-{unrecorded}-{CALLER}-00"))).await?;

    // Who asks without a trace gets one, which bears the task's uuid.
    let task = run(&settings, None).await?;
    let trace_id = task.task_uuid.simple().to_string();
    let of_task = check(&collector.spans_of(&trace_id, 9).await)?;
    assert_eq!(hex(&of_task.parent_span_id), "");
    // What was sent before has arrived before.
    assert_eq!(collector.received(&unrecorded), []);
    Ok(())
}
