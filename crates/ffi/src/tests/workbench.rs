//! The workbench.

use super::*;

const TEST: &str = r#"{"template": "{name: n, namespace_name: ns, version: 1.0.0, steps: [{name: a, handler: {callable: c.A}}]}",
    "file": "n.yaml", "environment": "test", "seed": 0, "now": 0}"#;

fn new_test(options: &str) -> (TaskerResult, *mut TaskerTest) {
    let mut test = ptr::null_mut();
    // SAFETY: the text and the place outlive the call.
    let result = unsafe { tasker_test_new(options.as_ptr(), options.len(), &raw mut test) };
    (result, test)
}

fn call_test(test: *mut TaskerTest, command: &str) -> TaskerResult {
    // SAFETY: the text outlives the call.
    unsafe { tasker_test_call(test, command.as_ptr(), command.len()) }
}

#[test]
fn a_workbench_is_made_asked_and_freed() {
    let (result, test) = new_test(TEST);
    assert_eq!(ok(result)["steps"][0]["callable"], json!("c.A"));
    let create = r#"{"create": {"namespace": "ns", "name": "n", "context": 1}}"#;
    let answers = ok(call_test(test, create));
    assert_eq!(answers[0]["dispatch"]["step_name"], json!("a"));
    assert_eq!(answers[2]["clock"]["now"], json!(0));
    let (code, message) = answer(call_test(test, "{}"));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(message.starts_with("command: "), "{message}");
    tasker_test_free(test);
    tasker_test_free(test);
    tasker_test_free(ptr::null_mut());
    let over = (TaskerCode::Stopped, "the test is over".to_owned());
    assert_eq!(answer(call_test(test, create)), over);
    let null = (TaskerCode::Invalid, "`test` is NULL".to_owned());
    assert_eq!(answer(call_test(ptr::null_mut(), create)), null);
    let invented = ptr::without_provenance_mut(usize::MAX);
    assert_eq!(answer(call_test(invented, create)).0, TaskerCode::Invalid);
}

#[test]
fn a_template_that_is_not_valid_makes_no_workbench() {
    let (result, test) = new_test(&TEST.replace("steps", "stops"));
    let (code, message) = answer(result);
    assert_eq!(code, TaskerCode::Invalid);
    assert!(
        message.contains("n.yaml") && message.contains("stops"),
        "{message}"
    );
    assert!(test.is_null());
}
