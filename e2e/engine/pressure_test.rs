//! Clients that do not read: they are cut off, others are served meanwhile, and nothing that was acknowledged is lost.

mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wire::play::{fail, status};
use wire::{Wire, Worker, attempt, success};

/// Creations that one client sends without reading an answer.
const CREATIONS: usize = 10_000;

/// How long a client that does not read is served.
const CUT_OFF: Duration = Duration::from_secs(60);

/// A creation of a task of the played worker's one-step template.
fn creation(name: &str) -> String {
    json!({"name": name, "namespace": name, "context": {"text": "x".repeat(4096)}}).to_string()
}

/// A connection that takes little before it is read from.
async fn narrow(wire: &Wire) -> Result<TcpStream> {
    let address = wire.url("").replacen("http://", "", 1).parse()?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    Ok(socket.connect(address).await?)
}

/// Resident MiB of the engine, which is a process of this test's stack.
fn engine_mib() -> Result<u64> {
    let stack = std::os::unix::process::parent_id();
    for thread in std::fs::read_dir(format!("/proc/{stack}/task"))? {
        let children = std::fs::read_to_string(thread?.path().join("children"))?;
        for child in children.split_whitespace() {
            let status = std::fs::read_to_string(format!("/proc/{child}/status"))?;
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
            let command = std::fs::read(format!("/proc/{child}/cmdline"))?;
            if String::from_utf8_lossy(&command).ends_with("\0serve\0") {
                let kib = field("VmRSS:").and_then(|rss| rss.split_whitespace().next());
                return Ok(kib.context("VmRSS")?.parse::<u64>()? / 1024);
            }
        }
    }
    anyhow::bail!("the engine is no child of {stack}")
}

#[tokio::test]
async fn a_client_that_creates_and_reads_nothing_is_cut_off_and_loses_nothing_acknowledged()
-> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("unread", &["unread.Call"], 0).await?;
    let before = engine_mib()?;

    let connection = narrow(&wire).await?;
    let (mut reading, mut writing) = connection.into_split();
    let (body, token) = (creation("unread"), wire.token().to_owned());
    let deaf = tokio::spawn(async move {
        let request = format!(
            "POST /v1/tasks HTTP/1.1\r\nhost: engine\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        for _ in 0..CREATIONS {
            writing.write_all(request.as_bytes()).await?;
        }
        writing.flush().await
    });
    // Others are served meanwhile.
    let (mut most, begun) = (0, Instant::now());
    while !deaf.is_finished() && begun.elapsed() < CUT_OFF {
        wire.create("unread", "{}").await?;
        most = most.max(engine_mib()?);
    }
    ensure!(deaf.is_finished(), "it is not cut off");
    ensure!(deaf.await?.is_err(), "all was taken without an answer read");
    assert!(most < before + 256, "{before} MiB, then {most} MiB");

    let mut answers = Vec::new();
    // The connection was reset: what had arrived before is there.
    let _ = reading.read_to_end(&mut answers).await;
    let answers = String::from_utf8_lossy(&answers).into_owned();
    let mut acknowledged = BTreeSet::new();
    for answer in answers.split("HTTP/1.1 ").filter(|text| !text.is_empty()) {
        ensure!(answer.starts_with("201 "), "{answer:.100}");
        let id = answer.split_once(r#""task_uuid":""#);
        acknowledged.extend(id.and_then(|(_, rest)| rest.get(..36)).map(str::to_owned));
    }
    assert!((1..CREATIONS).contains(&acknowledged.len()));
    for task in acknowledged {
        let (status, shown) = wire.get(&format!("/v1/tasks/{task}")).await?;
        assert_eq!((status, &shown["status"]), (200, &json!("pending")));
    }
    Ok(())
}

#[tokio::test]
async fn a_follower_that_reads_too_slowly_is_cut_off_and_resumes_without_a_gap() -> Result<()> {
    // Each attempt is a commit: six hundred, some of 64 KiB.
    const ATTEMPTS: u64 = 100;
    const STEPS: usize = 6;
    let wire = Wire::new()?;
    let retry = json!({"retryable": true, "max_attempts": ATTEMPTS, "backoff": "none"});
    let steps: Vec<Value> = (0..STEPS)
        .map(|step| {
            json!({"name": format!("step_{step}"), "handler": {"callable": "slow.Call"}, "retry": retry})
        })
        .collect();
    let template = json!({
        "name": "slow", "namespace_name": "slow", "version": "1.0.0", "steps": steps,
    });
    let mut worker = Worker::connect(&wire).await?;
    let hello = worker.hello_with(&template, &["slow.Call"], 1);
    worker.send(&hello).await?;
    worker.next("welcome").await?;
    let task = wire.create("slow", "{}").await?;
    let path = format!("/v1/tasks/{task}/events");

    let mut follower = narrow(&wire).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: engine\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        wire.token()
    );
    follower.write_all(request.as_bytes()).await?;
    let mut stream = vec![0; 1];
    follower.read_exact(&mut stream).await?;
    let mut done = 0;
    while done < STEPS {
        let dispatch = worker.next("dispatch").await?;
        if dispatch["attempt"] == ATTEMPTS {
            let attempt = attempt(&dispatch);
            worker.send_text(&success(&attempt, "1")).await?;
            done += 1;
        } else {
            let error = json!({"message": "x".repeat(64 << 10), "retryable": true});
            fail(&mut worker, &dispatch, error).await?;
        }
        worker.next("accepted").await?;
    }
    assert_eq!(status(&wire, task).await?, "complete");

    let reading = follower.read_to_end(&mut stream);
    tokio::time::timeout(CUT_OFF, reading).await??;
    let text = String::from_utf8_lossy(&stream);
    let had: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .collect();
    let last = had.last().context("it had some events")?;
    let rest = wire.events(&path, Some(last)).await?;
    assert!(!rest.is_empty(), "it was not cut off");
    let resumed: Vec<&str> = rest.iter().map(|(id, _)| id.as_str()).collect();
    let all = wire.events(&path, None).await?;
    let all: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!([had, resumed].concat(), all);
    Ok(())
}
