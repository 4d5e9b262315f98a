//! Results that are too long to travel along: named by the dispatch, fetched page by page.

mod wire;

use anyhow::Result;
use serde_json::{Value, json};
use wire::play::{answer, play, status, template};
use wire::{Wire, Worker, attempt};

const KIB: usize = 1 << 10;

/// Asks for results in the name of a dispatch's attempt, and gives the answer.
async fn fetch(worker: &mut Worker, dispatch: &Value, name: &str, from: u64) -> Result<Value> {
    let mut fetch = attempt(dispatch);
    fetch["name"] = json!(name);
    fetch["from"] = json!(from);
    worker.send(&json!({"fetch": fetch})).await?;
    let fetched = worker.next("fetched").await?;
    for (key, value) in fetch.as_object().into_iter().flatten() {
        assert_eq!(&fetched[key], value);
    }
    Ok(fetched)
}

async fn run(worker: &mut Worker, results: Value) -> Result<Value> {
    let dispatch = worker.next("dispatch").await?;
    answer(worker, &dispatch, results, json!({})).await?;
    worker.next("accepted").await?;
    Ok(dispatch)
}

#[tokio::test]
async fn what_is_too_long_is_named_and_fetched_nearer_results_go_first() -> Result<()> {
    let wire = Wire::new()?;
    let steps = [
        ("far", "standard", &[][..]),
        ("small", "standard", &["far"]),
        ("near", "standard", &["small"]),
        ("long", "standard", &["small"]),
        ("end", "standard", &["near", "long"]),
    ];
    let mut worker = play(&wire, &template("heavy", &steps)).await?;
    let task = wire.create("heavy", "{}").await?;
    let text = |length: usize, letter: &str| json!(letter.repeat(length));
    run(&mut worker, text(100 * KIB, "f")).await?;
    let small = run(&mut worker, json!({"n": 1})).await?;
    assert_eq!(small["results"], json!({"far": text(100 * KIB, "f")}));
    assert_eq!(small.get("omitted"), None);
    let near = worker.next("dispatch").await?;
    let long = worker.next("dispatch").await?;
    for (dispatch, results) in [(near, text(200 * KIB, "n")), (long, text(300 * KIB, "l"))] {
        answer(&mut worker, &dispatch, results, json!({})).await?;
        worker.next("accepted").await?;
    }

    let end = worker.next("dispatch").await?;
    assert_eq!(
        end["results"],
        json!({"near": text(200 * KIB, "n"), "small": {"n": 1}})
    );
    assert_eq!(end["omitted"], json!(["long", "far"]));
    let long = fetch(&mut worker, &end, "long", 0).await?;
    assert_eq!(long["results"], json!([text(300 * KIB, "l")]));
    assert_eq!((long.get("next"), long.get("error")), (None, None));
    let small = fetch(&mut worker, &end, "small", 0).await?;
    assert_eq!(
        small["results"],
        json!([{"n": 1}]),
        "what was sent can be had too"
    );

    let refused = |fetched: &Value| json!([fetched["error"]["code"], fetched["results"]]);
    let past = fetch(&mut worker, &end, "long", 1).await?;
    assert_eq!(refused(&past), json!(["RESULT_NOT_FOUND", []]));
    let itself = fetch(&mut worker, &end, "end", 0).await?;
    assert_eq!(refused(&itself), json!(["RESULT_NOT_FOUND", []]));
    let mut stranger = play(&wire, &template("stranger", &[("only", "standard", &[])])).await?;
    let foreign = fetch(&mut stranger, &end, "long", 0).await?;
    assert_eq!(refused(&foreign), json!(["ATTEMPT_NOT_OPEN", []]));
    answer(&mut worker, &end, json!(1), json!({})).await?;
    worker.next("accepted").await?;
    let ended = fetch(&mut worker, &end, "long", 0).await?;
    assert_eq!(refused(&ended), json!(["ATTEMPT_NOT_OPEN", []]));
    assert_eq!(status(&wire, task).await?, "complete");
    Ok(())
}

#[tokio::test]
async fn the_results_of_batches_come_in_pages() -> Result<()> {
    let wire = Wire::new()?;
    let mut pages = template(
        "pages",
        &[
            ("split", "batchable", &[]),
            ("part", "batch_worker", &["split"]),
            ("sum", "deferred_convergence", &["part"]),
        ],
    );
    pages["steps"][1]["batch_config"] = json!({"failure_strategy": "continue_on_failure"});
    let mut worker = play(&wire, &pages).await?;
    let task = wire.create("pages", "{}").await?;
    let split = worker.next("dispatch").await?;
    let cursors: Value = (0..7).map(|n| json!({"start": n, "end": n + 1})).collect();
    answer(&mut worker, &split, json!({}), json!({"batches": cursors})).await?;
    worker.next("accepted").await?;
    // Two of one and a half MiB fill a page, one of five MiB is a page of its own.
    let mib = |tenths: usize, n: u64| json!({"n": n, "text": "x".repeat(tenths * 102 * KIB)});
    let mut expected = vec![Value::Null; 7];
    let mut parts = Vec::new();
    for _ in 0..7 {
        parts.push(worker.next("dispatch").await?);
    }
    for part in parts {
        let n = part["cursor"]["start"].as_u64().unwrap_or_default();
        let results = mib(if n == 4 { 50 } else { 15 }, n);
        expected[n as usize] = results.clone();
        answer(&mut worker, &part, results, json!({})).await?;
        worker.next("accepted").await?;
    }
    let sum = worker.next("dispatch").await?;
    assert_eq!(sum["results"], json!({"split": {}}));
    assert_eq!(sum["omitted"], json!(["part"]));
    let (mut got, mut pages, mut from) = (Vec::new(), Vec::new(), Some(0));
    while let Some(at) = from {
        let page = fetch(&mut worker, &sum, "part", at).await?;
        let results = page["results"].as_array().cloned().unwrap_or_default();
        pages.push((at, results.len()));
        got.extend(results);
        from = page.get("next").and_then(Value::as_u64);
    }
    assert_eq!(pages, [(0, 2), (2, 2), (4, 1), (5, 2)]);
    assert!(got == expected, "other results");
    answer(&mut worker, &sum, json!(7), json!({})).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");
    Ok(())
}

#[tokio::test]
async fn an_attempt_fetches_on_after_its_worker_has_connected_again() -> Result<()> {
    let wire = Wire::new()?;
    let again = template(
        "again",
        &[
            ("first", "standard", &[]),
            ("second", "standard", &["first"]),
        ],
    );
    let mut worker = play(&wire, &again).await?;
    let task = wire.create("again", "{}").await?;
    run(&mut worker, json!("x".repeat(300 * KIB))).await?;
    let second = worker.next("dispatch").await?;
    let mut later = Worker::connect(&wire).await?;
    later.instance = worker.instance;
    let mut hello = later.hello_with(&again, &["again.Call"], 8);
    hello["hello"]["running"] = json!([attempt(&second)]);
    later.send(&hello).await?;
    later.next("welcome").await?;
    let fetched = fetch(&mut later, &second, "first", 0).await?;
    assert_eq!(fetched["results"], json!(["x".repeat(300 * KIB)]));
    answer(&mut later, &second, json!(1), json!({})).await?;
    later.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");
    Ok(())
}
