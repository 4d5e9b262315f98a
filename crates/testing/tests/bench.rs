//! The bench as a test of a workflow drives it: commands in, messages out.

use serde_json::{Value, json};
use tasker_testing::Bench;

const START: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

const CHAIN: &str = "
name: chain
namespace_name: tests
version: 1.0.0
input_schema: {type: object}
steps:
  - name: first
    handler: {callable: tests.first}
    timeout_seconds: 10
    retry: {max_attempts: 3, backoff: linear, backoff_base_ms: 1000}
  - name: second
    dependencies: [first]
    handler: {callable: tests.second, method: go}
    result_schema: {type: object, required: [sum]}
environments:
  slow: {steps: [{name: first, timeout_seconds: 20}]}
";

/// A bench with one task, and what its last answer was.
struct Test {
    bench: Bench,
    task: String,
    answers: Vec<Value>,
}

impl Test {
    fn new(template: &str) -> Test {
        Test {
            bench: Bench::new(&options(template, "test")).expect("a valid template"),
            task: String::new(),
            answers: Vec::new(),
        }
    }

    fn started() -> Test {
        let mut test = Test::new(CHAIN);
        test.call(&create(&json!({"n": 1})));
        test.task = text(&test.answer("created")["task_uuid"]);
        test
    }

    fn call(&mut self, command: &Value) -> &mut Test {
        let answers = self.bench.call(&command.to_string()).expect("a command");
        self.answers = serde_json::from_str(&answers).expect("an array");
        self
    }

    /// The answer of this kind; null when there is none.
    fn answer(&self, kind: &str) -> Value {
        let answer = self.answers.iter().find_map(|answer| answer.get(kind));
        answer.cloned().unwrap_or_default()
    }

    /// Steps and attempts that the worker was just given.
    fn dispatched(&self) -> Vec<(String, u64)> {
        let dispatches = self
            .answers
            .iter()
            .filter_map(|answer| answer.get("dispatch"));
        dispatches
            .map(|dispatch| (text(&dispatch["step_name"]), attempt_of(dispatch)))
            .collect()
    }

    fn clock(&self) -> (i64, Option<i64>, bool) {
        let clock = self.answer("clock");
        let settled = clock["settled"].as_bool().expect("a truth");
        (
            clock["now"].as_i64().expect("a time"),
            clock["next"].as_i64(),
            settled,
        )
    }

    /// The outcome of the attempt that was just given.
    fn success(&self, results: &Value) -> Value {
        let dispatch = self.answer("dispatch");
        json!({
            "task_uuid": dispatch["task_uuid"], "step_uuid": dispatch["step_uuid"], "attempt": dispatch["attempt"],
            "success": true, "results": results
        })
    }

    /// States and attempts of the steps.
    fn steps(&mut self) -> Vec<(String, u64)> {
        let task = self.task.clone();
        self.call(&json!({"show": {"task_uuid": task}}));
        let steps = self.answer("steps");
        let steps = steps.as_array().expect("steps").iter();
        steps
            .map(|step| {
                let attempts = step["attempts"].as_u64().expect("a number");
                (text(&step["current_state"]), attempts)
            })
            .collect()
    }
}

fn options(template: &str, environment: &str) -> String {
    let options = json!({
        "template": template, "file": "chain.yaml", "environment": environment, "seed": 7, "now": START
    });
    options.to_string()
}

fn create(context: &Value) -> Value {
    json!({"create": {"namespace": "tests", "name": "chain", "context": context, "tags": ["t"]}})
}

fn outcomes(outcome: &Value) -> Value {
    json!({"outcomes": [outcome]})
}

