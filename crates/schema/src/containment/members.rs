//! What is within objects and arrays.

use std::collections::BTreeSet;

use serde_json::Value;

use super::bounds::count;
use super::known::Known;
use super::types::Types;
use super::{Gap, GapKind, Parts, Search, gap, refused, undecided};

impl<'a> Known<'a> {
    /// The properties that are always there.
    pub(super) fn required(&self) -> BTreeSet<&'a str> {
        let lists = self.all("required").filter_map(Value::as_array);
        lists.flatten().filter_map(Value::as_str).collect()
    }

    /// Schemas that hold for the property `name`.
    fn property(&self, name: &str) -> Vec<&'a Value> {
        let of = |it: &&'a Parts| match it.get("properties").and_then(|it| it.get(name)) {
            Some(schema) => Some(schema),
            // Where there are patterns, the name may match one, and then the rest does not count.
            None if patterns(it).next().is_some() => None,
            None => it
                .get("additionalProperties")
                .filter(|it| **it != Value::Bool(true)),
        };
        self.schemas.iter().filter_map(of).collect()
    }

    /// Schemas that hold for the item at `index`.
    fn item(&self, index: usize) -> Vec<&'a Value> {
        let of = |it: &&'a Parts| match it.get("prefixItems").and_then(|it| it.get(index)) {
            Some(schema) => Some(schema),
            None => it.get("items"),
        };
        self.schemas.iter().filter_map(of).collect()
    }
}

fn patterns(schema: &Parts) -> impl Iterator<Item = (&String, &Value)> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    patterns.into_iter().flatten()
}

fn properties(schema: &Parts) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

