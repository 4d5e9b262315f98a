//! What a schema does with one value: which of its parts it holds against it, through references and without.
//!
//! Parts that lead to one another without going deeper into the document could be run through without end, double at
//! each turn, or nest while the document does not. All that shows in the schema alone, so it is refused here.

use std::collections::{HashMap, HashSet};
use std::ptr;

use serde_json::{Map, Value};

use super::{DRAFT, Schema, Violation};

/// The most parts of a schema that may be held against one value, each as often as it is reached.
const MOST_PARTS: u64 = 10_000;
/// How deeply such parts may lead to one another.
const DEEPEST: usize = 64;

/// What stands under a keyword.
#[derive(Clone, Copy)]
enum Holds {
    Schema,
    List,
    Mapping,
}

/// Keywords whose schemas are for the same value.
const SAME_VALUE: &[(&str, Holds)] = &[
    ("allOf", Holds::List),
    ("anyOf", Holds::List),
    ("oneOf", Holds::List),
    ("not", Holds::Schema),
    ("if", Holds::Schema),
    ("then", Holds::Schema),
    ("else", Holds::Schema),
    ("dependentSchemas", Holds::Mapping),
];

/// Keywords whose schemas are for what is within the value, or for whoever refers to them.
const OTHER_VALUES: &[(&str, Holds)] = &[
    ("properties", Holds::Mapping),
    ("patternProperties", Holds::Mapping),
    ("additionalProperties", Holds::Schema),
    ("unevaluatedProperties", Holds::Schema),
    ("propertyNames", Holds::Schema),
    ("prefixItems", Holds::List),
    ("items", Holds::Schema),
    ("unevaluatedItems", Holds::Schema),
    ("contains", Holds::Schema),
    ("contentSchema", Holds::Schema),
    ("$defs", Holds::Mapping),
    ("definitions", Holds::Mapping),
];

/// Refuses too many patterns. The schema need not be valid: whether it is takes compiling them.
pub(super) fn check_patterns(root: &Value) -> Result<(), Violation> {
    let mut schemas = Vec::new();
    collect(root, String::new(), &mut schemas);
    let of_names = |schema: &Parts| Some(schema.get("patternProperties")?.as_object()?.len());
    let counts = schemas.iter().map(|(_, schema)| {
        usize::from(schema.contains_key("pattern")) + of_names(schema).unwrap_or(0)
    });
    let (count, most): (usize, _) = (counts.sum(), Schema::MOST_PATTERNS);
    if count > most {
        let message = format!("it has {count} patterns; at most {most} are allowed");
        return Err(violation("", message));
    }
    Ok(())
}

/// Refuses a valid schema that leads out of itself or does too much for one value.
pub(super) fn check(root: &Value) -> Result<(), Vec<Violation>> {
    let mut schemas = Vec::new();
    collect(root, String::new(), &mut schemas);
    let mut violations = Vec::new();
    for (path, schema) in &schemas {
        refused_keywords(path, schema, &mut violations);
    }
    if violations.is_empty() {
        let mut walk = Walk::new(root, &schemas);
        let reasons = schemas
            .iter()
            .filter_map(|(path, schema)| Some(violation(path, walk.reach(schema, 0).err()?)));
        // The others may follow from the first.
        violations.extend(reasons.take(1));
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

type Parts = Map<String, Value>;

/// Every schema within `value` with its path, the outermost first.
fn collect<'a>(value: &'a Value, path: String, schemas: &mut Vec<(String, &'a Parts)>) {
    let Value::Object(schema) = value else {
        return;
    };
    schemas.push((path.clone(), schema));
    for keyword in SAME_VALUE.iter().chain(OTHER_VALUES) {
        for (at, inner) in under(schema, *keyword) {
            collect(inner, format!("{path}/{}{at}", keyword.0), schemas);
        }
    }
}

/// The schemas under a keyword, each with its path from there.
fn under<'a>(schema: &'a Parts, (keyword, holds): (&str, Holds)) -> Vec<(String, &'a Value)> {
    match (holds, schema.get(keyword)) {
        (Holds::Schema, Some(inner)) => vec![(String::new(), inner)],
        (Holds::List, Some(Value::Array(list))) => {
            let with_path = |(index, inner)| (format!("/{index}"), inner);
            list.iter().enumerate().map(with_path).collect()
        }
        (Holds::Mapping, Some(Value::Object(mapping))) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            let with_path = |(name, inner): (&String, _)| (format!("/{}", escaped(name)), inner);
            mapping.iter().map(with_path).collect()
        }
        _ => Vec::new(),
    }
}

