//! `tasker-server`: the engine's process.

use std::process::ExitCode;

use clap::Parser;
use tasker_server::options::{Command, Options, unknown_variables};
use tasker_server::service;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    log();
    let options = Options::parse();
    for warning in unknown_variables(std::env::vars().map(|(name, _)| name)) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match options.command {
            Command::Serve(serve) => Ok(service::serve(serve, stopped()?).await?),
            Command::Migrate { database_url } => {
                for migration in tasker_journal::Journal::migrate(&database_url).await? {
                    tracing::info!("applied {migration}");
                }
                Ok(())
            }
        }
    })
}

/// Completes at SIGTERM or SIGINT.
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Logs to standard error, at the level of RUST_LOG or LOG_LEVEL, `info` when neither is set.
fn log() {
    let filter = std::env::var("RUST_LOG")
        .or_else(|_| std::env::var("LOG_LEVEL"))
        .unwrap_or_else(|_| "info".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter.to_lowercase()))
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
}
