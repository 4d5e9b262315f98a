//! A tree held against a shape: each field known, there, of its type and in its range.

use crate::characters::{named as character, unseen};
use crate::code;
use crate::foreign::{self, Meaning};
use crate::node::{Node, Value, shortened};
use crate::problem::{Place, Sink};
use crate::shape::{
    DEPENDENCIES_ALIAS, ENVIRONMENTS, Field, Kind, LONGEST_SECONDS, MERGED, Shape, Whole,
};

/// Checks a whole document, or one whose environments are merged.
pub(crate) fn template(root: &Node, with_environments: bool, sink: &mut Sink) {
    let environments = with_environments.then_some(&ENVIRONMENTS);
    let fields: Vec<&Field> = MERGED.fields.iter().chain(environments).collect();
    mapping(root, &MERGED, &fields, Whole::Yes, sink);
}

fn mapping(node: &Node, shape: &Shape, fields: &[&Field], whole: Whole, sink: &mut Sink) {
    let Some(entries) = node.mapping() else {
        let expected = format!("{} must be a mapping", shape.what);
        return wrong_type(node, &expected, Some(known_fields(fields)), sink);
    };
    let inner = whole.within();
    for (key, entry) in entries {
        match fields.iter().find(|field| field.name == *key) {
            Some(field) => value(&entry.value, Some(field.name), field.kind, inner, sink),
            None => unknown(key, entry.key_at, shape, fields, sink),
        }
    }
    for field in fields {
        let is_meant = |key: &String| {
            let meaning = Meaning::of(key, shape);
            meaning.and_then(Meaning::field) == Some(field.name)
        };
        let is_missing = whole.needs(field) && !entries.contains_key(field.name);
        if is_missing && !entries.keys().any(is_meant) {
            let message = format!("{} needs the field `{}`", shape.what, field.name);
            sink.push(code::MISSING_FIELD, node.at, message, None);
        }
    }
}

fn unknown(key: &str, at: Place, shape: &Shape, fields: &[&Field], sink: &mut Sink) {
    let names = fields.iter().map(|field| field.name);
    let hint = if key == "<<" {
        "YAML 1.2 has no merge keys; write the fields out".to_owned()
    } else if let Some(meaning) = Meaning::of(key, shape) {
        meaning.hint(key)
    } else if let Some(unseen) = unseen(key) {
        if key.starts_with(unseen) {
            format!("indent with spaces: this is {}", character(unseen))
        } else {
            format!("the name has {}: leave it out", character(unseen))
        }
    } else {
        let alias = fields.iter().any(|field| field.name == "dependencies");
        let known = names.clone().chain(alias.then_some(DEPENDENCIES_ALIAS));
        sink.did_you_mean(key, known)
            .unwrap_or_else(|| known_fields(fields))
    };
    let message = format!("{} has no field `{}`", shape.what, shortened(key));
    sink.push(code::UNKNOWN_FIELD, at, message, Some(hint));
}

fn known_fields(fields: &[&Field]) -> String {
    let names = fields.iter().map(|field| field.name);
    format!("its fields are {}", quoted(names))
}

/// Checks a value; `field` is its name, or none for the items of a list.
fn value(node: &Node, field: Option<&str>, kind: Kind, whole: Whole, sink: &mut Sink) {
    // What was wrong with it has been reported.
    if matches!(node.value, Value::Unreadable) {
        return;
    }
    match kind {
        Kind::Text => {
            text(node, field, sink);
        }
        Kind::Name => {
            if let Some(name) = text(node, field, sink) {
                name_at(name, node.at, sink);
            }
        }
        Kind::Version => version(node, sink),
        Kind::Callable | Kind::Method => {
            if let Some(name) = text(node, field, sink) {
                callable(name, matches!(kind, Kind::Method), node, sink);
            }
        }
        Kind::Boolean => {
            if !matches!(node.value, Value::Bool(_)) {
                let hint = match node.text() {
                    Some("true" | "false") => "write it without quotes",
                    Some(_) => "YAML 1.2 spells them true and false",
                    None => "write true or false",
                };
                wrong_type(
                    node,
                    &named(field, "true or false"),
                    Some(hint.to_owned()),
                    sink,
                );
            }
        }
        Kind::Integer { least, most, code } => integer(node, field, least, most, code, sink),
        Kind::Seconds => seconds(node, field, sink),
        Kind::OneOf(words) => one_of(node, field, words, sink),
        Kind::List(item) => {
            if !matches!(node.value, Value::List(_)) {
                let hint = match &node.value {
                    Value::Null => Some("leave the field out, or write []".to_owned()),
                    Value::Text(text) => Some(format!("write [{}]", shortened(text))),
                    _ => Some("write [...], or a line that begins with - for each item".to_owned()),
                };
                return wrong_type(node, &named(field, "a list"), hint, sink);
            }
            for node in node.items() {
                value(node, None, *item, whole, sink);
            }
        }
        Kind::Mapping(shape) => {
            let fields: Vec<&Field> = shape.fields.iter().collect();
            mapping(node, shape, &fields, whole, sink);
        }
        Kind::Override(shape) => {
            let fields: Vec<&Field> = shape.fields.iter().collect();
            mapping(node, shape, &fields, Whole::Override, sink);
        }
        Kind::ByName(item) => {
            let Some(entries) = node.mapping() else {
                let hint = Some("write {name: {...}}".to_owned());
                return wrong_type(node, &named(field, "a mapping by name"), hint, sink);
            };
            for (name, entry) in entries {
                name_at(name, entry.key_at, sink);
                value(&entry.value, None, *item, whole, sink);
            }
        }
        Kind::AnyMapping => {
            if node.mapping().is_none() {
                let hint = Some("write {key: value}".to_owned());
                wrong_type(node, &named(field, "a mapping"), hint, sink);
            }
        }
    }
}

