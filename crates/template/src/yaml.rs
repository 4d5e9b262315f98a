//! A text becomes a tree: YAML 1.2 with places, and with limits that keep any text from exhausting
//! stack or memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use crate::characters::{named, unseen};
use crate::code;
use crate::node::{Entry, Node, Value, shortened};
use crate::problem::{Place, Sink};
use crate::scalar::{Scalar, resolve};

/// The longest text of a template, in bytes, its canonical JSON included.
pub(crate) const LONGEST_TEXT: usize = 1024 * 1024;
/// The most text that is parsed, in bytes, counting each time that it is parsed again.
const MOST_PARSED: usize = 16 * LONGEST_TEXT;
const START: Place = Place { line: 1, column: 1 };
/// How deeply lists and mappings may be nested. Everything that walks a tree recurses.
const DEEPEST: usize = 100;
/// The most memory that a tree may take, about, in bytes.
pub(crate) const HEAVIEST_TREE: usize = 64 * 1024 * 1024;

/// The tree of `text`. `None` when there is none; then `sink` says why. With a tree, too, `sink`
/// may have got problems.
pub(crate) fn read(text: &str, sink: &mut Sink) -> Option<Node> {
    if text.len() > LONGEST_TEXT {
        let message = format!(
            "the file has {} bytes; at most {LONGEST_TEXT} are read",
            text.len()
        );
        sink.push(code::TOO_LARGE, START, message, None);
        return None;
    }
    let (mut spaced, mut left) = (Cow::Borrowed(text), MOST_PARSED);
    loop {
        let error = match parse(&spaced, sink) {
            Ok(root) => return root,
            Err(error) => error,
        };
        left = left.saturating_sub(spaced.len());
        match without_tabs(&spaced, &error) {
            Some(text) if left > 0 => spaced = Cow::Owned(text),
            _ => {
                report(&error, text, sink);
                return None;
            }
        }
    }
}

/// The tree of a text that the parser takes. `None` when there is none; then `sink` says why.
fn parse(text: &str, sink: &mut Sink) -> Result<Option<Node>, ScanError> {
    let mut tree = Tree {
        sink,
        open: Vec::new(),
        anchors: HashMap::new(),
        weight: 0,
        root: None,
    };
    let lengths = line_lengths(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        if !tree.take(event, place(&span.start, &lengths)) {
            return Ok(None);
        }
    }
    let root = tree.root.take();
    if root.is_none() {
        let message = "the file is empty; a template is a mapping";
        sink.push(code::NOT_A_MAPPING, START, message, None);
    }
    Ok(root)
}

/// The text with spaces for the tabs at which the parser stopped, if they stand between a colon and a value. YAML 1.2
/// has tabs there; the parser refuses them before a value that begins with a letter, a digit or a hyphen, since what
/// comes might be a further key or item. With spaces it refuses those alone.
fn without_tabs(text: &str, error: &ScanError) -> Option<String> {
    if !error.info().starts_with("':' must be followed") {
        return None;
    }
    let (end, _) = text.char_indices().nth(error.marker().index())?;
    let start = text[..end].trim_end_matches('\t').len();
    let (before, after) = (&text[..start], &text[end..]);
    let spaces = " ".repeat(end - start);
    (start < end && before.ends_with(':')).then(|| [before, &spaces, after].concat())
}

fn report(error: &ScanError, text: &str, sink: &mut Sink) {
    let at = place(error.marker(), &line_lengths(text));
    let lines: Vec<&str> = text.lines().take(error.marker().line()).collect();
    let message = format!("not YAML: {}", error.info());
    sink.push(code::NOT_YAML, at, message, unseen_cause(&lines));
}

/// What may have stopped the parser at the last of these lines, or was overlooked in the one before.
fn unseen_cause(lines: &[&str]) -> Option<String> {
    let (last, before) = lines.split_last()?;
    if last.trim_start_matches(' ').starts_with('\t') {
        return Some("indent with spaces: YAML allows no tabs there".to_owned());
    }
    let before = before.last().map(|line| (line, before.len()));
    for (line, number) in [(last, lines.len())].into_iter().chain(before) {
        if let Some(unseen) = unseen(line) {
            let name = named(unseen);
            return Some(format!(
                "line {number} has {name}, which is no white space to YAML: write a space in its place, or nothing"
            ));
        }
    }
    let has_tab = last.contains('\t');
    has_tab.then(|| format!("line {} has a tab: write spaces in its place", lines.len()))
}

/// The characters in each line. YAML breaks lines where there is CR, LF or both.
fn line_lengths(text: &str) -> Vec<usize> {
    let mut lengths = vec![0];
    let mut last = ' ';
    for c in text.chars() {
        match (last, c) {
            ('\r', '\n') => {}
            (_, '\r' | '\n') => lengths.push(0),
            _ => *lengths.last_mut().expect("there is always a line") += 1,
        }
        last = c;
    }
    lengths
}

/// Where the parser stands. It counts a line below the last, and in directives bytes instead of characters.
fn place(marker: &Marker, lengths: &[usize]) -> Place {
    let line = marker.line().clamp(1, lengths.len());
    let column = if marker.line() > line {
        lengths[line - 1]
    } else {
        marker.col().min(lengths[line - 1])
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: number(line),
        column: number(column).saturating_add(1),
    }
}

/// A list or mapping that has not ended.
struct Open {
    at: Place,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next. A key that is none is `None` within.
    Mapping(BTreeMap<String, Entry>, Option<Option<(String, Place)>>),
}

/// Builds the tree from the parser's events, on a stack of its own.
struct Tree<'a> {
    sink: &'a mut Sink,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    weight: usize,
    root: Option<Node>,
}

