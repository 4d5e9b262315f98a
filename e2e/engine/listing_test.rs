//! Lists of tasks: by whatever they are looked for, page by page, each task as it stands.

mod wire;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{Wire, Worker};

/// A system with a template of this namespace and name, and a worker with so many slots.
async fn system(name: &str, slots: u32) -> Result<(Wire, Worker)> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    let callable = format!("{name}.Call");
    worker.welcome(name, &[callable.as_str()], slots).await?;
    Ok((wire, worker))
}

/// A page's tasks and its cursor.
async fn page(wire: &Wire, query: &str) -> Result<(Vec<Value>, Option<String>)> {
    let (status, mut page) = wire.get(&format!("/v1/tasks?{query}")).await?;
    anyhow::ensure!(status == 200, "{query}: {status}: {page}");
    let tasks = page["tasks"].as_array_mut().context("tasks")?;
    let tasks = std::mem::take(tasks);
    Ok((tasks, page["next_cursor"].as_str().map(str::to_owned)))
}

/// The tasks of all pages.
async fn all(wire: &Wire, query: &str) -> Result<Vec<Value>> {
    let (mut tasks, mut next) = page(wire, query).await?;
    while let Some(cursor) = next {
        let (more, after) = page(wire, &format!("{query}&cursor={cursor}")).await?;
        tasks.extend(more);
        next = after;
    }
    Ok(tasks)
}

fn uuids(tasks: &[Value]) -> Vec<&Value> {
    tasks.iter().map(|task| &task["task_uuid"]).collect()
}

/// Creates a task with these fields besides.
async fn create(wire: &Wire, name: &str, fields: Value) -> Result<Value> {
    let mut body = json!({"name": name, "namespace": name, "context": {"a": 1}});
    for (field, value) in fields.as_object().context("fields")? {
        body[field] = value.clone();
    }
    let (status, task) = wire.post("/v1/tasks", &[], &body.to_string()).await?;
    anyhow::ensure!(status == 201, "{status}: {task}");
    Ok(task)
}

