//! What is measured, a file each.

pub mod batch;
pub mod days;
pub mod idle;
pub mod latency;
pub mod memory;
pub mod recovery;
pub mod snapshot;
pub mod throughput;
pub mod worker_loss;
