//! What a document means: its canonical form, its environments, its defaults.

use proptest::prelude::*;
use tasker_template::{
    Backoff, BatchConfig, FailureStrategy, Lifecycle, OnFailure, Retry, StepType, Template, parse,
};

const ORDERS: &str = "
name: orders
version: 1.2.0
namespace_name: shop
steps:
  - name: reserve
    handler:
      initialization: {b: 0x1F, a: 1.50}
      callable: shop.Reserve
    depends_on: []
environments:
  test:
    steps:
      - {name: ALL, timeout_seconds: 5}
";

const ORDERS_JSON: &str = concat!(
    r#"{"environments":{"test":{"steps":[{"name":"ALL","timeout_seconds":5}]}},"name":"orders","#,
    r#""namespace_name":"shop","steps":[{"dependencies":[],"handler":{"callable":"shop.Reserve","#,
    r#""initialization":{"a":1.50,"b":31}},"name":"reserve"}],"version":"1.2.0"}"#,
);

fn merged(text: &str, environment: &str) -> Template {
    let document = parse(text, "t.yaml").expect("the template is valid");
    document
        .merged(environment)
        .expect("the merged template is valid")
}

#[test]
fn the_canonical_form_has_sorted_keys_no_white_space_and_numbers_as_written() {
    let document = parse(ORDERS, "orders.yaml").expect("valid");
    assert_eq!(document.canonical_json(), ORDERS_JSON);
    assert_eq!(document.namespace(), "shop");
    assert_eq!(document.name(), "orders");
    assert_eq!(document.version(), "1.2.0");
}

#[test]
fn the_hash_is_the_sha_256_of_the_canonical_form() {
    assert_eq!(
        parse(ORDERS, "orders.yaml").expect("valid").content_hash(),
        "8c31f9d947210036ca8901bd8e4a35c6ec7fe71aa7133996b8564a3e0655cfbe"
    );
}

#[test]
fn layout_key_order_comments_and_aliases_do_not_change_the_hash() {
    let same = "
# The same, written otherwise.
environments: {test: {steps: [{timeout_seconds: 5, name: ALL}]}}
steps:
- dependencies: []
  handler: {callable: &c 'shop.Reserve', initialization: {a: 1.50, b: 31}}
  name: \"reserve\"
namespace_name: !!str shop
name: >-
  orders
version: 1.2.0
";
    let hash = |text| parse(text, "t.yaml").expect("valid").content_hash();
    assert_eq!(hash(same), hash(ORDERS));
    assert_ne!(hash(&ORDERS.replace("1.50", "1.5")), hash(ORDERS));
}

