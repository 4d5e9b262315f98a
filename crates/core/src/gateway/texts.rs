//! What the core needs to know of an outcome, and the texts that it does not read.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tasker_protocol::Json;
use tasker_protocol::api::MAX_PAYLOAD_BYTES;
use tasker_protocol::frame::{Failure, Outcome};
use tasker_template::{LONGEST_MS, Violation};

use crate::batches;
use crate::event::Verdict;
use crate::outcome::Success;

/// The texts of an outcome, or of an operator's action.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The results, or the failure as JSON.
    pub body: Json,
    /// What the handler added, or who acted and why.
    pub metadata: Option<Json>,
    /// The cursors of a batchable step's batches.
    pub cursors: Option<Cursors>,
}

/// Cursors as their handler wrote them.
pub type Cursors = Arc<[Json]>;

/// Whatever is wrong with an outcome becomes a failure of the step: an outcome that is dropped would leave its attempt
/// open until its time-out.
pub fn read(outcome: Outcome) -> (Verdict, Texts) {
    let parts = [&outcome.results, &outcome.metadata, &outcome.batches];
    if let Some(failure) = too_large(parts.map(Option::as_ref)) {
        return failed(failure, None);
    }
    if !outcome.success {
        let failure = outcome.error.unwrap_or_else(|| {
            let message = "the worker sent a failed outcome without an error".to_owned();
            invalid("invalid_outcome", None, message)
        });
        return failed(with_a_possible_wait(failure), outcome.metadata);
    }
    let metadata = outcome.metadata;
    match branches(outcome.create_steps.as_ref(), outcome.batches.as_ref()) {
        Ok((success, cursors)) => {
            let body = outcome.results.unwrap_or_else(tasker_protocol::json_null);
            let texts = Texts {
                body,
                metadata,
                cursors,
            };
            (Verdict::Success(success), texts)
        }
        Err(failure) => failed(failure, metadata),
    }
}

/// The failure without a `retry_after_ms` that no retry can mean, such as a moment in milliseconds since 1970: the
/// back-off counts, and the message says so. Of a failure for good it is kept, like whatever else a worker says.
fn with_a_possible_wait(mut failure: Failure) -> Failure {
    if let Some(millis) = failure
        .retry_after_ms
        .filter(|millis| failure.retryable && *millis > LONGEST_MS)
    {
        let days = millis / (24 * 3600 * 1000);
        // Before it is added to: a long message loses its end.
        truncate(&mut failure.message, MAX_PAYLOAD_BYTES / 128);
        failure.message.push_str(&format!(
            " (without its retry_after_ms: {millis} ms are {days} days, and a year is the most)"
        ));
        failure.retry_after_ms = None;
    }
    failure
}

/// What an operator gives in a handler's place, held to what is asked of a handler. `note` says who acts and why.
///
/// # Errors
/// What the step's failure would be had its handler given the same.
pub fn completion(
    results: Option<Json>,
    create_steps: Option<&Json>,
    batches: Option<&Json>,
    note: Json,
) -> Result<(Success, Texts), Failure> {
    if let Some(failure) = too_large([results.as_ref(), batches, Some(&note)]) {
        return Err(failure);
    }
    let (success, cursors) = branches(create_steps, batches)?;
    let texts = Texts {
        body: results.unwrap_or_else(tasker_protocol::json_null),
        metadata: Some(note),
        cursors,
    };
    Ok((success, texts))
}

/// The failure of what is longer than is kept.
fn too_large<const N: usize>(parts: [Option<&Json>; N]) -> Option<Failure> {
    let sizes = parts.into_iter().flatten().map(|json| json.get().len());
    let largest = sizes.max().unwrap_or(0);
    (largest > MAX_PAYLOAD_BYTES).then(|| {
        let message = format!(
            "results, metadata or batches of {largest} bytes, at most {MAX_PAYLOAD_BYTES} are kept: store the data \
             elsewhere and return a reference"
        );
        invalid("result_too_large", Some("RESULT_TOO_LARGE"), message)
    })
}

/// What an outcome says beside the results; or what is wrong with it.
fn branches(
    create_steps: Option<&Json>,
    batches: Option<&Json>,
) -> Result<(Success, Option<Cursors>), Failure> {
    let wrong = |message| invalid("invalid_outcome", None, message);
    let create_steps = create_steps
        .map(|names| list(names, "`create_steps` is no list of names").map_err(wrong))
        .transpose()?;
    let cursors = batches
        .map(|batches| batches::cursors(batches).map_err(wrong))
        .transpose()?;
    let success = Success {
        create_steps,
        batches: cursors.as_ref().map(|cursors| cursors.len() as u64),
    };
    Ok((success, cursors))
}

fn list<T: DeserializeOwned>(json: &Json, what: &str) -> Result<T, String> {
    serde_json::from_str(json.get()).map_err(|error| format!("{what}: {error}"))
}

fn invalid(error_type: &str, error_code: Option<&str>, message: String) -> Failure {
    Failure {
        message,
        error_type: error_type.to_owned(),
        error_code: error_code.map(str::to_owned),
        retryable: false,
        retry_after_ms: None,
        backtrace: None,
    }
}

/// What results that break their step's `result_schema` become: a permanent failure.
pub(super) fn breaks_schema(violations: &[Violation], metadata: Option<Json>) -> (Verdict, Texts) {
    let listed: Vec<String> = violations.iter().map(Violation::to_string).collect();
    let message = format!(
        "the results break the step's `result_schema`: {}",
        listed.join("; ")
    );
    failed(
        invalid("invalid_result", Some("RESULT_INVALID"), message),
        metadata,
    )
}

