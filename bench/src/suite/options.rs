//! The command line: what people choose, and where the programs are, which `measure.py` says.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

#[derive(Parser)]
#[command(name = "bench")]
pub struct Options {
    /// What is measured; without a name, everything.
    pub scenarios: Vec<Name>,
    /// Writes every figure, round by round, to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Rounds; each figure is the median of them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pub rounds: u8,
    /// `latency`, `days`: workflows of each kind in a round.
    #[arg(long, default_value_t = 300)]
    pub samples: usize,
    /// `throughput`: seconds under load in a round.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// `throughput`, `snapshot`: tasks in flight.
    #[arg(long, default_value_t = 2000)]
    pub in_flight: usize,
    /// `batch`: batches of the one task.
    #[arg(long, default_value_t = 100_000)]
    pub batches: usize,
    /// `idle`: seconds in which nothing happens.
    #[arg(long, default_value_t = 20.0)]
    pub idle_seconds: f64,
    /// `recovery`: open tasks.
    #[arg(long, default_value_t = 10_000)]
    pub open_tasks: usize,
    /// `snapshot`: seconds for which a transaction is held open in a round.
    #[arg(long, default_value_t = 5.0)]
    pub snapshot_seconds: f64,
    /// `memory`: tasks that are open, and that are blocked; ten times as many run through the engine.
    #[arg(long, default_value_t = 100_000)]
    pub memory_tasks: usize,
    #[command(flatten)]
    pub programs: Programs,
}

/// What is measured, a file of `scenario` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// One workflow at a time on an idle system.
    Latency,
    /// Thousands of workflows at a time; commits, WAL and CPU for each step.
    Throughput,
    /// One task of many batches.
    Batch,
    /// Nothing to do: SQL statements a second.
    Idle,
    /// The engine killed and started again.
    Recovery,
    /// A worker killed or frozen in the middle of an attempt.
    WorkerLoss,
    /// Throughput while a transaction is held open.
    Snapshot,
    /// What tasks take of the engine's memory.
    Memory,
    /// Years of empty days.
    Days,
}

/// Where everything is that is measured.
#[derive(Args)]
#[command(next_help_heading = "Set by measure.py")]
pub struct Programs {
    /// The engine's database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The process id of PostgreSQL.
    #[arg(long)]
    pub postgres_pid: u32,
    /// The engine's program.
    #[arg(long)]
    pub server: PathBuf,
    /// The program of the worker in Rust.
    #[arg(long)]
    pub rust_worker: PathBuf,
    /// The program of the worker in Python.
    #[arg(long)]
    pub python_worker: PathBuf,
    /// The folder of handlers in Python.
    #[arg(long)]
    pub handlers: PathBuf,
    /// The folder of templates.
    #[arg(long)]
    pub templates: PathBuf,
    /// A folder for logs and other files of this run.
    #[arg(long)]
    pub folder: PathBuf,
}
