//! Which fields a template has, as data: what checks hold a document against.

use crate::code;

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
    pub(crate) required: bool,
    pub(crate) kind: Kind,
}

/// The fields of a mapping.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The mapping in words, with its article.
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [Field],
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        required: true,
        kind,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        required: false,
        kind,
    }
}

/// A template whose environments are merged: what an engine runs.
pub(crate) const MERGED: Shape = Shape {
    what: "a template",
    fields: &[
        required("name", Kind::Name),
        required("namespace_name", Kind::Name),
        required("version", Kind::Version),
        optional("description", Kind::Text),
        optional("task_handler", Kind::Mapping(&HANDLER)),
        optional("metadata", Kind::Mapping(&METADATA)),
        optional("input_schema", Kind::AnyMapping),
        optional("on_failure", Kind::OneOf(&["block", "fail"])),
        optional("lifecycle", Kind::Mapping(&LIFECYCLE)),
        required("steps", Kind::List(&Kind::Mapping(&STEP))),
    ],
};

/// The environments of a template, which stand beside the fields of [`MERGED`].
pub(crate) const ENVIRONMENTS: Field =
    optional("environments", Kind::ByName(&Kind::Mapping(&ENVIRONMENT)));

const ENVIRONMENT: Shape = Shape {
    what: "an environment",
    fields: &[optional("steps", Kind::List(&Kind::Override(&STEP)))],
};

const METADATA: Shape = Shape {
    what: "metadata",
    fields: &[optional("tags", Kind::List(&Kind::Text))],
};

const LIFECYCLE: Shape = Shape {
    what: "a lifecycle",
    fields: &[optional("max_duration_seconds", Kind::Seconds)],
};

/// The step types, in the order of the documentation.
pub(crate) const STEP_TYPES: &[&str] = &[
    "standard",
    "decision",
    "deferred_convergence",
    "batchable",
    "batch_worker",
];

const STEP: Shape = Shape {
    what: "a step",
    fields: &[
        required("name", Kind::Name),
        optional("description", Kind::Text),
        optional("type", Kind::OneOf(STEP_TYPES)),
        required("handler", Kind::Mapping(&HANDLER)),
        optional("dependencies", Kind::List(&Kind::Name)),
        optional("retry", Kind::Mapping(&RETRY)),
        optional("timeout_seconds", Kind::Seconds),
        optional("result_schema", Kind::AnyMapping),
        optional("batch_config", Kind::Mapping(&BATCH_CONFIG)),
    ],
};

/// Another name for a step's `dependencies`.
pub(crate) const DEPENDENCIES_ALIAS: &str = "depends_on";

const HANDLER: Shape = Shape {
    what: "a handler",
    fields: &[
        required("callable", Kind::Callable),
        optional("method", Kind::Method),
        optional("initialization", Kind::AnyMapping),
    ],
};

/// A year: far beyond any wait, and far below what would overflow a time.
const LONGEST_MS: u64 = 365 * 24 * 3600 * 1000;
/// The longest time-out, in seconds.
pub(crate) const LONGEST_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

const BACKOFF_MS: Kind = Kind::Integer {
    least: 1,
    most: LONGEST_MS,
    code: code::RETRY_OUT_OF_RANGE,
};

const RETRY: Shape = Shape {
    what: "a retry policy",
    fields: &[
        optional("retryable", Kind::Boolean),
        optional(
            "max_attempts",
            Kind::Integer {
                least: 1,
                most: 100,
                code: code::RETRY_OUT_OF_RANGE,
            },
        ),
        optional(
            "backoff",
            Kind::OneOf(&["none", "linear", "exponential", "fibonacci"]),
        ),
        optional("backoff_base_ms", BACKOFF_MS),
        optional("max_backoff_ms", BACKOFF_MS),
    ],
};

const BATCH_CONFIG: Shape = Shape {
    what: "a batch configuration",
    fields: &[
        optional(
            "batch_size",
            Kind::Integer {
                least: 1,
                most: 1_000_000_000_000,
                code: code::BAD_VALUE,
            },
        ),
        optional(
            "max_workers",
            Kind::Integer {
                least: 1,
                most: 100_000,
                code: code::BAD_VALUE,
            },
        ),
        optional(
            "failure_strategy",
            Kind::OneOf(&["continue_on_failure", "fail_fast"]),
        ),
    ],
};