/// What an outcome becomes that the journal refuses: a permanent failure. `said` are the journal's own words.
pub fn refused(said: &str) -> (Verdict, Texts) {
    let message = format!("PostgreSQL refused what was to be stored with this outcome: {said}");
    let failure = invalid("record_refused", Some("RECORD_REFUSED"), message);
    failed(failure, None)
}

/// The verdict and texts of a failure.
fn failed(mut failure: Failure, metadata: Option<Json>) -> (Verdict, Texts) {
    let verdict = Verdict::Failure {
        retryable: failure.retryable,
        retry_after_ms: failure.retry_after_ms,
    };
    for text in [&mut failure.message, &mut failure.error_type]
        .into_iter()
        .chain(&mut failure.error_code)
        .chain(&mut failure.backtrace)
    {
        truncate(text, MAX_PAYLOAD_BYTES / 64);
    }
    let body = serde_json::value::to_raw_value(&failure)
        .unwrap_or_else(|error| unreachable!("strings, numbers and booleans serialise: {error}"));
    let texts = Texts {
        body: body.into(),
        metadata,
        cursors: None,
    };
    (verdict, texts)
}

/// Keeps the beginning of a text that is longer than `limit` bytes.
fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn json(text: &str) -> Json {
        let raw = serde_json::value::RawValue::from_string(text.to_owned());
        raw.expect("JSON").into()
    }

    fn outcome(results: Option<&str>, success: bool) -> Outcome {
        Outcome {
            task_uuid: Uuid::nil(),
            step_uuid: Uuid::nil(),
            attempt: 1,
            success,
            results: results.map(json),
            error: None,
            metadata: None,
            create_steps: None,
            batches: None,
            logs: None,
        }
    }

    const PERMANENT: Verdict = Verdict::Failure {
        retryable: false,
        retry_after_ms: None,
    };

    #[test]
    fn whatever_is_wrong_with_an_outcome_fails_its_step() {
        let large = format!("\"{}\"", "x".repeat(MAX_PAYLOAD_BYTES));
        let (verdict, texts) = read(outcome(Some(&large), true));
        assert_eq!(verdict, PERMANENT);
        assert!(texts.body.get().contains("RESULT_TOO_LARGE"));
        let (verdict, texts) = read(outcome(None, false));
        assert_eq!(verdict, PERMANENT);
        assert!(texts.body.get().contains("invalid_outcome"));
        let (verdict, texts) = read(outcome(None, true));
        assert_eq!(
            (verdict, texts.body.get()),
            (Verdict::Success(Success::default()), "null")
        );
    }

    #[test]
    fn branches_are_read_and_wrong_ones_fail_the_step() {
        let mut decision = outcome(None, true);
        decision.create_steps = Some(json(r#"["a", "b"]"#));
        let named = Success {
            create_steps: Some(vec!["a".into(), "b".into()]),
            batches: None,
        };
        assert_eq!(read(decision.clone()).0, Verdict::Success(named));
        decision.create_steps = Some(json("[1]"));
        let (verdict, texts) = read(decision);
        assert_eq!(verdict, PERMANENT);
        let body = texts.body.get();
        assert!(
            body.contains("`create_steps` is no list of names"),
            "{body}"
        );
        let mut batchable = outcome(None, true);
        batchable.batches = Some(json(r#"[{"start": 0, "end": 2}]"#));
        let (verdict, texts) = read(batchable.clone());
        let split = Success {
            create_steps: None,
            batches: Some(1),
        };
        assert_eq!(verdict, Verdict::Success(split));
        let cursors = texts.cursors.expect("cursors");
        assert_eq!(cursors[0].get(), r#"{"start": 0, "end": 2}"#);
        batchable.batches = Some(json("7"));
        assert_eq!(read(batchable).0, PERMANENT);
    }

    #[test]
    fn a_wait_that_no_retry_can_mean_is_left_out_and_the_message_says_so() {
        let failing = |retryable, retry_after_ms| {
            let mut failing = outcome(None, false);
            failing.error = Some(Failure {
                retryable,
                retry_after_ms,
                ..invalid("Busy", None, "busy".to_owned())
            });
            let (verdict, texts) = read(failing);
            let failure: Failure = serde_json::from_str(texts.body.get()).expect("a failure");
            let Verdict::Failure { retry_after_ms, .. } = verdict else {
                unreachable!("it failed")
            };
            assert_eq!(retry_after_ms, failure.retry_after_ms);
            (failure.message, retry_after_ms)
        };
        let kept = (LONGEST_MS, ("busy".to_owned(), Some(LONGEST_MS)));
        assert_eq!(failing(true, Some(kept.0)), kept.1);
        let (message, wait) = failing(true, Some(1_767_225_600_000_000));
        assert_eq!(wait, None);
        assert_eq!(
            message,
            "busy (without its retry_after_ms: 1767225600000000 ms are 20454000 days, and a year is the most)"
        );
        assert_eq!(failing(true, Some(LONGEST_MS + 1)).1, None);
        let moment = Some(9_007_199_254_740_993);
        assert_eq!(failing(false, moment), ("busy".to_owned(), moment));
    }

    #[test]
    fn a_long_message_keeps_its_beginning() {
        let mut text = "aä".repeat(10);
        truncate(&mut text, 5);
        assert_eq!(text, "aäa…");
    }
}
