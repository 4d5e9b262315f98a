//! PostgreSQL refuses for good what is to be stored of a task: whoever sent it is told, and all else goes on.

mod wire;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_postgres::Client;
use wire::play::{self, play, template};
use wire::{Wire, Worker, attempt};

/// Contexts and outcomes with the word `poison` are refused, and whatever is to be stored of a barred task.
const RULES: &str = "
    CREATE TABLE public.barred (task uuid);
    CREATE FUNCTION refuse_contexts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.context LIKE '%poison%' THEN RAISE 'not in this house' USING ERRCODE = '23514'; END IF;
        RETURN NEW;
    END $$;
    CREATE FUNCTION refuse_records() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.payload LIKE '%poison%' OR EXISTS (SELECT FROM public.barred WHERE task = NEW.task_uuid) THEN
            RAISE 'not in this house' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER house BEFORE INSERT ON tasker.tasks FOR EACH ROW EXECUTE FUNCTION refuse_contexts();
    CREATE TRIGGER house BEFORE INSERT ON tasker.records FOR EACH ROW EXECUTE FUNCTION refuse_records();
";

static RULED: OnceCell<()> = OnceCell::const_new();

/// The database, with its rules.
async fn ruled() -> Result<Client> {
    let database = wire::database().await?;
    let rules = async || database.batch_execute(RULES).await;
    RULED.get_or_try_init(rules).await?;
    Ok(database)
}

fn creation(name: &str, context: &str) -> Value {
    json!({"name": name, "namespace": name, "context": {"is": context}})
}

fn assert_refused(status: u16, error: &Value) {
    assert_eq!((status, &error["code"]), (422, &json!("RECORD_REFUSED")));
    let message = error["message"].as_str().unwrap_or_default();
    let task = error["details"]["task_uuid"].as_str().unwrap_or_default();
    assert!(
        message.contains("not in this house [23514]") && message.contains(task),
        "{error}"
    );
}

async fn worker_of(wire: &Wire, name: &str) -> Result<Worker> {
    let steps: [(&str, &str, &[&str]); 3] = [
        ("left", "standard", &[]),
        ("right", "standard", &[]),
        ("after", "standard", &["left", "right"]),
    ];
    play(wire, &template(name, &steps)).await
}

#[tokio::test]
async fn a_refused_creation_is_told_and_its_key_is_free() -> Result<()> {
    let _database = ruled().await?;
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("refused", &["refused.Call"], 1).await?;
    let key = [("idempotency-key", "k")];
    for path in ["/v1/tasks", "/v1/tasks?wait=20"] {
        let poison = creation("refused", "poison").to_string();
        let (status, body) = wire.post(path, &key, &poison).await?;
        assert_refused(status, &body["error"]);
        let gone = body["error"]["details"]["task_uuid"].as_str();
        let (status, _) = wire
            .get(&format!("/v1/tasks/{}", gone.unwrap_or_default()))
            .await?;
        assert_eq!(status, 404);
    }
    let (status, task) = wire
        .post("/v1/tasks", &key, &creation("refused", "bread").to_string())
        .await?;
    assert_eq!(status, 201, "{task}");
    // The slot that a refused task was to have is free.
    let dispatch = worker.next("dispatch").await?;
    assert_eq!(dispatch["task_uuid"], task["task_uuid"]);
    Ok(())
}

