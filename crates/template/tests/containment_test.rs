//! A schema that is told to accept all that another accepts does accept it, whatever the document.

mod changes;

use changes::document;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};
use tasker_template::Schema;
use tasker_template::compatibility::compare;

/// Schemas over few names and values, so that two of them have something to do with one another.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        select(vec![
            json!(true),
            json!(false),
            json!({}),
            json!({"type": "null"}),
            json!({"type": ["string", "null"]}),
            json!({"type": "boolean"}),
            json!({"enum": [1, "a", null]}),
            json!({"enum": ["a", "aaa", true]}),
            json!({"const": 1.0}),
            json!({"type": "string", "pattern": "^a+$"}),
            json!({"uniqueItems": true}),
            json!({"type": "array", "maxItems": 1}),
            json!({"required": ["a"]}),
            json!({"type": "object", "minProperties": 1, "maxProperties": 2}),
            json!({"dependentRequired": {"a": ["b"]}}),
            json!({"propertyNames": {"maxLength": 1}}),
            json!({"contains": {"type": "string"}, "minContains": 2}),
            json!({"not": {"type": "string"}}),
            json!({"if": {"type": "integer"}, "then": {"minimum": 1}}),
            json!({"$ref": "#/$defs/node"}),
            json!({"properties": {"a": {"$ref": "#"}}, "unevaluatedProperties": false}),
        ]),
        (select(vec!["integer", "number"]), -1..3, 0..4_u64).prop_map(|(kind, least, more)| {
            json!({"type": kind, "minimum": least, "exclusiveMaximum": least + more as i32})
        }),
        (-1..3, 1..4).prop_map(|(least, of)| json!({"exclusiveMinimum": least, "multipleOf": of})),
        (0..3_u64, 0..4_u64)
            .prop_map(|(least, more)| json!({"minLength": least, "maxLength": least + more})),
        (0..3_u64, 0..3_u64)
            .prop_map(|(least, more)| json!({"minItems": least, "maxItems": least + more})),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        let named = prop::collection::btree_map(select(vec!["a", "b", "aa"]), inner.clone(), 1..3);
        prop_oneof![
            (
                named.clone(),
                prop::option::of(inner.clone()),
                prop::collection::btree_set(select(vec!["a", "b"]), 0..2)
            )
                .prop_map(|(properties, rest, required)| {
                    let mut schema = json!({"properties": properties, "required": required});
                    if let Some(rest) = rest {
                        schema["additionalProperties"] = rest;
                    }
                    schema
                }),
            (inner.clone(), prop::option::of(inner.clone())).prop_map(|(of_a, rest)| {
                let mut schema = json!({"type": "object", "patternProperties": {"^a": of_a}});
                if let Some(rest) = rest {
                    schema["additionalProperties"] = rest;
                }
                schema
            }),
            (some.clone(), prop::option::of(inner.clone())).prop_map(|(first, rest)| {
                let mut schema = json!({"prefixItems": first});
                if let Some(rest) = rest {
                    schema["items"] = rest;
                }
                schema
            }),
            inner
                .clone()
                .prop_map(|items| json!({"type": "array", "items": items})),
            some.clone().prop_map(|all| json!({"allOf": all})),
            some.clone().prop_map(|any| json!({"anyOf": any})),
            some.prop_map(|one| json!({"oneOf": one})),
        ]
    })
}

/// A schema, and one that was made of it by a change somewhere in it.
fn changed() -> impl Strategy<Value = (Value, Value)> {
    let same = schema().prop_map(|it| (it.clone(), it));
    let wrapped = (
        schema(),
        schema(),
        select(vec!["anyOf", "allOf", "oneOf"]),
        any::<bool>(),
    )
        .prop_map(|(one, other, keyword, flip)| {
            let both = json!({keyword: [one.clone(), other]});
            if flip { (both, one) } else { (one, both) }
        });
    let within = (schema(), schema()).prop_map(|(one, other)| {
        let of = |it: Value| json!({"type": "object", "properties": {"a": it}, "required": ["a"]});
        (of(one), of(other))
    });
    prop_oneof![same, wrapped, within, (schema(), schema())]
}

