//! Contexts, results and metadata from client to handler to handler to client: the text that goes in comes out.
//!
//! The texts are written as `tasker_core` writes JSON, so that what comes back can be compared character by character.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use serde_json::value::RawValue;
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request,
    get_task_completion_timeout, wait_for_task_completion, wait_for_task_failure,
};
use tasker_protocol::Json;
use tasker_protocol::api::{CreateTask, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES, StepState};
use tasker_protocol::error::ErrorCode;

const NAMESPACE: &str = "e2e_payloads";
const SIX_TO_THE_64TH: &str = "63340286662973277706162286946811886609896461828096";

async fn client() -> Result<OrchestrationClient> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    Ok(manager.orchestration_client)
}

/// A request with this text as context, which [`serde_json::Value`] need not be able to hold.
fn request(template: &str, context: &str) -> Result<CreateTask> {
    let context = RawValue::from_string(context.to_owned())
        .with_context(|| format!("the context {context:.100}"))?;
    Ok(CreateTask {
        context: context.into(),
        ..create_task_request(NAMESPACE, template, json!(null))
    })
}

/// What came of a context that two handlers returned in turn.
struct Echoed {
    context: Json,
    results: Json,
    metadata: Json,
    results_of_second: Json,
}

async fn echo(client: &OrchestrationClient, context: &str) -> Result<Echoed> {
    let created = client.create_task(request("echo", context)?).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(client, created.task_uuid, timeout).await?;
    let mut steps = client.list_raw_steps(task.task_uuid).await?.into_iter();
    let mut next = || steps.next().context("two steps");
    let (first, second) = (next()?, next()?);
    assert_eq!((first.attempts, second.attempts), (1, 1));
    Ok(Echoed {
        context: task.context.clone(),
        results: first.results,
        metadata: first.metadata,
        results_of_second: second.results,
    })
}

