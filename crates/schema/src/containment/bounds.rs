//! Limits of numbers, lengths and counts, and what else a value is held against by itself.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::known::Known;
use super::types::Types;
use super::{Gap, Search, refused, undecided};

impl<'a> Search<'a> {
    /// The gap at a limit of the wide schema.
    pub(super) fn limit(
        &self,
        known: &Known<'a>,
        keyword: &str,
        wide: &'a Value,
        at: &str,
    ) -> Option<Gap> {
        let types = match keyword {
            "minLength" | "maxLength" | "pattern" => Types::STRING,
            "minItems" | "maxItems" | "uniqueItems" => Types::ARRAY,
            "minProperties" | "maxProperties" => Types::OBJECT,
            _ => Types::NUMBER,
        };
        if !known.types.intersects(types) {
            return None;
        }
        let other = self.other;
        match keyword {
            "pattern" if known.all(keyword).any(|it| it == wide) => None,
            "pattern" if known.all(keyword).next().is_none() => Some(refused(
                at,
                format!("it has a `pattern`, which the {other} has not"),
            )),
            "pattern" => Some(undecided(
                at,
                format!("patterns are compared only as they stand, and the {other} has another"),
            )),
            "uniqueItems" => self.unique_items(known, wide, at),
            "multipleOf" => self.multiple(known, wide, at),
            _ => {
                let implied = match keyword {
                    "minimum" => is_bounded(known, wide, false, Side::Lower),
                    "exclusiveMinimum" => is_bounded(known, wide, true, Side::Lower),
                    "maximum" => is_bounded(known, wide, false, Side::Upper),
                    "exclusiveMaximum" => is_bounded(known, wide, true, Side::Upper),
                    _ => is_counted(known, keyword, wide),
                };
                let message =
                    || format!("its `{keyword}` of {wide} refuses values that the {other} accepts");
                (!implied).then(|| refused(at, message()))
            }
        }
    }

    fn unique_items(&self, known: &Known<'a>, wide: &Value, at: &str) -> Option<Gap> {
        let is_implied = wide != &Value::Bool(true)
            || known.all("uniqueItems").any(|it| it == wide)
            || known
                .all("maxItems")
                .any(|it| count(it).is_some_and(|it| it <= 1));
        let message = || {
            format!(
                "it refuses items that are equal, which the {} accepts",
                self.other
            )
        };
        (!is_implied).then(|| refused(at, message()))
    }

    fn multiple(&self, known: &Known<'a>, wide: &Value, at: &str) -> Option<Gap> {
        let whole = |it: &Value| it.as_number().and_then(whole).filter(|it| *it > 0);
        let divides = |it: &Value| match (whole(it), whole(wide)) {
            (Some(narrow), Some(wide)) => narrow % wide == 0,
            _ => it == wide,
        };
        if known.all("multipleOf").any(divides)
            || (whole(wide) == Some(1) && !known.types.intersects(Types::FRACTION))
        {
            return None;
        }
        let message = format!(
            "not every value of the {} is shown to be a multiple of {wide}",
            self.other
        );
        Some(if known.all("multipleOf").next().is_some() {
            undecided(at, message)
        } else {
            refused(
                at,
                format!("it refuses values that are no multiple of {wide}"),
            )
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Lower,
    Upper,
}

/// Whether every number of which this is known keeps the bound.
fn is_bounded(known: &Known<'_>, wide: &Value, exclusive: bool, side: Side) -> bool {
    let (inclusive_keyword, exclusive_keyword) = match side {
        Side::Lower => ("minimum", "exclusiveMinimum"),
        Side::Upper => ("maximum", "exclusiveMaximum"),
    };
    let Some(wide) = wide.as_number() else {
        return false;
    };
    let whole_only = !known.types.intersects(Types::FRACTION);
    let implies = |narrow: &Value, narrow_is_exclusive: bool| {
        let Some(narrow) = narrow.as_number() else {
            return false;
        };
        // Of whole numbers, those above 0 are those from 1 on.
        if whole_only && let (Some(mut narrow), Some(mut wide)) = (whole(narrow), whole(wide)) {
            let step = if side == Side::Lower { 1 } else { -1 };
            narrow += if narrow_is_exclusive { step } else { 0 };
            wide += if exclusive { step } else { 0 };
            return if side == Side::Lower {
                narrow >= wide
            } else {
                narrow <= wide
            };
        }
        match compare(narrow, wide) {
            Some(Ordering::Equal) => narrow_is_exclusive || !exclusive,
            Some(Ordering::Greater) => side == Side::Lower,
            Some(Ordering::Less) => side == Side::Upper,
            None => false,
        }
    };
    known.all(inclusive_keyword).any(|it| implies(it, false))
        || known.all(exclusive_keyword).any(|it| implies(it, true))
}

/// Whether every length or count keeps the limit.
fn is_counted(known: &Known<'_>, keyword: &str, wide: &Value) -> bool {
    let Some(wide) = count(wide) else {
        return false;
    };
    if keyword.starts_with("max") {
        return known.all(keyword).filter_map(count).any(|it| it <= wide);
    }
    let required = if keyword == "minProperties" {
        known.required().len() as u64
    } else {
        0
    };
    wide <= required || known.all(keyword).filter_map(count).any(|it| it >= wide)
}

/// A length, such as 2 or 2.0.
pub(super) fn count(value: &Value) -> Option<u64> {
    u64::try_from(whole(value.as_number()?)?).ok()
}

/// A whole number, exactly.
fn whole(number: &Number) -> Option<i128> {
    // Doubles of that size are whole, and far within what an i128 holds.
    const LARGEST: f64 = 1e30;
    if let Some(number) = number.as_i128() {
        return Some(number);
    }
    let number = number.as_f64()?;
    (number.fract() == 0.0 && number.abs() < LARGEST).then_some(number as i128)
}

fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        // One of them has a fraction, so is below 2^53, or is beyond 64 bits: the other's rounding changes no order.
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
