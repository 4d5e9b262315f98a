//! What people read when a template is wrong: each kind of problem with its place and its hint.

use insta::assert_snapshot;

/// All problems of a text that is no valid template.
fn problems(text: &str) -> String {
    tasker_template::parse(text, "t.yaml")
        .expect_err("the template is not valid")
        .to_string()
}

#[test]
fn text_that_is_not_yaml() {
    let text = "name: t
steps: [a, b
version: 1.0.0
";
    assert_snapshot!(problems(text), @"
    t.yaml:3:8: not YAML: illegal placement of ':' indicator [NOT_YAML]
    ");
}

#[test]
fn indentation_by_tabs() {
    let text = "name: t\nsteps:\n\t- name: a\n";
    assert_snapshot!(problems(text), @"
    t.yaml:3:2: not YAML: tabs disallowed within this context (block indentation) [NOT_YAML]
      hint: indent with spaces: YAML allows no tabs there
    ");
}

#[test]
fn an_empty_file() {
    let text = "# nothing but a comment
";
    assert_snapshot!(problems(text), @"
    t.yaml:1:1: the file is empty; a template is a mapping [NOT_A_MAPPING]
    ");
}

#[test]
fn a_list_instead_of_a_mapping() {
    let text = "- name: a
";
    assert_snapshot!(problems(text), @"
    t.yaml:1:1: a template is a mapping, found a list [NOT_A_MAPPING]
    ");
}

#[test]
fn two_documents_in_a_file() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
---
name: other
";
    assert_snapshot!(problems(text), @"
    t.yaml:7:1: a second document begins; a file holds one template [MULTIPLE_DOCUMENTS]
      hint: put it into a file of its own
    ");
}

#[test]
fn keys_given_twice() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
version: 1.0.1
steps:
  - name: a
    handler: {callable: m.A, callable: m.B}
";
    assert_snapshot!(problems(text), @"
    t.yaml:4:1: the key `version` is given twice [DUPLICATE_KEY]
      hint: it stands in line 3 already
    t.yaml:7:30: the key `callable` is given twice [DUPLICATE_KEY]
      hint: it stands in line 7 already
    ");
}

#[test]
fn keys_that_are_not_text() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler:
      callable: m.A
      initialization: {1: one, [a]: b, true: yes}
";
    assert_snapshot!(problems(text), @"
    t.yaml:8:24: a key must be text, found the number 1 [BAD_KEY]
      hint: quote it
    t.yaml:8:32: a key must be text, found a list [BAD_KEY]
    t.yaml:8:40: a key must be text, found `true` [BAD_KEY]
      hint: quote it
    ");
}

#[test]
fn tags_and_numbers_that_json_cannot_hold() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler:
      callable: m.A
      initialization: {a: !secret x, b: .inf, c: -.nan, d: .nan, e: !!int five}
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:8:27: the tag `!secret` is not supported [UNSUPPORTED_TAG]
      hint: leave it out: templates are plain data
    t.yaml:8:41: `.inf` is a number that JSON cannot hold [BAD_NUMBER]
      hint: write a finite decimal number, or quote it as text
    t.yaml:8:60: `.nan` is a number that JSON cannot hold [BAD_NUMBER]
      hint: write a finite decimal number, or quote it as text
    t.yaml:8:69: "five" is no value of the tag `!!int` [UNSUPPORTED_TAG]
    "#);
}

#[test]
fn missing_fields() {
    let text = "description: nothing else
steps:
  - handler: {}
  - name: b
";
    assert_snapshot!(problems(text), @"
    t.yaml:1:1: a template needs the field `name` [MISSING_FIELD]
    t.yaml:1:1: a template needs the field `namespace_name` [MISSING_FIELD]
    t.yaml:1:1: a template needs the field `version` [MISSING_FIELD]
    t.yaml:3:5: a step needs the field `name` [MISSING_FIELD]
    t.yaml:3:14: a handler needs the field `callable` [MISSING_FIELD]
    t.yaml:4:5: a step needs the field `handler` [MISSING_FIELD]
    ");
}

#[test]
fn fields_of_the_wrong_type() {
    let text = "name: 12
namespace_name: [ns]
version: 1.0
description: {a: b}
metadata: {tags: linear}
steps:
  - name: a
    handler: m.A
    dependencies:
    retry: {retryable: yes, max_attempts: three, backoff_base_ms: 1.5}
    timeout_seconds: 30s
  - name: b
    handler: {callable: m.B, initialization: [1]}
    dependencies: a
  - c
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:1:7: `name` must be text, found the number 12 [WRONG_TYPE]
      hint: quote it
    t.yaml:2:17: `namespace_name` must be text, found a list [WRONG_TYPE]
    t.yaml:3:10: "1.0" is no semantic version [BAD_VERSION]
      hint: write three numbers, as in 1.0.0
    t.yaml:4:14: `description` must be text, found a mapping [WRONG_TYPE]
    t.yaml:5:18: `tags` must be a list, found the text "linear" [WRONG_TYPE]
      hint: write [linear]
    t.yaml:8:14: a handler must be a mapping, found the text "m.A" [WRONG_TYPE]
    t.yaml:9:17: `dependencies` must be a list, found nothing [WRONG_TYPE]
      hint: leave the field out, or write []
    t.yaml:10:24: `retryable` must be true or false, found the text "yes" [WRONG_TYPE]
      hint: YAML 1.2 spells them true and false
    t.yaml:10:43: `max_attempts` must be a whole number, found the text "three" [WRONG_TYPE]
    t.yaml:10:67: `backoff_base_ms` must be a whole number, found the number 1.5 [WRONG_TYPE]
    t.yaml:11:22: `timeout_seconds` must be a number of seconds, found the text "30s" [WRONG_TYPE]
    t.yaml:13:46: `initialization` must be a mapping, found a list [WRONG_TYPE]
    t.yaml:14:19: `dependencies` must be a list, found the text "a" [WRONG_TYPE]
      hint: write [a]
    t.yaml:15:5: a step must be a mapping, found the text "c" [WRONG_TYPE]
    "#);
}

#[test]
fn unknown_fields_with_the_nearest_name() {
    let text = "nmae: t
name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callabel: m.A, callable: m.A, colour: red}
    dependsOn: []
    retry: {max_attempt: 3}
    time_out: 3
";
    assert_snapshot!(problems(text), @"
    t.yaml:1:1: a template has no field `nmae` [UNKNOWN_FIELD]
      hint: did you mean `name`?
    t.yaml:7:15: a handler has no field `callabel` [UNKNOWN_FIELD]
      hint: did you mean `callable`?
    t.yaml:7:45: a handler has no field `colour` [UNKNOWN_FIELD]
      hint: its fields are `callable`, `method`, `initialization`
    t.yaml:8:5: a step has no field `dependsOn` [UNKNOWN_FIELD]
      hint: did you mean `depends_on`?
    t.yaml:9:13: a retry policy has no field `max_attempt` [UNKNOWN_FIELD]
      hint: did you mean `max_attempts`?
    t.yaml:10:5: a step has no field `time_out` [UNKNOWN_FIELD]
      hint: its fields are `name`, `description`, `type`, `handler`, `dependencies`, `retry`, `timeout_seconds`, `result_schema`, `batch_config`
    ");
}

#[test]
fn yaml_1_1_merge_keys() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - &first
    name: a
    handler: {callable: m.A}
  - <<: *first
    name: b
    handler: {callable: m.B}
";
    assert_snapshot!(problems(text), @"
    t.yaml:8:5: a step has no field `<<` [UNKNOWN_FIELD]
      hint: YAML 1.2 has no merge keys; write the fields out
    ");
}

#[test]
fn bad_names() {
    let text = "name: my workflow
namespace_name: ''
version: 1.0.0
steps:
  - name: ALL
    handler: {callable: m.A}
  - name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    handler: {callable: m . A, method: ''}
environments: {'a/b': {}}
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:1:7: "my workflow" is no name [BAD_NAME]
      hint: a name has 1 to 64 of the characters a-z A-Z 0-9 _ - .
    t.yaml:2:17: "" is no name [BAD_NAME]
      hint: a name has 1 to 64 of the characters a-z A-Z 0-9 _ - .
    t.yaml:5:11: no step can have the name `ALL` [BAD_NAME]
      hint: it stands for every step in an environment
    t.yaml:7:11: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." is no name [BAD_NAME]
      hint: a name has 1 to 64 of the characters a-z A-Z 0-9 _ - .
    t.yaml:8:25: "m . A" is no name of a callable [BAD_CALLABLE]
      hint: write it as in package.module.Handler, without white space, in at most 256 bytes
    t.yaml:8:40: "" is no name of a method [BAD_CALLABLE]
      hint: write it as in call, without white space, in at most 256 bytes
    t.yaml:9:16: "a/b" is no name [BAD_NAME]
      hint: a name has 1 to 64 of the characters a-z A-Z 0-9 _ - .
    "#);
}

#[test]
fn bad_versions() {
    let text = "name: t
namespace_name: ns
version: 1.2
steps:
  - name: a
    handler: {callable: m.A}
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:3:10: "1.2" is no semantic version [BAD_VERSION]
      hint: write three numbers, as in 1.0.0
    "#);
}

#[test]
fn a_version_with_a_prefix() {
    let text = "name: t
namespace_name: ns
version: v1.2.3
steps:
  - name: a
    handler: {callable: m.A}
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:3:10: "v1.2.3" is no semantic version [BAD_VERSION]
      hint: write three numbers, as in 1.0.0
    "#);
}

#[test]
fn a_template_without_steps() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps: []
";
    assert_snapshot!(problems(text), @"
    t.yaml:4:8: a template needs at least one step [NO_STEPS]
    ");
}

#[test]
fn duplicate_steps() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
  - name: b
    handler: {callable: m.B}
  - name: a
    handler: {callable: m.A}
";
    assert_snapshot!(problems(text), @"
    t.yaml:9:11: two steps have the name `a` [DUPLICATE_STEP]
      hint: the other one stands in line 5
    ");
}

#[test]
fn unknown_dependencies_with_the_nearest_step() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: validate_order
    handler: {callable: m.A}
  - name: ship_order
    handler: {callable: m.B}
    dependencies: [validate_ordr, payment, validate_order, validate_order]
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:9:20: no step has the name "validate_ordr" [UNKNOWN_DEPENDENCY]
      hint: did you mean `validate_order`?
    t.yaml:9:35: no step has the name "payment" [UNKNOWN_DEPENDENCY]
    t.yaml:9:60: the dependency `validate_order` is named twice [DUPLICATE_DEPENDENCY]
    "#);
}

#[test]
fn a_step_that_waits_for_itself() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
    dependencies: [a]
";
    assert_snapshot!(problems(text), @"
    t.yaml:7:19: steps wait for each other in a circle: a -> a [CYCLE]
      hint: remove one of these dependencies
    ");
}

#[test]
fn a_cycle_of_three() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - {name: start, handler: {callable: m.S}}
  - {name: a, handler: {callable: m.H}, dependencies: [start, c]}
  - {name: b, handler: {callable: m.H}, dependencies: [a]}
  - {name: c, handler: {callable: m.H}, dependencies: [b]}
  - {name: end, handler: {callable: m.H}, dependencies: [c]}
";
    assert_snapshot!(problems(text), @"
    t.yaml:6:55: steps wait for each other in a circle: a -> b -> c -> a [CYCLE]
      hint: remove one of these dependencies
    ");
}

#[test]
fn retry_numbers_out_of_range() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
    retry: {max_attempts: 0, backoff_base_ms: 0, max_backoff_ms: -5}
  - name: b
    handler: {callable: m.A}
    retry: {max_attempts: 101, backoff: expnential, backoff_base_ms: 60000}
  - name: c
    handler: {callable: m.A}
    retry: {backoff_base_ms: 99999999999999999999, max_backoff_ms: 10}
  - name: d
    handler: {callable: m.A}
    retry: {backoff_base_ms: 200, max_backoff_ms: 100}
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:7:27: `max_attempts` must be from 1 to 100, found the number 0 [RETRY_OUT_OF_RANGE]
    t.yaml:7:47: `backoff_base_ms` must be from 1 to 31536000000, found the number 0 [RETRY_OUT_OF_RANGE]
    t.yaml:7:66: `max_backoff_ms` must be from 1 to 31536000000, found the number -5 [RETRY_OUT_OF_RANGE]
    t.yaml:10:27: `max_attempts` must be from 1 to 100, found the number 101 [RETRY_OUT_OF_RANGE]
    t.yaml:10:41: `backoff` must be one of `none`, `linear`, `exponential`, `fibonacci`, found "expnential" [BAD_VALUE]
      hint: did you mean `exponential`?
    t.yaml:10:70: `max_backoff_ms` (30000, the default) is less than `backoff_base_ms` (60000) [RETRY_OUT_OF_RANGE]
      hint: set `max_backoff_ms` to at least 60000
    t.yaml:13:30: `backoff_base_ms` must be from 1 to 31536000000, found the number 99999999999999999999 [RETRY_OUT_OF_RANGE]
    t.yaml:16:51: `max_backoff_ms` (100) is less than `backoff_base_ms` (200) [RETRY_OUT_OF_RANGE]
      hint: set `max_backoff_ms` to at least 200
    "#);
}

#[test]
fn time_outs_that_are_not_positive() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - {name: s0, handler: {callable: m.A}, timeout_seconds: 0}
  - {name: s1, handler: {callable: m.A}, timeout_seconds: -1}
  - {name: s2, handler: {callable: m.A}, timeout_seconds: -0.5}
  - {name: s3, handler: {callable: m.A}, timeout_seconds: 1e400}
  - {name: s4, handler: {callable: m.A}, timeout_seconds: 31536001}
";
    assert_snapshot!(problems(text), @"
    t.yaml:5:59: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number 0 [BAD_TIMEOUT]
    t.yaml:6:59: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number -1 [BAD_TIMEOUT]
    t.yaml:7:59: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number -0.5 [BAD_TIMEOUT]
    t.yaml:8:59: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number 1e400 [BAD_TIMEOUT]
    t.yaml:9:59: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number 31536001 [BAD_TIMEOUT]
    ");
}

#[test]
fn environments_with_unknown_or_repeated_steps() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
environments:
  test:
    steps:
      - name: b
      - name: all
      - name: a
      - name: a
      - timeout_seconds: 3
  production: [a]
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:10:15: in environment `test`: no step has the name "b" [UNKNOWN_ENVIRONMENT_STEP]
    t.yaml:11:15: in environment `test`: no step has the name "all" [UNKNOWN_ENVIRONMENT_STEP]
      hint: did you mean `ALL`?
    t.yaml:13:15: in environment `test`: the step `a` is overridden twice [DUPLICATE_STEP]
    t.yaml:14:9: a step needs the field `name` [MISSING_FIELD]
    t.yaml:15:15: an environment must be a mapping, found a list [WRONG_TYPE]
    "#);
}

#[test]
fn environments_that_break_a_rule_once_merged() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
  - name: b
    handler: {callable: m.B}
    dependencies: [a]
environments:
  test:
    steps:
      - name: ALL
        retry: {backoff_base_ms: 60000}
        timeout_seconds: 0
        colour: red
  development:
    steps:
      - name: a
        dependencies: [b]
";
    assert_snapshot!(problems(text), @"
    t.yaml:14:34: in environment `test`: `max_backoff_ms` (30000, the default) is less than `backoff_base_ms` (60000) [RETRY_OUT_OF_RANGE]
      hint: set `max_backoff_ms` to at least 60000
    t.yaml:15:26: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number 0 [BAD_TIMEOUT]
    t.yaml:16:9: a step has no field `colour` [UNKNOWN_FIELD]
      hint: its fields are `name`, `description`, `type`, `handler`, `dependencies`, `retry`, `timeout_seconds`, `result_schema`, `batch_config`
    t.yaml:20:23: in environment `development`: steps wait for each other in a circle: a -> b -> a [CYCLE]
      hint: remove one of these dependencies
    ");
}

#[test]
fn both_names_of_dependencies() {
    let text = "name: t
namespace_name: ns
version: 1.0.0
steps:
  - name: a
    handler: {callable: m.A}
  - name: b
    handler: {callable: m.B}
    depends_on: [a]
    dependencies: [a]
";
    assert_snapshot!(problems(text), @"
    t.yaml:9:5: `depends_on` is another name for `dependencies`, which is given too [FIELD_GIVEN_TWICE]
      hint: keep one of them
    ");
}

#[test]
fn problems_of_every_kind_at_once() {
    let text = "name: t
namespace_name: ns
version: one
task_handler: {}
steps:
  - name: a
    name: b
    handler: {callable: m.A, methd: run}
    dependencies: [c]
  - name: a
    handler: {callable: 7}
    timeout_seconds: 0
  - name: d
    handler: {callable: m.D}
    dependencies: [d]
";
    assert_snapshot!(problems(text), @r#"
    t.yaml:3:10: "one" is no semantic version [BAD_VERSION]
      hint: write three numbers, as in 1.0.0
    t.yaml:4:15: a handler needs the field `callable` [MISSING_FIELD]
    t.yaml:7:5: the key `name` is given twice [DUPLICATE_KEY]
      hint: it stands in line 6 already
    t.yaml:8:30: a handler has no field `methd` [UNKNOWN_FIELD]
      hint: did you mean `method`?
    t.yaml:9:20: no step has the name "c" [UNKNOWN_DEPENDENCY]
    t.yaml:10:11: two steps have the name `a` [DUPLICATE_STEP]
      hint: the other one stands in line 6
    t.yaml:11:25: `callable` must be text, found the number 7 [WRONG_TYPE]
      hint: quote it
    t.yaml:12:22: `timeout_seconds` must be greater than 0 and at most 31536000 seconds, found the number 0 [BAD_TIMEOUT]
    t.yaml:15:19: steps wait for each other in a circle: d -> d [CYCLE]
      hint: remove one of these dependencies
    "#);
}
