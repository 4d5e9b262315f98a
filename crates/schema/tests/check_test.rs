//! Schemas: which are taken, what they refuse and how it reads, and that none can be made to run away.

use std::fmt::Write;

use tasker_schema::{Schema, Violation};

fn schema(json: &str) -> Schema {
    Schema::new(json).expect("a valid schema")
}

fn lines(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Why `json` is no schema.
fn refused(json: &str) -> String {
    lines(&Schema::new(json).expect_err("no schema").0)
}

/// How `document` breaks the schema.
fn broken(schema: &Schema, document: &str) -> String {
    lines(&schema.check(document).expect_err("no such document"))
}

/// Runs `work` on a stack that a recursion without bounds would overflow.
fn on_a_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(512 * 1024)
            .spawn_scoped(scope, work)
            .expect("a thread starts")
            .join()
            .expect("nothing panics")
    })
}

const ORDER: &str = r##"{
    "type": "object",
    "properties": {
        "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
        "email": {"type": "string", "pattern": "^\\S+@\\S+$"}
    },
    "required": ["items", "email"],
    "additionalProperties": false,
    "$defs": {"item": {
        "properties": {"sku": {"enum": ["WIDGET-A", "WIDGET-B"]}, "quantity": {"type": "integer", "minimum": 1}},
        "required": ["sku"]
    }}
}"##;

#[test]
fn a_document_that_fits_passes() {
    let order = schema(ORDER);
    let document = r#"{"items": [{"sku": "WIDGET-A", "quantity": 2}], "email": "a@example.com"}"#;
    assert_eq!(order.check(document), Ok(()));
}

