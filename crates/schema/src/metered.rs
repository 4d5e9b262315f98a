//! JSON as the validator reads it, with a meter on what it reads.
//!
//! A schema that refers to itself may come upon one value of a document along very many ways, and each way is nested.
//! A validator that takes too many steps, too much stack or finds too many errors is not told to stop, for which it has
//! no way: from then on every list and mapping has come to its end, so that it has nothing more to do.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, unique};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Map, Number, Value, map};

/// Steps that any check may take, and more for each byte of the document.
const STEPS: u64 = 1_000_000;
const STEPS_A_BYTE: u64 = 50;
/// The stack that a check may take, in bytes: a part of what threads have.
const STACK: usize = 256 * 1024;
/// Errors that may be collected. More than are reported, as an error may be made of others.
const ERRORS: u64 = 1_000;

/// What errors name as their value that are found when the check has stopped.
static STOPPED: Value = Value::Null;

/// The JSON that a validator reads.
pub(super) struct Metered;

/// Counts what one check does.
pub(super) struct Meter {
    steps: Cell<u64>,
    errors: Cell<u64>,
    /// Where the stack was when the check began.
    stack: usize,
}

impl Meter {
    /// For a check whether a document of this many bytes is valid.
    pub(super) fn of_steps(bytes: usize) -> Self {
        Self {
            steps: Cell::new(STEPS + STEPS_A_BYTE * bytes as u64),
            errors: Cell::new(u64::MAX),
            stack: stack_address(),
        }
    }

    /// For finding out what is wrong with it.
    pub(super) fn of_steps_and_errors(bytes: usize) -> Self {
        Self {
            errors: Cell::new(ERRORS),
            ..Self::of_steps(bytes)
        }
    }

    /// The document to check.
    pub(super) fn value<'a>(&'a self, value: &'a Value) -> MeteredValue<'a> {
        MeteredValue {
            value,
            meter: Some(self),
        }
    }

    /// Whether the check did too much. What it has found since then means nothing.
    pub(super) fn has_stopped(&self) -> bool {
        self.steps.get() == 0
    }

    fn take(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_sub(steps));
        if stack_address().abs_diff(self.stack) > STACK {
            self.steps.set(0);
        }
    }

    fn take_error(&self) {
        self.errors.set(self.errors.get().saturating_sub(1));
        if self.errors.get() == 0 {
            self.steps.set(0);
        }
    }
}

/// Whether the error was found when the check had stopped, so that it may be none.
pub(super) fn came_after_the_stop(error: &ValidationError<'_>) -> bool {
    std::ptr::eq(error.instance().as_ref(), &raw const STOPPED)
}

/// About where the stack ends now.
fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

/// A value that counts what is read of it.
#[derive(Clone, Copy)]
pub(super) struct MeteredValue<'a> {
    value: &'a Value,
    /// None for the name of a field: nothing is within it.
    meter: Option<&'a Meter>,
}

impl<'a> MeteredValue<'a> {
    fn take(self, steps: u64) -> &'a Value {
        if let Some(meter) = self.meter {
            meter.take(steps);
        }
        self.value
    }

    fn has_stopped(self) -> bool {
        self.meter.is_some_and(Meter::has_stopped)
    }

    fn inner(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }
}

impl Json for Metered {
    type Node<'a> = MeteredValue<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(MeteredValue<'_>) -> T) -> T {
        let value = Value::String(string.to_owned());
        f(MeteredValue {
            value: &value,
            meter: None,
        })
    }
}

impl<'a> Node<'a, Metered> for MeteredValue<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        let of = *self;
        let members = self.take(1).as_object()?;
        Some(Members { members, of })
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        let of = *self;
        let elements = self.take(1).as_array()?;
        Some(Elements { elements, of })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        // Whoever reads a text goes through all of it.
        const BYTES_A_STEP: u64 = 8;
        let text = self.take(1).as_str()?;
        self.take(text.len() as u64 / BYTES_A_STEP);
        Some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.take(1).as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.take(1).as_bool()
    }

    fn is_null(&self) -> bool {
        self.take(1).is_null()
    }

    fn json_type(&self) -> JsonType {
        self.take(1).json_type()
    }

    fn equals_value(&self, expected: &Value) -> bool {
        // No more of the value is read than the schema has of the expected one.
        self.take(1).equals_value(expected)
    }

    /// Called for errors alone.
    fn to_value(&self) -> Cow<'a, Value> {
        if self.has_stopped() {
            return Cow::Borrowed(&STOPPED);
        }
        if let Some(meter) = self.meter {
            meter.take_error();
        }
        Cow::Borrowed(self.value)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        self.take(1).identity()
    }
}

/// The fields of a mapping.
pub(super) struct Members<'a> {
    members: &'a Map<String, Value>,
    of: MeteredValue<'a>,
}

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = MeteredValue<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn get(&self, key: &String) -> Option<MeteredValue<'a>> {
        self.of.take(1);
        if self.of.has_stopped() {
            return None;
        }
        self.members.get(key).map(|value| self.of.inner(value))
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter {
            members: self.members.iter(),
            of: self.of,
        }
    }

    fn try_for_each_name_node<B>(
        &self,
        (): &mut (),
        mut f: impl FnMut(MeteredValue<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.members().try_for_each(|(name, _)| {
            let value = Value::String(name.to_owned());
            f(MeteredValue {
                value: &value,
                meter: self.of.meter,
            })
        })
    }
}

/// Fields in turn, none once the check has stopped.
pub(super) struct MembersIter<'a> {
    members: map::Iter<'a>,
    of: MeteredValue<'a>,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, MeteredValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.of.take(1);
        if self.of.has_stopped() {
            return None;
        }
        let (name, value) = self.members.next()?;
        Some((name, self.of.inner(value)))
    }
}

/// The items of a list.
pub(super) struct Elements<'a> {
    elements: &'a [Value],
    of: MeteredValue<'a>,
}

impl<'a> Array<'a, Metered> for Elements<'a> {
    type Node = MeteredValue<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter {
            elements: self.elements.iter(),
            of: self.of,
        }
    }

    fn is_unique(&self) -> bool {
        // As many steps as there are values within it, since each is hashed.
        self.of.take(values_within(self.elements));
        self.of.has_stopped() || unique::is_unique(self.elements)
    }
}

fn values_within(values: &[Value]) -> u64 {
    let inner = values.iter().map(|value| match value {
        Value::Array(elements) => values_within(elements),
        Value::Object(members) => members
            .values()
            .map(|value| values_within(std::slice::from_ref(value)))
            .sum(),
        _ => 0,
    });
    values.len() as u64 + inner.sum::<u64>()
}

/// Items in turn, none once the check has stopped.
pub(super) struct ElementsIter<'a> {
    elements: std::slice::Iter<'a, Value>,
    of: MeteredValue<'a>,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = MeteredValue<'a>;

    fn next(&mut self) -> Option<MeteredValue<'a>> {
        self.of.take(1);
        if self.of.has_stopped() {
            return None;
        }
        self.elements.next().map(|value| self.of.inner(value))
    }
}