fn text<'a>(node: &'a Node, field: Option<&str>, sink: &mut Sink) -> Option<&'a str> {
    if let Some(text) = node.text() {
        return Some(text);
    }
    let hint = match node.value {
        Value::Number(_) | Value::Bool(_) => Some("quote it".to_owned()),
        _ => None,
    };
    wrong_type(node, &named(field, "text"), hint, sink);
    None
}

fn one_of(node: &Node, field: Option<&str>, words: &[&str], sink: &mut Sink) {
    let word = node.text();
    if word.is_some_and(|word| words.contains(&word)) {
        return;
    }
    let expected = named(field, &format!("one of {}", quoted(words.iter().copied())));
    let Some(word) = word else {
        let hint = Some("write one of these words".to_owned());
        return wrong_type(node, &expected, hint, sink);
    };
    let hint = match foreign::word(word).filter(|word| words.contains(word)) {
        Some(word) => Some(format!("it is `{word}` here")),
        None => sink.did_you_mean(word, words.iter().copied()),
    };
    let message = format!("{expected}, found {:?}", shortened(word));
    sink.push(code::BAD_VALUE, node.at, message, hint);
}

/// Whether a text can be a name.
pub(crate) fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn name_at(name: &str, at: Place, sink: &mut Sink) {
    if is_name(name) {
        return;
    }
    // What looks like one of the allowed characters, or like nothing, is named.
    let hint = name.chars().find(|c| !c.is_ascii()).map(|other| {
        let remedy = code::remedy(code::BAD_NAME);
        format!("{remedy}; {} is none of them", character(other))
    });
    let message = format!("{:?} is no name", shortened(name));
    sink.push(code::BAD_NAME, at, message, hint);
}

fn version(node: &Node, sink: &mut Sink) {
    const LONGEST: usize = 64;
    let found = match &node.value {
        // `version: 1.0` is a number; what is wrong with it is the version, not the type.
        Value::Number(number) => number,
        _ => match text(node, Some("version"), sink) {
            Some(text) if text.len() > LONGEST || semver::Version::parse(text).is_err() => text,
            _ => return,
        },
    };
    let message = format!("{:?} is no semantic version", shortened(found));
    sink.push(code::BAD_VERSION, node.at, message, None);
}

fn callable(name: &str, is_method: bool, node: &Node, sink: &mut Sink) {
    const LONGEST: usize = 256;
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control();
    if (1..=LONGEST).contains(&name.len()) && name.chars().all(is_allowed) {
        return;
    }
    let (what, example) = if is_method {
        ("method", "call")
    } else {
        ("callable", "package.module.Handler")
    };
    let message = format!("{:?} is no name of a {what}", shortened(name));
    let hint = format!("write it as in {example}, without white space, in at most {LONGEST} bytes");
    sink.push(code::BAD_CALLABLE, node.at, message, Some(hint));
}

fn integer(
    node: &Node,
    field: Option<&str>,
    least: u64,
    most: u64,
    code: &'static str,
    sink: &mut Sink,
) {
    let is_whole = match &node.value {
        Value::Number(number) => number
            .strip_prefix('-')
            .unwrap_or(number)
            .bytes()
            .all(|b| b.is_ascii_digit()),
        _ => false,
    };
    if !is_whole {
        let hint = Some(format!("write digits alone, such as {least}"));
        return wrong_type(node, &named(field, "a whole number"), hint, sink);
    }
    if !node
        .integer()
        .is_some_and(|number| (least..=most).contains(&number))
    {
        let range = format!("from {least} to {most}, found {}", node.described());
        sink.push(code, node.at, named(field, &range), None);
    }
}

fn seconds(node: &Node, field: Option<&str>, sink: &mut Sink) {
    let Value::Number(number) = &node.value else {
        let hint = Some("write a number alone, such as 30 or 0.5".to_owned());
        return wrong_type(node, &named(field, "a number of seconds"), hint, sink);
    };
    let in_range = number
        .parse()
        .is_ok_and(|n: f64| n > 0.0 && n <= LONGEST_SECONDS);
    if !in_range {
        let range = format!(
            "greater than 0 and at most {LONGEST_SECONDS} seconds, found {}",
            node.described()
        );
        sink.push(code::BAD_TIMEOUT, node.at, named(field, &range), None);
    }
}

fn wrong_type(node: &Node, expected: &str, hint: Option<String>, sink: &mut Sink) {
    let message = format!("{expected}, found {}", node.described());
    sink.push(code::WRONG_TYPE, node.at, message, hint);
}

/// "`field` must be ..." or "expected ...".
fn named(field: Option<&str>, expected: &str) -> String {
    match field {
        Some(field) => format!("`{field}` must be {expected}"),
        None => format!("expected {expected}"),
    }
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