/// A name within a JSON Pointer.
fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'a> Search<'a> {
    pub(super) fn object(
        &mut self,
        known: &Known<'a>,
        wide: &'a Parts,
        (keyword, value): (&str, &'a Value),
        path: &str,
        gaps: &mut Vec<Gap>,
    ) {
        let at = format!("{path}/{keyword}");
        match keyword {
            "required" => {
                let required = known.required();
                let names = value.as_array().into_iter().flatten();
                let missing = names
                    .filter_map(Value::as_str)
                    .filter(|it| !required.contains(it));
                gaps.extend(missing.map(|name| {
                    let other = self.other;
                    refused(
                        &at,
                        format!("it requires `{name}`, which the {other} does not"),
                    )
                }));
            }
            "properties" => {
                for (name, schema) in properties(wide) {
                    self.property(
                        known,
                        name,
                        schema,
                        &format!("{at}/{}", segment(name)),
                        gaps,
                    );
                }
            }
            "patternProperties" => {
                for (pattern, schema) in patterns(wide) {
                    let at = format!("{at}/{}", segment(pattern));
                    let same = known.all(keyword).filter_map(|it| it.get(pattern));
                    let inner = self.known(same);
                    if inner.schemas.is_empty() && inner.types == Types::ALL {
                        gaps.extend(self.unnamed_pattern(&inner, schema, &at));
                    } else {
                        gaps.extend(self.within(&inner, schema, &at));
                    }
                }
            }
            "additionalProperties" => self.additional(known, wide, value, &at, gaps),
            "propertyNames" => {
                let inner = self.known(known.all(keyword)).of_types(Types::STRING);
                gaps.extend(self.within(&inner, value, &at));
            }
            "dependentRequired" => {
                let required = known.required();
                for (name, needed) in value.as_object().into_iter().flatten() {
                    let mut have = required.clone();
                    let same = known.all(keyword).filter_map(|it| it.get(name)?.as_array());
                    have.extend(same.flatten().filter_map(Value::as_str));
                    let needed = needed
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str);
                    gaps.extend(needed.filter(|it| !have.contains(it)).map(|it| {
                        let other = self.other;
                        let message =
                            format!("with `{name}` it requires `{it}`, which the {other} does not");
                        refused(&at, message)
                    }));
                }
            }
            _ => {}
        }
    }

    fn property(
        &mut self,
        known: &Known<'a>,
        name: &str,
        wide: &'a Value,
        at: &str,
        gaps: &mut Vec<Gap>,
    ) {
        let schemas = known.property(name);
        let is_open = schemas.is_empty();
        let inner = self.known(schemas);
        let found = self.within(&inner, wide, at);
        if found.is_empty() || !is_open {
            gaps.extend(found);
            return;
        }
        let message = format!(
            "it checks `{name}`, of which the {} accepts any value",
            self.other
        );
        gaps.push(gap(GapKind::Named, at, message));
    }

    fn unnamed_pattern(&mut self, inner: &Known<'a>, wide: &'a Value, at: &str) -> Option<Gap> {
        let is_open = self.within(inner, wide, at).is_empty();
        let message =
            || "names that match the pattern are not compared with what they were".to_owned();
        (!is_open).then(|| undecided(at, message()))
    }

    /// The properties that the wide schema does not name.
    fn additional(
        &mut self,
        known: &Known<'a>,
        wide: &'a Parts,
        schema: &'a Value,
        at: &str,
        gaps: &mut Vec<Gap>,
    ) {
        let is_named = |name: &str| properties(wide).any(|(it, _)| it == name);
        let has_pattern = |pattern: &str| patterns(wide).any(|(it, _)| it == pattern);
        let mut names: Vec<&'a String> = known
            .schemas
            .iter()
            .flat_map(|it| properties(it))
            .map(|it| it.0)
            .collect();
        names.sort();
        names.dedup();
        let matched = |it: &&'a Parts| patterns(it).all(|(pattern, _)| has_pattern(pattern));
        for name in names.into_iter().filter(|it| !is_named(it)) {
            // What matches none of the wide schema's patterns matches none of a part that has no others.
            let is_rest = |it: &&'a Parts| {
                patterns(it).next().is_some()
                    && matched(it)
                    && properties(it).all(|(other, _)| other != name)
            };
            let rest = known.schemas.iter().copied().filter(|it| is_rest(it));
            let rest = rest.filter_map(|it| it.get("additionalProperties"));
            let inner = self.known(known.property(name).into_iter().chain(rest));
            let found = self.within(&inner, schema, at);
            // The name may match one of the patterns, which then counts instead.
            let may_match = patterns(wide).next().is_some();
            gaps.extend(found.into_iter().map(|it| Gap {
                kind: if may_match {
                    it.kind.min(GapKind::Undecided)
                } else {
                    it.kind
                },
                message: format!(
                    "of `{name}`, which the {} names: {}",
                    self.other, it.message
                ),
                ..it
            }));
        }
        let rest = known.schemas.iter().copied().filter(|it| matched(it));
        let inner = self.known(rest.filter_map(|it| it.get("additionalProperties")));
        let found = self.within(&inner, schema, at);
        gaps.extend(found.into_iter().map(|it| Gap {
            message: format!("of properties that it does not name: {}", it.message),
            ..it
        }));
        let unmatched = known.schemas.iter().flat_map(|it| patterns(it));
        for (pattern, of_pattern) in unmatched.filter(|(pattern, _)| !has_pattern(pattern)) {
            let inner = self.known([of_pattern]);
            let found = self.within(&inner, schema, at);
            gaps.extend(found.into_iter().map(|it| Gap {
                message: format!("of properties that match `{pattern}`: {}", it.message),
                ..it
            }));
        }
    }

    pub(super) fn array(
        &mut self,
        known: &Known<'a>,
        wide: &'a Parts,
        (keyword, value): (&str, &'a Value),
        path: &str,
        gaps: &mut Vec<Gap>,
    ) {
        let most = known.all("maxItems").filter_map(count).min();
        let has_item = |index: usize| most.is_none_or(|most| (index as u64) < most);
        let at = format!("{path}/{keyword}");
        let length = |it: Option<&Value>| it.and_then(Value::as_array).map_or(0, Vec::len);
        let own = length(wide.get("prefixItems"));
        if keyword == "prefixItems" {
            let items = value.as_array().into_iter().flatten().enumerate();
            for (index, schema) in items.filter(|(index, _)| has_item(*index)) {
                let inner = self.known(known.item(index));
                gaps.extend(self.within(&inner, schema, &format!("{at}/{index}")));
            }
            return;
        }
        let longest = known.all("prefixItems").map(|it| length(Some(it))).max();
        // The last stands for all that come after it.
        for index in (own..=longest.unwrap_or(0).max(own)).filter(|index| has_item(*index)) {
            let inner = self.known(known.item(index));
            gaps.extend(self.within(&inner, value, &at));
        }
    }
}