/// The value returns as the same text from handler to handler to client, inside an object and by itself.
async fn assert_is_carried(value: &str) -> Result<()> {
    let client = client().await?;
    let object = format!(r#"{{"value": {value}, "in": [{value}, {{"depth": {value}}}]}}"#);
    let echoed = echo(&client, &object).await?;
    let shown = format!("{value:.100}");
    assert!(echoed.context.get() == object, "context: {shown}");
    assert!(echoed.results.get() == object, "results: {shown}");
    assert!(echoed.metadata.get() == object, "metadata: {shown}");
    assert!(echoed.results_of_second.get() == object, "twice: {shown}");

    let echoed = echo(&client, value).await?;
    assert!(echoed.context.get() == value, "context: {shown}");
    assert!(echoed.results.get() == value, "results: {shown}");
    assert!(echoed.results_of_second.get() == value, "twice: {shown}");
    Ok(())
}

#[tokio::test]
async fn numbers_are_carried_digit_for_digit() -> Result<()> {
    assert_is_carried(SIX_TO_THE_64TH).await?;
    // The first integer that a double cannot hold, and the limits of 64 bits.
    assert_is_carried("9007199254740993").await?;
    assert_is_carried("-9223372036854775809").await?;
    assert_is_carried("18446744073709551616").await?;
    for value in ["0", "-1", "0.1", "-0.0", "1.0", "1e-07"] {
        assert_is_carried(value).await?;
    }
    // The smallest and the largest double.
    assert_is_carried("5e-324").await?;
    assert_is_carried("-1.7976931348623157e+308").await
}

#[tokio::test]
async fn integers_of_five_thousand_digits_are_carried() -> Result<()> {
    assert_is_carried(&"1234567890".repeat(500)).await
}

#[tokio::test]
async fn strings_are_carried_character_for_character() -> Result<()> {
    assert_is_carried(r#""\u0000""#).await?;
    assert_is_carried(r#""nul \u0000 in the middle, \n, \t, \", \\, / and \u001f""#).await?;
    assert_is_carried("\"\u{1f600} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\"").await?;
    assert_is_carried("\"e\u{301} \u{e9} \u{202e}\u{5e9} \u{2028} \u{feff} \u{10ffff}\"").await?;
    assert_is_carried(r#""""#).await
}

#[tokio::test]
async fn half_a_surrogate_pair_is_carried_as_its_escape() -> Result<()> {
    assert_is_carried(r#""\ud83d""#).await?;
    assert_is_carried(r#""\ude00 after \ud83d""#).await
}

#[tokio::test]
async fn keys_keep_their_text_and_order() -> Result<()> {
    let keys = r#"{"z": 1, "a": 2, "": 3, "\u0000": 4, "\ud83d": 5, "10": 6, "9": 7, "é": 8}"#;
    assert_is_carried(keys).await
}

#[tokio::test]
async fn everything_json_has_is_carried() -> Result<()> {
    assert_is_carried(r#"{"none": null, "yes": true, "no": false, "list": [], "map": {}}"#).await?;
    assert_is_carried("true").await?;
    assert_is_carried("[]").await
}

#[tokio::test]
async fn arrays_two_hundred_deep_are_carried() -> Result<()> {
    assert_is_carried(&("[".repeat(200) + &"]".repeat(200))).await
}

#[tokio::test]
async fn strings_of_a_megabyte_are_carried() -> Result<()> {
    assert_is_carried(&format!("\"{}\"", "x".repeat(1 << 20))).await?;
    assert_is_carried(&format!("\"{}\"", "\u{1f600}".repeat(1 << 18))).await
}

/// The engine keeps a context as it was sent. Python writes what it has read in its own way.
#[tokio::test]
async fn a_context_is_kept_as_sent_and_python_writes_the_same_value() -> Result<()> {
    let client = client().await?;
    for (sent, returned) in [
        (" {\"a\" :\n[1,2 ]} ", r#"{"a": [1, 2]}"#),
        ("1E5", "100000.0"),
        ("1e-7", "1e-07"),
        ("0.10", "0.1"),
        (r#""\ud83d\ude00 \/ \u0041""#, "\"\u{1f600} / A\""),
        // A float has some 17 digits in Python, as in most languages.
        ("0.30000000000000000000004", "0.3"),
        // Of two members of one name Python keeps the last.
        (r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a": 3, "b": 2}"#),
    ] {
        let echoed = echo(&client, sent).await?;
        assert_eq!(echoed.context.get(), sent.trim());
        assert_eq!(echoed.results.get(), returned);
        assert_eq!(echoed.results_of_second.get(), returned);
    }
    Ok(())
}

/// The failed step of a task of one step, or of the first of two.
async fn failed_step(client: &OrchestrationClient, request: CreateTask) -> Result<Step> {
    let created = client.create_task(request).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_failure(client, created.task_uuid, timeout).await?;
    let step = client.list_task_steps(task.task_uuid).await?.swap_remove(0);
    assert_eq!(step.current_state, StepState::Error);
    assert_eq!(step.attempts, 1);
    Ok(step)
}

#[tokio::test]
async fn a_number_beyond_a_double_is_never_carried_as_another() -> Result<()> {
    let client = client().await?;
    let context = r#"{"large": 1e400, "list": [-1e400]}"#;
    let created = client.create_task(request("look", context)?).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(&client, created.task_uuid, timeout).await?;
    assert_eq!(task.context.get(), context);
    let steps = client.list_task_steps(task.task_uuid).await?;
    assert_eq!(steps[0].results, json!({"large": "inf", "list": "[-inf]"}));

    let step = failed_step(&client, request("echo", context)?).await?;
    let error = step.error.as_ref().context("an error")?;
    assert_eq!(error.error_type, "unserialisable_result");
    assert_eq!(
        error.message,
        "results.large is inf, which JSON cannot hold"
    );
    assert!(!error.retryable);
    assert_eq!(step.results_json.get(), "null");
    Ok(())
}

#[tokio::test]
async fn a_context_nested_deeper_than_python_reads_fails_its_step() -> Result<()> {
    let client = client().await?;
    let context = "[".repeat(100_000) + &"]".repeat(100_000);
    let step = failed_step(&client, request("echo", &context)?).await?;
    let error = step.error.as_ref().context("an error")?;
    assert_eq!(error.error_type, "payload_too_deep");
    assert_eq!(
        error.message,
        "the step's context is nested too deeply for Python"
    );
    assert!(!error.retryable);
    let task = client.get_task(step.task_uuid).await?;
    assert!(task.context.get() == context);
    Ok(())
}

/// A JSON string of so many bytes.
fn text_of(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[tokio::test]
async fn a_context_at_the_limit_is_carried() -> Result<()> {
    let context = text_of(MAX_PAYLOAD_BYTES);
    let echoed = echo(&client().await?, &context).await?;
    assert!(echoed.context.get() == context);
    assert!(echoed.results.get() == context);
    assert!(echoed.results_of_second.get() == context);
    Ok(())
}

#[tokio::test]
async fn a_context_over_the_limit_is_refused() -> Result<()> {
    let client = client().await?;
    for (bytes, code) in [
        (MAX_PAYLOAD_BYTES + 1, ErrorCode::ContextTooLarge),
        (MAX_BODY_BYTES + 1, ErrorCode::BodyTooLarge),
    ] {
        let refused = client.create_task(request("echo", &text_of(bytes))?).await;
        let error = refused.err().context("refused")?;
        let (status, detail) = error.api().context("the engine's answer")?;
        assert_eq!((status, detail.code), (413, code));
    }
    Ok(())
}

#[tokio::test]
async fn results_and_metadata_at_the_limit_are_carried() -> Result<()> {
    let client = client().await?;
    for letter in ["x", "\u{1f600}"] {
        let context = json!({
            "results": MAX_PAYLOAD_BYTES,
            "metadata": MAX_PAYLOAD_BYTES,
            "letter": letter,
        });
        let created = client
            .create_task(create_task_request(NAMESPACE, "make", context))
            .await?;
        let timeout = get_task_completion_timeout();
        wait_for_task_completion(&client, created.task_uuid, timeout).await?;
        let step = client.list_raw_steps(created.task_uuid).await?.remove(0);
        let text = |bytes: usize| format!("\"{}\"", letter.repeat((bytes - 2) / letter.len()));
        assert!(step.results.get() == text(MAX_PAYLOAD_BYTES));
        let metadata = text(MAX_PAYLOAD_BYTES - r#"{"text": }"#.len());
        assert!(step.metadata.get() == format!(r#"{{"text": {metadata}}}"#));
    }
    Ok(())
}

#[tokio::test]
async fn results_and_metadata_over_the_limit_fail_the_step() -> Result<()> {
    let client = client().await?;
    let over = MAX_PAYLOAD_BYTES + 1;
    for (context, what) in [
        (json!({"results": over}), "results are"),
        (json!({"results": 2, "metadata": over}), "metadata is"),
    ] {
        let request = create_task_request(NAMESPACE, "make", context);
        let step = failed_step(&client, request).await?;
        let error = step.error.as_ref().context("an error")?;
        assert_eq!(error.error_type, "result_too_large");
        assert_eq!(error.error_code.as_deref(), Some("RESULT_TOO_LARGE"));
        assert!(!error.retryable);
        let message = format!("the {what} {over} bytes of JSON, and may be {MAX_PAYLOAD_BYTES};");
        ensure!(error.message.starts_with(&message), "{}", error.message);
        assert_eq!(
            (step.results_json.get(), &step.metadata),
            ("null", &json!(null))
        );
    }
    Ok(())
}

/// Together more than one frame between engine and worker may hold.
#[tokio::test]
async fn contexts_at_the_limit_are_carried_at_the_same_time() -> Result<()> {
    let client = client().await?;
    let context = text_of(MAX_PAYLOAD_BYTES);
    let (one, two, three, four, five) = tokio::try_join!(
        echo(&client, &context),
        echo(&client, &context),
        echo(&client, &context),
        echo(&client, &context),
        echo(&client, &context),
    )?;
    for echoed in [one, two, three, four, five] {
        assert!(echoed.results_of_second.get() == context);
    }
    Ok(())
}

/// More than one dispatch carries.
#[tokio::test]
async fn the_results_of_several_steps_are_read_whatever_their_size() -> Result<()> {
    let client = client().await?;
    let bytes = 4 << 20;
    let context = json!({"results": bytes, "letter": "y"});
    let created = client
        .create_task(create_task_request(NAMESPACE, "size", context))
        .await?;
    let timeout = get_task_completion_timeout();
    wait_for_task_completion(&client, created.task_uuid, timeout).await?;
    let measured = client.list_raw_steps(created.task_uuid).await?.pop();
    let one = json!({"length": bytes - 2, "letters": "y"});
    let all = json!({"make_1": one, "make_2": one, "make_3": one, "make_4": one});
    let results: serde_json::Value =
        serde_json::from_str(measured.context("five steps")?.results.get())?;
    assert_eq!(results, all);
    Ok(())
}