fn instance() -> impl Strategy<Value = Value> {
    let leaf = select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(3),
        json!(6),
        json!(""),
        json!("a"),
        json!("aa"),
        json!("aaa"),
        json!("ab"),
        json!("bbbbb"),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(select(vec!["a", "b", "aa", "c", "cc"]), inner, 0..4)
                .prop_map(|it| json!(it)),
        ]
    })
}

fn with_definitions(schema: &Value) -> Value {
    let node = json!({"type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/node"}}});
    json!({"allOf": [schema], "$defs": {"node": node}})
}

/// Whether `new` is told to accept all that `old` accepts. None when one of the two is no schema that may be.
fn is_told_wider(old: &Value, new: &Value) -> Option<bool> {
    let template = |schema: &Value, version: &str| {
        let text = json!({"name": "a", "namespace_name": "b", "version": version, "input_schema": schema,
            "steps": [{"name": "s", "handler": {"callable": "m.H"}}]});
        tasker_template::parse(&text.to_string(), "a.yaml").ok()
    };
    let (old, new) = (template(old, "1.0.0")?, template(new, "1.1.0")?);
    let changes = compare(&old, &new).expect("comparable");
    Some(changes.iter().all(|it| it.code == "INPUT_SCHEMA_WIDENED"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_schema_that_is_told_to_be_wider_accepts_all_that_the_old_one_accepts(
        (old, new) in changed(),
        instances in prop::collection::vec(instance(), 30),
    ) {
        let (old, new) = (with_definitions(&old), with_definitions(&new));
        if is_told_wider(&old, &new) == Some(true) {
            let (old, new) = (Schema::new(&old.to_string()).unwrap(), Schema::new(&new.to_string()).unwrap());
            for instance in instances {
                let text = instance.to_string();
                prop_assert!(old.check(&text).is_err() || new.check(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn a_schema_is_as_wide_as_itself(schema in schema()) {
        // Other white space and another description: the texts differ, and what they say does not.
        let old = with_definitions(&schema);
        let mut new = old.clone();
        new["description"] = json!("the same");
        if let Some(wider) = is_told_wider(&old, &new)
            && !old.to_string().contains("unevaluated")
            && !old.to_string().contains("$ref\":\"#\"")
        {
            let is_apart = !old.to_string().contains("oneOf");
            prop_assert!(wider || !is_apart, "{old}");
        }
    }
}

#[test]
fn the_schemas_that_are_drawn_are_told_wider_often_enough() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut wider = 0;
    for _ in 0..300 {
        let tree = changed().new_tree(&mut runner).expect("a pair");
        let (old, new) = tree.current();
        wider += usize::from(
            is_told_wider(&with_definitions(&old), &with_definitions(&new)) == Some(true),
        );
    }
    assert!((60..290).contains(&wider), "{wider}");
}

#[test]
fn a_name_that_one_part_has_may_match_the_pattern_of_another() {
    let schema = json!({"allOf": [
        {"properties": {"a": {}}},
        {"patternProperties": {"^a": {"$ref": "#/$defs/node"}}, "additionalProperties": false},
    ]});
    let old = with_definitions(&schema);
    let mut same = old.clone();
    same["description"] = json!("the same");
    assert_eq!(is_told_wider(&old, &same), Some(true));

    // Without the old schema's last word on other names, `a` may be what the new one refuses.
    let mut open = old.clone();
    open["allOf"][0]["allOf"][1]
        .as_object_mut()
        .expect("a mapping")
        .remove("additionalProperties");
    assert_eq!(is_told_wider(&open, &same), Some(false));
}

#[test]
fn comparing_takes_bounded_time() {
    // Alternatives within alternatives, each of which would double the work.
    let mut schema = json!({"type": "string"});
    for depth in 0..20 {
        schema = json!({"anyOf": [{"properties": {"a": schema}}, {"minLength": depth}]});
    }
    let mut other = schema.clone();
    other["description"] = json!("the same");
    let template = |schema: &Value, version: &str| {
        let text = json!({"name": "a", "namespace_name": "b", "version": version, "input_schema": schema,
            "steps": [{"name": "s", "handler": {"callable": "m.H"}}]});
        document(&text.to_string(), "a.yaml")
    };
    let begun = std::time::Instant::now();
    compare(&template(&schema, "1.0.0"), &template(&other, "1.1.0")).expect("comparable");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
