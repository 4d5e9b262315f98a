//! Which fields a template has, as data: what checks hold a document against.

use crate::code;
use crate::foreign::{self, Foreign};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// 1 to 64 of `a-z A-Z 0-9 _ - .`.
    Name,
    /// A semantic version.
    Version,
    /// What a language's registry finds a handler by.
    Callable,
    /// The name of a method.
    Method,
    Boolean,
    /// A whole number from `least` to `most`, or else the problem `code`.
    Integer {
        least: u64,
        most: u64,
        code: &'static str,
    },
    /// A number of seconds greater than zero.
    Seconds,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of these.
    List(&'static Kind),
    /// A mapping with these fields.
    Mapping(&'static Shape),
    /// A mapping with any of these fields and its name: what overrides one.
    Override(&'static Shape),
    /// A mapping from names to these.
    ByName(&'static Kind),
    /// A mapping with any content.
    AnyMapping,
}

/// A field of a mapping.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
    /// What it is for, in a sentence.
    pub(crate) about: &'static str,
}

/// Whether a field must be there, and what holds when it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
    /// The value, in JSON, that stands for a field that is not there.
    Default(&'static str),
}

/// The fields of a mapping.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The mapping in words, with its article.
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
    /// What other forms of templates have in its place.
    pub(crate) foreign: &'static [Foreign],
}

/// What the names of fields begin with that are not for the engine: they may stand in every mapping that has a shape,
/// with any content.
pub(crate) const NOTE: &str = "x-";

/// Whether a mapping is all there, or only what changes in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Yes,
    /// The name is needed at the outermost level, to say what changes.
    Override,
    No,
}

impl Whole {
    /// What holds for the mappings within one.
    pub(crate) fn within(self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::Override | Self::No => Self::No,
        }
    }

    /// Whether the field must be there.
    pub(crate) fn needs(self, field: &Field) -> bool {
        match self {
            Self::Yes => field.presence == Presence::Required,
            Self::Override => field.name == "name",
            Self::No => false,
        }
    }
}

const fn field(name: &'static str, kind: Kind, presence: Presence, about: &'static str) -> Field {
    Field {
        name,
        kind,
        presence,
        about,
    }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    field(name, kind, Presence::Required, about)
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    field(name, kind, Presence::Optional, about)
}

const fn default(
    name: &'static str,
    value: &'static str,
    kind: Kind,
    about: &'static str,
) -> Field {
    field(name, kind, Presence::Default(value), about)
}

/// A template whose environments are merged: what an engine runs.
pub(crate) const MERGED: Shape = Shape {
    what: "a template",
    foreign: foreign::OF_A_TEMPLATE,
    fields: &[
        required(
            "name",
            Kind::Name,
            "The workflow's name, unique with its version in the namespace.",
        ),
        required(
            "namespace_name",
            Kind::Name,
            "The namespace, which workers and idempotency keys belong to.",
        ),
        required(
            "version",
            Kind::Version,
            "The semantic version. Other content needs another version.",
        ),
        optional("description", Kind::Text, "What the workflow is for."),
        optional(
            "task_handler",
            Kind::Mapping(&HANDLER),
            "The handler of the whole task. It must say what the template says; nothing calls it.",
        ),
        optional(
            "metadata",
            Kind::Mapping(&METADATA),
            "What is said about the template.",
        ),
        optional(
            "input_schema",
            Kind::AnyMapping,
            "JSON Schema (2020-12) that a task's context must satisfy; a task with another is not created.",
        ),
        default(
            "on_failure",
            "\"block\"",
            Kind::OneOf(&["block", "fail"]),
            "What a step's final failure does: `block` lets run what does not depend on it, then the task can be \
             retried or resolved; `fail` ends the task at once.",
        ),
        optional(
            "lifecycle",
            Kind::Mapping(&LIFECYCLE),
            "How long a task may take.",
        ),
        required(
            "steps",
            Kind::List(&Kind::Mapping(&STEP)),
            "The steps, at least one, in any order.",
        ),
    ],
};

/// The environments of a template, which stand beside the fields of [`MERGED`].
pub(crate) const ENVIRONMENTS: Field = optional(
    "environments",
    Kind::ByName(&Kind::Mapping(&ENVIRONMENT)),
    "Changes for an engine whose TASKER_ENV is the name (without it: production). At most 32.",
);

const ENVIRONMENT: Shape = Shape {
    what: "an environment",
    foreign: foreign::OF_AN_ENVIRONMENT,
    fields: &[optional(
        "steps",
        Kind::List(&Kind::Override(&STEP)),
        "Changes of steps by name. `ALL` changes every step, before the step's own changes. Mappings are merged, \
         anything else is replaced.",
    )],
};

const METADATA: Shape = Shape {
    what: "metadata",
    foreign: foreign::OF_METADATA,
    fields: &[default(
        "tags",
        "[]",
        Kind::List(&Kind::Text),
        "Words to find the template by.",
    )],
};

