//! What a handler logged, held to its limits. It never costs the outcome that it came with.

use serde_json::value::RawValue;
use tasker_protocol::Json;
use tasker_protocol::frame::{LogLine, MAX_LOG_BYTES, MAX_LOG_LINES};

use super::Texts;

/// The last lines of an outcome's `logs`, as many as are kept; none when there are none.
///
/// # Errors
/// What is wrong with them.
pub fn read(logs: Option<&Json>) -> Result<Option<Texts>, String> {
    let Some(logs) = logs else {
        return Ok(None);
    };
    let lines: Vec<&RawValue> = serde_json::from_str(logs.get())
        .map_err(|error| format!("`logs` is no list of lines, and is not kept: {error}"))?;
    let first = first_kept(&lines);
    for (number, line) in (1..).zip(&lines).skip(first) {
        serde_json::from_str::<LogLine>(line.get())
            .map_err(|error| format!("line {number} of `logs`, which is not kept: {error}"))?;
    }
    let kept: Vec<&str> = lines[first..].iter().map(|line| line.get()).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let body = RawValue::from_string(format!("[{}]", kept.join(",")))
        .unwrap_or_else(|error| unreachable!("a list of JSON texts is JSON: {error}"));
    Ok(Some(Texts {
        body: body.into(),
        metadata: None,
        cursors: None,
    }))
}

/// The index of the first line that is kept.
fn first_kept(lines: &[&RawValue]) -> usize {
    let mut left = MAX_LOG_BYTES;
    let kept = lines.iter().rev().take(MAX_LOG_LINES).take_while(|line| {
        // A comma or a bracket goes with each.
        let fits = line.get().len() + 1 < left;
        left = left.saturating_sub(line.get().len() + 1);
        fits
    });
    lines.len() - kept.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        RawValue::from_string(text.to_owned()).expect("JSON").into()
    }

    fn line(message: &str) -> String {
        format!(
            r#"{{"at": "2026-11-24T17:04:05.000001Z", "level": "info", "message": "{message}"}}"#
        )
    }

    fn kept(lines: &[String]) -> Vec<LogLine> {
        let logs = json(&format!("[{}]", lines.join(", ")));
        let texts = read(Some(&logs)).expect("lines").expect("some");
        assert!(texts.body.get().len() <= MAX_LOG_BYTES);
        serde_json::from_str(texts.body.get()).expect("lines")
    }

    #[test]
    fn the_last_two_hundred_lines_are_kept() {
        let lines: Vec<String> = (0..300).map(|number| line(&number.to_string())).collect();
        let kept = kept(&lines);
        assert_eq!(kept.len(), 200);
        assert_eq!((&*kept[0].message, &*kept[199].message), ("100", "299"));
    }

    #[test]
    fn no_more_than_64_kib_are_kept() {
        let long = "x".repeat(30_000);
        let kept = kept(&[line(&long), line(&long), line(&long), line("last")]);
        let lengths: Vec<usize> = kept.iter().map(|line| line.message.len()).collect();
        assert_eq!(lengths, [30_000, 30_000, 4]);
        let longer = json(&format!("[{}]", line(&"x".repeat(MAX_LOG_BYTES))));
        assert!(read(Some(&longer)).expect("lines").is_none());
    }

    #[test]
    fn what_is_no_list_of_lines_is_said() {
        assert!(read(None).expect("nothing").is_none());
        assert!(read(Some(&json("[]"))).expect("no lines").is_none());
        let error = |text| read(Some(&json(text))).expect_err("no lines");
        assert!(error("7").starts_with("`logs` is no list of lines"));
        let second = error(&format!("[{}, {{}}]", line("first")));
        assert!(second.starts_with("line 2 of `logs`"), "{second}");
    }
}
