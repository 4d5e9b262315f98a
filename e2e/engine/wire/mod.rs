//! The engine's wire as a client and a worker see it: HTTP bodies and WebSocket frames, by hand.
#![allow(
    dead_code,
    reason = "each test program uses a part of the wire that it shares"
)]

pub mod load;
pub mod network;
pub mod play;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tasker_e2e::settings::Settings;
use tasker_e2e::stack::Stack;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// An answer or a message that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// The services of the system, which no other test of this program acts on meanwhile.
pub async fn stack() -> Result<Stack> {
    Stack::alone(&Settings::read()?).await
}

/// The engine's HTTP side.
pub struct Wire {
    pub http: reqwest::Client,
    base: String,
    token: String,
}

impl Wire {
    pub fn new() -> Result<Wire> {
        let settings = Settings::read()?;
        Ok(Wire {
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            base: settings.orchestration_url,
            token: settings.token.context("the test system has a token")?,
        })
    }

    /// Another engine of the same system, which is reached at this URL.
    pub fn at(url: String) -> Result<Wire> {
        Ok(Wire {
            base: url,
            ..Wire::new()?
        })
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Posts a body that is refused; the status and the `error`.
    pub async fn refused(&self, path: &str, body: &str) -> Result<(u16, Value)> {
        let request = self.http.post(self.url(path)).bearer_auth(&self.token);
        let response = request.body(body.to_owned()).send().await?;
        let status = response.status().as_u16();
        let mut body: Value = response.json().await?;
        Ok((status, body["error"].take()))
    }

    /// Posts a body with headers; the status and the answer.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<(u16, Value)> {
        let request = self.http.post(self.url(path)).bearer_auth(&self.token);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = request.body(body.to_owned()).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// The answer with its headers.
    pub async fn get_response(&self, path: &str) -> Result<reqwest::Response> {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token);
        Ok(request.send().await?)
    }

    pub async fn get(&self, path: &str) -> Result<(u16, Value)> {
        self.get_with(path, ("accept", "*/*")).await
    }

    pub async fn get_with(&self, path: &str, header: (&str, &str)) -> Result<(u16, Value)> {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token);
        let response = request.header(header.0, header.1).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// A call with a JSON body; the status and the answer.
    pub async fn send(&self, method: Method, path: &str, body: &str) -> Result<(u16, Value)> {
        let request = self.http.request(method, self.url(path));
        let request = request.bearer_auth(&self.token).body(body.to_owned());
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    pub async fn get_text(&self, path: &str) -> Result<String> {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token);
        Ok(request.send().await?.text().await?)
    }

    /// Creates a task of the one-step template that a played worker of this name brought.
    pub async fn create(&self, name: &str, context: &str) -> Result<Uuid> {
        let body = format!(r#"{{"name": "{name}", "namespace": "{name}", "context": {context}}}"#);
        let request = self
            .http
            .post(self.url("/v1/tasks"))
            .bearer_auth(&self.token);
        let response = request.body(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status == 201, "{status}: {text}");
        // The context may hold numbers that a parser does not take.
        let (_, rest) = text.split_once("\"task_uuid\":\"").context("a task")?;
        Ok(rest[..36].parse()?)
    }

    /// Asks for `/health` until it answers with this status and says this.
    pub async fn until_health_is(&self, status: u16, says: &str) -> Result<()> {
        let answered = async {
            loop {
                let Ok(response) = self.http.get(self.url("/health")).send().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let matches = response.status() == status;
                if response.text().await?.contains(says) && matches {
                    return anyhow::Ok(());
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        answer.with_context(|| format!("/health did not become {status}: {says}"))?
    }

    /// The events of a task, as they come.
    pub async fn follow(&self, task: Uuid) -> Result<reqwest::Response> {
        let url = self.url(&format!("/v1/tasks/{task}/events"));
        let request = self.http.get(url).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?)
    }

    /// The events of a task that has ended, with their ids.
    pub async fn events(&self, path: &str, after: Option<&str>) -> Result<Vec<(String, Value)>> {
        let mut request = self.http.get(self.url(path)).bearer_auth(&self.token);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let text = request.send().await?.text().await?;
        text.split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .with_context(|| format!("no {name} in {event:?}"))
                };
                Ok((
                    field("id: ")?.to_owned(),
                    serde_json::from_str(field("data: ")?)?,
                ))
            })
            .collect()
    }
}

