//! The schemas of a template: each is made once, whatever steps and environments have it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tasker_schema::{Schema, SchemaError, Violation};

use crate::code;
use crate::node::{Node, Value};
use crate::problem::{Place, Sink};

/// The types that a JSON Schema knows.
const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Schemas, or why they are none, by their canonical JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schemas {
    made: HashMap<String, Result<Arc<Schema>, SchemaError>>,
    patterns: usize,
}

impl Schemas {
    /// Makes the schemas of a template, its environments apart.
    pub(crate) fn check(&mut self, root: &Node, sink: &mut Sink) {
        let steps = root.get("steps").map_or(&[][..], Node::items);
        let of_steps = steps.iter().map(|step| step.get("result_schema"));
        for node in of_steps.chain([root.get("input_schema")]).flatten() {
            if node.mapping().is_some() && node.is_readable() {
                self.make(node, sink);
            }
        }
    }

    /// The schema that `node` is, once it has been checked.
    pub(crate) fn get(&self, node: Option<&Node>) -> Option<Arc<Schema>> {
        let made = self.made.get(&node?.canonical_json())?;
        made.as_ref().ok().cloned()
    }

    fn make(&mut self, node: &Node, sink: &mut Sink) {
        let made = match self.made.entry(node.canonical_json()) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(place) => {
                self.patterns += patterns(node);
                if self.patterns > Schema::MOST_PATTERNS {
                    let most = Schema::MOST_PATTERNS;
                    let message = format!("the template's schemas have more than {most} patterns");
                    sink.push(code::INVALID_SCHEMA, node.at, message, None);
                    return;
                }
                let made = Schema::new(place.key()).map(Arc::new);
                place.insert(made)
            }
        };
        if let Err(SchemaError(violations)) = made {
            for violation in violations {
                report(violation, node, sink);
            }
        }
    }
}

/// How many patterns a schema has. Before it is made, as that takes compiling them.
fn patterns(schema: &Node) -> usize {
    let own = schema.get("pattern").and_then(Node::text).iter().count();
    let of_names = schema.get("patternProperties").and_then(Node::mapping);
    let inner: usize = match &schema.value {
        Value::List(items) => items.iter().map(patterns).sum(),
        Value::Mapping(entries) => entries.values().map(|entry| patterns(&entry.value)).sum(),
        _ => 0,
    };
    own + of_names.map_or(0, BTreeMap::len) + inner
}

fn report(violation: &Violation, schema: &Node, sink: &mut Sink) {
    let hint = if violation.path.ends_with("/type") {
        Some(format!("types are {}", TYPES.join(", ")))
    } else {
        None
    };
    let message = format!("not a valid JSON Schema: {}", violation.message);
    let at = place_of(&violation.path, schema);
    sink.push(code::INVALID_SCHEMA, at, message, hint);
}

/// Where the value stands that a JSON Pointer leads to, or as much of it as there is.
pub(crate) fn place_of(path: &str, schema: &Node) -> Place {
    let mut node = schema;
    for segment in path.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let inner = match &node.value {
            Value::List(items) => segment.parse().ok().and_then(|at: usize| items.get(at)),
            _ => node.get(&segment),
        };
        let Some(inner) = inner else {
            break;
        };
        node = inner;
    }
    node.at
}
