//! Whether one schema accepts all that another accepts, as far as that shows in the two alone.
//!
//! Sound, not complete: no [`Gap`] means that every document which the narrow schema accepts the wide one accepts too;
//! what cannot be shown is a gap of its own. Layout:
//!
//! - this file: the search, keyword by keyword, and case by case where a schema offers several
//! - `known`: what the narrow schema says of one value; `types`: of which types it may be
//! - `bounds`: numbers, lengths and counts; `members`: what is within objects and arrays
//! - `choices`: `anyOf` and `oneOf` of the wide schema; `values`: the narrow one has a list of values
//!
//! It follows the proof rules of Habib et al., "Finding Data Compatibility Bugs with JSON Subschema Checking" (ISSTA
//! 2021), without the canonical form: conjunctions are kept as lists, and alternatives are looked at one by one.

mod bounds;
mod choices;
mod known;
mod members;
mod types;
mod values;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::document;
use known::Known;
use types::Types;

/// The mapping of a schema.
type Parts = Map<String, Value>;

/// The most parts that are held against one another.
const MOST_PAIRS: usize = 20_000;
/// How deeply such pairs may lead to one another.
const DEEPEST: usize = 100;

/// Why the wide schema may refuse what the narrow one accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// How much is known of it.
    pub kind: GapKind,
    /// The JSON Pointer of the part of the wide schema, and of the narrow one that it was held against.
    pub path: String,
    /// What is the matter there, a clause.
    pub message: String,
}

/// How much is known of a gap. In the order of how much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// A property is named by the wide schema alone: what the narrow one let pass under that name unseen is checked.
    Named,
    /// It cannot be told.
    Undecided,
    /// The wide schema refuses something.
    Refused,
}

/// Every gap between two valid schemas. `other` is what messages call the narrow one.
pub fn gaps(narrow: &str, wide: &str, other: &str) -> Vec<Gap> {
    let (Ok(narrow), Ok(wide)) = (document::read(narrow), document::read(wide)) else {
        return vec![undecided("", "one of the schemas cannot be read")];
    };
    let mut search = Search {
        narrow: &narrow,
        wide: &wide,
        same_root: narrow == wide,
        other,
        under_way: HashSet::new(),
        pairs: 0,
    };
    let known = search.known([&narrow]);
    let mut gaps = search.within(&known, &wide, "");
    gaps.sort_by(|left, right| left.path.cmp(&right.path).then(right.kind.cmp(&left.kind)));
    gaps.dedup_by(|later, first| later.path == first.path && later.message == first.message);
    gaps
}

/// One run through a pair of schemas.
struct Search<'a> {
    narrow: &'a Value,
    wide: &'a Value,
    same_root: bool,
    other: &'a str,
    /// The pairs that are being looked at. One that leads back to itself has gone deeper into the document meanwhile, so
    /// that it holds for a document of any depth if it holds for all that are less deep.
    under_way: HashSet<(Vec<*const Parts>, Types, *const Parts)>,
    pairs: usize,
}

