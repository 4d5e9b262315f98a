//! Every call of the API, with all that the OpenAPI document says of it.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use tasker_protocol::action::{ActOnStep, ActOnTemplate};
use tasker_protocol::api::{
    CreateTask, CreateTasks, CreatedTasks, Health, Step, StepPage, Task, TaskEvent, TaskPage,
    TaskQuery, Template, TemplateList, WorkerList,
};
use tasker_protocol::error::ErrorCode::{
    BodyTooLarge, ContextInvalid, ContextTooLarge, IdempotencyConflict, IdempotencyKeyInvalid,
    InvalidRequest, MalformedJson, OutcomeInvalid, RecordRefused, StepNotFound, StepStateConflict,
    TaskEnded, TaskNotFound, TemplateNotFound, TemplateRetired, TemplateStateConflict,
};

use super::operation::Operation;
use super::steps::Logs;
use super::tasks::{Page, Wait};
use super::{
    batch, creation, events, health, list, openapi, operators, steps, tasks, templates, worker,
    workers,
};

const STEP: &str = "/v1/tasks/{task_uuid}/workflow_steps/{step_uuid}";

const TEMPLATE_VERSION: &str = "/v1/templates/{namespace}/{name}/{version}";

/// What the header of that name is for.
const CALLERS_TRACE: &str =
    "The caller's span, by W3C Trace Context: the attempts of the task are in its trace.";

/// All calls, in the order of their paths.
pub fn all() -> Vec<Operation> {
    let mut all = of_tasks();
    all.extend(of_templates());
    all.extend(of_workers());
    all.extend(of_the_engine());
    all
}

fn of_tasks() -> Vec<Operation> {
    vec![
        Operation::post("/v1/tasks", tasks::create)
            .named("create_task", "Creates a task.")
            .query::<Wait>()
            .header(
                creation::KEY_HEADER,
                "Names this creation in its namespace, as `idempotency_key` in the body does.",
            )
            .header(creation::TRACE_HEADER, CALLERS_TRACE)
            .body::<CreateTask>()
            .answers::<Task>(StatusCode::CREATED, "The task, which is durable.")
            .answers::<Task>(
                StatusCode::OK,
                "The task that the idempotency key has created before, from the same body.",
            )
            .refuses(&[MalformedJson, InvalidRequest, BodyTooLarge])
            .refuses(&[IdempotencyConflict, IdempotencyKeyInvalid, RecordRefused])
            .refuses(&[ContextTooLarge, ContextInvalid])
            .refuses(&[TemplateNotFound, TemplateRetired]),
        Operation::get("/v1/tasks", list::list)
            .named("list_tasks", "Lists tasks, newest first, page by page.")
            .query::<TaskQuery>()
            .answers::<TaskPage>(StatusCode::OK, "A page of tasks.")
            .refuses(&[InvalidRequest]),
        Operation::post("/v1/tasks/batch", batch::create)
            .named("create_tasks", "Creates up to 1,000 tasks in one commit.")
            .header(creation::TRACE_HEADER, CALLERS_TRACE)
            .body::<CreateTasks>()
            .answers::<CreatedTasks>(StatusCode::OK, "What became of each.")
            .refuses(&[MalformedJson, InvalidRequest, BodyTooLarge])
            .refuses(&[IdempotencyKeyInvalid]),
        Operation::get("/v1/tasks/{task_uuid}", tasks::show)
            .named("get_task", "Shows a task.")
            .query::<Wait>()
            .answers::<Task>(StatusCode::OK, "The task.")
            .refuses(&[InvalidRequest, TaskNotFound]),
        Operation::delete("/v1/tasks/{task_uuid}", operators::cancel)
            .named("cancel_task", "Cancels a task.")
            .answers::<Task>(StatusCode::OK, "The task, which is cancelled.")
            .refuses(&[InvalidRequest, TaskNotFound, TaskEnded, RecordRefused]),
        Operation::get("/v1/tasks/{task_uuid}/workflow_steps", tasks::steps)
            .named("list_task_steps", "Shows a task's steps, page by page.")
            .query::<Page>()
            .answers::<StepPage>(StatusCode::OK, "A page of steps in creation order.")
            .refuses(&[InvalidRequest, TaskNotFound]),
        Operation::get(STEP, steps::show)
            .named("get_task_step", "Shows one step of a task with its history.")
            .query::<Logs>()
            .answers::<Step>(StatusCode::OK, "The step.")
            .refuses(&[InvalidRequest, TaskNotFound, StepNotFound]),
        Operation::patch(STEP, operators::act)
            .named("act_on_step", "Retries, resolves or completes a step that failed.")
            .body::<ActOnStep>()
            .answers::<Step>(StatusCode::OK, "The step as it is then.")
            .refuses(&[MalformedJson, InvalidRequest, BodyTooLarge])
            .refuses(&[TaskNotFound, StepNotFound, TaskEnded])
            .refuses(&[StepStateConflict, OutcomeInvalid, RecordRefused]),
        Operation::get("/v1/tasks/{task_uuid}/events", events::follow)
            .named("follow_task", "Tells every state change of a task, until it has ended.")
            .header(
                "Last-Event-ID",
                "The `id` of the last event that was read: the events after it follow. Without it, all do.",
            )
            .answers_as::<TaskEvent>(
                "text/event-stream",
                StatusCode::OK,
                "Server-sent events; `data` of each is a TaskEvent, `event` its kind.",
            )
            .answers_nothing(
                StatusCode::NO_CONTENT,
                "The task has ended and nothing comes after `Last-Event-ID`: do not come again.",
            )
            .refuses(&[InvalidRequest, TaskNotFound]),
    ]
}

