//! A change of a template, as it is told.

use std::fmt;

use serde::Serialize;

use super::kinds::Kind;
use crate::characters::shown;

/// One change, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its kind: a stable name that programs may use.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// To whom.
    pub affects: Affects,
    /// The step; none for what is the template's own. By its old name where it has another now.
    pub step: Option<String>,
    /// The field, within the step if there is one, as a path with `/`.
    pub field: Option<String>,
    /// The environments where it is so, `(none)` for a template that none changes; none where it is so in all.
    pub environments: Option<Vec<String>>,
    /// Where that stands in the old text.
    pub old: Option<Location>,
    /// Where in the new one.
    pub new: Option<Location>,
    /// What has changed.
    pub message: String,
    /// What follows for those that it affects.
    pub why: &'static str,
    /// What can be done; empty where nothing need be.
    pub remedy: &'static str,
}

/// How much a change matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing that worked stops.
    Safe,
    /// Something is otherwise, which nobody need notice.
    Notice,
    /// Something fails, or is not shown to go on.
    Breaking,
}

/// Whom a change affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Affects {
    /// Tasks with the old content, once their workers have only what the new template names.
    RunningTasks,
    /// Tasks with the new content.
    NewTasks,
    /// Whoever creates tasks.
    Callers,
    /// Whoever reads the results of tasks.
    Readers,
    /// The deployment of workers with the new template.
    Deployment,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The file's name, as it was handed to [`parse`](crate::parse).
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safe => "safe",
            Self::Notice => "notice",
            Self::Breaking => "breaking",
        })
    }
}

impl fmt::Display for Affects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunningTasks => "running tasks",
            Self::NewTasks => "new tasks",
            Self::Callers => "callers",
            Self::Readers => "readers of results",
            Self::Deployment => "deployment",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Location { file, line, column }) = self.new.as_ref().or(self.old.as_ref()) {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        write!(f, "{}: ", self.severity)?;
        if let Some(names) = &self.environments {
            write!(f, "in environment {}: ", shown(&names.join(", ")))?;
        }
        if let Some(step) = &self.step {
            write!(f, "step `{step}`: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)?;
        write!(f, "\n  {}: {}", self.affects, self.why)?;
        if !self.remedy.is_empty() {
            write!(f, "\n  hint: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// A change in one environment, which may be the same in others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: &'static Kind,
    pub(super) step: Option<String>,
    pub(super) field: Option<String>,
    pub(super) old: Option<Location>,
    pub(super) new: Option<Location>,
    pub(super) message: String,
}

impl Found {
    pub(super) fn new(kind: &'static Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            step: None,
            field: None,
            old: None,
            new: None,
            message: message.into(),
        }
    }

    pub(super) fn everywhere(self) -> Change {
        let Self {
            kind,
            step,
            field,
            old,
            new,
            message,
        } = self;
        Change {
            code: kind.code,
            severity: kind.severity,
            affects: kind.affects,
            step,
            field,
            environments: None,
            old,
            new,
            message: shown(&message).into_owned(),
            why: kind.why,
            remedy: kind.remedy,
        }
    }

    pub(super) fn in_environments(self, names: &[Option<&str>]) -> Change {
        let names = names.iter().map(|name| name.unwrap_or("(none)").to_owned());
        Change {
            environments: Some(names.collect()),
            ..self.everywhere()
        }
    }
}
