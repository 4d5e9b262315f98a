//! Child processes that do not outlive the benchmark, and are killed, frozen and started again by it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long a process may take for what it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running child. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a program whose standard error goes to a file `NAME.log` in the folder.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Result<Process> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(logs.join(format!("{name}.log")))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let stdout = child.stdout.take().context("the standard output")?;
        Ok(Process {
            name: name.to_owned(),
            child,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// Its process id, while it has not been waited for.
    pub fn pid(&self) -> Result<u32> {
        let pid = self.child.id();
        pid.with_context(|| format!("{} has ended", self.name))
    }

    /// Waits for the next line that it writes.
    pub async fn line(&mut self) -> Result<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.with_context(|| format!("{} writes nothing", self.name))??;
        line.with_context(|| format!("{} has ended", self.name))
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Stops it in the middle of whatever it does, for good: it can only be killed.
    pub async fn freeze(&self) -> Result<()> {
        self.signal("STOP").await
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal("TERM").await?;
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> Result<()> {
        let status = timeout(PATIENCE, self.child.wait()).await;
        status.with_context(|| format!("{} does not end", self.name))??;
        Ok(())
    }

    async fn signal(&self, signal: &str) -> Result<()> {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(self.pid()?.to_string());
        let status = kill.status().await.context("the program `kill`")?;
        ensure!(status.success(), "{} takes no SIG{signal}", self.name);
        Ok(())
    }
}
