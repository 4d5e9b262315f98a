//! Texts made to exhaust stack, memory or time are refused in a small stack and little memory.

use std::fmt::Write;

use tasker_template::{code, parse};

const HEAD: &str = "name: t\nnamespace_name: ns\nversion: 1.0.0\n";

/// The code of the first problem, found on a stack that a recursion without bounds would overflow.
fn first_problem(text: String) -> &'static str {
    std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(move || {
            parse(&text, "t.yaml")
                .expect_err("the template is not valid")
                .0[0]
                .code
        })
        .expect("a thread starts")
        .join()
        .expect("the parser does not panic")
}

fn initialization(value: &str) -> String {
    format!(
        "{HEAD}steps:\n  - name: a\n    handler:\n      callable: m.A\n      initialization:\n        x: {value}\n"
    )
}

#[test]
fn deep_nesting_in_every_style() {
    let repeated = |part: &str| part.repeat(100_000);
    assert_eq!(
        first_problem(initialization(&repeated("["))),
        code::NOT_YAML
    );
    assert_eq!(first_problem(repeated("- ")), code::TOO_DEEP);
    assert_eq!(first_problem(repeated("? ")), code::TOO_DEEP);
    let mut stairs = String::new();
    for depth in 0..1_000 {
        writeln!(stairs, "{}a:", " ".repeat(depth)).expect("a string takes it");
    }
    assert_eq!(first_problem(stairs), code::TOO_DEEP);
}

#[test]
fn nesting_up_to_the_limit_is_read_merged_and_read_back() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // The five mappings and lists around the value count too.
    assert_eq!(first_problem(initialization(&nested(96))), code::TOO_DEEP);
    let document = parse(&initialization(&nested(95)), "t.yaml").expect("valid");
    let stored = document.merged("test").expect("valid").canonical_json();
    tasker_template::Template::from_canonical_json(&stored).expect("valid");
}

#[test]
fn aliases_that_multiply() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, this) in ('a'..='l').zip('b'..='m') {
        let copies = format!("*{before},").repeat(10);
        writeln!(bomb, "{this}: &{this} [{copies}]").expect("a string takes it");
    }
    assert_eq!(first_problem(bomb), code::TOO_LARGE);
    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(500_000),
        "*a,".repeat(50_000)
    );
    assert_eq!(first_problem(long), code::TOO_LARGE);
}

#[test]
fn aliases_that_nest_too_deep() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for depth in 1..200 {
        writeln!(text, "a{depth}: &a{depth} [*a{}]", depth - 1).expect("a string takes it");
    }
    assert_eq!(first_problem(text), code::TOO_DEEP);
}

#[test]
fn an_alias_within_its_own_anchor() {
    assert_eq!(first_problem("a: &a [*a]\n".to_owned()), code::NOT_YAML);
}

#[test]
fn a_text_longer_than_the_limit() {
    assert_eq!(
        first_problem(format!("name: {}", "x".repeat(1 << 20))),
        code::TOO_LARGE
    );
}

#[test]
fn a_template_that_is_longer_as_json_than_can_be_read_back() {
    // Each character takes two bytes here, six in JSON.
    let text = initialization(&format!("\"{}\"", "\u{85}".repeat(300_000)));
    assert_eq!(first_problem(text), code::TOO_LARGE);
}

#[test]
fn an_override_of_every_step_that_multiplies() {
    let mut text = format!("{HEAD}steps:\n");
    for step in 0..1_000 {
        writeln!(text, "  - {{name: s{step}, handler: {{callable: m}}}}")
            .expect("a string takes it");
    }
    let long = "x".repeat(500_000);
    writeln!(
        text,
        "environments:\n  test:\n    steps: [{{name: ALL, description: {long}}}]"
    )
    .expect("a string takes it");
    assert_eq!(first_problem(text), code::TOO_LARGE);
}

#[test]
fn a_chain_of_ten_thousand_steps_is_walked_without_recursion() {
    let mut text = format!("{HEAD}steps:\n");
    for step in 0..10_000 {
        // Each waits for the next, so that a walk from the first one goes all the way down.
        writeln!(
            text,
            "- {{name: s{step}, handler: {{callable: m}}, dependencies: [s{}]}}",
            step + 1
        )
        .expect("a string takes it");
    }
    let cycle = format!("{text}- {{name: s10000, handler: {{callable: m}}, dependencies: [s0]}}\n");
    assert_eq!(first_problem(cycle), code::CYCLE);
    let chain = format!("{text}- {{name: s10000, handler: {{callable: m}}}}\n");
    assert_eq!(
        parse(&chain, "t.yaml")
            .expect("valid")
            .merged("test")
            .expect("valid")
            .steps
            .len(),
        10_001
    );
}

#[test]
fn schemas_as_deep_as_a_template_may_be() {
    let nested = |keyword: &str, inner: &str| {
        let schema = format!("{{{keyword}: ").repeat(96) + inner + &"}".repeat(96);
        format!("{HEAD}input_schema: {schema}\nsteps:\n  - {{name: a, handler: {{callable: m}}}}\n")
    };
    assert_eq!(
        first_problem(nested("items", "{type: 1}")),
        code::INVALID_SCHEMA
    );
    // Each leads to the next for the same value.
    assert_eq!(
        first_problem(nested("not", "{type: array}")),
        code::INVALID_SCHEMA
    );
    assert_eq!(
        first_problem(nested("contains", "{pattern: '('}")),
        code::INVALID_SCHEMA
    );
}

#[test]
fn thousands_of_mistakes() {
    let mut text = format!("{HEAD}steps:\n");
    for step in 0..5_000 {
        writeln!(
            text,
            "- {{name: step_{step}, handler: {{callable: m}}, dependencies: [stepp_{step}]}}"
        )
        .expect("a string takes it");
    }
    let problems = parse(&text, "t.yaml").expect_err("not valid").0;
    assert_eq!(problems.len(), 5_000);
    assert_eq!(problems[0].hint, "did you mean `step_0`?");
    assert_eq!(problems[4_999].hint, "name steps of this template");
}