fn of_templates() -> Vec<Operation> {
    vec![
        Operation::get("/v1/templates", templates::list)
            .named("list_templates", "Shows every version of every template.")
            .answers::<TemplateList>(StatusCode::OK, "The templates."),
        Operation::get("/v1/templates/{namespace}/{name}", templates::latest)
            .named(
                "get_template",
                "Shows the version of a template that a task runs whose creation names none: the one that was named the \
                 default, or the highest release that is not retired.",
            )
            .answers::<Template>(StatusCode::OK, "The template.")
            .refuses(&[InvalidRequest, TemplateNotFound, TemplateRetired]),
        Operation::get(TEMPLATE_VERSION, templates::version)
            .named("get_template_version", "Shows a version of a template.")
            .answers::<Template>(StatusCode::OK, "The template.")
            .refuses(&[InvalidRequest, TemplateNotFound]),
        Operation::patch(TEMPLATE_VERSION, templates::act)
            .named(
                "act_on_template",
                "Retires or restores a version of a template, or names the default.",
            )
            .body::<ActOnTemplate>()
            .answers::<Template>(StatusCode::OK, "The version as it is then.")
            .refuses(&[MalformedJson, InvalidRequest, BodyTooLarge])
            .refuses(&[TemplateNotFound, TemplateRetired, TemplateStateConflict])
            .refuses(&[RecordRefused]),
    ]
}

fn of_workers() -> Vec<Operation> {
    vec![
        Operation::get("/v1/workers", workers::list)
            .named("list_workers", "Shows the workers that have a session.")
            .answers::<WorkerList>(StatusCode::OK, "The workers."),
        Operation::get("/v1/worker", worker)
            .named(
                "connect_worker",
                "Opens a worker's session, a WebSocket; docs/worker_protocol.md has its messages.",
            )
            .answers_nothing(StatusCode::SWITCHING_PROTOCOLS, "The session is open.")
            .answers_nothing(
                StatusCode::BAD_REQUEST,
                "Not a WebSocket's opening handshake.",
            )
            .answers_nothing(
                StatusCode::UPGRADE_REQUIRED,
                "The connection cannot be upgraded.",
            ),
    ]
}

fn of_the_engine() -> Vec<Operation> {
    vec![
        Operation::get("/openapi.json", openapi::show)
            .named("openapi", "This document.")
            .answers::<Map<String, Value>>(StatusCode::OK, "The document, OpenAPI 3.1."),
        health("/health", "health", "Whether tasks can be created and run."),
        health("/health/ready", "health_ready", "The same as `/health`."),
        Operation::get("/health/live", health::live)
            .named("health_live", "Whether the process lives.")
            .open()
            .answers::<Health>(StatusCode::OK, "It does."),
    ]
}

fn health(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::get(path, health::ready)
        .named(id, summary)
        .open()
        .answers::<Health>(StatusCode::OK, "It is ready.")
        .answers::<Health>(StatusCode::SERVICE_UNAVAILABLE, "It is not, and why.")
}
