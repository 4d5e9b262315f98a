//! The calls against an engine that plays a script: what is sent, what comes back, what is tried again.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tasker_client::{Client, Error};
use tasker_protocol::action::{ActOnTemplate, TemplateAction};
use tasker_protocol::api::{CreateTask, CreateTasks, TaskQuery, TaskStatus};
use tasker_protocol::error::ErrorCode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

const TASK: Uuid = Uuid::from_u128(7);

/// What the engine does with one request.
enum Play {
    Answer(u16, String),
    HangUp,
}

/// A request as it arrived: its first line, its token and its body.
struct Seen {
    line: String,
    authorization: Option<String>,
    body: String,
}

async fn engine(script: Vec<Play>) -> Result<(SocketAddr, JoinHandle<Result<Vec<Seen>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let played = tokio::spawn(async move {
        let mut seen = Vec::new();
        for play in script {
            let (mut stream, _) = listener.accept().await?;
            seen.push(read_request(&mut stream).await?);
            if let Play::Answer(status, body) = play {
                let head = format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\n", body.len());
                let answer = format!("{head}connection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await?;
            }
        }
        Ok(seen)
    });
    Ok((address, played))
}

async fn read_request(stream: &mut TcpStream) -> Result<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Ok(Seen {
        line: line.trim_end().to_owned(),
        authorization,
        body: String::from_utf8(body)?,
    })
}

fn task() -> Value {
    json!({
        "task_uuid": TASK, "namespace": "shop", "name": "order", "version": "1.0.0", "template_hash": "ab",
        "status": "complete", "execution_status": "all_complete", "created_at": "2026-01-01T00:00:00.000000Z",
        "updated_at": "2026-01-01T00:00:00.000000Z", "completed_at": null, "context": {}, "initiator": null,
        "source_system": null, "reason": null, "tags": [], "priority": 0, "correlation_id": null,
        "parent_correlation_id": null, "total_steps": 1, "pending_steps": 0, "in_progress_steps": 0,
        "completed_steps": 1, "failed_steps": 0, "completion_percentage": 100.0, "waiting_on": [],
    })
}

fn step(name: &str, results: &str) -> String {
    let step = json!({
        "step_uuid": Uuid::from_u128(8), "task_uuid": TASK, "step_name": name, "current_state": "complete",
        "parents": [], "attempts": 1, "max_attempts": 3, "retryable": true, "results": "RESULTS",
        "metadata": {}, "error": null, "created_at": "2026-01-01T00:00:00.000000Z", "started_at": null,
        "completed_at": null, "next_retry_at": null, "worker_id": null, "waiting_on": null,
    });
    step.to_string().replace("\"RESULTS\"", results)
}

fn refusal(code: &str, details: Value) -> String {
    json!({"error": {"code": code, "message": "no", "details": details}}).to_string()
}

fn order() -> Result<CreateTask> {
    Ok(serde_json::from_value(
        json!({"name": "order", "namespace": "shop", "context": {"n": 6}}),
    )?)
}

#[tokio::test]
async fn a_creation_sends_token_wait_and_body() -> Result<()> {
    let (address, played) = engine(vec![Play::Answer(201, task().to_string())]).await?;
    let client = Client::new(&format!("http://{address}"), Some("secret".to_owned()))?;
    let created = client
        .create_task(&order()?, Some(Duration::from_millis(2500)))
        .await?;
    assert_eq!(created.task_uuid, TASK);

    let seen = played.await??;
    assert_eq!(seen[0].line, "POST /v1/tasks?wait=2.5 HTTP/1.1");
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer secret"));
    let body: Value = serde_json::from_str(&seen[0].body)?;
    assert_eq!(
        body,
        json!({"name": "order", "namespace": "shop", "context": {"n": 6}, "priority": 0})
    );
    Ok(())
}

#[tokio::test]
async fn a_long_wait_is_made_of_calls_that_proxies_let_pass() -> Result<()> {
    let mut running = task();
    running["status"] = json!("steps_in_process");
    let answers = [&running, &running, &task(), &running, &task()]
        .map(|task| Play::Answer(200, task.to_string()));
    let (address, played) = engine(answers.into()).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let minutes = Some(Duration::from_secs(300));
    let created = client.create_task(&order()?, minutes).await?;
    let read = client.get_task(TASK, Some(Duration::MAX)).await?;
    assert_eq!(
        (created.status, read.status),
        (TaskStatus::Complete, TaskStatus::Complete)
    );

    let seen = played.await??;
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    let get = format!("GET /v1/tasks/{TASK}?wait=25 HTTP/1.1");
    let post = "POST /v1/tasks?wait=25 HTTP/1.1";
    assert_eq!(lines, [post, &get, &get, &get, &get]);
    Ok(())
}

