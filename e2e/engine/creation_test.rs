//! Creating tasks: idempotency keys, and many tasks in one call.

mod wire;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wire::{Wire, Worker};

/// A system with a template of this namespace and name, whose steps stay where they are.
async fn system(name: &str) -> Result<Wire> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    let callable = format!("{name}.Call");
    worker.welcome(name, &[callable.as_str()], 0).await?;
    Ok(wire)
}

fn body(name: &str, context: &str) -> String {
    format!(r#"{{"name": "{name}", "namespace": "{name}", "context": {context}}}"#)
}

fn key(key: &str) -> [(&str, &str); 1] {
    [("idempotency-key", key)]
}

#[tokio::test]
async fn fifty_uses_of_a_key_at_once_create_one_task() -> Result<()> {
    let wire = system("fifty").await?;
    let body = body("fifty", r#"{"n": 1}"#);
    let header = key("same");
    let calls = (0..50).map(|_| wire.post("/v1/tasks", &header, &body));
    let answers = futures_util::future::try_join_all(calls).await?;
    let tasks: BTreeSet<String> = answers
        .iter()
        .map(|(_, task)| task["task_uuid"].to_string())
        .collect();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    let created = answers.iter().filter(|(status, _)| *status == 201).count();
    let found = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!((created, found), (1, 49));
    Ok(())
}

#[tokio::test]
async fn a_key_with_another_body_is_refused_with_the_task_that_it_created() -> Result<()> {
    let wire = system("other_body").await?;
    let first = body("other_body", r#"{"a": 1, "b": [2.0]}"#);
    let (_, task) = wire.post("/v1/tasks", &key("k"), &first).await?;
    for same in ["{\"a\":1,\n\"b\" : [ 2.0 ]}", r#"{"b": [2.0], "a": 1}"#] {
        let same = body("other_body", same);
        let (status, again) = wire.post("/v1/tasks", &key("k"), &same).await?;
        assert_eq!((status, &again["task_uuid"]), (200, &task["task_uuid"]));
    }
    for other in [r#"{"a": 2, "b": [2.0]}"#, r#"{"a": 1, "b": [2]}"#] {
        let other = body("other_body", other);
        let (status, error) = wire.post("/v1/tasks", &key("k"), &other).await?;
        let error = &error["error"];
        assert_eq!(
            (status, &error["code"]),
            (409, &json!("IDEMPOTENCY_CONFLICT"))
        );
        assert_eq!(error["details"]["task_uuid"], task["task_uuid"]);
    }
    // A key is its namespace's own.
    let elsewhere = system("elsewhere").await?;
    let body = body("elsewhere", "{}");
    let (status, _) = elsewhere.post("/v1/tasks", &key("k"), &body).await?;
    assert_eq!(status, 201);
    Ok(())
}

#[tokio::test]
async fn a_key_may_stand_in_the_body_and_waits_as_any_creation_does() -> Result<()> {
    let wire = system("in_body").await?;
    let with = |key: &str| {
        let body = json!({"name": "in_body", "namespace": "in_body", "context": 1, "idempotency_key": key});
        body.to_string()
    };
    let (status, task) = wire.post("/v1/tasks", &[], &with("k")).await?;
    assert_eq!(status, 201, "{task}");
    let path = "/v1/tasks?wait=0.01";
    let (status, again) = wire.post(path, &key("k"), &with("k")).await?;
    assert_eq!((status, &again["task_uuid"]), (200, &task["task_uuid"]));
    assert_eq!(again["status"], "pending");
    let (status, error) = wire.post("/v1/tasks", &key("l"), &with("k")).await?;
    let code = &error["error"]["code"];
    assert_eq!((status, code), (422, &json!("IDEMPOTENCY_KEY_INVALID")));
    Ok(())
}

#[tokio::test]
async fn a_key_has_one_to_255_characters() -> Result<()> {
    let wire = system("lengths").await?;
    let body = body("lengths", "{}");
    for (refused, says) in [
        ("", "has 0 characters"),
        (&"x".repeat(256), "has 256 characters: it takes 1 to 255"),
    ] {
        let (status, error) = wire.post("/v1/tasks", &key(refused), &body).await?;
        let error = &error["error"];
        assert_eq!(
            (status, &error["code"]),
            (422, &json!("IDEMPOTENCY_KEY_INVALID"))
        );
        assert!(error["message"].to_string().contains(says), "{error}");
    }
    let with_nul =
        json!({"name": "lengths", "namespace": "lengths", "context": 1, "idempotency_key": "a\0"});
    let (status, error) = wire.post("/v1/tasks", &[], &with_nul.to_string()).await?;
    let code = &error["error"]["code"];
    assert_eq!((status, code), (422, &json!("IDEMPOTENCY_KEY_INVALID")));
    let longest = "ü".repeat(255);
    let longest = json!({"name": "lengths", "namespace": "lengths", "context": 1, "idempotency_key": longest});
    let (status, task) = wire.post("/v1/tasks", &[], &longest.to_string()).await?;
    assert_eq!(status, 201, "{task}");
    Ok(())
}

#[tokio::test]
async fn a_creation_that_was_refused_does_not_use_its_key_up() -> Result<()> {
    let wire = Wire::new()?;
    let body = body("comes_later", "{}");
    let (status, error) = wire.post("/v1/tasks", &key("k"), &body).await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (404, &json!("TEMPLATE_NOT_FOUND"))
    );
    let wire = system("comes_later").await?;
    let (status, _) = wire.post("/v1/tasks", &key("k"), &body).await?;
    assert_eq!(status, 201);
    Ok(())
}

#[tokio::test]
async fn each_task_of_a_batch_has_an_answer_of_its_own() -> Result<()> {
    let wire = system("many").await?;
    let (_, first) = wire
        .post("/v1/tasks", &key("before"), &body("many", "0"))
        .await?;
    let task = |context: Value| json!({"name": "many", "namespace": "many", "context": context});
    let keyed = |context: Value, key: &str| {
        let mut task = task(context);
        task["idempotency_key"] = json!(key);
        task
    };
    let mut unknown_field = task(json!(2));
    unknown_field["tag"] = json!([]);
    let tasks = json!([
        task(json!(1)),
        unknown_field,
        {"name": "many", "namespace": "nowhere", "context": 3},
        keyed(json!(0), "before"),
        keyed(json!(1), "before"),
        keyed(json!(4), "within"),
        keyed(json!(4), "within"),
        keyed(json!(5), "within"),
        7,
    ]);
    let batch = json!({"tasks": tasks}).to_string();
    let (status, answer) = wire.post("/v1/tasks/batch", &[], &batch).await?;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    let outcomes: Vec<String> = results
        .iter()
        .map(|result| {
            let code = result["error"]["code"].as_str().unwrap_or("-");
            format!("{} {code} {}", result["status"], result["task"]["context"])
        })
        .collect();
    let expected = [
        "201 - 1",
        "400 INVALID_REQUEST null",
        "404 TEMPLATE_NOT_FOUND null",
        "200 - 0",
        "409 IDEMPOTENCY_CONFLICT null",
        "201 - 4",
        "200 - 4",
        "409 IDEMPOTENCY_CONFLICT null",
        "400 INVALID_REQUEST null",
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(results[3]["task"]["task_uuid"], first["task_uuid"]);
    let within = &results[5]["task"]["task_uuid"];
    assert_eq!(&results[6]["task"]["task_uuid"], within);
    assert_eq!(&results[7]["error"]["details"]["task_uuid"], within);
    let (_, shown) = wire
        .get(&format!(
            "/v1/tasks/{}",
            within.as_str().unwrap_or_default()
        ))
        .await?;
    assert_eq!(shown["context"], 4);
    Ok(())
}

#[tokio::test]
async fn a_batch_has_one_to_a_thousand_tasks_and_no_key_of_its_own() -> Result<()> {
    let wire = system("thousand").await?;
    let task = json!({"name": "thousand", "namespace": "thousand", "context": {}});
    let batch = |count: usize| json!({"tasks": vec![task.clone(); count]}).to_string();
    for count in [0, 1001] {
        let (status, error) = wire.post("/v1/tasks/batch", &[], &batch(count)).await?;
        assert_eq!(
            (status, &error["error"]["details"]["path"]),
            (400, &json!("tasks"))
        );
    }
    let (status, _) = wire.post("/v1/tasks/batch", &key("k"), &batch(1)).await?;
    assert_eq!(status, 422);
    let (status, answer) = wire.post("/v1/tasks/batch", &[], &batch(1000)).await?;
    assert_eq!(status, 200);
    let tasks: BTreeSet<String> = answer["results"]
        .as_array()
        .context("results")?
        .iter()
        .map(|result| result["task"]["task_uuid"].to_string())
        .collect();
    assert_eq!(tasks.len(), 1000);
    Ok(())
}
