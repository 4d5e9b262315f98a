//! The kinds of changes: how much each matters, to whom, why, and what can be done.

use super::change::Affects::{self, Callers, Deployment, NewTasks, Readers, RunningTasks};
use super::change::Severity::{self, Breaking, Notice, Safe};

/// What all changes of a kind have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The code of its changes.
    pub code: &'static str,
    /// What changes, a sentence.
    pub meaning: &'static str,
    /// How much that matters.
    pub severity: Severity,
    /// To whom.
    pub affects: Affects,
    pub(super) why: &'static str,
    pub(super) remedy: &'static str,
}

macro_rules! kinds {
    ($(#[doc = $meaning:literal] $name:ident: $severity:ident $affects:ident $why:literal => $remedy:expr,)+) => {
        $(#[doc = $meaning] pub(super) static $name: Kind = Kind {
            code: stringify!($name),
            meaning: $meaning.trim_ascii_start(),
            severity: $severity,
            affects: $affects,
            why: $why,
            remedy: $remedy,
        };)+

        /// All kinds of changes.
        pub static ALL: &[&Kind] = &[$(&$name),+];
    };
}

const KEEP: &str = "bring the old template beside the new one until its tasks have ended";
const RENAME: &str = "give the changed handler another name, and bring the old template with its handlers beside the new \
                      one until its tasks have ended";
const NONE: &str = "";

