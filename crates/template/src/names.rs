//! The fields of a tree get the names that the checks know, and what is not for the engine is left out.

use std::collections::BTreeMap;

use crate::code;
use crate::foreign::Meaning;
use crate::node::{Entry, Node, Value, shortened};
use crate::problem::Sink;
use crate::shape::{DEPENDENCIES_ALIAS, ENVIRONMENTS, Field, Kind, MERGED, NOTE, Shape};

/// Names the fields of a whole document, so that those of the same meaning have the same hash, and overrides meet what
/// they override. A field of another form of templates is a problem; it is read as the field that it means, so that
/// what is wrong within it comes out in the same round.
pub(crate) fn settle(root: &mut Node, sink: &mut Sink) {
    let fields: Vec<&Field> = MERGED.fields.iter().chain([&ENVIRONMENTS]).collect();
    mapping(root, &MERGED, &fields, sink);
}

fn mapping(node: &mut Node, shape: &Shape, fields: &[&Field], sink: &mut Sink) {
    let Value::Mapping(entries) = &mut node.value else {
        return;
    };
    entries.retain(|key, _| !key.starts_with(NOTE));
    if fields.iter().any(|field| field.name == "dependencies") {
        rename_dependencies(entries, sink);
    }
    rename_foreign(entries, shape, sink);
    for field in fields {
        if let Some(entry) = entries.get_mut(field.name) {
            value(&mut entry.value, field.kind, sink);
        }
    }
}

fn value(node: &mut Node, kind: Kind, sink: &mut Sink) {
    match (kind, &mut node.value) {
        (Kind::Mapping(shape) | Kind::Override(shape), _) => {
            let fields: Vec<&Field> = shape.fields.iter().collect();
            mapping(node, shape, &fields, sink);
        }
        (Kind::List(item), Value::List(items)) => {
            for node in items {
                value(node, *item, sink);
            }
        }
        (Kind::ByName(item), Value::Mapping(entries)) => {
            for entry in entries.values_mut() {
                value(&mut entry.value, *item, sink);
            }
        }
        _ => {}
    }
}

fn rename_dependencies(entries: &mut BTreeMap<String, Entry>, sink: &mut Sink) {
    let Some(alias) = entries.remove(DEPENDENCIES_ALIAS) else {
        return;
    };
    if entries.contains_key("dependencies") {
        let message = format!(
            "`{DEPENDENCIES_ALIAS}` is another name for `dependencies`, which is given too"
        );
        sink.push(code::FIELD_GIVEN_TWICE, alias.key_at, message, None);
    } else {
        entries.insert("dependencies".to_owned(), alias);
    }
}

/// Those whose field is given, too, are left: they are reported as any field is that there is not.
fn rename_foreign(entries: &mut BTreeMap<String, Entry>, shape: &Shape, sink: &mut Sink) {
    let foreign: Vec<(String, &'static Meaning)> = entries
        .keys()
        .filter_map(|key| Some((key.clone(), Meaning::of(key, shape)?)))
        .collect();
    for (key, meaning) in foreign {
        let Meaning::Field(field) = meaning else {
            continue;
        };
        if !entries.contains_key(*field)
            && let Some(entry) = entries.remove(&key)
        {
            let message = format!("{} has no field `{}`", shape.what, shortened(&key));
            let hint = Some(meaning.hint(&key));
            sink.push(code::UNKNOWN_FIELD, entry.key_at, message, hint);
            entries.insert((*field).to_owned(), entry);
        }
    }
}