impl<'a> Search<'a> {
    /// What is known of a value for which all these parts of the narrow schema hold.
    fn known(&self, schemas: impl IntoIterator<Item = &'a Value>) -> Known<'a> {
        let mut known = Known::default();
        for schema in schemas {
            known.add(schema, self.narrow);
        }
        known
    }

    /// The gaps where a value of which this is known is held against a part of the wide schema.
    fn within(&mut self, known: &Known<'a>, wide: &'a Value, path: &str) -> Vec<Gap> {
        self.pairs += 1 + known.schemas.len();
        if self.pairs > MOST_PAIRS || self.under_way.len() > DEEPEST {
            return vec![undecided(path, "the schemas are too large to compare")];
        }
        let parts = match wide {
            Value::Object(parts) => parts,
            Value::Bool(false) if !known.types.is_empty() => {
                return vec![refused(path, "it accepts nothing here")];
            }
            _ => return Vec::new(),
        };
        if known.types.is_empty() || known.schemas.iter().any(|it| self.is_same(it, parts)) {
            return Vec::new();
        }
        let pair = (known.identity(), known.types, std::ptr::from_ref(parts));
        if !self.under_way.insert(pair.clone()) {
            return Vec::new();
        }
        let gaps = self.by_cases(known, parts, path);
        self.under_way.remove(&pair);
        gaps
    }

    /// At first as a whole, then, if that shows nothing, each alternative of the narrow schema for itself.
    fn by_cases(&mut self, known: &Known<'a>, wide: &'a Parts, path: &str) -> Vec<Gap> {
        let gaps = self.by_keywords(known, wide, path);
        if gaps.is_empty() {
            return gaps;
        }
        let mut cases = known.alternatives(self.narrow);
        if cases.is_empty() && (wide.contains_key("anyOf") || wide.contains_key("oneOf")) {
            cases = known.by_type();
        }
        if cases.is_empty() {
            return gaps;
        }
        // Every one has to show it.
        let each = cases
            .iter()
            .flat_map(|case| self.by_cases(case, wide, path));
        each.collect()
    }

    fn by_keywords(&mut self, known: &Known<'a>, wide: &'a Parts, path: &str) -> Vec<Gap> {
        self.pairs += 1 + known.schemas.len();
        if self.pairs > MOST_PAIRS {
            return vec![undecided(path, "the schemas are too large to compare")];
        }
        if let Some(values) = known.values() {
            return self.values_within(known, &values, wide, path);
        }
        let mut gaps = Vec::new();
        for (keyword, value) in wide {
            self.keyword(known, wide, (keyword, value), path, &mut gaps);
        }
        gaps
    }

    fn keyword(
        &mut self,
        known: &Known<'a>,
        wide: &'a Parts,
        (keyword, value): (&str, &'a Value),
        path: &str,
        gaps: &mut Vec<Gap>,
    ) {
        let at = || format!("{path}/{keyword}");
        let is_object = known.types.intersects(Types::OBJECT);
        let is_array = known.types.intersects(Types::ARRAY);
        match keyword {
            "type" => gaps.extend(self.types_gap(known, wide, &at())),
            "enum" | "const" => {
                let message = format!("it accepts nothing but the values of its `{keyword}`");
                gaps.push(refused(&at(), message));
            }
            "$ref" => match value.as_str().and_then(|it| resolve(it, self.wide)) {
                Some((target, path)) => gaps.extend(self.within(known, target, &path)),
                None => gaps.push(undecided(&at(), "the reference is not followed")),
            },
            "allOf" => {
                for (index, part) in value.as_array().into_iter().flatten().enumerate() {
                    gaps.extend(self.within(known, part, &format!("{path}/allOf/{index}")));
                }
            }
            "anyOf" => gaps.extend(self.within_any(known, value, &at())),
            "oneOf" => gaps.extend(self.within_one(known, value, &at())),
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf"
            | "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
            | "maxProperties" | "pattern" | "uniqueItems" => {
                gaps.extend(self.limit(known, keyword, value, &at()));
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "required"
            | "dependentRequired"
                if is_object =>
            {
                self.object(known, wide, (keyword, value), path, gaps);
            }
            "items" | "prefixItems" if is_array => {
                self.array(known, wide, (keyword, value), path, gaps);
            }
            "contains" | "minContains" | "maxContains" if is_array => {
                let group = ["contains", "minContains", "maxContains"];
                gaps.extend(self.unchanged(known, wide, &group, &at()));
            }
            "if" | "then" | "else" => {
                gaps.extend(self.unchanged(known, wide, &["if", "then", "else"], &at()));
            }
            "not" => gaps.extend(self.unchanged(known, wide, &["not"], &at())),
            // `dependencies` is what older drafts had.
            "dependentSchemas" | "dependencies" if is_object => {
                gaps.extend(self.unchanged(known, wide, &[keyword], &at()));
            }
            // What they do hangs on every keyword beside them: the same schema has been found by now.
            "unevaluatedProperties" | "unevaluatedItems" | "$dynamicRef" => {
                let message =
                    format!("what changes beside or within `{keyword}` cannot be compared");
                gaps.push(undecided(&at(), message));
            }
            // Definitions, annotations and notes refuse nothing.
            _ => {}
        }
    }

    fn types_gap(&self, known: &Known<'a>, wide: &Parts, at: &str) -> Option<Gap> {
        let missing = known.types.minus(Types::of_keyword(wide));
        let message = || {
            format!(
                "it refuses values of type {}, which the {} accepts",
                missing, self.other
            )
        };
        (!missing.is_empty()).then(|| refused(at, message()))
    }

    /// Keywords that are compared only as they stand: no gap where the narrow schema has the same.
    fn unchanged(&self, known: &Known<'a>, wide: &Parts, group: &[&str], at: &str) -> Option<Gap> {
        let is_same = |it: &&'a Parts| {
            group.iter().all(|keyword| {
                it.get(*keyword) == wide.get(*keyword)
                    && (self.same_root || it.get(*keyword).is_none_or(|it| !refers(it)))
            })
        };
        if known.schemas.iter().any(is_same) {
            return None;
        }
        let keyword = group[0];
        let message = format!(
            "`{keyword}` is compared only as it stands, and the {} differs",
            self.other
        );
        Some(undecided(at, message))
    }

    /// Whether both say the same, wherever they stand.
    fn is_same(&self, narrow: &Parts, wide: &Parts) -> bool {
        narrow == wide && (self.same_root || !narrow.iter().any(|(key, it)| refers_at(key, it)))
    }
}

/// What a reference leads to, and the path of that.
fn resolve<'a>(reference: &str, root: &'a Value) -> Option<(&'a Value, String)> {
    let pointer = reference.strip_prefix('#')?;
    // An anchor, or what stands for other characters.
    if pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
        return None;
    }
    Some((root.pointer(pointer)?, pointer.to_owned()))
}

/// Whether anything in a value may lead elsewhere in its schema.
fn refers(value: &Value) -> bool {
    match value {
        Value::Object(parts) => parts.iter().any(|(key, value)| refers_at(key, value)),
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

fn refers_at(key: &str, value: &Value) -> bool {
    matches!(key, "$ref" | "$dynamicRef") || refers(value)
}

fn refused(path: &str, message: impl Into<String>) -> Gap {
    gap(GapKind::Refused, path, message)
}

fn undecided(path: &str, message: impl Into<String>) -> Gap {
    gap(GapKind::Undecided, path, message)
}

fn gap(kind: GapKind, path: &str, message: impl Into<String>) -> Gap {
    Gap {
        kind,
        path: path.to_owned(),
        message: message.into(),
    }
}
