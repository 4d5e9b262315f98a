//! The tree of a document: values with the places where they were written, and its canonical JSON.

use std::collections::BTreeMap;

use crate::problem::Place;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// The text of a JSON number, so that no digit is lost.
    Number(String),
    Text(String),
    /// A value that could not be read, which has been reported. It satisfies every check.
    Unreadable,
    List(Vec<Node>),
    Mapping(BTreeMap<String, Entry>),
}

/// What a mapping has under a key, and where the key was written.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key_at: Place,
    pub(crate) value: Node,
}

impl Node {
    /// The mapping that this is.
    pub(crate) fn mapping(&self) -> Option<&BTreeMap<String, Entry>> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of `key`, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        Some(&self.mapping()?.get(key)?.value)
    }

    /// The items of a list, none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that fits.
    pub(crate) fn integer(&self) -> Option<u64> {
        match &self.value {
            Value::Number(number) => number.parse().ok(),
            _ => None,
        }
    }

    /// The value in words, for "expected ..., found ...".
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Unreadable => "what could not be read".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(number) => format!("the number {}", shortened(number)),
            Value::Text(text) => format!("the text {:?}", shortened(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
        }
    }

    /// Whether nothing in it is unreadable.
    pub(crate) fn is_readable(&self) -> bool {
        match &self.value {
            Value::Unreadable => false,
            Value::List(items) => items.iter().all(Node::is_readable),
            Value::Mapping(entries) => entries.values().all(|entry| entry.value.is_readable()),
            _ => true,
        }
    }

    /// How many lists and mappings are nested within each other here.
    pub(crate) fn depth(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Mapping(entries) => {
                1 + entries
                    .values()
                    .map(|entry| entry.value.depth())
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// About how many bytes of memory the tree takes.
    pub(crate) fn weight(&self) -> usize {
        let inner: usize = match &self.value {
            Value::List(items) => items.iter().map(Node::weight).sum(),
            Value::Mapping(entries) => entries.values().map(|entry| entry.value.weight()).sum(),
            _ => 0,
        };
        self.own_weight() + inner
    }

    /// [`Node::weight`] without the values within it.
    pub(crate) fn own_weight(&self) -> usize {
        // A map's memory comes in leaves of eleven entries.
        const LEAF: usize = 11 * (size_of::<String>() + size_of::<Entry>());
        let own = match &self.value {
            Value::Null | Value::Bool(_) | Value::Unreadable | Value::List(_) => 0,
            Value::Number(text) | Value::Text(text) => text.len(),
            Value::Mapping(entries) => LEAF + entries.keys().map(String::len).sum::<usize>(),
        };
        own + size_of::<Self>()
    }

    /// JSON without white space, each mapping's keys in the order of their bytes.
    pub(crate) fn canonical_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) {
        match &self.value {
            Value::Null | Value::Unreadable => json.push_str("null"),
            Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => json.push_str(number),
            Value::Text(text) => write_string(text, json),
            Value::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    item.write_json(json);
                }
                json.push(']');
            }
            Value::Mapping(entries) => {
                json.push('{');
                for (index, (key, entry)) in entries.iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    write_string(key, json);
                    json.push(':');
                    entry.value.write_json(json);
                }
                json.push('}');
            }
        }
    }
}

fn write_string(text: &str, json: &mut String) {
    json.push('"');
    let mut written = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| is_escaped(*c)) {
        json.push_str(&text[written..at]);
        written = at + c.len_utf8();
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c => json.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    json.push_str(&text[written..]);
    json.push('"');
}

/// What JSON must escape, and what it allows and YAML does not, or may fold, so that the text is both.
fn is_escaped(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// A text short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
