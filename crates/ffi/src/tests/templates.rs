//! Templates that are checked.

use super::*;

fn check(text: &str, file: &str) -> TaskerResult {
    // SAFETY: the texts outlive the call.
    unsafe { tasker_template_check(text.as_ptr(), text.len(), file.as_ptr(), file.len()) }
}

#[test]
fn a_template_is_checked() {
    let text = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
                callable: math.Square\n";
    assert_eq!(
        ok(check(text, "square.yaml")),
        json!({"namespace": "math", "name": "square", "version": "1.0.0", "callables": ["math.Square"],
            "handlers": [{"callable": "math.Square", "method": "call"}], "steps": ["square"],
            "document": {"namespace_name": "math", "name": "square", "version": "1.0.0",
                "steps": [{"name": "square", "handler": {"callable": "math.Square"}}]}})
    );
    let summary = ok(check(
        &format!("{text}task_handler: {{callable: math.SquareTask}}\n"),
        "square.yaml",
    ));
    assert_eq!(summary["task_handler"], "math.SquareTask");
    let (code, problems) = answer(check("name: square\nsteps: 7\n", "square.yaml"));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(problems.contains("square.yaml:2:"), "{problems}");
}

#[test]
fn templates_are_checked_together() {
    let text = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
                callable: math.Square\n";
    let other = text.replace("math.Square", "math.Cube");
    let files = json!([
        {"file": "a.yaml", "text": text},
        {"file": "b.yaml", "text": other},
        {"file": "c.yaml", "text": "name: square"},
        {"file": "d.yaml", "text": text},
    ])
    .to_string();
    // SAFETY: the text outlives the call.
    let checked = ok(unsafe { tasker_templates_check(files.as_ptr(), files.len()) });
    for index in [0, 3] {
        assert_eq!(checked[index], ok(check(text, "a.yaml")), "{index}");
    }
    let problems = |index: usize| checked[index]["problems"].as_str().expect("problems");
    assert!(
        problems(1).starts_with("b.yaml:1:1: math/square 1.0.0 is in a.yaml, too"),
        "{checked}"
    );
    assert_eq!(answer(check("name: square", "c.yaml")).1, problems(2));
    let wrong = "[{}]";
    // SAFETY: as above.
    let answered = answer(unsafe { tasker_templates_check(wrong.as_ptr(), wrong.len()) });
    assert_eq!(answered.0, TaskerCode::Invalid);
    assert!(
        answered.1.starts_with("files: [0]: missing field `file`"),
        "{answered:?}"
    );
}

#[test]
fn numbers_of_any_size_are_told_digit_for_digit() {
    let digits = "9".repeat(5000);
    let text = format!(
        "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler: {{callable: \
         math.Square, initialization: {{n: {digits}}}}}\n"
    );
    let files = json!([{"file": "a.yaml", "text": text}]).to_string();
    for result in [
        check(&text, "a.yaml"),
        // SAFETY: the text outlives the call.
        unsafe { tasker_templates_check(files.as_ptr(), files.len()) },
    ] {
        let (code, told) = answer(result);
        assert_eq!(code, TaskerCode::Ok, "{told}");
        assert!(told.contains(&format!("{{\"n\":{digits}}}")), "{told}");
    }
}

#[test]
fn templates_are_compared() {
    let old = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
               callable: math.Square\n";
    let new = old
        .replace("math.Square", "math.Power")
        .replace("1.0.0", "1.1.0");
    let compare = |old: &str, new: &str| {
        let deployment = json!({"old": [{"file": "old.yaml", "text": old}], "new": [{"file": "new.yaml", "text": new}]});
        let text = deployment.to_string();
        // SAFETY: the text outlives the call.
        unsafe { tasker_templates_compare(text.as_ptr(), text.len()) }
    };
    let compared = ok(compare(old, &new));
    assert_eq!(compared["compatible"], false);
    let comparison = &compared["comparisons"][0];
    assert_eq!(comparison["old"]["version"], "1.0.0");
    let change = &comparison["changes"][0];
    assert_eq!(
        (&change["code"], &change["severity"], &change["affects"]),
        (
            &json!("CALLABLE_REMOVED"),
            &json!("breaking"),
            &json!("running_tasks")
        )
    );
    assert_eq!(
        change["new"],
        json!({"file": "new.yaml", "line": 7, "column": 17})
    );
    assert_eq!(change["environments"], json!(null));
    let text = change["text"].as_str().expect("a text");
    assert!(
        text.starts_with(
            "new.yaml:7:17: breaking: step `square`: no step calls `math.Square` any more"
        ),
        "{text}"
    );
    assert_eq!(
        ok(compare(old, old)),
        json!({"compatible": true, "comparisons": [{"namespace": "math", "name": "square",
            "old": comparison["old"], "new": {"file": "new.yaml", "version": "1.0.0",
            "content_hash": comparison["old"]["content_hash"]}, "changes": []}]})
    );
    let (code, problems) = answer(compare("name: square\nsteps: 7\n", "steps: []"));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(
        problems.contains("old.yaml:2:") && problems.contains("new.yaml:1:"),
        "{problems}"
    );
}
