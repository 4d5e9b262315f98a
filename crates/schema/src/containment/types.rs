//! The types of JSON values as a set.

use std::fmt;

use serde_json::Value;

use super::Parts;

/// Types of values. Numbers are of two: whole ones, such as 1 and 1.0, and the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Types(u8);

const NAMES: [(&str, Types); 7] = [
    ("null", Types(1)),
    ("boolean", Types(2)),
    ("integer", Types::INTEGER),
    ("number", Types::FRACTION),
    ("string", Types::STRING),
    ("array", Types::ARRAY),
    ("object", Types::OBJECT),
];

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0b111_1111);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);

    /// The types that the keyword `type` of a schema lets pass.
    pub(super) fn of_keyword(schema: &Parts) -> Self {
        let one = |name: &Value| match name.as_str() {
            Some("number") => Self::NUMBER,
            Some(name) => NAMES
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(Self::NONE, |(_, types)| *types),
            None => Self::NONE,
        };
        match schema.get("type") {
            None => Self::ALL,
            Some(Value::Array(names)) => names
                .iter()
                .map(one)
                .fold(Self::NONE, |all, it| Self(all.0 | it.0)),
            Some(name) => one(name),
        }
    }

    /// The type of a value.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => NAMES[0].1,
            Value::Bool(_) => NAMES[1].1,
            Value::Number(number) => match number.as_f64() {
                Some(number) if number.fract() != 0.0 => Self::FRACTION,
                _ => Self::INTEGER,
            },
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn intersects(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }

    /// Each of them by itself, numbers as one.
    pub(super) fn each(self) -> Vec<Self> {
        let kinds = [
            1,
            2,
            Self::NUMBER.0,
            Self::STRING.0,
            Self::ARRAY.0,
            Self::OBJECT.0,
        ];
        let parts = kinds.map(|kind| self.and(Self(kind)));
        parts.into_iter().filter(|it| !it.is_empty()).collect()
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.and(Self::NUMBER) == Self::NUMBER {
            Self::INTEGER
        } else {
            Self::NONE
        };
        let shown = self.minus(hidden);
        let names = NAMES.iter().filter(|(_, types)| shown.intersects(*types));
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        f.write_str(&names.join(", "))
    }
}
