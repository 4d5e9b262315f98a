//! JSON compared digit for digit: as a text in which only what means nothing has been evened out.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::value::RawValue;

/// The JSON text without white space, its keys sorted and its strings escaped alike; numbers as they were written,
/// which a `Value` would round.
///
/// # Errors
/// When a string in it cannot be held, such as half a surrogate pair.
pub fn exact(json: &RawValue) -> Result<String> {
    let text = json.get();
    Ok(match text.as_bytes()[0] {
        b'"' => serde_json::to_string(&serde_json::from_str::<String>(text)?)?,
        b'[' => {
            let members: Vec<&RawValue> = serde_json::from_str(text)?;
            let members: Result<Vec<_>> = members.into_iter().map(exact).collect();
            format!("[{}]", members?.join(","))
        }
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let members: Result<Vec<_>> = members
                .into_iter()
                .map(|(name, value)| {
                    let name = serde_json::to_string(&name)?;
                    Ok(format!("{name}:{}", exact(value)?))
                })
                .collect();
            format!("{{{}}}", members?.join(","))
        }
        _ => text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String> {
        exact(serde_json::from_str(text)?)
    }

    #[test]
    fn order_of_keys_white_space_and_escapes_mean_nothing() -> Result<()> {
        let text = r#" {"b" : [1, null,true] ,"a":{"\u0041":"\u00e4"}} "#;
        assert_eq!(of(text)?, r#"{"a":{"A":"ä"},"b":[1,null,true]}"#);
        assert_eq!(of("[]")?, "[]");
        assert_eq!(of("{}")?, "{}");
        Ok(())
    }

    #[test]
    fn every_digit_of_a_number_counts() -> Result<()> {
        assert_ne!(of("[18446744073709551616]")?, of("[18446744073709551617]")?);
        assert_ne!(of("1000")?, of("1000.0")?);
        assert_eq!(
            of("63340286662973277706162286946811886609896461828096")?.len(),
            50
        );
        Ok(())
    }
}
