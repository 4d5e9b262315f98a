//! Batches with Python handlers: how the work is split, what each batch gives, what they add up to.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tasker_e2e::check::{assert_completed, assert_refused};
use tasker_e2e::expected::{Refused, Run, expected_results};
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request_of_json,
    get_task_completion_timeout, wait_for_task_completion, wait_for_task_failure,
};
use tasker_protocol::api::TaskStatus;

const CSV: (&str, &str) = ("csv_processing_py", "csv_product_inventory_analyzer_py");
const LARGE: (&str, &str) = ("batch_processing_py", "large_batch_py");

/// The file that the worker reads.
const PRODUCTS: &str = include_str!("../../fixtures/data/products.csv");

async fn client() -> Result<OrchestrationClient> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    Ok(manager.orchestration_client)
}

/// The steps of a task that completes as expected.
async fn run((namespace, name): (&str, &str), run: &Run) -> Result<Vec<Step>> {
    let client = client().await?;
    let request = create_task_request_of_json(namespace, name, &run.context);
    let created = client.create_task(request).await?;
    assert_eq!(created.total_steps, 1);

    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(&client, created.task_uuid, timeout).await?;
    assert_eq!(task.status, TaskStatus::Complete);
    assert_eq!(task.total_steps as usize, run.steps.len());
    assert_eq!(task.completed_steps as usize, run.steps.len());
    let steps = client.list_task_steps(task.task_uuid).await?;
    assert_completed(&steps, &run.steps)?;
    Ok(steps)
}

/// Each of these contexts fails the first step for good; no other step comes to exist.
async fn refuse((namespace, name): (&str, &str), refused: &[Refused]) -> Result<()> {
    let client = client().await?;
    for refused in refused {
        let request = create_task_request_of_json(namespace, name, &refused.context);
        let created = client.create_task(request).await?;
        let timeout = get_task_completion_timeout();
        let task = wait_for_task_failure(&client, created.task_uuid, timeout).await?;
        assert_eq!(task.status, TaskStatus::BlockedByFailures, "{refused:?}");
        assert_eq!((task.total_steps, task.failed_steps), (1, 1), "{refused:?}");
        assert_refused(&client.list_task_steps(task.task_uuid).await?[0], refused)?;
    }
    Ok(())
}

/// What these rows of the file add up to, as a batch gives it; computed in cents.
fn inventory(rows: &[&str]) -> Result<Value> {
    let mut value = 0;
    let mut dearest: Option<(u64, &str, &str)> = None;
    let mut categories = BTreeMap::<&str, u64>::new();
    for row in rows {
        let fields: Vec<_> = row.split(',').collect();
        let [_, title, category, price, stock, _] = fields[..] else {
            anyhow::bail!("{row} has other than 6 fields");
        };
        let (units, cents) = price.split_once('.').context("a price has cents")?;
        ensure!(cents.len() == 2, "{row}");
        let cents = units.parse::<u64>()? * 100 + cents.parse::<u64>()?;
        value += cents * stock.parse::<u64>()?;
        *categories.entry(category).or_default() += 1;
        if dearest.is_none_or(|(highest, ..)| cents > highest) {
            dearest = Some((cents, price, title));
        }
    }
    Ok(json!({
        "processed_count": rows.len(),
        "total_inventory_value": format!("{}.{:02}", value / 100, value % 100),
        "max_price": dearest.map(|(_, price, _)| price),
        "max_price_product": dearest.map(|(.., title)| title),
        "category_counts": categories,
    }))
}

/// The same as the aggregate gives it.
fn aggregate(rows: &[&str], batches: usize) -> Result<Value> {
    let mut sum = inventory(rows)?;
    let fields = sum.as_object_mut().context("an object")?;
    let processed = fields.remove("processed_count").context("the count")?;
    fields.insert("total_processed".to_owned(), processed);
    fields.insert("worker_count".to_owned(), json!(batches));
    Ok(sum)
}

#[tokio::test]
async fn a_thousand_products_are_five_batches_that_add_up_to_one_pass_over_the_file() -> Result<()>
{
    let steps = run(CSV, expected_results()?.csv_processing.run("products")?).await?;
    let rows: Vec<_> = PRODUCTS.lines().skip(1).collect();
    assert_eq!((rows.len(), steps.len()), (1000, 7));
    for (batch, part) in steps[1..6].iter().zip(rows.chunks(200)) {
        assert_eq!(batch.results, inventory(part)?, "{}", batch.step_name);
    }
    assert_eq!(steps[6].results, aggregate(&rows, 5)?);
    // That the batches differ is what makes their sum mean something.
    for (number, batch) in steps[1..6].iter().enumerate() {
        assert!(
            steps[1..=number]
                .iter()
                .all(|other| other.results != batch.results)
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_file_without_products_has_no_batches_and_adds_up_to_nothing() -> Result<()> {
    let steps = run(CSV, expected_results()?.csv_processing.run("empty")?).await?;
    assert_eq!(steps[1].results, aggregate(&[], 0)?);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_missing_or_outside_the_served_folder_is_refused_for_good() -> Result<()> {
    let refused = expected_results()?.csv_processing.refused;
    assert_eq!(refused.len(), 7);
    refuse(CSV, &refused).await
}

#[tokio::test]
async fn ten_thousand_items_are_ten_batches() -> Result<()> {
    let steps = run(LARGE, expected_results()?.batch_processing.run("10000")?).await?;
    assert_eq!(steps.len(), 12);
    let sum = json!({"total_processed": 10_000, "total": 50_005_000, "worker_count": 10});
    assert_eq!(steps[11].results, sum);
    Ok(())
}

#[tokio::test]
async fn batches_are_of_nearly_the_same_size_down_to_one_and_none() -> Result<()> {
    let workflow = expected_results()?.batch_processing;
    for (total, steps) in [("1500", 4), ("1", 3), ("0", 2)] {
        assert_eq!(run(LARGE, workflow.run(total)?).await?.len(), steps);
    }
    Ok(())
}

#[tokio::test]
async fn anything_but_a_number_of_items_is_refused_for_good() -> Result<()> {
    let refused = expected_results()?.batch_processing.refused;
    assert_eq!(refused.len(), 5);
    refuse(LARGE, &refused).await
}