#[test]
fn tabs_may_stand_between_a_colon_and_a_value() {
    let spaced =
        format!("{ORDERS}description: \"a:\\tb\"\ntask_handler: {{callable: shop.Żółw}}\n")
            .replace("name: reserve", "name: reserve-1");
    let tabbed = spaced
        .replace("version: ", "version:\t")
        .replace("name: ", "name:\t\t")
        .replace("callable: ", "callable:\t ")
        .replace("b: 0x1F", "b:\t0x1F");
    for text in [
        tabbed.clone(),
        tabbed.replace('\n', "\r\n"),
        format!("\u{feff}{tabbed}"),
    ] {
        let document = parse(&text, "orders.yaml").unwrap_or_else(|it| panic!("{it}"));
        assert_eq!(
            document.content_hash(),
            parse(&spaced, "t").expect("valid").content_hash()
        );
    }
    // What is within a text stays.
    let block = ORDERS
        .replace("a: 1.50", "a: \"x:\ty\"")
        .replace("version: ", "version:\t");
    let document = parse(&block, "orders.yaml").expect("valid");
    assert!(document.canonical_json().contains(r#""a":"x:\ty""#));
    // Where YAML has no tabs, it is the place that is told.
    for (text, place) in [("a:\tb:\tc\n", "t:1:"), ("a:\t- b\n", "t:1:")] {
        let problems = parse(text, "t").expect_err("not YAML").to_string();
        assert!(
            problems.starts_with(place) && problems.contains("not YAML"),
            "{problems}"
        );
    }
}

#[test]
fn what_is_not_for_the_engine_is_no_part_of_the_content() {
    let noted = "
x-owner: payments, call 4711
x-retry: &patient {max_attempts: 7}
name: orders
version: 1.2.0
namespace_name: shop
metadata: {tags: [one], x-documentation: 'https://wiki/orders'}
steps:
  - name: reserve
    x-note: [by hand, {until: 2027}]
    handler: {callable: shop.Reserve, x-a: 1, initialization: {x-b: 2}}
    retry: *patient
    result_schema: {x-c: 3}
environments:
  x-env:
    x-why: it is slow
    steps: [{name: ALL, x-d: 4, timeout_seconds: 5}]
";
    let document = parse(noted, "t.yaml").unwrap_or_else(|it| panic!("{it}"));
    let json = concat!(
        r#"{"environments":{"x-env":{"steps":[{"name":"ALL","timeout_seconds":5}]}},"metadata":{"tags":["one"]},"#,
        r#""name":"orders","namespace_name":"shop","steps":[{"handler":{"callable":"shop.Reserve","#,
        r#""initialization":{"x-b":2}},"name":"reserve","result_schema":{"x-c":3},"retry":{"max_attempts":7}}],"#,
        r#""version":"1.2.0"}"#,
    );
    assert_eq!(document.canonical_json(), json);
}

#[test]
fn a_document_is_read_back_from_its_canonical_json() {
    let again = parse(ORDERS_JSON, "registered").expect("valid");
    assert_eq!(again.canonical_json(), ORDERS_JSON);
}

#[test]
fn a_merged_template_is_read_back_from_its_canonical_json() {
    let template = merged(ORDERS, "test");
    let again = Template::from_canonical_json(&template.canonical_json()).expect("valid");
    assert_eq!(again.canonical_json(), template.canonical_json());
    assert_eq!(again.content_hash(), template.content_hash());
    assert_eq!(again.steps[0].timeout_seconds, Some(5.0));
}

#[test]
fn a_merged_template_has_no_environments() {
    let template = merged(ORDERS, "test");
    assert!(!template.canonical_json().contains("environments"));
    assert_ne!(
        template.content_hash(),
        parse(ORDERS, "t").expect("valid").content_hash()
    );
    let problems = Template::from_canonical_json(ORDERS_JSON).expect_err("it is not merged");
    assert_eq!(problems.0[0].code, tasker_template::code::UNKNOWN_FIELD);
}

#[test]
fn what_is_not_written_has_its_default() {
    let template = merged(
        "{name: n, namespace_name: ns, version: 1.0.0, steps: [{name: a, handler: {callable: m.A}}]}",
        "production",
    );
    let step = &template.steps[0];
    assert_eq!(step.step_type, StepType::Standard);
    assert_eq!(step.handler.callable, "m.A");
    assert_eq!(step.handler.method, "call");
    assert_eq!(step.handler.initialization.get(), "{}");
    assert_eq!(step.dependencies, Vec::<String>::new());
    assert_eq!(step.description, None);
    assert_eq!((step.timeout_seconds, step.timeout_ms()), (None, None));
    assert_eq!(
        step.retry,
        Retry {
            retryable: true,
            max_attempts: 3,
            backoff: Backoff::Exponential,
            backoff_base_ms: 1_000,
            max_backoff_ms: 30_000,
        }
    );
    assert_eq!(template.description, None);
    assert_eq!(template.metadata.tags, Vec::<String>::new());
    assert!(template.task_handler.is_none());
    assert_eq!(template.on_failure, OnFailure::Block);
    assert_eq!(template.lifecycle.max_duration_ms(), None);
    assert!(template.input_schema.is_none() && step.result_schema.is_none());
    assert_eq!(step.batch_config, BatchConfig::default());
}

#[test]
fn every_field_arrives() {
    let template = merged(
        "
name: n
namespace_name: ns
version: 1.0.0-rc.1+build.7
description: words
task_handler: {callable: m.Task}
metadata: {tags: [one, 'two: 2']}
on_failure: fail
lifecycle: {max_duration_seconds: 0.25}
steps:
  - name: a
    description: first
    type: standard
    handler: {callable: m.A, method: run, initialization: {n: 1e400, deep: [[{}]], big: 6334028666297327770616}}
    retry: {retryable: false, max_attempts: 100, backoff: fibonacci, backoff_base_ms: 7, max_backoff_ms: 7}
    timeout_seconds: 0.0015
  - name: b
    handler: {callable: m.B}
    depends_on: [a]
",
        "production",
    );
    assert_eq!(template.version, "1.0.0-rc.1+build.7");
    assert_eq!(template.description.as_deref(), Some("words"));
    assert_eq!(template.task_handler.expect("given").callable, "m.Task");
    assert_eq!(template.on_failure, OnFailure::Fail);
    assert_eq!(template.lifecycle.max_duration_ms(), Some(250));
    assert_eq!(template.metadata.tags, ["one", "two: 2"]);
    let [a, b] = &template.steps[..] else {
        panic!("two steps");
    };
    assert_eq!(a.description.as_deref(), Some("first"));
    assert_eq!(a.handler.method, "run");
    assert_eq!(
        a.handler.initialization.get(),
        r#"{"big":6334028666297327770616,"deep":[[{}]],"n":1e400}"#
    );
    assert_eq!(
        a.retry,
        Retry {
            retryable: false,
            max_attempts: 100,
            backoff: Backoff::Fibonacci,
            backoff_base_ms: 7,
            max_backoff_ms: 7,
        }
    );
    assert_eq!(a.timeout_ms(), Some(2));
    assert_eq!(b.dependencies, ["a"]);
}

#[test]
fn seconds_become_milliseconds_rounded_up_and_are_never_none() {
    let ms = |seconds| {
        let max_duration_seconds = Some(seconds);
        Lifecycle {
            max_duration_seconds,
        }
        .max_duration_ms()
    };
    assert_eq!(ms(16.007), Some(16_007));
    assert_eq!(ms(0.0011), Some(2));
    assert_eq!(ms(1e-9), Some(1));
    assert_eq!(ms(31_536_000.0), Some(31_536_000_000));
}

/// Decisions that nest, a convergence behind them, and batches.
const BRANCHING: &str = "
name: n
namespace_name: ns
version: 1.0.0
steps:
  - {name: route, type: decision, handler: {callable: m.H}}
  - {name: quick, handler: {callable: m.H}, dependencies: [route]}
  - {name: again, type: decision, handler: {callable: m.H}, dependencies: [route]}
  - {name: split, type: batchable, handler: {callable: m.H}, dependencies: [again]}
  - name: work
    type: batch_worker
    handler: {callable: m.H}
    dependencies: [split]
    batch_config: {batch_size: 200, max_workers: 5, failure_strategy: fail_fast}
  - {name: watch, handler: {callable: m.H}, dependencies: [split]}
  - {name: sum, type: deferred_convergence, handler: {callable: m.H}, dependencies: [work]}
  - {name: end, type: deferred_convergence, handler: {callable: m.H}, dependencies: [quick, sum, watch]}
  - {name: report, handler: {callable: m.H}, dependencies: [end]}
";

#[test]
fn steps_of_every_type_arrive() {
    let steps = merged(BRANCHING, "production").steps;
    let types: Vec<StepType> = steps.iter().map(|step| step.step_type).collect();
    assert_eq!(
        types,
        [
            StepType::Decision,
            StepType::Standard,
            StepType::Decision,
            StepType::Batchable,
            StepType::BatchWorker,
            StepType::Standard,
            StepType::DeferredConvergence,
            StepType::DeferredConvergence,
            StepType::Standard,
        ]
    );
    assert_eq!(
        steps[4].batch_config,
        BatchConfig {
            batch_size: Some(200),
            max_workers: Some(5),
            failure_strategy: FailureStrategy::FailFast,
        }
    );
}

#[test]
fn schemas_are_ready_to_use_in_each_environment() {
    let text = "
name: n
namespace_name: ns
version: 1.0.0
input_schema: {type: object, required: [amount]}
steps:
  - {name: a, handler: {callable: m.A}, result_schema: {type: integer, minimum: 1}}
  - {name: b, handler: {callable: m.B}}
environments:
  test:
    steps: [{name: a, result_schema: {minimum: 5}}]
";
    let of = |environment| merged(text, environment);
    let (production, test) = (of("production"), of("test"));
    let again = Template::from_canonical_json(&test.canonical_json()).expect("valid");
    for template in [&production, &test, &again] {
        let input = template.input_schema.as_ref().expect("given");
        assert_eq!(input.check(r#"{"amount": 1}"#), Ok(()));
        assert!(input.check("{}").is_err());
        assert!(template.steps[1].result_schema.is_none());
    }
    let result = |template: &Template, json| {
        let schema = template.steps[0].result_schema.clone().expect("given");
        schema.check(json).is_ok()
    };
    assert!(result(&production, "1") && !result(&production, "0"));
    assert!(result(&test, "5") && !result(&test, "1") && !result(&test, "5.5"));
    assert!(result(&again, "5") && !result(&again, "1"));
}

const OVERRIDDEN: &str = "
name: n
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A, initialization: {keep: 1, change: {x: 1, y: [1, 2]}}}
    retry: {max_attempts: 5}
    timeout_seconds: 30
  - name: b
    handler: {callable: m.B}
    dependencies: [a]
environments:
  test:
    steps:
      - name: a
        handler: {initialization: {change: {y: [3]}}}
        timeout_seconds: 2
      - name: ALL
        retry: {backoff_base_ms: 50}
        timeout_seconds: 5
      - name: b
        depends_on: []
  staging: {}
";

#[test]
fn all_is_merged_before_the_named_step_whatever_their_order() {
    let template = merged(OVERRIDDEN, "test");
    assert_eq!(template.steps[0].timeout_seconds, Some(2.0));
    assert_eq!(template.steps[1].timeout_seconds, Some(5.0));
}

#[test]
fn mappings_are_merged_and_scalars_and_lists_replaced() {
    let template = merged(OVERRIDDEN, "test");
    let [a, b] = &template.steps[..] else {
        panic!("two steps");
    };
    assert_eq!(a.handler.callable, "m.A");
    assert_eq!(
        a.handler.initialization.get(),
        r#"{"change":{"x":1,"y":[3]},"keep":1}"#
    );
    assert_eq!((a.retry.max_attempts, a.retry.backoff_base_ms), (5, 50));
    assert_eq!((b.retry.max_attempts, b.retry.backoff_base_ms), (3, 50));
    assert_eq!(b.dependencies, Vec::<String>::new());
}

#[test]
fn an_environment_that_says_nothing_or_is_not_named_changes_nothing() {
    let base = merged(OVERRIDDEN, "production").canonical_json();
    assert_eq!(merged(OVERRIDDEN, "staging").canonical_json(), base);
    let text = OVERRIDDEN
        .split("environments:")
        .next()
        .expect("has a start");
    assert_eq!(merged(text, "test").canonical_json(), base);
}

/// A JSON value of any kind, its numbers as texts that a float would not keep.
fn json() -> impl Strategy<Value = String> {
    let text = any::<String>().prop_map(|text| serde_json::to_string(&text).expect("a string"));
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    const WORDS: &[&str] = &[
        "null",
        "true",
        "false",
        "\"yes\"",
        "\"~\"",
        "\"1.0\"",
        "\" - #: \"",
        "\"<<\"",
    ];
    let leaf = prop_oneof![
        text,
        number,
        proptest::sample::select(WORDS).prop_map(str::to_owned)
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6);
        let mapping = prop::collection::btree_map(any::<String>(), inner, 0..6);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(","))),
            mapping.prop_map(|entries| {
                let entry = |(key, value)| format!("{}:{value}", serde_json::json!(key));
                format!(
                    "{{{}}}",
                    entries.into_iter().map(entry).collect::<Vec<_>>().join(",")
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_as_yaml_and_its_canonical_form_is_a_fixed_point(value in json()) {
        let text = format!(
            r#"{{"name":"n","namespace_name":"ns","version":"1.0.0","steps":[
            {{"name":"a","handler":{{"callable":"m","initialization":{{"value":{value}}}}}}}]}}"#
        );
        let template = merged(&text, "test");
        let initialization = template.steps[0].handler.initialization.get().to_owned();
        let stored = template.canonical_json();
        let again = Template::from_canonical_json(&stored).expect("valid");
        prop_assert_eq!(again.canonical_json(), stored);
        // Without numbers, where serde_json would round, both readers see the same value.
        if !value.contains(|c: char| c.is_ascii_digit()) {
            let expected: serde_json::Value =
                serde_json::from_str(&format!(r#"{{"value":{value}}}"#)).expect("JSON");
            let found: serde_json::Value = serde_json::from_str(&initialization).expect("JSON");
            prop_assert_eq!(found, expected);
        }
        // With numbers, each is there as it was written.
        for number in value.split(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))) {
            if !value.contains('"') && !number.is_empty() && number != "e" {
                prop_assert!(initialization.contains(number), "{number} in {initialization}");
            }
        }
    }
}
