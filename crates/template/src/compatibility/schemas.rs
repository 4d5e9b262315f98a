//! Schemas: what callers may send, what handlers may return, and what those after them have to expect.

use tasker_schema::containment::{GapKind, gaps};

use super::change::Found;
use super::kinds::{
    INPUT_PROPERTY_NAMED, INPUT_SCHEMA_NARROWED, INPUT_SCHEMA_UNDECIDED, INPUT_SCHEMA_WIDENED,
    Kind, RESULT_PROPERTY_NAMED, RESULT_SCHEMA_CHANGED, RESULT_SCHEMA_NARROWED,
    RESULT_SCHEMA_UNDECIDED, RESULT_SCHEMA_WIDENED,
};
use super::side::{Pair, Placed, Side};
use crate::node::Node;
use crate::problem::Place;
use crate::schemas::place_of;

/// The schema that accepts everything stands for one that is not there.
const ANYTHING: &str = "true";

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, pairs: &[Pair<'_>], found: &mut Vec<Found>) {
    input(old, new, found);
    let ancestors = old.ancestors();
    for pair in pairs {
        if let (Some(before), Some(now)) = (&pair.old, &pair.new) {
            let is_read = ancestors.values().any(|it| it.contains(before.name()));
            result(before, now, is_read, found);
        }
    }
}

fn input(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Found>) {
    const FIELD: &str = "input_schema";
    let of = |side| Written::of(side, FIELD, &side.root);
    let both = Both {
        field: FIELD,
        step: None,
        old: of(old),
        new: of(new),
    };
    let kinds = Kinds {
        refused: &INPUT_SCHEMA_NARROWED,
        undecided: &INPUT_SCHEMA_UNDECIDED,
        named: &INPUT_PROPERTY_NAMED,
    };
    if both.differ() {
        let gaps = both.new_refuses("contexts", &kinds);
        if gaps.is_empty() {
            let message = "the new input_schema accepts all that the old accepts";
            found.push(both.told(&INPUT_SCHEMA_WIDENED, message));
        }
        found.extend(gaps);
    }
}

fn result<'a>(old: &Placed<'a>, new: &Placed<'a>, is_read: bool, found: &mut Vec<Found>) {
    const FIELD: &str = "result_schema";
    let of = |it: &Placed<'a>| Written::of(it.side, FIELD, it.node);
    let both = Both {
        field: FIELD,
        step: Some(old.name()),
        old: of(old),
        new: of(new),
    };
    if !both.differ() {
        return;
    }
    let kinds = |refused| Kinds {
        refused,
        undecided: &RESULT_SCHEMA_UNDECIDED,
        named: &RESULT_PROPERTY_NAMED,
    };
    let mut gaps = Vec::new();
    // Another handler has nothing to do with running tasks.
    if old.has_handler_of(new) {
        gaps.extend(both.old_refuses("results", &kinds(&RESULT_SCHEMA_WIDENED)));
    }
    if is_read {
        gaps.extend(both.new_refuses("results", &kinds(&RESULT_SCHEMA_NARROWED)));
    }
    if gaps.is_empty() {
        gaps.push(both.told(&RESULT_SCHEMA_CHANGED, "the result_schema is another"));
    }
    found.extend(gaps);
}

/// The kinds of changes that gaps are.
struct Kinds {
    refused: &'static Kind,
    undecided: &'static Kind,
    named: &'static Kind,
}

/// A schema of one side.
#[derive(Clone, Copy)]
struct Written<'a> {
    side: &'a Side<'a>,
    node: Option<&'a Node>,
    /// Where what it belongs to stands.
    owner: Place,
}

impl<'a> Written<'a> {
    fn of(side: &'a Side<'a>, field: &str, owner: &'a Node) -> Self {
        Self {
            side,
            node: owner.get(field),
            owner: owner.at,
        }
    }

    fn text(&self) -> String {
        self.node.map_or(ANYTHING.to_owned(), Node::canonical_json)
    }
}

/// A schema before and now.
struct Both<'a> {
    field: &'static str,
    step: Option<&'a str>,
    old: Written<'a>,
    new: Written<'a>,
}

impl Both<'_> {
    fn differ(&self) -> bool {
        self.old.text() != self.new.text()
    }

    /// What the old accepts and the new does not.
    fn new_refuses(&self, what: &str, kinds: &Kinds) -> Vec<Found> {
        let gaps = gaps(&self.old.text(), &self.new.text(), "old").into_iter();
        gaps.map(|gap| {
            let (kind, says) = kinds.says(gap.kind, what, "old");
            let message = format!("the new {} {says}: {}", self.field, gap.message);
            let place = self
                .new
                .node
                .map(|it| self.new.side.at(place_of(&gap.path, it)));
            let told = self.told(kind, &message);
            Found {
                field: Some(format!("{}{}", self.field, gap.path)),
                new: place.or(told.new),
                ..told
            }
        })
        .collect()
    }

    /// What the new accepts and the old does not.
    fn old_refuses(&self, what: &str, kinds: &Kinds) -> Vec<Found> {
        let gaps = gaps(&self.new.text(), &self.old.text(), "new").into_iter();
        gaps.map(|gap| {
            let (kind, says) = kinds.says(gap.kind, what, "new");
            let message = format!("the old {} {says}: {}", self.field, gap.message);
            let place = self
                .old
                .node
                .map(|it| self.old.side.at(place_of(&gap.path, it)));
            let told = self.told(kind, &message);
            Found {
                field: Some(format!("{}{}", self.field, gap.path)),
                old: place.or(told.old),
                ..told
            }
        })
        .collect()
    }

    fn told(&self, kind: &'static Kind, message: &str) -> Found {
        let place = |it: &Written<'_>| Some(it.side.at(it.node.map_or(it.owner, |node| node.at)));
        Found {
            step: self.step.map(str::to_owned),
            field: Some(self.field.to_owned()),
            old: place(&self.old),
            new: place(&self.new),
            ..Found::new(kind, message)
        }
    }
}

impl Kinds {
    fn says(&self, gap: GapKind, what: &str, narrow: &str) -> (&'static Kind, String) {
        match gap {
            GapKind::Refused => (
                self.refused,
                format!("refuses {what} that the {narrow} accepts"),
            ),
            GapKind::Undecided => (
                self.undecided,
                format!("cannot be shown to accept all that the {narrow} accepts"),
            ),
            GapKind::Named => (self.named, format!("checks more than the {narrow}")),
        }
    }
}
