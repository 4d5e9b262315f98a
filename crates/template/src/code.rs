//! The codes of [`Problem`](crate::Problem)s: stable names that programs and documentation may use.

/// Constants whose values are their names, a list of all, and what to do when nothing more exact can be said.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident => $remedy:literal)+) => {
        $($(#[doc = $meaning])+ pub const $name: &str = stringify!($name);)+

        /// All codes, in the order of their definition.
        pub const ALL: &[&str] = &[$($name),+];

        /// What to do about problems with this code. Empty for one that is none.
        pub(crate) fn remedy(code: &str) -> &'static str {
            match code {
                $($name => $remedy,)+
                _ => "",
            }
        }
    };
}

codes! {
    /// The text is not YAML 1.2.
    NOT_YAML => "look at the indentation, quotes and brackets here and just before"
    /// The file holds more than one YAML document.
    MULTIPLE_DOCUMENTS => "put it into a file of its own"
    /// The document is empty, a list or a scalar.
    NOT_A_MAPPING => "begin with a line such as `name: my_workflow`, with a space after the colon"
    /// The document is larger than a template may be, as it stands or with its aliases and overrides expanded.
    TOO_LARGE => "move data out of the template, such as into files that handlers read"
    /// Lists and mappings are nested more deeply than a template may be.
    TOO_DEEP => "nest less, or give the data to the handler as text"
    /// A mapping names the same key twice.
    DUPLICATE_KEY => "keep one of the two"
    /// A mapping's key is not text.
    BAD_KEY => "write a word, or quote it"
    /// A tag other than those of the YAML core schema.
    UNSUPPORTED_TAG => "leave the tag out: templates are plain data"
    /// A number that JSON cannot hold.
    BAD_NUMBER => "write a finite decimal number, or quote it as text"
    /// A required field is missing.
    MISSING_FIELD => "add it; it has no default"
    /// A field has a value of another type.
    WRONG_TYPE => "write text; quote it where it looks like something else"
    /// A field that a template does not have.
    UNKNOWN_FIELD => "see docs/templates.md for the fields"
    /// A field is given under both of its names.
    FIELD_GIVEN_TWICE => "keep one of them"
    /// A word that is not among the field's values.
    BAD_VALUE => "choose a value that the message names"
    /// A name with other characters than names have, too long, empty or reserved.
    BAD_NAME => "a name has 1 to 64 of the characters a-z A-Z 0-9 _ - ."
    /// Not a semantic version.
    BAD_VERSION => "write three numbers, as in 1.0.0"
    /// Not the name of something callable.
    BAD_CALLABLE => "write it as in package.module.Handler"
    /// A template without steps.
    NO_STEPS => "add a step with a name and a handler"
    /// Two steps, or two overrides of one environment, of the same name.
    DUPLICATE_STEP => "give one of them another name, or put both together"
    /// A step depends on a step that the template does not have.
    UNKNOWN_DEPENDENCY => "name steps of this template"
    /// A step names a dependency twice.
    DUPLICATE_DEPENDENCY => "name it once"
    /// Steps wait for each other in a circle.
    CYCLE => "remove one of these dependencies"
    /// A number of a retry policy is out of its range.
    RETRY_OUT_OF_RANGE => "choose a number from that range"
    /// A time-out that is not positive, or too long.
    BAD_TIMEOUT => "write a number of seconds from that range; without the field there is no limit"
    /// An environment overrides a step that the template does not have.
    UNKNOWN_ENVIRONMENT_STEP => "name steps of this template, or `ALL` for every step"
    /// A decision step that no step depends on which it could name.
    DECISION_WITHOUT_BRANCHES => "let the steps that it may name depend on it; a deferred convergence is none of them"
    /// A deferred convergence behind which there is neither a decision nor a batch worker.
    NOTHING_TO_CONVERGE => "make it a step of type `standard`, which waits for all its dependencies"
    /// A batchable step that no batch worker depends on, or more than one.
    NOT_ONE_BATCH_WORKER => "let one step of type `batch_worker` depend on it"
    /// A batch worker that depends on something else than one batchable step.
    BAD_BATCH_WORKER_DEPENDENCY => "what else it waits for can stand before the batchable step"
    /// A step that depends on a batch worker and is no deferred convergence.
    BAD_BATCH_WORKER_DEPENDENT => "gather the batches by a step of type `deferred_convergence`"
    /// A step has a name that a step created for a batch could have.
    BATCH_STEP_NAME => "name the step otherwise: batches are numbered, from _001"
    /// A batch configuration of a step that is no batch worker.
    MISPLACED_BATCH_CONFIG => "move it to the step of type `batch_worker`"
    /// Not a valid JSON Schema of draft 2020-12, or one that refers to what is outside of it or does too much.
    INVALID_SCHEMA => "see docs/templates.md for what a schema may be"
    /// Two files have the same namespace, name and version, and other content.
    DUPLICATE_TEMPLATE => "remove one of the two files, or give one template another version"
}
