//! Fields that other forms of templates have, and what each means here: people bring templates that they have already.

use crate::shape::Shape;

/// Fields of other forms, and what all of them mean.
#[derive(Debug)]
pub(crate) struct Foreign(&'static [&'static str], Meaning);

/// What a field of another form means here.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// The field of this name: the value is read as that field's.
    Field(&'static str),
    /// A field whose value is written otherwise, and how.
    Written(&'static str, &'static str),
    /// Nothing that the engine does.
    Nothing,
    /// Something for people.
    Note,
}

use Meaning::{Field, Note, Nothing, Written};

const HANDLER_OF_A_STEP: Meaning = Written("handler", "write `handler: {callable: ...}`");
const NOTES: Foreign = Foreign(
    &[
        "annotations",
        "author",
        "created_at",
        "documentation_url",
        "notes",
        "owner",
        "updated_at",
    ],
    Note,
);
const EVENTS: Foreign = Foreign(
    &["custom_events", "domain_events", "publishes_events"],
    Nothing,
);
const OF_BATCHES: Foreign = Foreign(&["cursor_field", "worker_template"], Nothing);

pub(crate) const OF_A_TEMPLATE: &[Foreign] = &[
    Foreign(&["task_name"], Field("name")),
    Foreign(&["namespace"], Field("namespace_name")),
    Foreign(&["step_templates"], Field("steps")),
    Foreign(
        &["handler_class", "task_handler_class"],
        Written("task_handler", "write `task_handler: {callable: ...}`"),
    ),
    Foreign(
        &["tags"],
        Written("metadata", "write `metadata: {tags: [...]}`"),
    ),
    Foreign(
        &["max_duration_seconds", "timeout", "timeout_seconds"],
        Written(
            "lifecycle",
            "write `lifecycle: {max_duration_seconds: ...}`",
        ),
    ),
    Foreign(&["system_dependencies"], Nothing),
    EVENTS,
    NOTES,
];

pub(crate) const OF_METADATA: &[Foreign] = &[NOTES];

pub(crate) const OF_AN_ENVIRONMENT: &[Foreign] = &[Foreign(&["step_templates"], Field("steps"))];

pub(crate) const OF_A_STEP: &[Foreign] = &[
    Foreign(
        &[
            "depends",
            "depends_on_step",
            "depends_on_step_name",
            "depends_on_step_names",
            "depends_on_steps",
            "needs",
        ],
        Field("dependencies"),
    ),
    Foreign(&["timeout"], Field("timeout_seconds")),
    Foreign(
        &["timeout_minutes", "timeout_ms"],
        Written("timeout_seconds", "write `timeout_seconds`, in seconds"),
    ),
    Foreign(&["callable", "handler_class"], HANDLER_OF_A_STEP),
    Foreign(
        &["configuration", "initialization"],
        Written(
            "handler",
            "write `handler: {callable: ..., initialization: ...}`",
        ),
    ),
    Foreign(
        &[
            "default_retry_limit",
            "max_attempts",
            "max_retries",
            "retries",
            "retry_limit",
        ],
        Written(
            "retry",
            "write `retry: {max_attempts: ...}`, which counts the first attempt, too",
        ),
    ),
    Foreign(
        &["backoff", "backoff_strategy", "retry_backoff"],
        Written("retry", "write `retry: {backoff: ...}`"),
    ),
    Foreign(
        &["default_retryable", "retryable"],
        Written("retry", "write `retry: {retryable: ...}`"),
    ),
    Foreign(&["system_dependency"], Nothing),
    EVENTS,
    OF_BATCHES,
    NOTES,
];

pub(crate) const OF_A_HANDLER: &[Foreign] = &[
    Foreign(&["class", "handler_class"], Field("callable")),
    Foreign(&["config", "configuration"], Field("initialization")),
];

pub(crate) const OF_A_RETRY_POLICY: &[Foreign] = &[
    Foreign(
        &["limit", "max_retries", "retries", "retry_limit"],
        Written(
            "max_attempts",
            "write `max_attempts`, which counts the first attempt, too",
        ),
    ),
    Foreign(
        &["backoff_strategy", "retry_backoff", "strategy"],
        Field("backoff"),
    ),
    Foreign(
        &["backoff_base", "backoff_base_seconds", "initial_delay"],
        Written(
            "backoff_base_ms",
            "write `backoff_base_ms`, in milliseconds",
        ),
    ),
    Foreign(
        &["max_backoff", "max_backoff_seconds", "max_delay"],
        Written("max_backoff_ms", "write `max_backoff_ms`, in milliseconds"),
    ),
    Foreign(&["jitter"], Nothing),
];

pub(crate) const OF_A_BATCH_CONFIGURATION: &[Foreign] =
    &[Foreign(&["parallelism"], Field("max_workers")), OF_BATCHES];

/// Words of other forms for the types of steps.
const WORDS: [(&str, &str); 2] = [
    ("decision_point", "decision"),
    ("convergence", "deferred_convergence"),
];

impl Meaning {
    /// What `name` means in a mapping of this shape, if it is known.
    pub(crate) fn of(name: &str, shape: &Shape) -> Option<&'static Meaning> {
        let foreign = shape.foreign.iter();
        let mut known = foreign.filter(|Foreign(names, _)| names.contains(&name));
        known.next().map(|Foreign(_, meaning)| meaning)
    }

    /// The field that is meant.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Field(field) | Written(field, _) => Some(field),
            Nothing | Note => None,
        }
    }

    /// What to do about `name`, which means this.
    pub(crate) fn hint(&self, name: &str) -> String {
        match self {
            Field(field) => format!("it is `{field}` here"),
            Written(_, how) => (*how).to_owned(),
            Nothing => "it is not part of a template here: leave it out".to_owned(),
            Note => format!("the engine does nothing with it: leave it out, or name it `x-{name}`"),
        }
    }
}

/// The word here for one of another form.
pub(crate) fn word(foreign: &str) -> Option<&'static str> {
    let mut known = WORDS.iter().filter(|(word, _)| *word == foreign);
    known.next().map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Kind, MERGED};

    /// A shape and those within it.
    fn shapes(shape: &'static Shape, found: &mut Vec<&'static Shape>) {
        found.push(shape);
        for field in shape.fields {
            let mut kind = field.kind;
            while let Kind::List(item) | Kind::ByName(item) = kind {
                kind = *item;
            }
            if let Kind::Mapping(inner) | Kind::Override(inner) = kind {
                shapes(inner, found);
            }
        }
    }

    #[test]
    fn foreign_names_are_no_fields_and_mean_fields_of_the_same_mapping() {
        let mut all = Vec::new();
        shapes(&MERGED, &mut all);
        let mut checked = 0;
        for shape in all {
            let is_field = |name: &str| shape.fields.iter().any(|field| field.name == name);
            for Foreign(names, meaning) in shape.foreign {
                for name in *names {
                    assert!(!is_field(name), "{} has the field {name}", shape.what);
                    let times = shape.foreign.iter().filter(|it| it.0.contains(name));
                    assert_eq!(times.count(), 1, "{name} of {}", shape.what);
                    checked += 1;
                }
                assert!(meaning.field().is_none_or(is_field), "{meaning:?}");
            }
        }
        assert!(checked > 50, "{checked}");
    }
}