/// Keywords that lead out of the schema, to other drafts or to other documents.
fn refused_keywords(path: &str, schema: &Parts, violations: &mut Vec<Violation>) {
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    if let Some(draft) = text("$schema")
        && draft.trim_end_matches('#') != DRAFT
    {
        let message = format!("{draft:?} is another draft than 2020-12, the only one supported");
        violations.push(violation(&format!("{path}/$schema"), message));
    }
    if !path.is_empty() && schema.contains_key("$id") {
        let message = "only the whole schema can have an identifier";
        violations.push(violation(&format!("{path}/$id"), message));
    }
    for keyword in ["$ref", "$dynamicRef"] {
        if let Some(reference) = text(keyword)
            && !reference.starts_with('#')
        {
            let message =
                format!("{reference:?} leads out of the schema; references start with `#`");
            violations.push(violation(&format!("{path}/{keyword}"), message));
        }
    }
}

/// How far a schema leads for one value.
#[derive(Clone, Copy)]
struct Reach {
    parts: u64,
    depth: usize,
}

struct Walk<'a> {
    root: &'a Value,
    anchors: HashMap<&'a str, &'a Parts>,
    schemas: HashSet<*const Parts>,
    /// By the schema's address. `None` while it is being found.
    reaches: HashMap<*const Parts, Option<Reach>>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Value, schemas: &[(String, &'a Parts)]) -> Self {
        let anchors = schemas.iter().flat_map(|(_, schema)| {
            let names = ["$anchor", "$dynamicAnchor"];
            names.map(|name| Some((schema.get(name)?.as_str()?, *schema)))
        });
        Self {
            root,
            anchors: anchors.flatten().collect(),
            schemas: schemas
                .iter()
                .map(|(_, schema)| ptr::from_ref(*schema))
                .collect(),
            reaches: HashMap::new(),
        }
    }

    /// What `schema` leads to, itself included, `above` being how many schemas have led to it.
    fn reach(&mut self, schema: &'a Parts, above: usize) -> Result<Reach, String> {
        let too_deep = || {
            Err(format!(
                "more than {DEEPEST} schemas lead to one another without going deeper into the document"
            ))
        };
        let address = ptr::from_ref(schema);
        let reach = match self.reaches.get(&address) {
            Some(Some(reach)) => *reach,
            Some(None) => {
                return Err(
                    "it leads back to itself without going deeper into the document".to_owned(),
                );
            }
            None if above >= DEEPEST => return too_deep(),
            None => {
                self.reaches.insert(address, None);
                let mut reach = Reach { parts: 1, depth: 0 };
                for inner in self.for_the_same_value(schema)? {
                    let inner = self.reach(inner, above + 1)?;
                    reach.parts = reach.parts.saturating_add(inner.parts);
                    reach.depth = reach.depth.max(inner.depth);
                }
                reach.depth += 1;
                self.reaches.insert(address, Some(reach));
                reach
            }
        };
        if above + reach.depth > DEEPEST {
            return too_deep();
        }
        if reach.parts > MOST_PARTS {
            return Err(format!(
                "for one value it leads to more than {MOST_PARTS} schemas"
            ));
        }
        Ok(reach)
    }

    fn for_the_same_value(&self, schema: &'a Parts) -> Result<Vec<&'a Parts>, String> {
        let keywords = SAME_VALUE
            .iter()
            .flat_map(|keyword| under(schema, *keyword));
        let mut inner: Vec<&Parts> = keywords
            .filter_map(|(_, inner)| inner.as_object())
            .collect();
        for keyword in ["$ref", "$dynamicRef"] {
            let Some(reference) = schema.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            let target = self
                .target(reference)
                .ok_or_else(|| format!("the reference {reference:?} leads to no schema"))?;
            inner.extend(target);
        }
        Ok(inner)
    }

    /// The schema that a reference leads to; `None` within when that is `true` or `false`. What stands where no schema
    /// is looked for has not been checked, so that it is none.
    fn target(&self, reference: &str) -> Option<Option<&'a Parts>> {
        let name = percent_decoded(reference.strip_prefix('#')?)?;
        if !name.is_empty() && !name.starts_with('/') {
            return self.anchors.get(name.as_str()).map(|schema| Some(*schema));
        }
        match self.root.pointer(&name)? {
            Value::Object(schema) if self.schemas.contains(&ptr::from_ref(schema)) => {
                Some(Some(schema))
            }
            Value::Bool(_) => Some(None),
            _ => None,
        }
    }
}

/// The text of a reference's fragment, in which any byte may be written as `%` and two hexadecimal digits.
fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut parts = fragment.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn violation(path: &str, message: impl Into<String>) -> Violation {
    Violation {
        path: path.to_owned(),
        message: message.into(),
    }
}
