//! What holds for any template and any text.

mod fixtures;
mod places;

use std::fs;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tasker_template::{Template, parse};

/// A step of a type that depends on earlier ones, its other fields there or not.
fn step(name: String, step_type: &'static str) -> impl Strategy<Value = Value> {
    let words = proptest::option::of("[ -~\u{e9}\u{4e16}]{0,30}");
    let retry = proptest::option::of((any::<bool>(), 1..=100_u32, 1..=1_000_u64, 0..=1_000_u64));
    let backoff = select(vec!["none", "linear", "exponential", "fibonacci"]);
    let seconds = proptest::option::of(select(vec!["0.001", "30", "1e3", "31536000"]));
    let schema = proptest::option::of(select(vec![
        json!({}),
        json!({"type": "object", "required": ["total"]}),
        json!({"items": {"$ref": "#/$defs/one"}, "$defs": {"one": {"pattern": "^[a-z]+$"}}}),
    ]));
    (words, retry, backoff, seconds, schema).prop_map(
        move |(description, retry, backoff, seconds, schema)| {
            let mut step = json!({"name": name, "type": step_type, "handler": {"callable": "m.Handler"}});
            if let Some(description) = description {
                step["handler"]["initialization"] = json!({&description: [description, null, -0.5]});
                step["description"] = json!(description);
            }
            if let Some((retryable, max_attempts, base, more)) = retry {
                step["retry"] = json!({"retryable": retryable, "max_attempts": max_attempts, "backoff": backoff,
                    "backoff_base_ms": base, "max_backoff_ms": base + more});
            }
            if let Some(seconds) = seconds {
                step["timeout_seconds"] = serde_json::from_str(seconds).expect("a number");
            }
            if let Some(schema) = schema {
                step["result_schema"] = schema;
            }
            step
        },
    )
}

/// A graph: steps each of which depends on some before it, then a decision or a batch behind the last, or neither.
fn steps() -> impl Strategy<Value = Vec<Value>> {
    let standard: Vec<_> = (0..8)
        .map(|n| step(format!("step.{n}-a"), "standard"))
        .collect();
    let decision = [
        ("route", "decision", ""),
        ("left", "standard", "route"),
        ("right", "standard", "route"),
        ("gather", "deferred_convergence", "left right"),
    ];
    let batch = [
        ("split", "batchable", ""),
        ("work", "batch_worker", "split"),
        ("sum", "deferred_convergence", "work"),
    ];
    let tail = prop_oneof![Just(vec![]), Just(decision.to_vec()), Just(batch.to_vec())];
    let tail = tail.prop_flat_map(|tail| {
        let steps: Vec<_> = tail
            .iter()
            .map(|(name, kind, _)| step((*name).to_owned(), kind))
            .collect();
        (steps, Just(tail))
    });
    let edges = prop::collection::vec(prop::collection::vec(any::<Index>(), 0..3), 8);
    (standard, edges, 1..=8_usize, tail, any::<bool>()).prop_map(
        |(mut steps, edges, count, (tail, shapes), reverse)| {
            steps.truncate(count);
            for (n, parents) in edges.iter().enumerate().take(count).skip(1) {
                let parents = parents.iter().map(|parent| parent.index(n));
                let parents: std::collections::BTreeSet<usize> = parents.collect();
                let names: Vec<Value> = parents
                    .iter()
                    .map(|at| steps[*at]["name"].clone())
                    .collect();
                steps[n]["dependencies"] = json!(names);
            }
            let last = steps[count - 1]["name"]
                .as_str()
                .expect("a name")
                .to_owned();
            for (mut step, (_, _, parents)) in tail.into_iter().zip(shapes) {
                let parents = if parents.is_empty() { &last } else { parents };
                step["depends_on"] = json!(parents.split(' ').collect::<Vec<_>>());
                steps.push(step);
            }
            if reverse {
                steps.reverse();
            }
            steps
        },
    )
}

