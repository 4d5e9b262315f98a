//! Calls about many things at once: creating and listing tasks, templates, workers.

use reqwest::Method;
use serde_json::Value;
use tasker_protocol::api::{
    CreateTasks, CreatedTasks, TaskPage, TaskQuery, Template, TemplateList, WorkerList,
};

use super::{ANSWER_TIMEOUT, Body, Client, Request};
use crate::Error;
use crate::retry::Repeat;

impl Client {
    /// Creates tasks in one commit; each is created or refused for itself. Unless each has an idempotency key, a failure
    /// after which they may exist is not tried again.
    ///
    /// # Errors
    /// [`Error::Api`] when the engine refuses the whole.
    pub async fn create_tasks(&self, tasks: &CreateTasks) -> Result<CreatedTasks, Error> {
        let keyed = tasks
            .tasks
            .iter()
            .all(|task| task.idempotency_key.is_some());
        let request = Request {
            method: Method::POST,
            url: self.url(&["v1", "tasks", "batch"]),
            body: Some(Body::CreateMany(tasks)),
            timeout: ANSWER_TIMEOUT,
        };
        let repeat = if keyed { Repeat::Safe } else { Repeat::Unsafe };
        self.call(request, repeat).await
    }

    /// Reads one page of a list of tasks, newest first. A page may hold fewer tasks than `query.limit`, or none, and not
    /// be the last: the next one is had with its `next_cursor`.
    ///
    /// # Errors
    /// [`Error::Api`] when the query is not one.
    pub async fn list_tasks(&self, query: &TaskQuery) -> Result<TaskPage, Error> {
        let mut url = self.url(&["v1", "tasks"]);
        if let Ok(Value::Object(fields)) = serde_json::to_value(query) {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in fields {
                match value {
                    Value::String(text) => pairs.append_pair(&name, &text),
                    other => pairs.append_pair(&name, &other.to_string()),
                };
            }
        }
        self.call(Request::read(url), Repeat::Safe).await
    }

    /// Reads every version of every template.
    ///
    /// # Errors
    /// As for every call.
    pub async fn list_templates(&self) -> Result<TemplateList, Error> {
        let url = self.url(&["v1", "templates"]);
        self.call(Request::read(url), Repeat::Safe).await
    }

    /// Reads a version of a template; without one, the highest release.
    ///
    /// # Errors
    /// [`Error::Api`] with `TEMPLATE_NOT_FOUND` when there is none.
    pub async fn get_template(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Template, Error> {
        let mut segments = vec!["v1", "templates", namespace, name];
        segments.extend(version);
        let url = self.url(&segments);
        self.call(Request::read(url), Repeat::Safe).await
    }

    /// Reads the workers that have a session.
    ///
    /// # Errors
    /// As for every call.
    pub async fn list_workers(&self) -> Result<WorkerList, Error> {
        let url = self.url(&["v1", "workers"]);
        self.call(Request::read(url), Repeat::Safe).await
    }
}
