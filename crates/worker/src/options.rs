//! What a worker is started with.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use tasker_protocol::origin::Hosts;

/// What a worker is started with. As JSON, every field without a default must be there, and no other may.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Engines, such as `http://127.0.0.1:8080`: the first that has the tasks is used, and another when it has them.
    pub urls: Vec<String>,
    /// The token that engine and workers share.
    #[serde(default)]
    pub token: Option<String>,
    /// Host and port of the health page; port 0 takes a free one.
    pub bind: String,
    /// Names under which the health page is asked besides `localhost` and IP addresses.
    #[serde(default)]
    pub hosts: Hosts,
    /// The worker's name, for people; stable across restarts.
    pub worker_id: String,
    /// `python`, `ruby`, `rust` or another.
    pub language: String,
    /// The worker library's version.
    pub version: String,
    /// Namespaces that it serves besides those of its templates.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Callables that it can run besides those of its templates.
    #[serde(default)]
    pub callables: Vec<String>,
    /// Templates that it registers: files, or folders that are searched for `*.yaml` and `*.yml`.
    #[serde(default)]
    pub template_paths: Vec<PathBuf>,
    /// Attempts that it holds at once.
    pub slots: u32,
    /// Why it is not ready from the start, such as a handler that cannot be imported: it takes no attempts and registers
    /// nothing.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What a worker knows once its handlers are imported. As JSON, every field must be there, and no other may.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// Callables that it can run besides those of its options and its templates.
    pub callables: Vec<String>,
    /// Why it is not ready, besides the problems of its options.
    pub problems: Vec<String>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("urls", &self.urls)
            .field("bind", &self.bind)
            .field("worker_id", &self.worker_id)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
