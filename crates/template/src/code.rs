//! The codes of [`Problem`](crate::Problem)s: stable names that programs and documentation may use.

/// The text is not YAML 1.2.
pub const NOT_YAML: &str = "NOT_YAML";
/// The file holds more than one YAML document.
pub const MULTIPLE_DOCUMENTS: &str = "MULTIPLE_DOCUMENTS";
/// The document is empty, a list or a scalar.
pub const NOT_A_MAPPING: &str = "NOT_A_MAPPING";
/// The document is larger than a template may be, as it stands or with its aliases and overrides expanded.
pub const TOO_LARGE: &str = "TOO_LARGE";
/// Lists and mappings are nested more deeply than a template may be.
pub const TOO_DEEP: &str = "TOO_DEEP";
/// A mapping names the same key twice.
pub const DUPLICATE_KEY: &str = "DUPLICATE_KEY";
/// A mapping's key is not text.
pub const BAD_KEY: &str = "BAD_KEY";
/// A tag other than those of the YAML core schema.
pub const UNSUPPORTED_TAG: &str = "UNSUPPORTED_TAG";
/// A number that JSON cannot hold.
pub const BAD_NUMBER: &str = "BAD_NUMBER";
/// A required field is missing.
pub const MISSING_FIELD: &str = "MISSING_FIELD";
/// A field has a value of another type.
pub const WRONG_TYPE: &str = "WRONG_TYPE";
/// A field that a template does not have.
pub const UNKNOWN_FIELD: &str = "UNKNOWN_FIELD";
/// A field is given under both of its names.
pub const FIELD_GIVEN_TWICE: &str = "FIELD_GIVEN_TWICE";
/// A word that is not among the field's values.
pub const BAD_VALUE: &str = "BAD_VALUE";
/// A name with other characters than names have, too long, empty or reserved.
pub const BAD_NAME: &str = "BAD_NAME";
/// Not a semantic version.
pub const BAD_VERSION: &str = "BAD_VERSION";
/// Not the name of something callable.
pub const BAD_CALLABLE: &str = "BAD_CALLABLE";
/// A template without steps.
pub const NO_STEPS: &str = "NO_STEPS";
/// Two steps, or two overrides of one environment, of the same name.
pub const DUPLICATE_STEP: &str = "DUPLICATE_STEP";
/// A step depends on a step that the template does not have.
pub const UNKNOWN_DEPENDENCY: &str = "UNKNOWN_DEPENDENCY";
/// A step names a dependency twice.
pub const DUPLICATE_DEPENDENCY: &str = "DUPLICATE_DEPENDENCY";
/// Steps wait for each other in a circle.
pub const CYCLE: &str = "CYCLE";
/// A number of a retry policy is out of its range.
pub const RETRY_OUT_OF_RANGE: &str = "RETRY_OUT_OF_RANGE";
/// A time-out that is not positive, or too long.
pub const BAD_TIMEOUT: &str = "BAD_TIMEOUT";
/// An environment overrides a step that the template does not have.
pub const UNKNOWN_ENVIRONMENT_STEP: &str = "UNKNOWN_ENVIRONMENT_STEP";
/// A decision step that no step depends on which it could name.
pub const DECISION_WITHOUT_BRANCHES: &str = "DECISION_WITHOUT_BRANCHES";
/// A deferred convergence behind which there is neither a decision nor a batch worker.
pub const NOTHING_TO_CONVERGE: &str = "NOTHING_TO_CONVERGE";
/// A batchable step that no batch worker depends on, or more than one.
pub const NOT_ONE_BATCH_WORKER: &str = "NOT_ONE_BATCH_WORKER";
/// A batch worker that depends on something else than one batchable step.
pub const BAD_BATCH_WORKER_DEPENDENCY: &str = "BAD_BATCH_WORKER_DEPENDENCY";
/// A step that depends on a batch worker and is no deferred convergence.
pub const BAD_BATCH_WORKER_DEPENDENT: &str = "BAD_BATCH_WORKER_DEPENDENT";
/// A step has a name that a step created for a batch could have.
pub const BATCH_STEP_NAME: &str = "BATCH_STEP_NAME";
/// A batch configuration of a step that is no batch worker.
pub const MISPLACED_BATCH_CONFIG: &str = "MISPLACED_BATCH_CONFIG";
/// Not a valid JSON Schema of draft 2020-12, or one that refers to what is outside of it or does too much.
pub const INVALID_SCHEMA: &str = "INVALID_SCHEMA";