#[tokio::test]
async fn tasks_are_listed_newest_first_and_each_once() -> Result<()> {
    let (wire, _worker) = system("pages", 0).await?;
    let tasks = vec![json!({"name": "pages", "namespace": "pages", "context": {}}); 120];
    let batch = json!({"tasks": tasks}).to_string();
    let (_, created) = wire.post("/v1/tasks/batch", &[], &batch).await?;
    let mut created: Vec<String> = created["results"]
        .as_array()
        .context("results")?
        .iter()
        .map(|result| {
            result["task"]["task_uuid"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    created.sort();
    created.reverse();
    for limit in [1, 7, 100] {
        let listed = all(&wire, &format!("namespace=pages&limit={limit}")).await?;
        assert_eq!(
            uuids(&listed),
            created.iter().collect::<Vec<_>>(),
            "{limit}"
        );
        if limit == 1 {
            continue;
        }
        let (first, cursor) = page(&wire, &format!("namespace=pages&limit={limit}")).await?;
        assert_eq!(first.len(), limit);
        assert!(cursor.is_some());
    }
    let (usual, _) = page(&wire, "namespace=pages").await?;
    assert_eq!(usual.len(), 50);
    Ok(())
}

#[tokio::test]
async fn a_listed_task_shows_what_the_task_does_but_context_and_waiting_on() -> Result<()> {
    let (wire, mut worker) = system("shown", 1).await?;
    let fields = json!({
        "initiator": "anna", "source_system": "shop", "reason": "test", "tags": ["a", "b"], "priority": 7,
        "correlation_id": "c", "parent_correlation_id": "p",
    });
    let task = create(&wire, "shown", fields).await?;
    let uuid: Uuid = serde_json::from_value(task["task_uuid"].clone())?;
    let attempt = wire::attempt(&worker.next("dispatch").await?);
    let shown = async || {
        let (_, mut shown) = wire.get(&format!("/v1/tasks/{uuid}")).await?;
        let fields = shown.as_object_mut().context("an object")?;
        fields.remove("context").context("a context")?;
        fields.remove("waiting_on").context("reasons")?;
        anyhow::Ok(shown)
    };
    let (listed, _) = page(&wire, "namespace=shown").await?;
    assert_eq!(listed, [shown().await?]);
    assert_eq!(listed[0]["in_progress_steps"], 1);

    worker.send_text(&wire::success(&attempt, "1")).await?;
    worker.next("accepted").await?;
    let (listed, _) = page(&wire, "namespace=shown").await?;
    assert_eq!(listed, [shown().await?]);
    assert_eq!(listed[0]["status"], "complete");
    assert_eq!(listed[0]["completion_percentage"], 100.0);
    Ok(())
}

#[tokio::test]
async fn tasks_are_found_by_each_of_their_fields() -> Result<()> {
    let (wire, _worker) = system("fields", 0).await?;
    let (_other, _worker) = system("other_fields", 0).await?;
    let first = create(
        &wire,
        "fields",
        json!({"initiator": "anna", "tags": ["x y", "z"]}),
    )
    .await?;
    let second = create(&wire, "fields", json!({"initiator": "bert", "tags": ["z"]})).await?;
    let third = create(&wire, "other_fields", json!({"initiator": "anna"})).await?;
    let after = second["created_at"].as_str().context("a time")?;
    let by = async |query: &str| {
        let mut found = all(&wire, query).await?;
        found.retain(|task| {
            [&first, &second, &third]
                .iter()
                .any(|it| it["task_uuid"] == task["task_uuid"])
        });
        anyhow::Ok(found)
    };
    let [first, second, third] = [&first, &second, &third].map(|task| &task["task_uuid"]);
    let expected = [
        ("namespace=fields".to_owned(), vec![second, first]),
        ("name=other_fields".to_owned(), vec![third]),
        ("namespace=fields&name=other_fields".to_owned(), vec![]),
        ("initiator=anna".to_owned(), vec![third, first]),
        ("tag=z".to_owned(), vec![second, first]),
        ("tag=x%20y&initiator=anna".to_owned(), vec![first]),
        ("tag=x".to_owned(), vec![]),
        (format!("created_after={after}"), vec![third, second]),
        (format!("created_before={after}"), vec![first]),
        ("status=pending".to_owned(), vec![third, second, first]),
        ("status=complete".to_owned(), vec![]),
    ];
    for (query, tasks) in expected {
        assert_eq!(uuids(&by(&query).await?), tasks, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn tasks_are_found_by_where_they_stand() -> Result<()> {
    let (wire, mut worker) = system("standing", 2).await?;
    let failed = create(&wire, "standing", json!({})).await?;
    let attempt = wire::attempt(&worker.next("dispatch").await?);
    let mut outcome = attempt.clone();
    outcome["success"] = json!(false);
    outcome["error"] = json!({"message": "no", "error_type": "E", "retryable": false});
    worker.send(&json!({"outcome": outcome})).await?;
    worker.next("accepted").await?;
    let running = create(&wire, "standing", json!({})).await?;
    worker.next("dispatch").await?;
    worker.send(&json!({"ready": {"slots": 0}})).await?;
    // Answered after what came before it was handed on.
    worker.send(&json!({"unheard-of": {}})).await?;
    worker.next("error").await?;
    let waiting = create(&wire, "standing", json!({})).await?;
    for (status, task) in [
        ("blocked_by_failures", &failed),
        ("steps_in_process", &running),
        ("pending", &waiting),
    ] {
        let listed = all(&wire, &format!("namespace=standing&status={status}")).await?;
        assert_eq!(uuids(&listed), [&task["task_uuid"]], "{status}");
        assert_eq!(listed[0]["status"], status);
    }
    for status in [
        "waiting_for_retry",
        "complete",
        "resolved_manually",
        "error",
        "cancelled",
    ] {
        let listed = all(&wire, &format!("namespace=standing&status={status}")).await?;
        assert_eq!(listed, [Value::Null; 0], "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_query_that_is_wrong_is_refused_with_the_name_of_what_is_wrong() -> Result<()> {
    let wire = Wire::new()?;
    for (query, path, says) in [
        ("limit=0", "limit", "it takes 1 to 100"),
        ("limit=101", "limit", "it takes 1 to 100"),
        ("limit=ten", "limit", "invalid digit"),
        ("cursor=here", "cursor", "next_cursor"),
        (
            "status=running",
            "status",
            "unknown variant `running`, expected one of `pending`",
        ),
        (
            "tags=a",
            "tags",
            "unknown field `tags`, expected one of `namespace`",
        ),
        (
            "created_after=yesterday",
            "created_after",
            "not a time such as",
        ),
        (
            "created_before=2026-11-24T18:00:00+01:00",
            "created_before",
            "is written %2B",
        ),
        ("tag=a%00", "tag", "U+0000"),
    ] {
        let (status, error) = wire.get(&format!("/v1/tasks?{query}")).await?;
        let error = &error["error"];
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("INVALID_REQUEST")),
            "{query}"
        );
        assert_eq!(error["details"]["path"], path, "{query}: {error}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{query}: {message}");
    }
    Ok(())
}
