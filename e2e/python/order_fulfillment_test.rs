//! The fulfilment of orders with typed Python handlers: amounts to the cent, ids that attempts share, every refusal.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use serde_json::value::RawValue;
use tasker_e2e::check::{assert_completed, assert_ended};
use tasker_e2e::expected::expected_results;
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request,
    create_task_request_of_json, get_task_completion_timeout, wait_for_task_completion,
    wait_for_task_failure,
};
use tasker_protocol::api::{StepState, TaskStatus};

const NAMESPACE: &str = "order_fulfillment_py";
const NAME: &str = "business_workflow_py";

async fn client() -> Result<OrchestrationClient> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    Ok(manager.orchestration_client)
}

/// The expected results with the step's idempotency key, which is its uuid, where they leave a place for it.
fn with_key(results: &RawValue, step: &Step) -> Result<Box<RawValue>> {
    let key = step.step_uuid.to_string();
    Ok(RawValue::from_string(
        results.get().replace("{step_uuid}", &key),
    )?)
}

async fn fulfil(word: &str) -> Result<()> {
    let client = client().await?;
    let mut orders = expected_results()?.order_fulfillment;
    let mut run = orders.runs.remove(word).context("an order of this word")?;

    let request = create_task_request_of_json(NAMESPACE, NAME, &run.context);
    let created = client.create_task(request).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(&client, created.task_uuid, timeout).await?;
    assert_eq!(task.status, TaskStatus::Complete);
    assert_eq!((task.total_steps, task.completed_steps), (4, 4));

    let steps = client.list_task_steps(task.task_uuid).await?;
    for (expected, step) in run.steps.iter_mut().zip(&steps) {
        expected.results = with_key(&expected.results, step)?;
    }
    assert_completed(&steps, &run.steps)
}

/// The step that fails, and the others as expected.
async fn fail(word: &str, step: &str) -> Result<Step> {
    let client = client().await?;
    let mut orders = expected_results()?.order_fulfillment;
    let mut failure = orders
        .failures
        .remove(word)
        .context("a failure of this word")?;

    let request = create_task_request_of_json(NAMESPACE, NAME, &failure.context);
    let created = client.create_task(request).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_failure(&client, created.task_uuid, timeout).await?;
    assert_eq!(task.status, failure.status);

    let steps = client.list_task_steps(task.task_uuid).await?;
    for (expected, step) in failure.steps.iter_mut().zip(&steps) {
        expected.results = with_key(&expected.results, step)?;
    }
    assert_ended(&steps, &failure.steps)?;
    let failed: Vec<_> = steps
        .into_iter()
        .filter(|step| step.current_state == StepState::Error)
        .collect();
    let [failed] = &failed[..] else {
        anyhow::bail!("{} steps failed", failed.len());
    };
    assert_eq!(failed.step_name, step);
    Ok(failed.clone())
}

fn error_type(step: &Step) -> Option<&str> {
    step.error.as_ref().map(|error| error.error_type.as_str())
}

#[tokio::test]
async fn an_order_is_validated_reserved_paid_and_shipped_by_ground() -> Result<()> {
    fulfil("standard").await
}

#[tokio::test]
async fn an_express_order_goes_by_air() -> Result<()> {
    fulfil("express").await
}

#[tokio::test]
async fn half_a_cent_of_the_fee_is_rounded_up() -> Result<()> {
    fulfil("fee_half_up").await
}

#[tokio::test]
async fn a_total_of_50_000_is_the_highest() -> Result<()> {
    fulfil("highest_total").await
}

#[tokio::test]
async fn lines_of_one_product_are_reserved_together() -> Result<()> {
    fulfil("one_product_twice").await
}

#[tokio::test]
async fn an_unknown_product_is_refused_for_good() -> Result<()> {
    let step = fail("unknown_sku", "validate_order").await?;
    assert_eq!(error_type(&step), Some("PermanentError"));
    Ok(())
}

#[tokio::test]
async fn a_quantity_below_one_is_refused_for_good() -> Result<()> {
    fail("invalid_quantity", "validate_order").await?;
    Ok(())
}

#[tokio::test]
async fn a_total_above_50_000_is_refused_for_good() -> Result<()> {
    fail("order_total_too_high", "validate_order").await?;
    Ok(())
}

#[tokio::test]
async fn what_is_out_of_stock_is_tried_again() -> Result<()> {
    let step = fail("out_of_stock", "reserve_inventory").await?;
    assert_eq!(error_type(&step), Some("RetryableError"));
    Ok(())
}

#[tokio::test]
async fn a_declined_payment_is_refused_for_good() -> Result<()> {
    let step = fail("payment_declined", "process_payment").await?;
    assert_eq!(error_type(&step), Some("PermanentError"));
    Ok(())
}

#[tokio::test]
async fn a_payment_that_takes_too_long_is_tried_again() -> Result<()> {
    let step = fail("payment_timeout", "process_payment").await?;
    assert_eq!(error_type(&step), Some("RetryableError"));
    Ok(())
}

#[tokio::test]
async fn a_context_that_is_no_order_is_refused_with_each_place_that_is_wrong() -> Result<()> {
    let client = client().await?;
    let context = json!({
        "customer": {"id": "cust-1"},
        "items": [
            {"sku": "WIDGET-A", "quantity": 1, "price": 19.99},
            {"sku": "WIDGET-B", "quantity": 1, "price": "19.99"},
        ],
        "payment": {"method": "card", "token": "tok_visa"},
        "shipping": {"address": "1 Main Street", "method": "pigeon"},
    });
    let created = client
        .create_task(create_task_request(NAMESPACE, NAME, context))
        .await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_failure(&client, created.task_uuid, timeout).await?;
    let step = client.list_task_steps(task.task_uuid).await?.remove(0);
    assert_eq!((step.current_state, step.attempts), (StepState::Error, 1));
    assert_eq!(error_type(&step), Some("InvalidInputError"));
    let error = step.error.as_ref().context("the error")?;
    assert_eq!(error.error_code.as_deref(), Some("INVALID_INPUT"));
    assert!(!error.retryable);
    let violations = step.metadata["violations"]
        .as_array()
        .context("violations")?;
    let paths: Vec<_> = violations
        .iter()
        .map(|violation| &violation["path"])
        .collect();
    let wrong = [
        "context.customer.email",
        "context.items[0].price",
        "context.shipping.method",
    ];
    assert_eq!(paths, wrong);
    for path in wrong {
        ensure!(error.message.contains(path), "{path}: {}", error.message);
    }
    Ok(())
}
