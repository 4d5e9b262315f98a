//! Checks the templates of a workflow while it is built, and outlines them for the check of its handlers.

use std::collections::BTreeSet;
use std::fs;

use serde::Serialize;
use serde_json::value::RawValue;
use tasker_template::{Document, Place, Problems, Set, StepType, parse};

/// The merge of no environment: the template as it stands.
const NO_ENVIRONMENT: &str = "";

/// What the check of handlers needs to know of a template.
#[derive(Debug, Serialize)]
pub struct Outline {
    /// The file, as it was named to this check.
    pub file: String,
    /// The namespace.
    pub namespace: String,
    /// The name within the namespace.
    pub name: String,
    /// The semantic version.
    pub version: String,
    /// The whole document, environments not merged.
    pub document: Box<RawValue>,
    /// What its steps call, in whatever environment.
    pub handlers: Vec<Handler>,
    /// Where the task handler is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_handler: Option<TaskHandler>,
}

/// What a step calls.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Handler {
    /// The step.
    pub step: String,
    /// Where the callable is named.
    pub line: u32,
    /// Where the callable is named.
    pub column: u32,
    /// What the handler is found by.
    pub callable: String,
    /// The method of it.
    pub method: String,
    /// How the step takes part in the graph, as templates write it.
    pub step_type: &'static str,
    /// The steps that it waits for.
    pub dependencies: Vec<String>,
}

/// The handler of the whole task.
#[derive(Debug, Serialize)]
pub struct TaskHandler {
    /// What it is found by.
    pub callable: String,
    /// Where that is named.
    pub line: u32,
    /// Where that is named.
    pub column: u32,
}

/// Checks files by themselves and together: the outline of each, in their order, or everything that is wrong, a
/// paragraph each.
///
/// # Errors
///
/// All problems of all files, each with its place and a hint.
pub fn check(files: &[String]) -> Result<Vec<Outline>, Vec<String>> {
    let (mut outlines, mut problems, mut set) = (Vec::new(), Vec::new(), Set::default());
    for file in files {
        let checked = fs::read_to_string(file)
            .map_err(|error| vec![format!("{file}: cannot be read: {error}")])
            .and_then(|text| outline_in(&mut set, &text, file).map_err(paragraphs));
        match checked {
            Ok(outline) => outlines.push(outline),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(outlines)
    } else {
        Err(problems)
    }
}

fn paragraphs(Problems(problems): Problems) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn outline_in(set: &mut Set, text: &str, file: &str) -> Result<Outline, Problems> {
    let document = parse(text, file)?;
    let outline = outline(&document, file)?;
    set.add(&document)?;
    Ok(outline)
}

fn outline(document: &Document, file: &str) -> Result<Outline, Problems> {
    let mut handlers = BTreeSet::new();
    for environment in document.environments().into_iter().chain([NO_ENVIRONMENT]) {
        let places = document.callables_at(environment);
        for step in document.merged(environment)?.steps {
            let at = places.get(&step.name).copied().unwrap_or(START);
            handlers.insert(Handler {
                step: step.name,
                line: at.line,
                column: at.column,
                callable: step.handler.callable,
                method: step.handler.method,
                step_type: word(step.step_type),
                dependencies: step.dependencies,
            });
        }
    }
    let task_handler = document
        .merged(NO_ENVIRONMENT)?
        .task_handler
        .map(|handler| {
            let at = document.task_handler_at().unwrap_or(START);
            TaskHandler {
                callable: handler.callable,
                line: at.line,
                column: at.column,
            }
        });
    let canonical = document.canonical_json();
    Ok(Outline {
        file: file.to_owned(),
        namespace: document.namespace().to_owned(),
        name: document.name().to_owned(),
        version: document.version().to_owned(),
        document: RawValue::from_string(canonical).expect("canonical JSON is JSON"),
        handlers: handlers.into_iter().collect(),
        task_handler,
    })
}

/// Of what has no place of its own.
const START: Place = Place { line: 1, column: 1 };

fn word(step_type: StepType) -> &'static str {
    match step_type {
        StepType::Standard => "standard",
        StepType::Decision => "decision",
        StepType::DeferredConvergence => "deferred_convergence",
        StepType::Batchable => "batchable",
        StepType::BatchWorker => "batch_worker",
    }
}
