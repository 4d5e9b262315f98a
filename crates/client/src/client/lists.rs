//! Calls about many things at once: creating and listing tasks, templates, workers.

use reqwest::Method;
use serde_json::Value;
use tasker_protocol::action::ActOnTemplate;
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

    /// Reads a version of a template; without one, the default: what a task runs whose creation names none.
    ///
    /// # Errors
    /// [`Error::Api`] with `TEMPLATE_NOT_FOUND` when there is none, with `TEMPLATE_RETIRED` when every release is retired.
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

    /// Retires or restores a version of a template, or names the default; the answer is the version as it is then. What
    /// is so already stays.
    ///
    /// # Errors
    /// [`Error::Api`] with `TEMPLATE_NOT_FOUND`; with `TEMPLATE_STATE_CONFLICT` when the default is to be retired, or
    /// another one cleared; with `TEMPLATE_RETIRED` when a retired version is to be the default.
    pub async fn act_on_template(
        &self,
        namespace: &str,
        name: &str,
        version: &str,
        act: &ActOnTemplate,
    ) -> Result<Template, Error> {
        let request = Request {
            method: Method::PATCH,
            body: Some(Body::ActOnTemplate(act)),
            ..Request::read(self.url(&["v1", "templates", namespace, name, version]))
        };
        self.call(request, Repeat::Safe).await
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
