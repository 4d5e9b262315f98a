//! The narrow schema has a list of values: each is held against the wide one.

use serde_json::Value;

use super::known::Known;
use super::{Gap, Parts, Search, refers_at, undecided};
use crate::Schema;

/// Under this keyword stand the definitions that a part of a schema takes along.
const DEFINITIONS: &str = "$defs";

impl<'a> Search<'a> {
    pub(super) fn values_within(
        &self,
        known: &Known<'a>,
        values: &[&Value],
        wide: &'a Parts,
        path: &str,
    ) -> Vec<Gap> {
        let Some(schema) = schema_of(wide, self.wide) else {
            let message = "its references are not followed for single values";
            return vec![undecided(path, message)];
        };
        let is_refused = |value: &&&Value| schema.check(&value.to_string()).is_err();
        let refused = values.iter().filter(is_refused);
        // What is listed need not fit whatever else the narrow schema says.
        let accepted = refused.filter(|value| {
            let refuses = |it: &Parts| {
                schema_of(it, self.narrow).is_some_and(|it| it.check(&value.to_string()).is_err())
            };
            !known.schemas.iter().any(|it| refuses(it))
        });
        let told = accepted.map(|value| {
            let value = shortened(&value.to_string());
            let message = format!("it refuses {value}, which the {} accepts", self.other);
            super::refused(path, message)
        });
        told.collect()
    }
}

/// A text short enough for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A part of a schema, for itself. None when it refers to what it cannot take along.
fn schema_of(part: &Parts, root: &Value) -> Option<Schema> {
    let mut parts = part.clone();
    let is_whole = root.as_object().is_some_and(|it| std::ptr::eq(it, part));
    if !is_whole && part.iter().any(|(key, value)| refers_at(key, value)) {
        let definitions = root.get(DEFINITIONS).cloned().unwrap_or_default();
        if parts.contains_key(DEFINITIONS)
            || !refers_to_definitions(&definitions)
            || !parts.iter().all(|(key, value)| is_taken_along(key, value))
        {
            return None;
        }
        parts.insert(DEFINITIONS.to_owned(), definitions);
    }
    Schema::new(&Value::Object(parts).to_string()).ok()
}

/// Whether all references in a value lead to definitions.
fn refers_to_definitions(value: &Value) -> bool {
    match value {
        Value::Object(parts) => parts.iter().all(|(key, value)| is_taken_along(key, value)),
        Value::Array(items) => items.iter().all(refers_to_definitions),
        _ => true,
    }
}

fn is_taken_along(key: &str, value: &Value) -> bool {
    match key {
        "$ref" => value.as_str().is_some_and(|it| it.starts_with("#/$defs/")),
        "$dynamicRef" => false,
        _ => refers_to_definitions(value),
    }
}
