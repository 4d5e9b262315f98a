//! Which version of a template new tasks take: what a worker brings counts once the worker is ready, and what operators say
//! of a version stays.

mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use wire::{Wire, Worker, stack};

/// How long what follows by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A version of the template `flow` of a namespace, with a step for each callable.
fn template(namespace: &str, version: &str, callables: &[&str]) -> Value {
    let steps = callables.iter().enumerate().map(|(place, callable)| {
        json!({"name": format!("step_{place}"), "handler": {"callable": callable}})
    });
    json!({
        "name": "flow", "namespace_name": namespace, "version": version, "steps": steps.collect::<Vec<_>>(),
    })
}

/// A worker that has brought templates and was welcomed.
async fn bring(wire: &Wire, templates: &[Value], slots: u32, not_ready: &[&str]) -> Result<Worker> {
    let mut worker = Worker::connect(wire).await?;
    let hello = hello(&worker, templates, slots, not_ready);
    worker.send(&hello).await?;
    worker.next("welcome").await?;
    Ok(worker)
}

fn hello(worker: &Worker, templates: &[Value], slots: u32, not_ready: &[&str]) -> Value {
    let mut hello = worker.hello_with(&templates[0], &["one", "two"], slots);
    let texts = templates.iter().map(Value::to_string);
    hello["hello"]["templates"] = texts.collect();
    hello["hello"]["not_ready"] = json!(not_ready);
    hello
}

/// The version that a task takes whose creation names this one, or none; or the error.
async fn taken(
    wire: &Wire,
    namespace: &str,
    version: Option<&str>,
) -> Result<Result<String, Value>> {
    let body = json!({"namespace": namespace, "name": "flow", "version": version, "context": {}});
    let (status, mut answer) = wire.post("/v1/tasks", &[], &body.to_string()).await?;
    Ok(match status {
        201 => Ok(answer["version"].as_str().unwrap_or_default().to_owned()),
        _ => Err(answer["error"].take()),
    })
}

/// Does something to a version; the status and the answer.
async fn act(wire: &Wire, namespace: &str, version: &str, action: &str) -> Result<(u16, Value)> {
    let path = format!("/v1/templates/{namespace}/flow/{version}");
    let body = json!({"action": action, "by": "anna", "reason": "it loses orders"});
    wire.send(Method::PATCH, &path, &body.to_string()).await
}