#[tokio::test]
async fn a_wait_ends_with_its_time() -> Result<()> {
    let mut running = task();
    running["status"] = json!("steps_in_process");
    let answer = Play::Answer(200, running.to_string());
    let (address, played) = engine(vec![answer]).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let read = client.get_task(TASK, Some(Duration::ZERO)).await?;
    assert_eq!(read.status, TaskStatus::StepsInProcess);
    assert_eq!(played.await??.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_carries_status_code_message_and_details() -> Result<()> {
    let details = json!({"nearest": ["order"]});
    let script = vec![Play::Answer(
        404,
        refusal("TEMPLATE_NOT_FOUND", details.clone()),
    )];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let error = client.create_task(&order()?, None).await.unwrap_err();
    let (status, detail) = error.api().context("the engine refused it")?;
    assert_eq!(
        (status, detail.code, detail.message.as_str()),
        (404, ErrorCode::TemplateNotFound, "no")
    );
    assert_eq!(detail.details, details);
    assert_eq!(
        error.to_string(),
        format!("POST http://{address}/v1/tasks: 404 TemplateNotFound: no")
    );
    assert_eq!(played.await??[0].authorization, None);
    Ok(())
}

#[tokio::test]
async fn a_creation_is_not_sent_again_when_the_connection_breaks() -> Result<()> {
    let (address, played) = engine(vec![Play::HangUp]).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let error = client.create_task(&order()?, None).await.unwrap_err();
    ensure!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(played.await??.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_creation_is_sent_again_when_the_engine_says_it_had_no_effect() -> Result<()> {
    let script = vec![
        Play::Answer(503, refusal("UNAVAILABLE", Value::Null)),
        Play::Answer(201, task().to_string()),
    ];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    client.create_task(&order()?, None).await?;
    assert_eq!(played.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_read_is_sent_again_when_the_connection_breaks() -> Result<()> {
    let script = vec![Play::HangUp, Play::Answer(200, task().to_string())];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}/"), None)?;
    client.get_task(TASK, Some(Duration::from_secs(3))).await?;
    let seen = played.await??;
    assert_eq!(
        seen[1].line,
        format!("GET /v1/tasks/{TASK}?wait=3 HTTP/1.1")
    );
    Ok(())
}

#[tokio::test]
async fn steps_are_read_page_by_page_digit_for_digit() -> Result<()> {
    let long = "63340286662973277706162286946811886609896461828096";
    let script = vec![
        Play::Answer(
            200,
            format!(
                r#"{{"steps": [{}], "next_cursor": "a&b"}}"#,
                step("first", long)
            ),
        ),
        Play::Answer(200, format!(r#"{{"steps": [{}]}}"#, step("second", "null"))),
    ];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let steps = client.list_task_steps(TASK).await?;
    assert_eq!(
        steps
            .iter()
            .map(|step| (step.step_name.as_str(), step.results.get()))
            .collect::<Vec<_>>(),
        [("first", long), ("second", "null")]
    );
    assert_eq!(
        played.await??[1].line,
        format!("GET /v1/tasks/{TASK}/workflow_steps?cursor=a%26b HTTP/1.1")
    );
    Ok(())
}

#[tokio::test]
async fn an_engine_that_is_not_ready_says_why() -> Result<()> {
    let body = json!({"status": "not_ready", "reasons": ["no PostgreSQL"]}).to_string();
    let (address, played) = engine(vec![Play::Answer(503, body)]).await?;
    let health = Client::new(&format!("http://{address}"), None)?
        .health()
        .await?;
    assert_eq!(health.reasons, ["no PostgreSQL"]);
    assert_eq!(played.await??[0].line, "GET /health HTTP/1.1");
    Ok(())
}

#[tokio::test]
async fn an_answer_of_something_else_is_shown() -> Result<()> {
    let (address, _played) = engine(vec![Play::Answer(200, "<h1>hello</h1>".to_owned())]).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    match client.get_task(TASK, None).await {
        Err(Error::Unexpected { status, body, .. }) => {
            assert_eq!((status, body.as_str()), (200, "<h1>hello</h1>"));
            Ok(())
        }
        other => bail!("{other:?}"),
    }
}

#[test]
fn a_base_url_of_another_scheme_is_refused() {
    let error = Client::new("localhost:8080", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"localhost:8080\" is not the URL of an engine: its scheme is localhost, not http; \
         it looks like http://localhost:8080"
    );
}

#[tokio::test]
async fn a_creation_with_a_key_is_tried_again_when_its_answer_is_lost() -> Result<()> {
    let script = vec![Play::HangUp, Play::Answer(200, task().to_string())];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let mut create = order()?;
    create.idempotency_key = Some("k".to_owned());
    let created = client.create_task(&create, None).await?;
    assert_eq!(created.task_uuid, TASK);
    let seen = played.await??;
    assert_eq!(seen[0].body, seen[1].body);
    assert!(seen[0].body.contains(r#""idempotency_key":"k""#));
    Ok(())
}

#[tokio::test]
async fn creations_of_many_tell_what_became_of_each() -> Result<()> {
    let error: Value = serde_json::from_str(&refusal("TEMPLATE_NOT_FOUND", Value::Null))?;
    let results = json!({"results": [
        {"status": 201, "task": task()}, {"status": 404, "error": error["error"]},
    ]});
    let (address, played) = engine(vec![Play::Answer(200, results.to_string())]).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let tasks = vec![order()?, order()?];
    let created = client.create_tasks(&CreateTasks { tasks }).await?;
    let first = created.results[0].task.as_ref().context("a task")?;
    assert_eq!((created.results[0].status, first.task_uuid), (201, TASK));
    let second = created.results[1].error.as_ref().context("an error")?;
    assert_eq!(second.code, ErrorCode::TemplateNotFound);
    let seen = played.await??;
    assert_eq!(seen[0].line, "POST /v1/tasks/batch HTTP/1.1");
    let body: Value = serde_json::from_str(&seen[0].body)?;
    assert_eq!(body["tasks"][1]["name"], "order");
    Ok(())
}

#[tokio::test]
async fn a_list_sends_what_is_looked_for() -> Result<()> {
    let page = json!({"tasks": [], "next_cursor": "c"}).to_string();
    let (address, played) = engine(vec![Play::Answer(200, page)]).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let query = TaskQuery {
        namespace: Some("a b".to_owned()),
        status: Some(TaskStatus::BlockedByFailures),
        created_after: Some("2026-11-24T18:00:00+01:00".to_owned()),
        limit: Some(7),
        ..TaskQuery::default()
    };
    let page = client.list_tasks(&query).await?;
    assert_eq!(page.next_cursor.as_deref(), Some("c"));
    let seen = played.await??;
    assert_eq!(
        seen[0].line,
        "GET /v1/tasks?created_after=2026-11-24T18%3A00%3A00%2B01%3A00&limit=7&namespace=a+b&\
         status=blocked_by_failures HTTP/1.1"
    );
    Ok(())
}

#[tokio::test]
async fn templates_and_workers_are_read() -> Result<()> {
    let template = json!({
        "namespace": "shop", "name": "a/b", "version": "1.0.0", "description": null, "tags": [],
        "document_hash": "d", "template_hash": "t", "on_failure": "block", "max_duration_ms": null, "steps": [],
    });
    let script = vec![
        Play::Answer(200, json!({"templates": [template]}).to_string()),
        Play::Answer(200, template.to_string()),
        Play::Answer(200, template.to_string()),
        Play::Answer(200, json!({"workers": []}).to_string()),
    ];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    assert_eq!(client.list_templates().await?.templates[0].name, "a/b");
    client.get_template("shop", "a/b", None).await?;
    client.get_template("shop", "a/b", Some("1.0.0")).await?;
    assert_eq!(client.list_workers().await?.workers, []);
    let seen = played.await??;
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/templates HTTP/1.1",
            "GET /v1/templates/shop/a%2Fb HTTP/1.1",
            "GET /v1/templates/shop/a%2Fb/1.0.0 HTTP/1.1",
            "GET /v1/workers HTTP/1.1",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_version_is_retired_and_asked_again_when_the_answer_is_lost() -> Result<()> {
    let note =
        json!({"at": "2026-01-05T09:30:00.000000Z", "by": "anna", "reason": "it loses orders"});
    let template = json!({
        "namespace": "shop", "name": "order", "version": "1.1.0", "description": null, "tags": [],
        "document_hash": "d", "template_hash": "t", "on_failure": "block", "max_duration_ms": null, "steps": [],
        "retired": note,
    });
    let script = vec![Play::HangUp, Play::Answer(200, template.to_string())];
    let (address, played) = engine(script).await?;
    let client = Client::new(&format!("http://{address}"), None)?;
    let act = ActOnTemplate {
        action: TemplateAction::Retire,
        reason: "it loses orders".to_owned(),
        by: "anna".to_owned(),
    };
    let shown = client
        .act_on_template("shop", "order", "1.1.0", &act)
        .await?;
    assert_eq!((shown.default, shown.named_default), (false, None));
    assert_eq!(shown.retired.context("retired")?.by, "anna");
    let seen = played.await??;
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[1].line,
        "PATCH /v1/templates/shop/order/1.1.0 HTTP/1.1"
    );
    let body: Value = serde_json::from_str(&seen[1].body)?;
    let expected = json!({"action": "retire", "reason": "it loses orders", "by": "anna"});
    assert_eq!(body, expected);
    Ok(())
}