const LIFECYCLE: Shape = Shape {
    what: "a lifecycle",
    foreign: &[],
    fields: &[optional(
        "max_duration_seconds",
        Kind::Seconds,
        "Seconds from the task's creation after which it ends as `error`.",
    )],
};

const STEP: Shape = Shape {
    what: "a step",
    foreign: foreign::OF_A_STEP,
    fields: &[
        required(
            "name",
            Kind::Name,
            "The step's name, unique in the template and not `ALL`.",
        ),
        optional("description", Kind::Text, "What the step is for."),
        default(
            "type",
            "\"standard\"",
            Kind::OneOf(&[
                "standard",
                "decision",
                "deferred_convergence",
                "batchable",
                "batch_worker",
            ]),
            "`standard` runs once its dependencies are done; the outcome of a `decision` names which of its \
             dependents run; a `deferred_convergence` waits for those of its dependencies that run; the outcome of a \
             `batchable` step splits work into batches; a `batch_worker` runs once for each.",
        ),
        required(
            "handler",
            Kind::Mapping(&HANDLER),
            "The code that runs the step.",
        ),
        default(
            "dependencies",
            "[]",
            Kind::List(&Kind::Name),
            "The names of the steps that it waits for.",
        ),
        optional(
            "retry",
            Kind::Mapping(&RETRY),
            "What happens after a failed attempt.",
        ),
        optional(
            "timeout_seconds",
            Kind::Seconds,
            "How long an attempt may take; then it is over and may be retried.",
        ),
        optional(
            "result_schema",
            Kind::AnyMapping,
            "JSON Schema (2020-12) that the results must satisfy; others are a permanent failure.",
        ),
        optional(
            "batch_config",
            Kind::Mapping(&BATCH_CONFIG),
            "How batches are made and what a failed one means. For steps of type `batch_worker` alone.",
        ),
    ],
};

/// Another name for a step's `dependencies`.
pub(crate) const DEPENDENCIES_ALIAS: &str = "depends_on";

const HANDLER: Shape = Shape {
    what: "a handler",
    foreign: foreign::OF_A_HANDLER,
    fields: &[
        required(
            "callable",
            Kind::Callable,
            "What a worker finds the handler by, such as `package.module.Handler`.",
        ),
        default("method", "\"call\"", Kind::Method, "The method to call."),
        default(
            "initialization",
            "{}",
            Kind::AnyMapping,
            "The handler's configuration, with any content.",
        ),
    ],
};

/// A year, in milliseconds: far beyond any wait, and far below what would overflow a time.
pub const LONGEST_MS: u64 = 365 * 24 * 3600 * 1000;
/// The longest time-out, in seconds.
pub(crate) const LONGEST_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

const BACKOFF_MS: Kind = Kind::Integer {
    least: 1,
    most: LONGEST_MS,
    code: code::RETRY_OUT_OF_RANGE,
};

pub(crate) const RETRY: Shape = Shape {
    what: "a retry policy",
    foreign: foreign::OF_A_RETRY_POLICY,
    fields: &[
        default(
            "retryable",
            "true",
            Kind::Boolean,
            "Whether there is more than one attempt, whatever the handler says of its failure.",
        ),
        default(
            "max_attempts",
            "3",
            Kind::Integer {
                least: 1,
                most: 100,
                code: code::RETRY_OUT_OF_RANGE,
            },
            "How many attempts there are in all.",
        ),
        default(
            "backoff",
            "\"exponential\"",
            Kind::OneOf(&["none", "linear", "exponential", "fibonacci"]),
            "How the waits between attempts grow.",
        ),
        default(
            "backoff_base_ms",
            "1000",
            BACKOFF_MS,
            "The first wait, in milliseconds; each is up to a tenth longer, by chance.",
        ),
        default(
            "max_backoff_ms",
            "30000",
            BACKOFF_MS,
            "The longest wait, in milliseconds, no less than `backoff_base_ms`.",
        ),
    ],
};

const BATCH_CONFIG: Shape = Shape {
    what: "a batch configuration",
    foreign: foreign::OF_A_BATCH_CONFIGURATION,
    fields: &[
        optional(
            "batch_size",
            Kind::Integer {
                least: 1,
                most: 1_000_000_000_000,
                code: code::BAD_VALUE,
            },
            "Items in a batch, unless the handler says otherwise.",
        ),
        default(
            "max_workers",
            "100000",
            Kind::Integer {
                least: 1,
                most: 100_000,
                code: code::BAD_VALUE,
            },
            "The most batches, unless the handler says otherwise.",
        ),
        default(
            "failure_strategy",
            "\"continue_on_failure\"",
            Kind::OneOf(&["continue_on_failure", "fail_fast"]),
            "What a failed batch means to the others: `continue_on_failure` lets them run; with `fail_fast` those that \
             were never started wait until no batch is in error.",
        ),
    ],
};
