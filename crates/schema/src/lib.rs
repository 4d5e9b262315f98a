//! JSON Schemas of contexts and results, made once and then held against documents.
//!
//! Apart from templates, whose crate and tests would else compile the validator anew: it is generic over what it reads.
//!
//! A schema comes with a template and a document from whoever calls, so neither may exhaust stack, memory or time:
//! `references` bounds what a schema does with one value, `metered` what a document makes it do. `containment` holds one
//! schema against another.

pub mod containment;
mod document;
mod metered;
mod references;

use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Retrieve, ValidationError, ValidationOptions, Validator};
use metered::{Meter, Metered};
use serde_json::{Value, json};

/// A JSON Schema of draft 2020-12.
///
/// What differs from the whole of that standard:
///
/// - References stay within the schema (`#`, `#/$defs/item`, `#anchor`): nothing is read from files or networks.
///   They may not lead back to where they came from without going deeper into the document.
/// - `format` and `content...` are annotations and refuse nothing, as is the standard's default.
/// - Numbers are compared as 64-bit integers where they are such, and else as doubles. So an integer of 50 digits is
///   of type `integer`, but `const`, `enum`, `minimum`, `multipleOf` and their like see only its first 15 to 17
///   digits. A number beyond 1.8e308 counts as the largest double.
/// - Patterns are matched in linear time, so that they cannot look around or refer back. There are at most
///   [`Schema::MOST_PATTERNS`], and none may be too large once compiled. A pattern with long repetitions can still take
///   microseconds for each byte of a text.
pub struct Schema {
    validator: Validator<Metered>,
}

/// One place where a document breaks a schema, or a schema the rules for schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The JSON Pointer of the value, such as `/items/0/price`; empty for the whole document.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a text is no schema that can be used: at least one reason, in no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError(pub Vec<Violation>);

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a usable JSON Schema: ")?;
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SchemaError {}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

/// The identifier of the only draft that is supported.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Schema {
    /// The most violations that one check reports.
    pub const MOST_VIOLATIONS: usize = 20;
    /// The most patterns that a schema may have: once compiled, each may take 256 KiB.
    pub const MOST_PATTERNS: usize = 100;

    /// The schema that `json` is.
    ///
    /// # Errors
    ///
    /// It is not JSON, or not a valid schema of draft 2020-12, or is outside of the limits that [`Schema`] names.
    pub fn new(json: &str) -> Result<Self, SchemaError> {
        let one = |violation| SchemaError(vec![violation]);
        let schema = document::read(json).map_err(one)?;
        references::check_patterns(&schema).map_err(one)?;
        hold(&STANDARD, &schema, json.len()).map_err(SchemaError)?;
        references::check(&schema).map_err(SchemaError)?;
        let validator = options()
            .build(&schema)
            .map_err(|error| one(violation(&error)))?;
        Ok(Self { validator })
    }

    /// Holds the document `json` against this schema. It takes time in proportion to the document's length.
    ///
    /// # Errors
    ///
    /// The first [`Schema::MOST_VIOLATIONS`] places where it breaks the schema, at least one. One for the whole
    /// document when that is not JSON, is nested more than 127 deep, or takes too many steps to check.
    pub fn check(&self, json: &str) -> Result<(), Vec<Violation>> {
        let document = document::read(json).map_err(|violation| vec![violation])?;
        hold(&self.validator, &document, json.len())
    }
}

/// The standard's own schema for schemas, which comes with the validator.
static STANDARD: LazyLock<Validator<Metered>> = LazyLock::new(|| {
    // Nothing of it depends on what is read: it is made in every test of a schema, and made the same everywhere.
    options()
        .should_validate_formats(true)
        .build(&json!({"$ref": DRAFT}))
        .expect("the standard's schema is a schema")
});

fn options<'a>() -> ValidationOptions<'a, Arc<dyn Retrieve>, Metered> {
    // The most memory that one compiled pattern may take, in bytes, and the tables made while it matches.
    const PATTERN_SIZE: usize = 256 * 1024;
    const PATTERN_TABLES: usize = 1024 * 1024;
    let patterns = PatternOptions::regex()
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_TABLES);
    jsonschema::options_for()
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(patterns)
}

/// Holds a document of so many bytes against a schema.
fn hold(
    validator: &Validator<Metered>,
    document: &Value,
    bytes: usize,
) -> Result<(), Vec<Violation>> {
    let meter = Meter::of_steps(bytes);
    let is_valid = validator.is_valid(meter.value(document));
    if meter.has_stopped() {
        return Err(vec![whole("takes too many steps to be checked")]);
    }
    if is_valid {
        return Ok(());
    }
    let meter = Meter::of_steps_and_errors(bytes);
    let mut violations: Vec<Violation> = validator
        .iter_errors(meter.value(document))
        .filter(|error| !metered::came_after_the_stop(error))
        .map(|error| violation(&error))
        .collect();
    // The standard's schema for schemas says some things more than once.
    violations.dedup();
    violations.truncate(Schema::MOST_VIOLATIONS);
    if violations.is_empty() {
        violations.push(whole("breaks the schema in too many ways to tell"));
    }
    Err(violations)
}

/// A violation of the whole document.
fn whole(message: impl Into<String>) -> Violation {
    Violation {
        path: String::new(),
        message: message.into(),
    }
}

/// The error in words. It names the value when that is short.
fn violation(error: &ValidationError<'_>) -> Violation {
    let path = error.instance_path().to_string();
    if let ValidationErrorKind::Format { format } = error.kind()
        && format == "regex"
    {
        let message = "no pattern that is supported: it has mistakes, looks around, refers back or is too large";
        return Violation {
            path,
            message: message.to_owned(),
        };
    }
    let mut message = Shortened::default();
    if write!(message, "{error}").is_err() {
        message = Shortened::default();
        // What does not fit is left out, which is no error.
        let _ = write!(message, "{}", error.masked_with("the value"));
    }
    Violation {
        path,
        message: message.text,
    }
}

/// Text that takes no more than a message may have.
#[derive(Default)]
struct Shortened {
    text: String,
}

impl Write for Shortened {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        const LONGEST: usize = 200;
        if self.text.len() + part.len() <= LONGEST {
            self.text.push_str(part);
            return Ok(());
        }
        let starts = part.char_indices().map(|(at, _)| at);
        let fitting = starts.take_while(|at| self.text.len() + at <= LONGEST);
        self.text.push_str(&part[..fitting.last().unwrap_or(0)]);
        self.text.push_str("...");
        Err(fmt::Error)
    }
}
