//! The narrow schema has a list of values: each is held against the wide one.

use serde_json::Value;

use super::{Gap, Parts, Search, refers_at, refused, undecided};
use crate::node::shortened;
use crate::schema::Schema;

/// Under this keyword stand the definitions that a part of a schema takes along.
const DEFINITIONS: &str = "$defs";

impl<'a> Search<'a> {
    pub(super) fn values_within(&self, values: &[&Value], wide: &'a Parts, path: &str) -> Vec<Gap> {
        let Some(schema) = self.schema_of(wide) else {
            return vec![undecided(
                path,
                "its references are not followed for single values",
            )];
        };
        let is_refused = |value: &&&Value| schema.check(&value.to_string()).is_err();
        let refusals = values.iter().filter(is_refused).map(|value| {
            let value = shortened(&value.to_string()).to_owned();
            refused(
                path,
                format!("it refuses {value}, which the {} accepts", self.other),
            )
        });
        refusals.collect()
    }

    /// A part of the wide schema, for itself. None when it refers to what it cannot take along.
    fn schema_of(&self, wide: &Parts) -> Option<Schema> {
        let mut parts = wide.clone();
        let is_whole = self
            .wide
            .as_object()
            .is_some_and(|it| std::ptr::eq(it, wide));
        if !is_whole && wide.iter().any(|(key, value)| refers_at(key, value)) {
            let definitions = self.wide.get(DEFINITIONS).cloned().unwrap_or_default();
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
