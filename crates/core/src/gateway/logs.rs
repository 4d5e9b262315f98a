//! What a handler logged, held to its limits. It never costs the outcome that it came with.

use serde_json::value::RawValue;
use tasker_protocol::Json;
use tasker_protocol::frame::{LogLine, MAX_LOG_BYTES, MAX_LOG_LINES};

use super::Texts;

/// The last lines of an outcome's `logs`, as many as are kept, none when there are none; and what is wrong with `logs`.
/// A line that is none costs no other.
pub fn read(logs: Option<&Json>) -> (Option<Texts>, Option<String>) {
    let Some(logs) = logs else {
        return (None, None);
    };
    let lines: Vec<&RawValue> = match serde_json::from_str(logs.get()) {
        Ok(lines) => lines,
        Err(error) => {
            let message = format!("`logs` is no list of lines, and is not kept: {error}");
            return (None, Some(message));
        }
    };
    let mut wrong = Vec::new();
    let mut kept = Vec::new();
    for (number, line) in (1..).zip(&lines).skip(first_kept(&lines)) {
        match serde_json::from_str::<LogLine>(line.get()) {
            Ok(_) => kept.push(line.get()),
            Err(error) => wrong.push(format!(
                "line {number} of `logs`, which is not kept: {error}"
            )),
        }
    }
    (texts(&kept), complaint(wrong))
}

fn texts(lines: &[&str]) -> Option<Texts> {
    if lines.is_empty() {
        return None;
    }
    let body = RawValue::from_string(format!("[{}]", lines.join(",")))
        .unwrap_or_else(|error| unreachable!("a list of JSON texts is JSON: {error}"));
    Some(Texts {
        body: body.into(),
        metadata: None,
        cursors: None,
    })
}

fn complaint(wrong: Vec<String>) -> Option<String> {
    let others = wrong.len().saturating_sub(1);
    let first = wrong.into_iter().next()?;
    Some(match others {
        0 => first,
        others => format!("{first}; and {others} more"),
    })
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
        let texts = read(Some(&logs)).0.expect("lines");
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
        assert!(matches!(read(Some(&longer)), (None, None)));
    }

    #[test]
    fn what_is_no_list_of_lines_is_said() {
        assert!(matches!(read(None), (None, None)));
        assert!(matches!(read(Some(&json("[]"))), (None, None)));
        let (kept, wrong) = read(Some(&json("7")));
        assert!(kept.is_none());
        let wrong = wrong.expect("wrong");
        assert!(wrong.starts_with("`logs` is no list of lines"), "{wrong}");
    }

    #[test]
    fn a_line_that_is_none_costs_no_other() {
        let half = line("caf\\udce9.csv");
        let (first, last) = (line("first"), line("last"));
        let logs = json(&format!("[{first}, {half}, {{}}, {last}]"));
        let (kept, wrong) = read(Some(&logs));
        assert_eq!(kept.expect("lines").body.get(), format!("[{first},{last}]"));
        let wrong = wrong.expect("wrong");
        assert!(
            wrong.starts_with("line 2 of `logs`, which is not kept: "),
            "{wrong}"
        );
        assert!(wrong.ends_with("; and 1 more"), "{wrong}");
        let (kept, wrong) = read(Some(&json("[{}]")));
        assert!(kept.is_none());
        assert!(wrong.expect("wrong").starts_with("line 1 of `logs`"));
    }
}
