//! The calls.

mod lists;

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tasker_protocol::action::{ActOnStep, ActOnTemplate};
use tasker_protocol::api::{CreateTask, CreateTasks, Health, Step, StepPage, Task, TaskStatus};
use tasker_protocol::error::ErrorBody;
use uuid::Uuid;

use crate::Error;
use crate::retry::{Pauses, Repeat};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What an answer may take beyond the time that the engine was asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the engine is asked to wait in one call: less than proxies give an answer, 50 s and more.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// Waits are no longer than this: times end some day.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// An engine, by its URL. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Client {
    /// A client of the engine at `base_url`, such as `http://localhost:8080`. It connects when it is first used.
    ///
    /// # Errors
    /// [`Error::BaseUrl`] when that is no `http` URL.
    pub fn new(base_url: &str, token: Option<String>) -> Result<Self, Error> {
        let refuse = |reason: String| Error::BaseUrl {
            url: base_url.to_owned(),
            reason,
        };
        let base = Url::parse(base_url).map_err(|error| refuse(error.to_string()))?;
        if base.scheme() != "http" {
            return Err(refuse(format!("its scheme is {}, not http", base.scheme())));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { http, base, token })
    }

    /// Creates a task and, with `wait`, answers when it has ended or is blocked, or after that time.
    /// A failure after which the task may exist is tried again only if the creation has an idempotency key.
    ///
    /// # Errors
    /// [`Error::Api`] when the engine refuses the task.
    pub async fn create_task(
        &self,
        task: &CreateTask,
        wait: Option<Duration>,
    ) -> Result<Task, Error> {
        let deadline = wait.map(deadline);
        let first = wait.map(|wait| wait.min(LONGEST_WAIT));
        let request = Request {
            method: Method::POST,
            url: with_wait(self.url(&["v1", "tasks"]), first),
            body: Some(Body::Create(task)),
            timeout: ANSWER_TIMEOUT + first.unwrap_or_default(),
        };
        let repeat = match task.idempotency_key {
            Some(_) => Repeat::Safe,
            None => Repeat::Unsafe,
        };
        let created = self.call(request, repeat).await?;
        self.settled(created, deadline).await
    }

    /// Reads a task; with `wait`, when it has ended or is blocked, or after that time as it then is.
    ///
    /// # Errors
    /// [`Error::Api`] with `TASK_NOT_FOUND` when there is none.
    pub async fn get_task(&self, task_uuid: Uuid, wait: Option<Duration>) -> Result<Task, Error> {
        let deadline = wait.map(deadline);
        let task = self.read_task(task_uuid, wait).await?;
        self.settled(task, deadline).await
    }

    /// The task when it has ended or is blocked, or as it is at the deadline, in calls that proxies let pass.
    async fn settled(&self, mut task: Task, deadline: Option<Instant>) -> Result<Task, Error> {
        while let Some(deadline) = deadline
            && !is_settled(task.status)
            && Instant::now() < deadline
        {
            let left = deadline - Instant::now();
            task = self.read_task(task.task_uuid, Some(left)).await?;
        }
        Ok(task)
    }

    async fn read_task(&self, task_uuid: Uuid, wait: Option<Duration>) -> Result<Task, Error> {
        let wait = wait.map(|wait| wait.min(LONGEST_WAIT));
        let url = self.url(&["v1", "tasks", &task_uuid.to_string()]);
        let mut request = Request::read(with_wait(url, wait));
        request.timeout += wait.unwrap_or_default();
        self.call(request, Repeat::Safe).await
    }

    /// Cancels a task. A failure after which it may be cancelled is not tried again.
    ///
    /// # Errors
    /// [`Error::Api`] with `TASK_ENDED` when it has ended.
    pub async fn cancel_task(&self, task_uuid: Uuid) -> Result<Task, Error> {
        let url = self.url(&["v1", "tasks", &task_uuid.to_string()]);
        let request = Request {
            method: Method::DELETE,
            ..Request::read(url)
        };
        self.call(request, Repeat::Unsafe).await
    }

    /// Reads one step of a task with its history and, with `logs`, what the handler of each attempt logged.
    ///
    /// # Errors
    /// [`Error::Api`] with `TASK_NOT_FOUND` or `STEP_NOT_FOUND`.
    pub async fn get_task_step(
        &self,
        task_uuid: Uuid,
        step_uuid: Uuid,
        logs: bool,
    ) -> Result<Step, Error> {
        let mut url = self.step_url(task_uuid, step_uuid);
        if logs {
            url.query_pairs_mut().append_pair("logs", "true");
        }
        self.call(Request::read(url), Repeat::Safe).await
    }

    /// Retries, resolves or completes a step that failed. A failure after which that may be done is not tried again.
    ///
    /// # Errors
    /// [`Error::Api`] with `STEP_STATE_CONFLICT` when the step's state does not allow it, with `OUTCOME_INVALID` when
    /// its handler could not have given what is given.
    pub async fn act_on_step(
        &self,
        task_uuid: Uuid,
        step_uuid: Uuid,
        act: &ActOnStep,
    ) -> Result<Step, Error> {
        let request = Request {
            method: Method::PATCH,
            body: Some(Body::Act(act)),
            ..Request::read(self.step_url(task_uuid, step_uuid))
        };
        self.call(request, Repeat::Unsafe).await
    }

    /// Reads all steps of a task in creation order.
    ///
    /// # Errors
    /// [`Error::Api`] with `TASK_NOT_FOUND` when there is no such task.
    pub async fn list_task_steps(&self, task_uuid: Uuid) -> Result<Vec<Step>, Error> {
        let first = self.url(&["v1", "tasks", &task_uuid.to_string(), "workflow_steps"]);
        let mut steps = Vec::new();
        let mut url = first.clone();
        loop {
            let page: StepPage = self.call(Request::read(url), Repeat::Safe).await?;
            steps.extend(page.steps);
            let Some(cursor) = page.next_cursor else {
                return Ok(steps);
            };
            url = first.clone();
            url.query_pairs_mut().append_pair("cursor", &cursor);
        }
    }

    /// Whether the engine is ready, and if not, why. An engine that is not ready is an answer, not an
    /// error; it is asked once.
    ///
    /// # Errors
    /// [`Error::Transport`] when nothing answers.
    pub async fn health(&self) -> Result<Health, Error> {
        let request = Request::read(self.url(&["health"]));
        let (status, text) = self.send(&request).await?;
        parse(&text).map_err(|error| unexpected(&request, status, error, text))
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn step_url(&self, task_uuid: Uuid, step_uuid: Uuid) -> Url {
        let (task, step) = (task_uuid.to_string(), step_uuid.to_string());
        self.url(&["v1", "tasks", &task, "workflow_steps", &step])
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        repeat: Repeat,
    ) -> Result<T, Error> {
        let mut pauses = Pauses::new();
        loop {
            let error = match self.call_once(&request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = pauses.after(&error, repeat) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn call_once<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, Error> {
        let (status, text) = self.send(request).await?;
        if status.is_success() {
            return parse(&text).map_err(|error| unexpected(request, status, error, text));
        }
        match parse::<ErrorBody>(&text) {
            Ok(body) => Err(Error::Api {
                call: request.to_string(),
                status: status.as_u16(),
                detail: Box::new(body.error),
            }),
            Err(error) => Err(unexpected(request, status, error, text)),
        }
    }

    async fn send(&self, request: &Request<'_>) -> Result<(StatusCode, String), Error> {
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .timeout(request.timeout);
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let answer = async {
            let response = builder.send().await?;
            Ok((response.status(), response.text().await?))
        };
        answer.await.map_err(|source| Error::Transport {
            call: request.to_string(),
            source,
        })
    }
}

struct Request<'a> {
    method: Method,
    url: Url,
    body: Option<Body<'a>>,
    timeout: Duration,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Create(&'a CreateTask),
    CreateMany(&'a CreateTasks),
    Act(&'a ActOnStep),
    ActOnTemplate(&'a ActOnTemplate),
}

impl Request<'_> {
    fn read(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            body: None,
            timeout: ANSWER_TIMEOUT,
        }
    }
}

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

fn is_settled(status: TaskStatus) -> bool {
    match status {
        TaskStatus::BlockedByFailures
        | TaskStatus::Complete
        | TaskStatus::ResolvedManually
        | TaskStatus::Error
        | TaskStatus::Cancelled => true,
        TaskStatus::Pending | TaskStatus::StepsInProcess | TaskStatus::WaitingForRetry => false,
    }
}

fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(FOREVER)
}

fn with_wait(mut url: Url, wait: Option<Duration>) -> Url {
    if let Some(wait) = wait {
        let seconds = wait.as_secs_f64().to_string();
        url.query_pairs_mut().append_pair("wait", &seconds);
    }
    url
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

fn unexpected(
    request: &Request<'_>,
    status: StatusCode,
    error: serde_json::Error,
    body: String,
) -> Error {
    Error::Unexpected {
        call: request.to_string(),
        status: status.as_u16(),
        reason: error.to_string(),
        body,
    }
}