/// The database of the stack that a test has to itself.
pub async fn database() -> Result<tokio_postgres::Client> {
    let url = format!("postgres://tasker@{}/tasker", Settings::read()?.postgres);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A worker that a test plays.
pub struct Worker {
    pub instance: Uuid,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    messages: Vec<String>,
}

impl Worker {
    pub async fn connect(wire: &Wire) -> Result<Worker> {
        let url = wire.url("/v1/worker").replacen("http", "ws", 1);
        let mut request = url.into_client_request()?;
        let token = format!("Bearer {}", wire.token).parse()?;
        request.headers_mut().insert("authorization", token);
        let (socket, _) = connect_async(request).await?;
        Ok(Worker {
            instance: Uuid::new_v8(rand::random()),
            socket,
            messages: Vec::new(),
        })
    }

    /// A `hello` with a template of this namespace and name that has one step, `only`, and no retries.
    pub fn hello(&self, name: &str, callables: &[&str], slots: u32) -> Value {
        let steps = json!([{
            "name": "only", "handler": {"callable": callables[0]}, "retry": {"retryable": false},
        }]);
        let template = json!({
            "name": name, "namespace_name": name, "version": "1.0.0", "steps": steps,
        });
        self.hello_with(&template, callables, slots)
    }

    /// A `hello` with this template.
    pub fn hello_with(&self, template: &Value, callables: &[&str], slots: u32) -> Value {
        let name = &template["namespace_name"];
        json!({"hello": {
            "protocol": [1, 1], "worker_id": name, "instance": self.instance, "language": "rust", "version": "0",
            "namespaces": [name], "callables": callables, "templates": [template.to_string()], "slots": slots,
            "running": [],
        }})
    }

    /// Says hello and is welcomed.
    pub async fn welcome(&mut self, name: &str, callables: &[&str], slots: u32) -> Result<()> {
        let hello = self.hello(name, callables, slots);
        self.send(&hello).await?;
        self.next("welcome").await?;
        Ok(())
    }

    pub async fn send(&mut self, message: &Value) -> Result<()> {
        self.send_text(&message.to_string()).await
    }

    pub async fn send_text(&mut self, frame: &str) -> Result<()> {
        Ok(self.socket.send(Message::text(frame)).await?)
    }

    /// Says that it is alive.
    pub async fn ping(&mut self) -> Result<()> {
        Ok(self.socket.send(Message::Ping(Vec::new().into())).await?)
    }

    /// The body of the next message, which is of this kind.
    pub async fn next(&mut self, kind: &str) -> Result<Value> {
        let mut message: Value = serde_json::from_str(&self.next_text(kind).await?)?;
        Ok(message[kind].take())
    }

    /// The next message, which is of this kind, as it came.
    pub async fn next_text(&mut self, kind: &str) -> Result<String> {
        let message = self.next_message().await;
        let message = message.with_context(|| format!("no {kind} came"))?;
        ensure!(
            message.starts_with(&format!("{{\"{kind}\":")),
            "not {kind}: {message}"
        );
        Ok(message)
    }

    /// The next message of any kind, as it came.
    pub async fn next_message(&mut self) -> Result<String> {
        // Pings, which come while nothing else does, are no sign that it will.
        let deadline = Instant::now() + PATIENCE;
        while self.messages.is_empty() {
            let frame = timeout_at(deadline, self.socket.next()).await;
            match frame.context("the engine says nothing")? {
                Some(Ok(Message::Text(frame))) => self.messages.push(frame.to_string()),
                Some(Ok(_)) => {}
                end => bail!("the session is over: {end:?}"),
            }
        }
        let message = self.messages.remove(0);
        if message.starts_with('[') {
            let each: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&message)?;
            let each = each.iter().map(|raw| raw.get().to_owned());
            self.messages.splice(0..0, each);
            return Box::pin(self.next_message()).await;
        }
        Ok(message)
    }

    /// Whether the engine closes the session.
    pub async fn is_closed(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.socket.next()).await {
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return true,
                Ok(Some(Ok(_))) => {}
                Err(_) => return false,
            }
        }
    }
}

/// The attempt that a dispatch is of.
pub fn attempt(dispatch: &Value) -> Value {
    json!({
        "task_uuid": dispatch["task_uuid"], "step_uuid": dispatch["step_uuid"], "attempt": dispatch["attempt"],
    })
}

/// A frame that says that an attempt succeeded with these results.
pub fn success(attempt: &Value, results: &str) -> String {
    let attempt = attempt.to_string();
    let fields = attempt.trim_matches(['{', '}']);
    format!(r#"{{"outcome": {{{fields}, "success": true, "results": {results}}}}}"#)
}