fn advance(until: i64) -> Value {
    json!({"advance": {"until": until}})
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn attempt_of(dispatch: &Value) -> u64 {
    dispatch["attempt"].as_u64().expect("a number")
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    let expected = expected.iter();
    expected
        .map(|(name, number)| ((*name).to_owned(), *number))
        .collect()
}

#[test]
fn a_task_runs_from_dispatch_to_dispatch() {
    let mut test = Test::started();
    assert_eq!(test.dispatched(), pairs(&[("first", 1)]));
    let dispatch = test.answer("dispatch");
    assert_eq!(dispatch["context"], json!({"n": 1}));
    assert_eq!(dispatch["tags"], json!(["t"]));
    assert_eq!(dispatch["timeout_ms"], json!(10_000));
    let first = test.success(&json!({"n": 2}));
    test.call(&outcomes(&first));
    assert_eq!(test.dispatched(), pairs(&[("second", 1)]));
    assert_eq!(test.answer("dispatch")["method"], json!("go"));
    assert_eq!(
        test.answer("dispatch")["results"],
        json!({"first": {"n": 2}})
    );
    let second = test.success(&json!({"sum": 3}));
    test.call(&outcomes(&second));
    assert_eq!(test.clock(), (START, None, true));
    assert_eq!(test.steps(), pairs(&[("complete", 1), ("complete", 1)]));
    assert_eq!(test.answer("task")["status"], json!("complete"));
}

#[test]
fn time_stands_still_until_it_is_told_to_go_on() {
    let mut test = Test::started();
    assert_eq!(test.clock(), (START, Some(START + 11 * SECOND), false));
    test.call(&advance(START + 10 * SECOND));
    assert_eq!(test.clock().0, START + 10 * SECOND);
    test.call(&advance(START + 100 * SECOND));
    // The worker is told that the attempt is over: time waits for it.
    assert_eq!(test.clock().0, START + 11 * SECOND);
    assert_eq!(test.answer("cancel")["attempt"], json!(1));
    assert_eq!(
        test.steps(),
        pairs(&[("waiting_for_retry", 1), ("pending", 0)])
    );
    test.call(&advance(START + 100 * SECOND));
    assert_eq!(test.dispatched(), pairs(&[("first", 2)]));
    let (now, ..) = test.clock();
    assert!((START + 12 * SECOND..=START + 12 * SECOND + SECOND / 10).contains(&now));
}

#[test]
fn results_and_contexts_are_held_against_their_schemas() {
    let mut test = Test::started();
    let first = test.success(&json!(null));
    test.call(&outcomes(&first));
    let second = test.success(&json!({"som": 3}));
    test.call(&outcomes(&second));
    assert_eq!(test.steps(), pairs(&[("complete", 1), ("error", 1)]));
    let error = &test.answer("steps")[1]["error"];
    assert_eq!(error["error_code"], json!("RESULT_INVALID"));
    test.call(&create(&json!([])));
    assert_eq!(test.answer("refused")["code"], json!("CONTEXT_INVALID"));
    assert_eq!(
        test.clock(),
        (START, None, true),
        "the other task is blocked"
    );
}

#[test]
fn a_worker_that_dies_is_replaced_and_what_it_held_is_given_up_after_the_grace() {
    let mut test = Test::started();
    let first = test.success(&json!(1));
    test.call(&json!({"crash_worker": {}}));
    assert_eq!(test.dispatched(), pairs(&[]));
    assert_eq!(test.clock(), (START, Some(START + SECOND / 2), false));
    test.call(&advance(START + SECOND));
    assert_eq!(test.clock().0, START + SECOND / 2);
    assert_eq!(test.dispatched(), pairs(&[("first", 2)]));
    let again = test.success(&json!(2));
    // What the dead worker would have said is late; said twice, it changes nothing either.
    test.call(&outcomes(&first)).call(&outcomes(&first));
    test.call(&outcomes(&again)).call(&outcomes(&again));
    assert_eq!(test.steps(), pairs(&[("complete", 2), ("in_progress", 1)]));
    assert_eq!(test.answer("steps")[0]["results"], json!(2));
    assert_eq!(test.answer("steps")[1]["worker_id"], json!("test-worker-2"));
}

#[test]
fn an_engine_that_dies_goes_on_from_what_it_had_committed() {
    let mut test = Test::started();
    let first = test.success(&json!({"n": 2}));
    test.call(&json!({"crash_engine": {}}));
    assert_eq!(
        test.dispatched(),
        pairs(&[]),
        "the worker holds its attempt"
    );
    test.call(&json!({"crash_engine": {"outcomes": [first]}}));
    assert_eq!(test.dispatched(), pairs(&[("second", 1)]));
    let second = test.success(&json!({"sum": 1}));
    test.call(&json!({"crash_engine": {"outcomes": [second], "committed": true}}));
    assert_eq!(test.clock(), (START, None, true));
    assert_eq!(test.steps(), pairs(&[("complete", 1), ("complete", 1)]));
    assert_eq!(test.answer("task")["context"], json!({"n": 1}));
    assert_eq!(test.answer("task")["tags"], json!(["t"]));
}

#[test]
fn a_dispatch_that_was_never_sent_has_its_number_and_counts_for_nothing() {
    let mut test = Test::started();
    let first = test.success(&json!(1));
    test.call(&json!({"crash_engine": {"outcomes": [first], "committed": true}}));
    // Its worker does not name it, and is given nothing for a moment.
    assert_eq!(test.dispatched(), pairs(&[]));
    test.call(&advance(START + SECOND));
    assert_eq!(test.dispatched(), pairs(&[("second", 2)]));
    let dispatch = test.answer("dispatch");
    assert_eq!(dispatch["max_attempts"], json!(4));
}

#[test]
fn a_cancelled_task_is_shown_from_the_journal_and_cannot_be_cancelled_again() {
    let mut test = Test::started();
    let cancel = json!({"cancel": {"task_uuid": test.task}});
    test.call(&cancel);
    assert_eq!(test.answer("cancel")["attempt"], json!(1));
    assert_eq!(test.steps(), pairs(&[("cancelled", 1), ("cancelled", 0)]));
    test.call(&cancel);
    let message = text(&test.answer("refused")["message"]);
    assert!(message.contains("has ended as `cancelled`"), "{message}");
}

#[test]
fn an_operator_acts_on_a_step_and_its_history_tells() {
    let mut test = Test::started();
    let mut failed = test.success(&json!(null));
    failed["success"] = json!(false);
    failed["error"] = json!({"message": "no", "error_type": "E", "retryable": false});
    let step = failed["step_uuid"].clone();
    let ids = json!({"task_uuid": test.task, "step_uuid": step});
    let act = |order: Value| {
        let mut act = ids.clone();
        act["order"] = order;
        json!({"act": act})
    };
    test.call(&act(
        json!({"action": "retry", "by": "ann", "reason": "why"}),
    ));
    assert_eq!(test.answer("refused")["code"], json!("STEP_STATE_CONFLICT"));
    test.call(&outcomes(&failed));
    assert_eq!(test.clock(), (START, None, true));
    test.call(&act(
        json!({"action": "complete", "results": {"n": 3}, "by": "ann", "reason": "why"}),
    ));
    assert_eq!(test.dispatched(), pairs(&[("second", 1)]));
    assert_eq!(
        test.answer("dispatch")["results"],
        json!({"first": {"n": 3}})
    );
    test.call(&json!({"history": ids}));
    let history = test.answer("history");
    let outcomes: Vec<_> = history.as_array().expect("entries").iter().collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[0]["outcome"], json!("failed"));
    assert_eq!(
        (&outcomes[1]["outcome"], &outcomes[1]["by"]),
        (&json!("completed"), &json!("ann"))
    );
}

