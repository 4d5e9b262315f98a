//! What the narrow schema says of one value: parts of it that hold all together.

use serde_json::Value;

use super::types::Types;
use super::{Parts, resolve};

/// The most lists of alternatives of which one is chosen in turn.
const MOST_CHOSEN: usize = 6;

/// Parts of a schema that all hold for a value, references and `allOf` followed.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    pub(super) schemas: Vec<&'a Parts>,
    /// Of which types the value may be.
    pub(super) types: Types,
    /// The lists of alternatives of which one has been chosen.
    chosen: Vec<*const Value>,
}

impl Default for Known<'_> {
    fn default() -> Self {
        Self {
            schemas: Vec::new(),
            types: Types::ALL,
            chosen: Vec::new(),
        }
    }
}

impl<'a> Known<'a> {
    /// The value keeps to `schema`, too. What cannot be followed is left out: less is known then.
    pub(super) fn add(&mut self, schema: &'a Value, root: &'a Value) {
        let parts = match schema {
            Value::Object(parts) => parts,
            Value::Bool(false) => {
                self.types = Types::NONE;
                return;
            }
            _ => return,
        };
        if self.schemas.iter().any(|it| std::ptr::eq(*it, parts)) {
            return;
        }
        self.schemas.push(parts);
        self.types = self.types.and(Types::of_keyword(parts));
        if let Some((target, _)) = parts
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|it| resolve(it, root))
        {
            self.add(target, root);
        }
        for part in parts
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.add(part, root);
        }
    }

    /// The same, of these types alone.
    pub(super) fn of_types(mut self, types: Types) -> Self {
        self.types = self.types.and(types);
        self
    }

    /// What the parts have under a keyword.
    pub(super) fn all(&self, keyword: &str) -> impl Iterator<Item = &'a Value> {
        self.schemas.iter().filter_map(move |it| it.get(keyword))
    }

    /// The values that it can have, where that is a list.
    pub(super) fn values(&self) -> Option<Vec<&'a Value>> {
        const NULL: &[Value] = &[Value::Null];
        const TRUTHS: &[Value] = &[Value::Bool(false), Value::Bool(true)];
        let listed = self.schemas.iter().find_map(|it| match it.get("const") {
            Some(value) => Some(std::slice::from_ref(value)),
            None => it.get("enum")?.as_array().map(Vec::as_slice),
        });
        let values = match listed {
            Some(values) => values.iter().collect::<Vec<_>>(),
            None if self.types.minus(Types::of_value(&Value::Null)).is_empty() => {
                NULL.iter().collect()
            }
            None if self
                .types
                .minus(Types::of_value(&Value::Bool(true)))
                .is_empty() =>
            {
                TRUTHS.iter().collect()
            }
            None => return None,
        };
        let fitting = |value: &&Value| self.types.intersects(Types::of_value(value));
        Some(values.into_iter().filter(fitting).collect())
    }

    /// One for each of the first alternatives of which none has been chosen; empty where there are none.
    pub(super) fn alternatives(&self, root: &'a Value) -> Vec<Self> {
        if self.chosen.len() == MOST_CHOSEN {
            return Vec::new();
        }
        let lists = self.all("anyOf").chain(self.all("oneOf"));
        let open = lists.filter(|it| !self.chosen.contains(&std::ptr::from_ref(*it)));
        let Some(list) = open.into_iter().next() else {
            return Vec::new();
        };
        let chosen = |case: &'a Value| {
            let mut known = self.clone();
            known.chosen.push(std::ptr::from_ref(list));
            known.add(case, root);
            known
        };
        list.as_array().into_iter().flatten().map(chosen).collect()
    }

    /// One for each type; empty where there is only one.
    pub(super) fn by_type(&self) -> Vec<Self> {
        let types = self.types.each();
        if types.len() < 2 {
            return Vec::new();
        }
        types
            .into_iter()
            .map(|it| self.clone().of_types(it))
            .collect()
    }

    /// What tells it from others.
    pub(super) fn identity(&self) -> Vec<*const Parts> {
        self.schemas
            .iter()
            .map(|it| std::ptr::from_ref(*it))
            .collect()
    }
}
