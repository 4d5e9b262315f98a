//! Workers that die or freeze while a handler runs.

use std::time::{Duration, Instant};

use anyhow::Result;
use tasker_protocol::api::StepState;
use tasker_protocol::history::HistoryOutcome::{Late, Succeeded, WorkerLost};

use super::{Scene, WORKER, moves_of_attempts, preferred};

/// A second by the design; more on a machine that is busy with other tests.
const RUNS_ELSEWHERE_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_step_whose_worker_is_killed_runs_elsewhere_soon() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    stack.start_with("python-worker-5", &preferred()).await?;
    let task = scene.create("hold").await?;

    let lost = scene.started().await?;
    let killed = Instant::now();
    stack.kill("python-worker-5").await?;
    let held = scene.started().await?;
    let took = killed.elapsed();
    assert!(took < RUNS_ELSEWHERE_WITHIN, "{took:?}");
    assert_eq!((lost.attempt, held.attempt), (1, 2));
    held.release().await?;

    let step = scene.step_when_complete(task).await?;
    assert_eq!((step.attempts, &step.results["attempt"]), (2, &2.into()));
    let expected = moves_of_attempts(&["python-worker-5", WORKER]);
    assert_eq!(scene.moves(task, "hold").await?, expected);
    let outcomes = [
        (1, "python-worker-5".to_owned(), WorkerLost),
        (2, WORKER.to_owned(), Succeeded),
    ];
    assert_eq!(scene.outcomes(&step).await?, outcomes);
    Ok(())
}

#[tokio::test]
async fn the_outcome_of_a_frozen_worker_comes_late_and_changes_nothing() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    stack.start_with("python-worker-6", &preferred()).await?;
    let task = scene.create("hold").await?;

    let late = scene.started().await?;
    stack.stop("python-worker-6").await?;
    let held = scene.started().await?;
    assert_eq!((late.attempt, held.attempt), (1, 2));
    stack.cont("python-worker-6").await?;
    late.release().await?;
    // It leaves when its late outcome is accepted.
    stack.term("python-worker-6").await?;
    assert_eq!(stack.ended("python-worker-6").await?, 0);

    let step = scene.client.list_task_steps(task).await?.remove(0);
    assert_eq!(
        (step.current_state, step.attempts),
        (StepState::InProgress, 2)
    );
    assert_eq!(step.results_json.get(), "null");
    held.release().await?;
    let step = scene.step_when_complete(task).await?;
    assert_eq!((step.attempts, &step.results["attempt"]), (2, &2.into()));
    let expected = moves_of_attempts(&["python-worker-6", WORKER]);
    assert_eq!(scene.moves(task, "hold").await?, expected);
    let outcomes = [
        (1, "python-worker-6".to_owned(), WorkerLost),
        (2, WORKER.to_owned(), Succeeded),
        (1, "python-worker-6".to_owned(), Late),
    ];
    assert_eq!(scene.outcomes(&step).await?, outcomes);
    Ok(())
}