#[test]
fn the_same_commands_give_the_same_answers() {
    let answers = || {
        let mut test = Test::started();
        test.call(&json!({"crash_worker": {}}));
        test.call(&advance(START + SECOND));
        test.answers.clone()
    };
    assert_eq!(answers(), answers());
}

#[test]
fn the_environment_is_merged() {
    let bench = Bench::new(&options(CHAIN, "slow")).expect("valid");
    let template: Value = serde_json::from_str(&bench.template()).expect("JSON");
    assert_eq!(
        template["steps"][0],
        json!({
            "name": "first", "callable": "tests.first", "method": "call", "timeout_ms": 20_000, "batched": false
        })
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = Bench::new(&options("name: chain", "test")).expect_err("not valid");
    assert!(error.to_string().contains("chain.yaml:1:1"), "{error}");
    let error = Bench::new("{}").expect_err("not options");
    assert!(error.to_string().starts_with("options"), "{error}");
    let mut test = Test::new(CHAIN);
    let error = test
        .bench
        .call(r#"{"advance": {"until": "noon"}}"#)
        .expect_err("no time");
    assert!(
        error.to_string().starts_with("command: advance.until: "),
        "{error}"
    );
    test.call(&json!({"show": {"task_uuid": "00000000-0000-0000-0000-000000000000"}}));
    assert_eq!(test.answer("refused")["code"], json!("TASK_NOT_FOUND"));
}
