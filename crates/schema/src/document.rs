//! JSON read so that a validator can hold it against a schema: every number fits a double.

use std::borrow::Cow;

use serde_json::Value;

use super::{Violation, whole};

/// The largest double, which stands for all numbers beyond it. It is whole, as all of those are.
const LARGEST: &str = "1.7976931348623157e308";

/// Reads JSON. Numbers become 64-bit integers or doubles.
pub(super) fn read(json: &str) -> Result<Value, Violation> {
    serde_json::from_str(json)
        // Numbers that fit no double are rare, so that only they are paid for.
        .or_else(|_| serde_json::from_str(&with_numbers_that_fit(json)))
        .map_err(|error| whole(format!("cannot be read as JSON: {error}")))
}

/// The same JSON with [`LARGEST`], or its negative, for each number that fits no double.
fn with_numbers_that_fit(json: &str) -> Cow<'_, str> {
    let mut fitting = String::new();
    let mut copied = 0;
    let mut at = 0;
    let bytes = json.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(bytes, at);
                let number = json[at..end].parse().unwrap_or(0.0_f64);
                if number.is_infinite() {
                    fitting.push_str(&json[copied..at]);
                    fitting.push_str(if number < 0.0 { "-" } else { "" });
                    fitting.push_str(LARGEST);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    fitting.push_str(&json[copied..]);
    Cow::Owned(fitting)
}

/// The end of the string that starts at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the number that starts at `start`.
fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = bytes[start..].iter().take_while(|byte| is_part(byte));
    start + length.count()
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, with_numbers_that_fit};

    #[test]
    fn only_numbers_beyond_doubles_are_replaced() {
        let digits = "9".repeat(400);
        let json = format!(
            r#"{{"1e999": [-{digits}, 1E+400, 12, "\"1e400", 1e-999, "\\"], "x": {digits}}}"#
        );
        let expected = format!(
            r#"{{"1e999": [-{LARGEST}, {LARGEST}, 12, "\"1e400", 1e-999, "\\"], "x": {LARGEST}}}"#
        );
        assert_eq!(with_numbers_that_fit(&json), expected);
    }

    #[test]
    fn what_is_not_json_is_passed_over() {
        for text in ["", "\"", "\"\\", "-", "1e400e400", "\u{e9}1", "--"] {
            assert_eq!(with_numbers_that_fit(text), text);
        }
    }
}
