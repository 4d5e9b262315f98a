//! The test's side of gate handlers: each says over TCP that it runs, and waits until the test lets it go on.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::settings::Settings;

/// Where the handlers of one task ask to go on; its address belongs in the task's context.
#[derive(Debug)]
pub struct Gate {
    listener: TcpListener,
    address: SocketAddr,
}

impl Gate {
    /// Opens a gate where the system reaches this test.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn open() -> Result<Self> {
        let host = Settings::read()?.host;
        let listener = TcpListener::bind((host, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Host and port, as handlers want it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next attempt that has started.
    ///
    /// # Errors
    /// When what connects is no gate handler.
    pub async fn started(&self) -> Result<Held> {
        let (stream, _) = self.listener.accept().await?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let [step, attempt, task_uuid, process] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            bail!("a gate handler said {line:?}, not STEP ATTEMPT TASK PROCESS");
        };
        Ok(Held {
            step: step.to_owned(),
            attempt: attempt.parse()?,
            task_uuid: task_uuid.parse()?,
            process: process.to_owned(),
            stream: stream.into_inner(),
        })
    }

    /// These steps, all running at the same time; every other one that starts meanwhile is let go.
    ///
    /// # Errors
    /// When a handler is gone that was to go on.
    pub async fn hold_together(&self, steps: &[&str]) -> Result<Vec<Held>> {
        let mut all = Vec::new();
        while all.len() < steps.len() {
            let held = self.started().await?;
            if steps.contains(&held.step.as_str()) {
                all.push(held);
            } else {
                held.release().await?;
            }
        }
        Ok(all)
    }

    /// Lets every handler go on until this is done.
    ///
    /// # Errors
    /// When a handler is gone that was to go on.
    pub async fn open_until<T>(&self, done: impl Future<Output = T>) -> Result<T> {
        tokio::pin!(done);
        loop {
            tokio::select! {
                done = &mut done => return Ok(done),
                held = self.started() => held?.release().await?,
            }
        }
    }
}

/// An attempt whose handler waits. When this is dropped, the handler fails the step.
#[derive(Debug)]
pub struct Held {
    /// The step's name.
    pub step: String,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The step's task.
    pub task_uuid: Uuid,
    /// The process that runs the handler: its host, and its number there.
    pub process: String,
    stream: TcpStream,
}

impl Held {
    /// Lets the handler go on.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn release(mut self) -> Result<()> {
        self.stream.write_all(b"go\n").await?;
        Ok(())
    }

    /// Lets the handler go on and waits until it has.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn release_until_gone(mut self) -> Result<()> {
        self.stream.write_all(b"go\n").await?;
        self.stream.read_to_end(&mut Vec::new()).await?;
        Ok(())
    }
}