impl Tree<'_> {
    /// False when nothing more can be read.
    fn take(&mut self, event: Event<'_>, at: Place) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_deref(), at);
                self.add(Node { at, value }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", at);
                self.begin(Open {
                    at,
                    anchor,
                    items: Items::List(Vec::new()),
                })
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", at);
                self.begin(Open {
                    at,
                    anchor,
                    items: Items::Mapping(BTreeMap::new(), None),
                })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document begins; a file holds one template";
                self.sink.push(code::MULTIPLE_DOCUMENTS, at, message, None);
                false
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => true,
        }
    }

    fn begin(&mut self, open: Open) -> bool {
        if self.open.len() == DEEPEST {
            let message = format!("lists and mappings are nested more than {DEEPEST} deep");
            self.sink.push(code::TOO_DEEP, open.at, message, None);
            return false;
        }
        self.open.push(open);
        true
    }

    fn end(&mut self) -> bool {
        let Some(Open { at, anchor, items }) = self.open.pop() else {
            return true;
        };
        let value = match items {
            Items::List(items) => Value::List(items),
            Items::Mapping(entries, _) => Value::Mapping(entries),
        };
        self.add(Node { at, value }, anchor)
    }

    /// Takes a node that was written here.
    fn add(&mut self, node: Node, anchor: usize) -> bool {
        if !self.carry(node.own_weight(), node.at) {
            return false;
        }
        if anchor != 0 {
            if !self.carry(node.weight(), node.at) {
                return false;
            }
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node);
        true
    }

    /// Puts a finished node where it belongs: as the root, an item, a key or a value.
    fn place(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Mapping(entries, key)) => match key.take() {
                None => *key = Some(text_key(node, self.sink)),
                Some(Some((key, key_at))) => insert(entries, key, key_at, node, self.sink),
                Some(None) => {}
            },
        }
    }

    fn alias(&mut self, anchor: usize, at: Place) -> bool {
        // The parser refuses names that were never anchored; one that is still open is unknown here.
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "an alias stands inside the value that it names";
            self.sink.push(code::NOT_YAML, at, message, None);
            return false;
        };
        let depth = self.open.len() + node.depth();
        let (weight, node) = (node.weight(), node.clone());
        if depth > DEEPEST {
            let message =
                format!("with this alias, lists and mappings nest more than {DEEPEST} deep");
            self.sink.push(code::TOO_DEEP, at, message, None);
            return false;
        }
        if !self.carry(weight, at) {
            return false;
        }
        self.place(node);
        true
    }

    /// Counts what nodes take.
    fn carry(&mut self, weight: usize, at: Place) -> bool {
        self.weight += weight;
        if self.weight > HEAVIEST_TREE {
            let message = "the document is too large, its aliases expanded";
            self.sink.push(code::TOO_LARGE, at, message, None);
            return false;
        }
        true
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Place,
    ) -> Value {
        let plain = style == ScalarStyle::Plain;
        let tag = match tag {
            Some(tag) if tag.is_yaml_core_schema() => Some(tag.suffix.as_str()),
            // The non-specific tag: text, however it looks.
            Some(tag) if tag.handle == "!" && tag.suffix.is_empty() => Some("str"),
            Some(tag) => {
                self.refuse_tag(tag, at);
                return Value::Unreadable;
            }
            None => None,
        };
        let resolved = match tag {
            None if plain => resolve(&text),
            None | Some("str") => Scalar::Text,
            Some(_) => resolve(&text),
        };
        let as_tagged = matches!(
            (tag, &resolved),
            (None | Some("str"), _)
                | (Some("null"), Scalar::Null)
                | (Some("bool"), Scalar::Bool(_))
                | (
                    Some("int" | "float"),
                    Scalar::Number(_) | Scalar::Unholdable
                )
        );
        if let (Some(tag), false) = (tag, as_tagged) {
            let message = format!("{:?} is no value of the tag `!!{tag}`", shortened(&text));
            self.sink.push(code::UNSUPPORTED_TAG, at, message, None);
            return Value::Unreadable;
        }
        match resolved {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(number) => Value::Number(number),
            Scalar::Text => Value::Text(text.into_owned()),
            Scalar::Unholdable => {
                let message = format!("`{}` is a number that JSON cannot hold", shortened(&text));
                self.sink.push(code::BAD_NUMBER, at, message, None);
                Value::Unreadable
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, at: Place) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
            && !(tag.handle == "!" && tag.suffix.is_empty())
        {
            self.refuse_tag(tag, at);
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, at: Place) {
        let message = format!("the tag `{}` is not supported", shortened(&tag.to_string()));
        self.sink.push(code::UNSUPPORTED_TAG, at, message, None);
    }
}

fn insert(
    entries: &mut BTreeMap<String, Entry>,
    key: String,
    key_at: Place,
    value: Node,
    sink: &mut Sink,
) {
    if let Some(first) = entries.get(&key) {
        let message = format!("the key `{}` is given twice", shortened(&key));
        let hint = format!("it stands in line {} already", first.key_at.line);
        sink.push(code::DUPLICATE_KEY, key_at, message, Some(hint));
    } else {
        entries.insert(key, Entry { key_at, value });
    }
}

/// A key must be text, because JSON has no other keys.
fn text_key(node: Node, sink: &mut Sink) -> Option<(String, Place)> {
    let hint =
        matches!(node.value, Value::Bool(_) | Value::Number(_)).then(|| "quote it".to_owned());
    match node.value {
        Value::Text(text) => Some((text, node.at)),
        Value::Unreadable => None,
        _ => {
            let message = format!("a key must be text, found {}", node.described());
            sink.push(code::BAD_KEY, node.at, message, hint);
            None
        }
    }
}
