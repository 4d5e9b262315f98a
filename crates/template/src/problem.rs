//! What is wrong with a template, where, and what to do about it.

use std::collections::HashSet;
use std::fmt;

use crate::characters::shown;
use crate::code;
use crate::nearest::nearest;

/// One mistake in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind, one of [`code`](crate::code).
    pub code: &'static str,
    /// The file's name, as it was handed to [`parse`](crate::parse).
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            code,
            hint,
        } = self;
        write!(
            f,
            "{file}:{line}:{column}: {message} [{code}]\n  hint: {hint}"
        )
    }
}

/// Everything that is wrong with a template, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A place in a file: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// Beyond this many problems no nearest names are looked for: each look-up costs time for every
/// candidate, and nobody reads that far.
const HINTED_PROBLEMS: usize = 100;

/// Collects the problems of one file, each once.
pub(crate) struct Sink {
    file: String,
    environment: Option<String>,
    problems: Vec<Problem>,
    seen: HashSet<(&'static str, Place, String)>,
}

impl Sink {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            environment: None,
            problems: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// From here on problems are those of the template as `environment` changes it.
    pub(crate) fn enter_environment(&mut self, environment: &str) {
        self.environment = Some(environment.to_owned());
    }

    /// Takes a problem. Without a hint it gets that of its code. Characters that nobody sees are escaped.
    pub(crate) fn push(
        &mut self,
        code: &'static str,
        at: Place,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let message = shown(&message.into()).into_owned();
        if !self.seen.insert((code, at, message.clone())) {
            return;
        }
        self.problems.push(Problem {
            code,
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            message: match &self.environment {
                Some(environment) => format!("in environment `{}`: {message}", shown(environment)),
                None => message,
            },
            hint: hint.map_or_else(
                || code::remedy(code).to_owned(),
                |hint| shown(&hint).into_owned(),
            ),
        });
    }

    /// The hint "did you mean" for a name that is not among the known ones.
    pub(crate) fn did_you_mean<'a>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        if self.problems.len() >= HINTED_PROBLEMS {
            return None;
        }
        nearest(name, known).map(|found| format!("did you mean `{found}`?"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// `value` when nothing was wrong, or else all problems in the order of the file.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Problems> {
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(Problems(self.problems)),
        }
    }
}
