//! Whole numbers as JSON Schema, and so the OpenAPI document, has them: `-61.0` and `1e1` are some.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads a priority.
pub(crate) fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i16, D::Error> {
    deserializer.deserialize_i16(Priority)
}

struct Priority;

impl Visitor<'_> for Priority {
    type Value = i16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from -100 to 100")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i16, E> {
        let unexpected = Unexpected::Signed(number);
        i16::try_from(number).map_err(|_| E::invalid_value(unexpected, &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i16, E> {
        let unexpected = Unexpected::Unsigned(number);
        i16::try_from(number).map_err(|_| E::invalid_value(unexpected, &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i16, E> {
        let range = f64::from(i16::MIN)..=f64::from(i16::MAX);
        if number.fract() == 0.0 && range.contains(&number) {
            // It is whole and in the range.
            Ok(number as i16)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    fn read(json: &str) -> Result<i16, String> {
        let mut reader = serde_json::Deserializer::from_str(json);
        super::priority(&mut reader).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (json, number) in [
            ("-61", -61),
            ("-61.0", -61),
            ("1e1", 10),
            ("-0.0", 0),
            ("200", 200),
        ] {
            assert_eq!(read(json), Ok(number), "{json}");
        }
        for json in ["0.5", "1e300", "70000", "-70000.0", "\"1\"", "null"] {
            let error = read(json).expect_err(json);
            assert!(
                error.contains("expected a whole number from -100 to 100"),
                "{error}"
            );
        }
    }
}