#[test]
fn each_place_that_does_not_fit_is_named() {
    let order = schema(ORDER);
    let document =
        r#"{"items": [{"sku": "GADGET", "quantity": 0}, {}], "email": "nobody", "note": 1}"#;
    insta::assert_snapshot!(broken(&order, document), @r#"
    /email: "nobody" does not match "^\S+@\S+$"
    /items/0/quantity: 0 is less than the minimum of 1
    /items/0/sku: "GADGET" is not one of "WIDGET-A" or "WIDGET-B"
    /items/1: "sku" is a required property
    Additional properties are not allowed ('note' was unexpected)
    "#);
    insta::assert_snapshot!(broken(&order, "[]"), @r#"[] is not of type "object""#);
}

#[test]
fn at_most_twenty_violations_are_reported_and_long_values_left_out() {
    let texts = schema(r#"{"items": {"type": "integer"}}"#);
    let document = format!("[{}]", vec!["\"x\""; 1_000_000].join(","));
    let violations = texts.check(&document).expect_err("no integers");
    assert_eq!(violations.len(), Schema::MOST_VIOLATIONS);
    assert_eq!(violations[19].path, "/19");
    let long = format!("[\"{}\"]", "\u{e9}".repeat(1_000_000));
    insta::assert_snapshot!(broken(&texts, &long), @r#"/0: the value is not of type "integer""#);
}

#[test]
fn integers_of_any_length_are_integers() {
    let integer = schema(r#"{"type": "integer", "minimum": 0}"#);
    let big = "63340286662973277706162286946811886609896461828096".to_owned();
    for document in [big, "9".repeat(400), "1e400".to_owned(), "5.0".to_owned()] {
        assert_eq!(integer.check(&document), Ok(()), "{document}");
    }
    insta::assert_snapshot!(broken(&integer, &format!("-{}", "9".repeat(400))), @"-1.7976931348623157e+308 is less than the minimum of 0");
    insta::assert_snapshot!(broken(&integer, "0.5"), @r#"0.5 is not of type "integer""#);
}

/// The limit that the documentation of [`Schema`] states.
#[test]
fn numbers_beyond_64_bits_are_compared_as_doubles() {
    let constant = schema(r#"{"const": 100000000000000000000000000000000000000000}"#);
    assert_eq!(
        constant.check("100000000000000000000000000000000000000001"),
        Ok(())
    );
    let exact = schema(r#"{"const": 9007199254740993}"#);
    assert!(exact.check("9007199254740992").is_err());
}

#[test]
fn formats_are_annotations() {
    assert_eq!(schema(r#"{"format": "email"}"#).check("\"nobody\""), Ok(()));
}

#[test]
fn what_is_not_json_is_told() {
    let any = schema("true");
    insta::assert_snapshot!(broken(&any, "{\"a\": }"), @"cannot be read as JSON: expected value at line 1 column 7");
    insta::assert_snapshot!(broken(&any, &"[".repeat(1_000_000)), @"cannot be read as JSON: recursion limit exceeded at line 1 column 128");
}

#[test]
fn schemas_that_are_none() {
    insta::assert_snapshot!(refused("{"), @"cannot be read as JSON: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(refused("[]"), @r#"[] is not of types "boolean", "object""#);
    insta::assert_snapshot!(refused(r#"{"type": "text", "properties": {"a": {"minimum": "1"}}, "required": "a"}"#), @r#"
    /properties/a/minimum: "1" is not of type "number"
    /required: "a" is not of type "array"
    /type: "text" is not valid under any of the schemas listed in the 'anyOf' keyword
    "#);
    insta::assert_snapshot!(refused(r#"{"properties": {"a": {"pattern": "("}}}"#), @"/properties/a/pattern: no pattern that is supported: it has mistakes, looks around, refers back or is too large");
}

#[test]
fn references_stay_within_the_schema() {
    insta::assert_snapshot!(refused(r#"{"items": {"$ref": "https://example.com/item.json"}}"#), @r#"/items/$ref: "https://example.com/item.json" leads out of the schema; references start with `#`"#);
    insta::assert_snapshot!(refused(r#"{"$ref": "file:///etc/passwd"}"#), @r#"/$ref: "file:///etc/passwd" leads out of the schema; references start with `#`"#);
    insta::assert_snapshot!(refused(r#"{"properties": {"a": {"$id": "https://example.com/a", "$ref": "b"}}}"#), @r#"
    /properties/a/$id: only the whole schema can have an identifier
    /properties/a/$ref: "b" leads out of the schema; references start with `#`
    "#);
    insta::assert_snapshot!(refused(r##"{"$ref": "#/$defs/item"}"##), @r##"the reference "#/$defs/item" leads to no schema"##);
    insta::assert_snapshot!(refused(r##"{"$ref": "#item"}"##), @r##"the reference "#item" leads to no schema"##);
    insta::assert_snapshot!(refused(r##"{"$ref": "#/x/y", "x": {"y": {}}}"##), @r##"the reference "#/x/y" leads to no schema"##);
    insta::assert_snapshot!(refused(r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#), @r#"/$schema: "http://json-schema.org/draft-07/schema#" is another draft than 2020-12, the only one supported"#);
    let known = schema(
        r##"{"$id": "https://example.com/a", "$schema": "https://json-schema.org/draft/2020-12/schema",
        "items": {"$ref": "#/$defs/a%20b~1c"}, "contains": {"$ref": "#one"}, "enum": [[{"$ref": "elsewhere"}], [1]],
        "$defs": {"a b/c": {"type": ["integer", "object"]}, "one": {"$anchor": "one", "const": 1}}}"##,
    );
    assert_eq!(known.check("[1]"), Ok(()));
    insta::assert_snapshot!(broken(&known, r#"["x"]"#), @r#"
    ["x"] is not one of [{"$ref":"elsewhere"}] or [1]
    /0: "x" is not of types "integer", "object"
    None of ["x"] are valid under the given schema
    "#);
}

#[test]
fn a_schema_that_runs_in_a_circle_is_refused() {
    insta::assert_snapshot!(refused(r##"{"$ref": "#"}"##), @"it leads back to itself without going deeper into the document");
    insta::assert_snapshot!(
        refused(r##"{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}"##), @"/$defs/a: it leads back to itself without going deeper into the document");
}

#[test]
fn a_schema_that_doubles_at_each_reference_is_refused() {
    let mut definitions = "\"a30\": {}".to_owned();
    for n in 0..30 {
        let next = format!("{{\"$ref\": \"#/$defs/a{}\"}}", n + 1);
        write!(definitions, ", \"a{n}\": {{\"allOf\": [{next}, {next}]}}")
            .expect("a string takes it");
    }
    insta::assert_snapshot!(refused(&format!(r##"{{"$ref": "#/$defs/a0", "$defs": {{{definitions}}}}}"##)), @"for one value it leads to more than 10000 schemas");
}

#[test]
fn a_long_chain_of_references_is_refused() {
    let chain = |length: usize| {
        let mut definitions = format!("\"a{length}\": {{\"type\": \"integer\"}}");
        for n in 0..length {
            write!(
                definitions,
                ", \"a{n}\": {{\"$ref\": \"#/$defs/a{}\"}}",
                n + 1
            )
            .expect("a string takes it");
        }
        format!(r##"{{"items": {{"$ref": "#/$defs/a0"}}, "$defs": {{{definitions}}}}}"##)
    };
    on_a_small_stack(
        || insta::assert_snapshot!(refused(&chain(10_000)), @"/items: more than 64 schemas lead to one another without going deeper into the document"),
    );
    let longest = schema(&chain(60));
    on_a_small_stack(|| assert_eq!(longest.check("[1]"), Ok(())));
}

#[test]
fn deep_schemas_and_documents_fit_a_small_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    on_a_small_stack(|| {
        let deep = format!("{}true{}", r#"{"items":"#.repeat(100), "}".repeat(100));
        let schema = schema(&deep);
        assert_eq!(schema.check(&nested(100)), Ok(()));
    });
    on_a_small_stack(|| {
        let recursive =
            schema(r##"{"type": "array", "anyOf": [{"items": {"$ref": "#"}}, {"maxItems": 0}]}"##);
        assert_eq!(recursive.check(&nested(127)), Ok(()));
        insta::assert_snapshot!(broken(&recursive, &nested(128)), @"cannot be read as JSON: recursion limit exceeded at line 1 column 128");
    });
}

#[test]
fn a_document_that_doubles_the_work_at_each_level_is_given_up() {
    let twice = schema(
        r##"{"anyOf": [{"type": "array", "items": {"$ref": "#"}, "minItems": 2},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 3}, {"const": 1}]}"##,
    );
    let nested = format!("{}2{}", "[".repeat(100), "]".repeat(100));
    insta::assert_snapshot!(broken(&twice, &nested), @"breaks the schema in too many ways to tell");
}

#[test]
fn patterns_are_bounded() {
    insta::assert_snapshot!(refused(r#"{"pattern": "(a{1000}){1000}"}"#), @"/pattern: no pattern that is supported: it has mistakes, looks around, refers back or is too large");
    let many: Vec<String> = (0..=Schema::MOST_PATTERNS)
        .map(|n| format!("\"^{n}\": {{\"type\": \"integer\"}}"))
        .collect();
    let many = format!("{{\"patternProperties\": {{{}}}}}", many.join(","));
    insta::assert_snapshot!(refused(&many), @"it has 101 patterns; at most 100 are allowed");
    insta::assert_snapshot!(refused(r#"{"pattern": "^(?!-)[0-9]+$"}"#), @"/pattern: no pattern that is supported: it has mistakes, looks around, refers back or is too large");
    insta::assert_snapshot!(refused(r#"{"patternProperties": {"(a)\\1": {}}}"#), @r#"/patternProperties/(a)\1: no pattern that is supported: it has mistakes, looks around, refers back or is too large"#);
    insta::assert_snapshot!(refused(r#"{"pattern": "("}"#), @"/pattern: no pattern that is supported: it has mistakes, looks around, refers back or is too large");
    insta::assert_snapshot!(refused(r#"{"pattern": "[a-z]{5000}x*"}"#), @"/pattern: no pattern that is supported: it has mistakes, looks around, refers back or is too large");
    let decimal = schema(r#"{"pattern": "^[+-]?\\d+(\\.\\d+)?$"}"#);
    assert_eq!(decimal.check("\"-12.50\""), Ok(()));
    assert!(decimal.check("\"12.\"").is_err());
    // What takes a backtracking engine forever.
    let slow = schema(r#"{"items": {"pattern": "^(a+)+$"}}"#);
    let texts = vec![format!("\"{}b\"", "a".repeat(1_000)); 1_000];
    assert!(slow.check(&format!("[{}]", texts.join(","))).is_err());
}

#[test]
fn a_schema_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Schema>();
    assert_eq!(format!("{:?}", schema("{}")), "Schema { .. }");
}
