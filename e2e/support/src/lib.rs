//! What end-to-end tests are written with. The system they run against is already up.
//!
//! Layout:
//! - [`manager`]: [`IntegrationTestManager`], where a test begins.
//! - [`orchestration`]: the engine's API as tests use it, tasks and steps with their results parsed.
//! - [`events`]: a task's state changes, and those of one step.
//! - [`wait`]: waiting for a task's end, by the engine's own `?wait=`.
//! - [`expected`]: the results that each workflow must have in every language.
//! - [`exact`]: JSON compared digit for digit.
//! - [`check`]: steps held against what is expected of them.
//! - [`numeric`]: what every numeric workflow must do.
//! - [`stack`]: killing, freezing and starting services.
//! - [`gate`]: the test's side of handlers that wait until the test lets them go on.
//! - [`settings`]: the variables that name the system.

pub mod check;
pub mod events;
pub mod exact;
pub mod expected;
pub mod gate;
pub mod manager;
pub mod numeric;
pub mod orchestration;
pub mod settings;
pub mod stack;
pub mod wait;

pub use manager::{IntegrationTestManager, WorkerType};
pub use orchestration::{
    OrchestrationClient, Step, Task, create_task_request, create_task_request_of_json,
};
pub use wait::{get_task_completion_timeout, wait_for_task_completion, wait_for_task_failure};