/// Why the first step of the only task of a namespace is not done.
async fn waits_for(wire: &Wire, namespace: &str) -> Result<Value> {
    let (_, tasks) = wire
        .get(&format!("/v1/tasks?namespace={namespace}"))
        .await?;
    let task = tasks["tasks"][0]["task_uuid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (_, steps) = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    Ok(steps["steps"][0]["waiting_on"].clone())
}

#[tokio::test]
async fn a_worker_that_is_not_ready_changes_nothing_for_callers() -> Result<()> {
    let _alone = stack().await?;
    let wire = Wire::new()?;
    let old = template("unready", "1.0.0", &["one"]);
    let mut ready = bring(&wire, &[old], 0, &[]).await?;
    let new = template("unready", "1.1.0", &["one", "two"]);
    let reasons = ["no handler for the callable 'two'"];
    let mut unready = bring(&wire, &[new], 4, &reasons).await?;

    let shown = wire.get("/v1/templates/unready/flow/1.1.0").await?;
    assert_eq!(shown.0, 404, "{}", shown.1);
    assert_eq!(taken(&wire, "unready", None).await?, Ok("1.0.0".to_owned()));
    let waits = "no free slot (none offered by unready)";
    assert_eq!(waits_for(&wire, "unready").await?, waits);
    let (_, workers) = wire.get("/v1/workers").await?;
    let workers = workers["workers"].as_array().cloned().unwrap_or_default();
    let instance = json!(unready.instance);
    let shown = workers.iter().find(|worker| worker["instance"] == instance);
    let shown = shown.map(|worker| (&worker["slots"], &worker["not_ready"]));
    assert_eq!(shown, Some((&json!(0), &json!(reasons))));

    ready.send(&json!({"leaving": {}})).await?;
    ensure!(ready.is_closed().await, "the session is over");
    let waits =
        "no worker that is ready has callable one in namespace unready (unready is not ready)";
    assert_eq!(waits_for(&wire, "unready").await?, waits);
    unready.send(&json!({"ready": {"slots": 8}})).await?;
    // Answered when what came before it was handled.
    unready.send(&json!({"unknown": {}})).await?;
    unready.next("error").await?;
    assert_eq!(waits_for(&wire, "unready").await?, waits);

    // The same version, once a worker can serve it, may be another.
    let mended = template("unready", "1.1.0", &["one"]);
    let mut ready = bring(&wire, &[mended], 1, &[]).await?;
    let dispatch = ready.next("dispatch").await?;
    assert_eq!(dispatch["version"], "1.0.0");
    assert_eq!(taken(&wire, "unready", None).await?, Ok("1.1.0".to_owned()));
    Ok(())
}

#[tokio::test]
async fn of_a_worker_that_is_refused_nothing_is_registered() -> Result<()> {
    let _alone = stack().await?;
    let wire = Wire::new()?;
    let good = template("refused", "1.0.0", &["one"]);
    let invalid =
        json!({"name": "flow", "namespace_name": "refused", "version": "1.1.0", "steps": []});
    let other = template("refused", "1.0.0", &["two"]);
    for (second, code) in [(invalid, "TEMPLATE_INVALID"), (other, "TEMPLATE_CONFLICT")] {
        let mut worker = Worker::connect(&wire).await?;
        let hello = hello(&worker, &[good.clone(), second], 4, &[]);
        worker.send(&hello).await?;
        assert_eq!(worker.next("rejected").await?["code"], code);
        let (status, answer) = wire.get("/v1/templates/refused/flow").await?;
        assert_eq!(status, 404, "{answer}");
    }
    bring(&wire, &[good.clone(), good], 4, &[]).await?;
    assert_eq!(taken(&wire, "refused", None).await?, Ok("1.0.0".to_owned()));
    Ok(())
}

#[tokio::test]
async fn what_operators_say_of_versions_outlives_the_engine() -> Result<()> {
    let stack = stack().await?;
    let wire = Wire::new()?;
    let versions = ["1.0.0", "1.1.0"].map(|version| template("marked", version, &["one"]));
    bring(&wire, &versions, 0, &[]).await?;
    assert_eq!(taken(&wire, "marked", None).await?, Ok("1.1.0".to_owned()));

    let (status, retired) = act(&wire, "marked", "1.1.0", "retire").await?;
    assert_eq!(status, 200, "{retired}");
    let note = retired["retired"].clone();
    assert_eq!(
        (&note["by"], &note["reason"]),
        (&json!("anna"), &json!("it loses orders"))
    );
    // Once more is no other time.
    let again = act(&wire, "marked", "1.1.0", "retire").await?;
    assert_eq!(again, (200, retired));

    stack.kill("orchestration").await?;
    stack.start("orchestration").await?;
    // Nor does a worker that brings it change that.
    bring(&wire, &versions, 0, &[]).await?;
    assert_eq!(taken(&wire, "marked", None).await?, Ok("1.0.0".to_owned()));
    let refused = taken(&wire, "marked", Some("1.1.0")).await?;
    let refused = refused.err().unwrap_or_default();
    assert_eq!(refused["code"], "TEMPLATE_RETIRED");
    assert_eq!(
        refused["details"],
        json!({"retired": note, "default": "1.0.0"})
    );
    let (_, shown) = wire.get("/v1/templates/marked/flow/1.1.0").await?;
    assert_eq!(shown["retired"], note);

    let (status, named) = act(&wire, "marked", "1.0.0", "set_default").await?;
    assert_eq!((status, &named["default"]), (200, &json!(true)));
    assert_eq!(named["named_default"]["by"], "anna");
    let (status, error) = act(&wire, "marked", "1.0.0", "retire").await?;
    let code = &error["error"]["code"];
    assert_eq!((status, code), (409, &json!("TEMPLATE_STATE_CONFLICT")));
    let (status, _) = act(&wire, "marked", "1.1.0", "restore").await?;
    assert_eq!(status, 200);

    stack.kill("orchestration").await?;
    stack.start("orchestration").await?;
    assert_eq!(taken(&wire, "marked", None).await?, Ok("1.0.0".to_owned()));
    assert_eq!(
        taken(&wire, "marked", Some("1.1.0")).await?,
        Ok("1.1.0".to_owned())
    );
    let (status, cleared) = act(&wire, "marked", "1.0.0", "clear_default").await?;
    assert_eq!((status, &cleared["default"]), (200, &Value::Null));
    assert_eq!(taken(&wire, "marked", None).await?, Ok("1.1.0".to_owned()));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_done_to_a_version_is_refused() -> Result<()> {
    let _alone = stack().await?;
    let wire = Wire::new()?;
    bring(&wire, &[template("unmarked", "1.0.0", &["one"])], 0, &[]).await?;
    let long = json!({"action": "retire", "by": "a", "reason": "r".repeat(1001)}).to_string();
    for (version, body, status, code) in [
        (
            "7.0.0",
            r#"{"action": "retire", "by": "a", "reason": "r"}"#,
            404,
            "TEMPLATE_NOT_FOUND",
        ),
        (
            "1.0.0",
            r#"{"action": "delete", "by": "a", "reason": "r"}"#,
            400,
            "INVALID_REQUEST",
        ),
        (
            "1.0.0",
            r#"{"action": "retire", "by": "a"}"#,
            400,
            "INVALID_REQUEST",
        ),
        (
            "1.0.0",
            r#"{"action": "retire", "by": "\u0000", "reason": "r"}"#,
            400,
            "INVALID_REQUEST",
        ),
        (
            "1.0.0",
            r#"{"action": "retire", "by": "", "reason": "r"}"#,
            400,
            "INVALID_REQUEST",
        ),
        ("1.0.0", &long, 400, "INVALID_REQUEST"),
    ] {
        let path = format!("/v1/templates/unmarked/flow/{version}");
        let (answered, error) = wire.send(Method::PATCH, &path, body).await?;
        assert_eq!(
            (answered, &error["error"]["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let (status, _) = act(&wire, "unmarked", "1.0.0", "retire").await?;
    assert_eq!(status, 200);
    let (status, error) = act(&wire, "unmarked", "1.0.0", "set_default").await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (409, &json!("TEMPLATE_RETIRED"))
    );
    let refused = taken(&wire, "unmarked", None)
        .await?
        .err()
        .unwrap_or_default();
    assert_eq!(refused["code"], "TEMPLATE_RETIRED");
    let (status, error) = wire.get("/v1/templates/unmarked/flow").await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (409, &json!("TEMPLATE_RETIRED"))
    );
    Ok(())
}

#[tokio::test]
async fn what_is_said_while_connections_break_is_said_in_memory_and_in_postgresql() -> Result<()> {
    let stack = stack().await?;
    let wire = Wire::new()?;
    let versions = ["1.0.0", "1.1.0"].map(|version| template("cut", version, &["one"]));
    bring(&wire, &versions, 0, &[]).await?;
    let mut database = wire::database().await?;
    let lock = database.transaction().await?;
    lock.batch_execute("LOCK TABLE tasker.template_retirements IN SHARE MODE")
        .await?;
    let breaking = async {
        // More connections than one reading takes.
        let mut ended = BTreeSet::new();
        while ended.len() < 3 {
            let end = "SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted";
            let waiting = lock.query(end, &[]).await?;
            ended.extend(waiting.iter().map(|row| row.get::<_, i32>(0)));
        }
        Ok(lock.rollback().await?)
    };
    let retiring = act(&wire, "cut", "1.1.0", "retire");
    let both = async { tokio::try_join!(retiring, breaking) };
    let ((status, retired), ()) = tokio::time::timeout(PATIENCE, both).await??;
    assert_eq!(
        (status, &retired["retired"]["by"]),
        (200, &json!("anna")),
        "{retired}"
    );
    assert_eq!(taken(&wire, "cut", None).await?, Ok("1.0.0".to_owned()));
    stack.kill("orchestration").await?;
    stack.start("orchestration").await?;
    let (_, shown) = wire.get("/v1/templates/cut/flow/1.1.0").await?;
    assert_eq!(shown["retired"], retired["retired"]);
    Ok(())
}