/// A valid template, as JSON, which is YAML.
fn template() -> impl Strategy<Value = String> {
    let name = "[a-zA-Z0-9_.-]{1,64}";
    let change = proptest::option::of(step("ALL".to_owned(), "standard"));
    (name, name, steps(), select(vec!["block", "fail"]), change, any::<bool>()).prop_map(
        |(name, namespace, steps, on_failure, change, indented)| {
            let mut template = json!({"name": name, "namespace_name": namespace, "version": "1.2.3-rc.1+b",
                "on_failure": on_failure, "steps": steps, "input_schema": {"type": "object"}});
            if let Some(mut change) = change {
                // Changed in every step, these would change what the graph is.
                let change = change.as_object_mut().expect("a mapping");
                change.remove("type");
                template["environments"] = json!({"test": {"steps": [change]}});
            }
            if indented { format!("{template:#}") } else { template.to_string() }
        },
    )
}

/// The text is a template that is read back as it is written, or has problems at places within it.
fn is_read_or_refused(text: &str) {
    match parse(text, "t.yaml") {
        Err(problems) => places::assert_within(&problems, text),
        Ok(document) => {
            let again = parse(&document.canonical_json(), "again").expect("still valid");
            assert_eq!(again.content_hash(), document.content_hash());
            for environment in ["test", "production"] {
                let merged = document.merged(environment).expect("valid when merged");
                let stored = merged.canonical_json();
                let again = Template::from_canonical_json(&stored).expect("still valid");
                assert_eq!(again.content_hash(), merged.content_hash());
                assert_eq!(format!("{again:?}"), format!("{merged:?}"));
            }
        }
    }
}

/// Every template of the fixtures, valid or not.
fn texts() -> Vec<String> {
    let files = fixtures::yaml_files("").into_iter();
    files
        .map(|file| fs::read_to_string(file).expect("the file can be read"))
        .collect()
}

/// What a slip or malice may leave in a text.
const PIECES: &[&str] = &[
    " ",
    "\n",
    "\t",
    "\r",
    "\0",
    "-",
    "- ",
    ":",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a ",
    "*a",
    "!",
    "!!int ",
    "|\n",
    ">\n",
    "'",
    "\"",
    "%",
    "@",
    "`",
    "?",
    "? ",
    "<<: ",
    "---\n",
    "...\n",
    "~",
    "null",
    "true",
    "1e400",
    "-1",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{1f980}",
    "steps:",
    "name: ",
    "ALL",
    "type: decision\n",
    "$ref: '#'\n",
];

/// A change of a text: at a place, so many characters are taken out and a piece, or a part of the text, is put in.
#[derive(Debug, Clone)]
struct Change {
    at: Index,
    removed: usize,
    piece: Option<&'static str>,
    copied: (Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let piece = proptest::option::weighted(0.7, select(PIECES));
    (
        any::<Index>(),
        0..20_usize,
        piece,
        any::<Index>(),
        0..60_usize,
    )
        .prop_map(|(at, removed, piece, from, length)| Change {
            at,
            removed,
            piece,
            copied: (from, length),
        })
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for change in changes {
        let at = change.at.index(text.len() + 1);
        let (from, length) = change.copied;
        let put: Vec<char> = match change.piece {
            Some(piece) => piece.chars().collect(),
            None => text
                .iter()
                .skip(from.index(text.len() + 1))
                .take(length)
                .copied()
                .collect(),
        };
        let end = text.len().min(at + change.removed);
        text.splice(at..end, put);
    }
    text.into_iter().collect()
}

proptest! {
    #[test]
    fn a_valid_template_is_read_back_as_it_is_written(text in template()) {
        if let Err(problems) = parse(&text, "t.yaml") {
            panic!("{problems}");
        }
        is_read_or_refused(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        is_read_or_refused(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(select(PIECES), 0..60)) {
        is_read_or_refused(&pieces.concat());
    }

    #[test]
    fn a_changed_template_is_read_or_refused(
        text in select(texts()),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        is_read_or_refused(&changed(&text, &changes));
    }

    #[test]
    fn a_changed_valid_template_is_read_or_refused(
        text in template(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        is_read_or_refused(&changed(&text, &changes));
    }
}
