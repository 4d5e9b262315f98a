//! Work that is split.

use super::*;

fn split(request: &Value) -> TaskerResult {
    let text = request.to_string();
    // SAFETY: the text outlives the call.
    unsafe { tasker_batches_split(text.as_ptr(), text.len()) }
}

#[test]
fn work_is_split_into_cursors() {
    let cursors = |request: Value| ok(split(&request));
    assert_eq!(
        cursors(json!({"total_items": 7, "batch_size": 3, "max_workers": 2})),
        json!([{"start": 0, "end": 4}, {"start": 4, "end": 7}])
    );
    assert_eq!(
        cursors(json!({"total_items": 2, "batch_size": 1, "max_workers": null})),
        json!([{"start": 0, "end": 1}, {"start": 1, "end": 2}])
    );
    assert_eq!(
        cursors(json!({"total_items": 0, "batch_size": 1})),
        json!([])
    );
    let all = cursors(json!({"total_items": 1_000_000, "batch_size": 1}));
    assert_eq!(all.as_array().map(Vec::len), Some(100_000));
}

#[test]
fn a_split_that_is_wrong_is_refused_with_the_fields_name() {
    for (request, expected) in [
        (
            json!({"total_items": 1, "batch_size": 0}),
            "request: batch_size: invalid value: integer `0`, expected a nonzero u64",
        ),
        (
            json!({"total_items": -1, "batch_size": 1}),
            "request: total_items: invalid value: integer `-1`, expected u64",
        ),
        (
            json!({"total_items": 1}),
            "request: missing field `batch_size`",
        ),
    ] {
        let (code, message) = answer(split(&request));
        assert_eq!(code, TaskerCode::Invalid);
        assert!(message.starts_with(expected), "{message}");
    }
}
