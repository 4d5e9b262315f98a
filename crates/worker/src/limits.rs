//! What an outcome may weigh. The engine would refuse a heavier one each time it is sent; here it becomes a failure
//! that says so.

use tasker_protocol::{
    Json,
    api::MAX_PAYLOAD_BYTES,
    frame::{Failure, Outcome},
};

/// A longer error text, such as the traceback of an endless recursion, is cut. In bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The outcome itself, or what is sent in its place.
pub(crate) fn within_limits(mut outcome: Outcome) -> Outcome {
    let size = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.get().len());
    for (what, bytes) in [
        ("results are", size(&outcome.results)),
        ("metadata is", size(&outcome.metadata)),
    ] {
        if bytes > MAX_PAYLOAD_BYTES {
            outcome.success = false;
            outcome.results = None;
            outcome.metadata = None;
            outcome.error = Some(Failure {
                message: format!(
                    "the {what} {bytes} bytes of JSON, and may be {MAX_PAYLOAD_BYTES}; store the data elsewhere and \
                     return where it is"
                ),
                error_type: "result_too_large".to_owned(),
                error_code: Some("RESULT_TOO_LARGE".to_owned()),
                retryable: false,
                retry_after_ms: None,
                backtrace: None,
            });
        }
    }
    if let Some(error) = &mut outcome.error {
        cut(&mut error.message);
        cut(&mut error.error_type);
        error.error_code.iter_mut().for_each(cut);
        error.backtrace.iter_mut().for_each(cut);
    }
    outcome
}

/// Takes the middle out: a traceback says most at its two ends.
fn cut(text: &mut String) {
    if text.len() <= MAX_TEXT_BYTES {
        return;
    }
    let mut head = MAX_TEXT_BYTES / 2;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - MAX_TEXT_BYTES / 2;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let note = format!("\n... {} bytes left out ...\n", tail - head);
    text.replace_range(head..tail, &note);
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    fn success(results: String) -> Outcome {
        let results = RawValue::from_string(results).expect("JSON");
        Outcome {
            task_uuid: Uuid::nil(),
            step_uuid: Uuid::nil(),
            attempt: 1,
            success: true,
            results: Some(results.into()),
            error: None,
            metadata: None,
            create_steps: None,
            batches: None,
            logs: None,
        }
    }

    #[test]
    fn results_at_the_limit_pass_and_larger_ones_are_a_permanent_failure() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        let kept = within_limits(success(text(MAX_PAYLOAD_BYTES)));
        assert!(kept.success);
        let refused = within_limits(success(text(MAX_PAYLOAD_BYTES + 1)));
        assert!(!refused.success && refused.results.is_none());
        let error = refused.error.expect("an error");
        assert!(!error.retryable);
        assert_eq!(error.error_code.as_deref(), Some("RESULT_TOO_LARGE"));
        assert_eq!(
            error.message,
            "the results are 8388609 bytes of JSON, and may be 8388608; store the data elsewhere and return where it is"
        );
    }

    #[test]
    fn a_long_traceback_keeps_its_two_ends() {
        let mut text = format!("first{}last", "ä".repeat(MAX_TEXT_BYTES));
        cut(&mut text);
        assert!(text.len() < MAX_TEXT_BYTES + 100, "{}", text.len());
        assert!(text.starts_with("firstää") && text.ends_with("äälast"));
        assert!(text.contains("bytes left out"));
    }
}