#[tokio::test]
async fn of_many_creations_only_the_refused_one_is_not_made() -> Result<()> {
    let _database = ruled().await?;
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("many", &["many.Call"], 0).await?;
    let mut tasks = ["bread", "poison", "poison", "wine"].map(|context| creation("many", context));
    tasks[1]["idempotency_key"] = json!("k");
    tasks[2]["idempotency_key"] = json!("k");
    let body = json!({"tasks": tasks}).to_string();
    let (status, answer) = wire.post("/v1/tasks/batch", &[], &body).await?;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().expect("results");
    let statuses: Vec<_> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [201, 422, 422, 201]);
    assert_refused(422, &results[1]["error"]);
    assert_eq!(results[1]["error"], results[2]["error"]);
    for (place, context) in [(0, "bread"), (3, "wine")] {
        let task = results[place]["task"]["task_uuid"]
            .as_str()
            .expect("a task");
        let (_, shown) = wire.get(&format!("/v1/tasks/{task}")).await?;
        assert_eq!(shown["context"]["is"], context);
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_outcome_fails_its_step_for_good_and_no_other() -> Result<()> {
    let _database = ruled().await?;
    let wire = Wire::new()?;
    let mut worker = worker_of(&wire, "outcome").await?;
    let task = wire.create("outcome", "{}").await?;
    let (left, right) = (
        worker.next("dispatch").await?,
        worker.next("dispatch").await?,
    );
    let other = wire.create("outcome", "{}").await?;
    let others = [
        worker.next("dispatch").await?,
        worker.next("dispatch").await?,
    ];
    assert_eq!(left["step_name"], "left");

    // One commit has them all, or each has its own.
    play::answer(&mut worker, &left, json!("poison"), json!({})).await?;
    play::answer(&mut worker, &others[0], json!("bread"), json!({})).await?;
    let mut accepted = Vec::new();
    while accepted.len() < 2 {
        let more = worker.next("accepted").await?;
        accepted.extend(more.as_array().into_iter().flatten().cloned());
    }
    assert!(accepted.contains(&attempt(&left)) && accepted.contains(&attempt(&others[0])));
    let steps = format!("/v1/tasks/{task}/workflow_steps");
    let (_, step) = wire
        .get(&format!(
            "{steps}/{}",
            left["step_uuid"].as_str().unwrap_or_default()
        ))
        .await?;
    assert_eq!(
        (&step["current_state"], &step["attempts"]),
        (&json!("error"), &json!(1))
    );
    assert_eq!(step["error"]["error_code"], "RECORD_REFUSED");
    assert_eq!(step["error"]["retryable"], false);
    let message = step["error"]["message"].as_str().unwrap_or_default();
    assert!(message.ends_with("not in this house [23514]"), "{message}");

    // The attempt that was with the worker meanwhile is taken, and so is the operator's retry.
    play::answer(&mut worker, &right, json!(2), json!({})).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&right)]));
    let act = json!({"action": "retry", "reason": "clean now", "by": "ops"}).to_string();
    let path = format!("{steps}/{}", left["step_uuid"].as_str().unwrap_or_default());
    let (status, retried) = wire.send(Method::PATCH, &path, &act).await?;
    assert_eq!(status, 200, "{retried}");
    let again = worker.next("dispatch").await?;
    assert_eq!(
        (&again["step_name"], &again["attempt"]),
        (&json!("left"), &json!(2))
    );
    play::answer(&mut worker, &again, json!(1), json!({})).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&again)]));
    let after = worker.next("dispatch").await?;
    assert_eq!(after["results"], json!({"left": 1, "right": 2}));
    play::answer(&mut worker, &after, json!(3), json!({})).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&after)]));
    play::answer(&mut worker, &others[1], json!(4), json!({})).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&others[1])]));
    let after = worker.next("dispatch").await?;
    play::answer(&mut worker, &after, json!(5), json!({})).await?;
    for task in [task, other] {
        assert_eq!(play::status(&wire, task).await?, "complete");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_refused_again_is_left_alone_until_it_is_touched() -> Result<()> {
    let database = ruled().await?;
    let wire = Wire::new()?;
    let mut worker = worker_of(&wire, "barred").await?;
    let task = wire.create("barred", "{}").await?;
    let left = worker.next("dispatch").await?;
    worker.next("dispatch").await?;
    database
        .execute("INSERT INTO public.barred VALUES ($1)", &[&task])
        .await?;
    play::answer(&mut worker, &left, json!(1), json!({})).await?;
    let path = format!("/v1/tasks/{task}");
    let (status, body) = wire.send(Method::DELETE, &path, "").await?;
    assert_refused(status, &body["error"]);
    // What was refused did not happen.
    let (_, shown) = wire.get(&path).await?;
    assert_eq!(
        (&shown["status"], &shown["in_progress_steps"]),
        (&json!("steps_in_process"), &json!(2))
    );
    let free = wire.create("barred", "{}").await?;
    let dispatch = worker.next("dispatch").await?;
    assert_eq!(dispatch["task_uuid"], json!(free), "others go on");
    worker.next("dispatch").await?;

    database.execute("DELETE FROM public.barred", &[]).await?;
    let (status, cancelled) = wire.send(Method::DELETE, &path, "").await?;
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")));
    assert_eq!(cancelled["failed_steps"], 1);
    assert_eq!(worker.next("accepted").await?, json!([attempt(&left)]));
    Ok(())
}