kinds! {
    /// The namespace or the name.
    WORKFLOW_CHANGED: Breaking RunningTasks "no worker that has the new template alone serves the old workflow" => KEEP,
    /// A workflow is not there any more.
    WORKFLOW_REMOVED: Breaking RunningTasks "their steps wait for a worker that has the handlers" => KEEP,
    /// A workflow is not there any more, and all its handlers are named by others of its namespace.
    WORKFLOW_RETIRED: Notice Callers "its versions stay registered until they are retired, and tasks can be created" => "`tasker template retire` keeps new tasks from its versions",
    /// A workflow that was not there before.
    WORKFLOW_ADDED: Safe NewTasks "there are no tasks of it yet" => NONE,
    /// Other content has the version of the old.
    VERSION_UNCHANGED: Breaking Deployment "the engine refuses the worker with TEMPLATE_CONFLICT, unless its environment is `test` or `development`" => "give the new content a higher version",
    /// The version is lower than the old one.
    VERSION_LOWER: Notice NewTasks "a task whose creation names no version goes on taking the old one, the higher" => "give the new content a higher version, or name it by `tasker template default`",

    /// No template names a callable any more that the old one names.
    CALLABLE_REMOVED: Breaking RunningTasks "the step waits until a worker has the callable" => KEEP,
    /// No template names a method of a callable any more that the old one names.
    METHOD_REMOVED: Breaking RunningTasks "nothing says that the handler still has the method; without it attempts fail" => KEEP,
    /// A handler is used in steps of another kind: plain, decision, batchable or batch worker.
    CALLABLE_RETYPED: Breaking RunningTasks "the handler answers as steps of the new kind do, which is a permanent failure in those of the old" => RENAME,
    /// A step has another handler, and some step still has the old one.
    HANDLER_CHANGED: Notice RunningTasks "they go on with the old handler, which the workers have to keep" => NONE,
    /// A step is of another type.
    STEP_TYPE_CHANGED: Notice NewTasks "running tasks keep the type with the old handler" => NONE,
    /// `initialization` has a key that it did not have, and the handler is the same.
    INITIALIZATION_ADDED: Breaking RunningTasks "the handler may need the key, and they go on without it" => RENAME,
    /// A value in `initialization` is of another type, and the handler is the same.
    INITIALIZATION_RETYPED: Breaking RunningTasks "the handler may expect the new type, and they go on with the old" => RENAME,
    /// A value in `initialization` is another or gone, and the handler is the same.
    INITIALIZATION_CHANGED: Notice RunningTasks "they go on with the old value" => NONE,

    /// A step that was not there before.
    STEP_ADDED: Safe NewTasks "running tasks do not get it" => NONE,
    /// A step is not there any more.
    STEP_REMOVED: Notice Readers "new tasks have no results under its name; running tasks keep the step" => NONE,
    /// A step has another name, and the same handler.
    STEP_RENAMED: Notice Readers "new tasks have its results under the new name, running tasks under the old" => NONE,
    /// A step depends on a step that did not come before it, and its handler is the same.
    DEPENDENCY_ADDED: Breaking RunningTasks "the handler may read the results of the dependency, which they do not have" => RENAME,
    /// A step comes after another one through what it depends on, and its handler is the same.
    ANCESTOR_ADDED: Notice RunningTasks "the handler cannot read results of it there" => NONE,
    /// A step does not come after another one any more, and its handler is the same.
    ANCESTOR_LOST: Breaking NewTasks "the handler may read the results of that step, which they do not have" => "let it depend on that step, or give the changed handler another name",
    /// A step depends on other steps, and comes after the same ones.
    DEPENDENCIES_CHANGED: Safe NewTasks "its handler finds the results of the same steps" => NONE,
    /// A decision can name a step that it could not, and its handler is the same.
    BRANCH_ADDED: Breaking RunningTasks "the handler may name the step, which is a permanent failure where it does not depend on the decision" => RENAME,
    /// A decision can no longer name a step, and its handler is the same.
    BRANCH_REMOVED: Breaking NewTasks "the handler may name the step, which is a permanent failure where it does not depend on the decision" => "give the handler that does not name it any more another name",

    /// A step's retry policy.
    RETRY_CHANGED: Notice NewTasks "running tasks keep the old policy" => NONE,
    /// A step's `timeout_seconds`.
    TIMEOUT_CHANGED: Notice NewTasks "running tasks keep the old time-out" => NONE,
    /// A batch worker's `batch_config`.
    BATCH_CONFIG_CHANGED: Notice NewTasks "running tasks keep the old numbers" => NONE,
    /// The template's `on_failure`.
    ON_FAILURE_CHANGED: Notice NewTasks "running tasks keep the old word" => NONE,
    /// The template's `lifecycle`.
    LIFECYCLE_CHANGED: Notice NewTasks "running tasks keep the old limit" => NONE,
    /// The template's `task_handler`.
    TASK_HANDLER_CHANGED: Safe Deployment "the workers must have it, and nothing calls it" => NONE,
    /// A `description`, or the template's `metadata`.
    DESCRIPTION_CHANGED: Safe Readers "nothing runs otherwise" => NONE,

    /// The new `input_schema` refuses contexts that the old one accepts.
    INPUT_SCHEMA_NARROWED: Breaking Callers "a creation with such a context is refused with CONTEXT_INVALID, and the handlers may not expect those of running tasks" => "accept what was accepted, or make it another workflow",
    /// The new `input_schema` cannot be shown to accept all that the old one accepts.
    INPUT_SCHEMA_UNDECIDED: Breaking Callers "a creation may be refused with CONTEXT_INVALID that was accepted" => "write it with the keywords that are compared",
    /// The new `input_schema` checks a property of which the old one accepts any value, without naming it.
    INPUT_PROPERTY_NAMED: Notice Callers "a context that has happened to have it may be refused with CONTEXT_INVALID" => NONE,
    /// The new `input_schema` accepts all that the old one accepts.
    INPUT_SCHEMA_WIDENED: Safe Callers "what was accepted is" => NONE,
    /// The new `result_schema` accepts results that the old one refuses, and the handler is the same.
    RESULT_SCHEMA_WIDENED: Breaking RunningTasks "they hold the results against the old schema, and what breaks it is a permanent failure" => RENAME,
    /// The new `result_schema` refuses results that the old one accepts, and other steps come after the step.
    RESULT_SCHEMA_NARROWED: Breaking RunningTasks "the handlers after it may not expect such results, which are recorded already" => KEEP,
    /// How results by the old and the new `result_schema` differ cannot be told.
    RESULT_SCHEMA_UNDECIDED: Breaking RunningTasks "they hold the results against the old schema, and later handlers read those that are recorded" => "write it with the keywords that are compared",
    /// One `result_schema` checks a property of which the other accepts any value, without naming it.
    RESULT_PROPERTY_NAMED: Notice RunningTasks "results that happen to have it may be of a form that the other schema refuses" => NONE,
    /// The `result_schema` is another, and neither running tasks nor later steps can meet with the difference.
    RESULT_SCHEMA_CHANGED: Safe NewTasks "running tasks keep the old schema" => NONE,
}
