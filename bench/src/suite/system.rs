//! The system that is measured: an engine and workers, as processes of their own beside a PostgreSQL that is up.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tasker_client::Client;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::options::Programs;
use crate::process::Process;

/// How long engine and workers may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is asked whether something is up.
const POLL: Duration = Duration::from_millis(2);

/// Whose handlers run. Each language has a namespace of its own, with the same templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
}

impl Language {
    pub fn namespace(self) -> &'static str {
        match self {
            Language::Rust => "bench_rust",
            Language::Python => "bench_python",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Python => "Python",
        }
    }
}

pub struct System<'a> {
    programs: &'a Programs,
    database_url: String,
    options: Vec<String>,
    port: u16,
    pub client: Client,
    pub engine: Process,
}

impl<'a> System<'a> {
    /// An engine that is ready.
    pub async fn start(programs: &'a Programs) -> Result<System<'a>> {
        System::start_with(programs, &[]).await
    }

    /// The same, with options of its own.
    pub async fn start_with(programs: &'a Programs, options: &[&str]) -> Result<System<'a>> {
        System::start_as(programs, &programs.database_url, options).await
    }

    /// The same, reaching its database at another address.
    pub async fn start_on(programs: &'a Programs, database_url: &str) -> Result<System<'a>> {
        System::start_as(programs, database_url, &[]).await
    }

    async fn start_as(
        programs: &'a Programs,
        database_url: &str,
        options: &[&str],
    ) -> Result<System<'a>> {
        let port = free_port()?;
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let system = System {
            programs,
            database_url: database_url.to_owned(),
            port,
            client: Client::new(&format!("http://127.0.0.1:{port}"), None)?,
            engine: engine(programs, database_url, &options, port)?,
            options,
        };
        system.ready().await?;
        Ok(system)
    }

    /// Starts the engine again, which must have been killed.
    pub fn start_again(&mut self) -> Result<()> {
        self.engine = engine(self.programs, &self.database_url, &self.options, self.port)?;
        Ok(())
    }

    /// Waits until the engine is ready.
    pub async fn ready(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            ensure!(Instant::now() < deadline, "the engine does not come up");
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let health = self.client.health().await;
        health.is_ok_and(|health| health.reasons.is_empty())
    }

    /// A worker that has its session.
    pub async fn worker(&self, language: Language, id: &str) -> Result<Process> {
        match language {
            Language::Rust => self.rust_worker(id, &[]).await,
            Language::Python => self.python_worker(id).await,
        }
    }

    /// A worker in Rust, with options of its own, that has its session.
    pub async fn rust_worker(&self, id: &str, options: &[&str]) -> Result<Process> {
        let worker = self.new_rust_worker(id, options)?;
        self.connected(&format!("{id}-1")).await?;
        Ok(worker)
    }

    /// A worker in Rust that is about to connect.
    pub fn new_rust_worker(&self, id: &str, options: &[&str]) -> Result<Process> {
        let programs = self.programs;
        let mut command = Command::new(&programs.rust_worker);
        command
            .arg(format!("--url=http://127.0.0.1:{}", self.port))
            .arg(format!("--worker-id={id}"))
            .arg("--templates")
            .arg(templates(programs, Language::Rust)?)
            .args(options);
        Process::start(id, command, &programs.folder)
    }

    async fn python_worker(&self, id: &str) -> Result<Process> {
        let programs = self.programs;
        let mut command = Command::new(&programs.python_worker);
        command
            .arg("--bind=127.0.0.1:0")
            .arg(format!("--url=http://127.0.0.1:{}", self.port))
            .arg(format!("--worker-id={id}"))
            .arg(format!("--handler-path={}", programs.handlers.display()))
            .arg("--template-path")
            .arg(templates(programs, Language::Python)?);
        let worker = Process::start(id, command, &programs.folder)?;
        self.connected(id).await?;
        Ok(worker)
    }

    /// Waits until so named a worker has its session.
    pub async fn connected(&self, id: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let workers = self.client.list_workers().await?.workers;
            if workers.iter().any(|worker| worker.worker_id == id) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the worker {id} does not connect"
            );
            sleep(POLL).await;
        }
    }
}

fn engine(
    programs: &Programs,
    database_url: &str,
    options: &[String],
    port: u16,
) -> Result<Process> {
    let mut command = Command::new(&programs.server);
    command
        .arg("serve")
        .arg(format!("--bind=127.0.0.1:{port}"))
        .arg("--engine-id=bench")
        .args(options)
        .env("DATABASE_URL", database_url);
    Process::start("engine", command, &programs.folder)
}

/// The folder of a language's templates, which are those of `bench/templates` in its namespace.
fn templates(programs: &Programs, language: Language) -> Result<PathBuf> {
    let folder = programs.folder.join(language.namespace());
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(&programs.templates)? {
        let path = entry?.path();
        let name = path.file_name().context("a template's name")?;
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(folder.join(name), in_namespace(&text, language, &path)?)?;
    }
    Ok(folder)
}

fn in_namespace(text: &str, language: Language, path: &Path) -> Result<String> {
    const LINE: &str = "\nnamespace_name: bench\n";
    ensure!(text.contains(LINE), "{} has no {LINE:?}", path.display());
    let own = format!("\nnamespace_name: {}\n", language.namespace());
    Ok(text.replacen(LINE, &own, 1))
}

/// A port that nothing listens on now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
