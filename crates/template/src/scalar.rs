//! What a plain scalar means: the core schema of YAML 1.2 (section 10.3.2 of its specification).

/// What a plain scalar stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    /// The text of a JSON number: as written where that is one.
    Number(String),
    /// A number that JSON cannot hold.
    Unholdable,
    Text,
}

pub(crate) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Unholdable,
        _ => {}
    }
    // Anything else that is not text starts with a sign, a digit or a point.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::Text;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    let (sign, rest) = match text.as_bytes()[0] {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") {
        return Scalar::Unholdable;
    }
    decimal(sign, rest).map_or(Scalar::Text, Scalar::Number)
}

/// A hexadecimal or octal integer, in decimal.
fn based(digits: &str, radix: u32) -> Scalar {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Scalar::Text;
    }
    u128::from_str_radix(digits, radix).map_or(Scalar::Unholdable, |number| {
        Scalar::Number(number.to_string())
    })
}

/// `[0-9]+ (\.[0-9]*)? | \.[0-9]+`, then an optional exponent, as a JSON number: no leading zeros,
/// a digit on either side of the point.
fn decimal(sign: &str, text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if !exponent.is_empty() {
        let digits = exponent[1..]
            .strip_prefix(['+', '-'])
            .unwrap_or(&exponent[1..]);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction.unwrap_or("")) {
        return None;
    }
    if whole.is_empty() && fraction.unwrap_or("").is_empty() {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    Some(match fraction {
        Some("") => format!("{sign}{whole}.0{exponent}"),
        Some(fraction) => format!("{sign}{whole}.{fraction}{exponent}"),
        None => format!("{sign}{whole}{exponent}"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Scalar, resolve};

    fn number(text: &str) -> Scalar {
        Scalar::Number(text.to_owned())
    }

    #[test]
    fn numbers_that_json_has_are_kept_as_written() {
        let big = "63340286662973277706162286946811886609896461828096";
        for text in [
            "0", "-0", "-0.0", "12", "0.1", "1e400", "1E+2", "2.50e-3", big,
        ] {
            assert_eq!(resolve(text), number(text));
        }
    }

    #[test]
    fn numbers_that_only_yaml_has_are_written_as_json() {
        for (yaml, json) in [
            ("+5", "5"),
            ("007", "7"),
            ("-00", "-0"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("5.e3", "5.0e3"),
            ("0x1F", "31"),
            ("0o17", "15"),
        ] {
            assert_eq!(resolve(yaml), number(json), "{yaml}");
        }
    }

    #[test]
    fn what_json_has_no_number_for_is_told_apart() {
        let too_long = format!("0x{}", "f".repeat(40));
        for text in [".nan", ".inf", "-.Inf", "+.INF", &too_long] {
            assert_eq!(resolve(text), Scalar::Unholdable, "{text}");
        }
    }

    #[test]
    fn words_of_yaml_1_1_and_near_numbers_are_text() {
        for text in [
            "yes", "no", "on", "off", "y", "1.0.0", "1_000", "0b11", "0x", "0xg", "-0x1", "-", "+",
            ".", "e5", "1e", "1e+", "-.", "12:30", "--1", "+-1", "1.2.3e4", "nUll", "tRUE",
        ] {
            assert_eq!(resolve(text), Scalar::Text, "{text}");
        }
    }

    #[test]
    fn null_and_booleans_have_three_spellings() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(resolve(text), Scalar::Null);
        }
        assert_eq!(resolve("True"), Scalar::Bool(true));
        assert_eq!(resolve("FALSE"), Scalar::Bool(false));
    }
}
