//! The form of a template as a JSON Schema, for editors, made of the shapes that templates are checked against.
//!
//! It says what each field may hold. What spans several fields, such as the graph of the steps, the checks alone know.

use serde_json::{Map, Value, json};

use crate::shape::{
    DEPENDENCIES_ALIAS, ENVIRONMENTS, Field, Kind, LONGEST_SECONDS, MERGED, NOTE, Presence, Shape,
    Whole,
};

type Schema = Map<String, Value>;

/// The JSON Schema (2020-12) of templates: indented, with a line break at its end.
pub fn json_schema() -> String {
    let fields: Vec<&Field> = MERGED.fields.iter().chain([&ENVIRONMENTS]).collect();
    let mut definitions = Schema::new();
    let mut schema = mapping(&fields, Whole::Yes, &mut definitions);
    let draft = "https://json-schema.org/draft/2020-12/schema";
    schema.insert("$schema".to_owned(), json!(draft));
    schema.insert("title".to_owned(), json!("Tasker task template"));
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    format!("{:#}\n", Value::Object(schema))
}

fn mapping(fields: &[&Field], whole: Whole, definitions: &mut Schema) -> Schema {
    let mut properties = Schema::new();
    let mut required = Vec::new();
    for field in fields {
        let mut schema = kind(field.kind, whole.within(), definitions);
        schema.insert("description".to_owned(), json!(field.about));
        // What a change leaves out stays as it is.
        if let (Whole::Yes, Presence::Default(value)) = (whole, field.presence) {
            let value = serde_json::from_str(value).expect("the tests below read every default");
            schema.insert("default".to_owned(), value);
        }
        if field.name == "dependencies" {
            let mut alias = schema.clone();
            alias.insert(
                "description".to_owned(),
                json!("Another name for `dependencies`."),
            );
            properties.insert(DEPENDENCIES_ALIAS.to_owned(), Value::Object(alias));
        }
        properties.insert(field.name.to_owned(), Value::Object(schema));
        if whole.needs(field) {
            required.push(field.name);
        }
    }
    let mut schema = of_type("object");
    if properties.contains_key(DEPENDENCIES_ALIAS) {
        let both = json!({"required": ["dependencies", DEPENDENCIES_ALIAS]});
        schema.insert("not".to_owned(), both);
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    let note = json!({format!("^{NOTE}"): {"description": "Not for the engine: any content."}});
    schema.insert("patternProperties".to_owned(), note);
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn kind(kind: Kind, whole: Whole, definitions: &mut Schema) -> Schema {
    match kind {
        Kind::Text => of_type("string"),
        Kind::Name => text("^[a-zA-Z0-9_.-]+$", 64),
        // From semver.org.
        Kind::Version => text(
            r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?$",
            64,
        ),
        Kind::Callable | Kind::Method => text(r"^\S+$", 256),
        Kind::Boolean => of_type("boolean"),
        Kind::Integer { least, most, .. } => {
            let mut schema = of_type("integer");
            schema.insert("minimum".to_owned(), json!(least));
            schema.insert("maximum".to_owned(), json!(most));
            schema
        }
        Kind::Seconds => {
            let mut schema = of_type("number");
            schema.insert("exclusiveMinimum".to_owned(), json!(0));
            schema.insert("maximum".to_owned(), json!(LONGEST_SECONDS));
            schema
        }
        Kind::OneOf(words) => Schema::from_iter([("enum".to_owned(), json!(words))]),
        Kind::List(item) => {
            let mut schema = of_type("array");
            let item = self::kind(*item, whole, definitions);
            schema.insert("items".to_owned(), Value::Object(item));
            schema
        }
        Kind::Mapping(shape) => reference(shape, whole, definitions),
        Kind::Override(shape) => reference(shape, Whole::Override, definitions),
        Kind::ByName(item) => {
            let mut schema = of_type("object");
            let name = self::kind(Kind::Name, whole, definitions);
            let item = self::kind(*item, whole, definitions);
            schema.insert("propertyNames".to_owned(), Value::Object(name));
            schema.insert("additionalProperties".to_owned(), Value::Object(item));
            schema
        }
        Kind::AnyMapping => of_type("object"),
    }
}

/// A reference to the definition of a shape, which is made when it is not there yet.
fn reference(shape: &Shape, whole: Whole, definitions: &mut Schema) -> Schema {
    let words = shape
        .what
        .trim_start_matches("a ")
        .trim_start_matches("an ");
    let suffix = if whole == Whole::Yes { "" } else { "_change" };
    let name = format!("{}{suffix}", words.replace(' ', "_"));
    if !definitions.contains_key(&name) {
        let fields: Vec<&Field> = shape.fields.iter().collect();
        let definition = mapping(&fields, whole, definitions);
        definitions.insert(name.clone(), Value::Object(definition));
    }
    Schema::from_iter([("$ref".to_owned(), json!(format!("#/$defs/{name}")))])
}

fn of_type(name: &str) -> Schema {
    Schema::from_iter([("type".to_owned(), json!(name))])
}

fn text(pattern: &str, longest: usize) -> Schema {
    let mut schema = of_type("string");
    schema.insert("pattern".to_owned(), json!(pattern));
    schema.insert("maxLength".to_owned(), json!(longest));
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use serde_json::{Map, Value};

    use super::json_schema;
    use crate::problem::Sink;
    use crate::shape::{Presence, RETRY};
    use crate::{Problems, Retry, Schema, code, parse, yaml};

    fn templates() -> PathBuf {
        std::env::var_os("TASK_TEMPLATES").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/task_templates"),
            PathBuf::from,
        )
    }

    #[test]
    fn the_checked_in_schema_is_this_one() {
        let path = templates().join("task_template.schema.json");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, json_schema()).expect("the file can be written");
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == json_schema(),
            "{} is out of date: UPDATE_EXPECTED=1 cargo test -p tasker_template the_checked_in_schema",
            path.display()
        );
    }

    #[test]
    fn the_defaults_are_those_of_the_engine() {
        let defaults: Map<String, Value> = RETRY
            .fields
            .iter()
            .filter_map(|field| match field.presence {
                Presence::Default(value) => Some((field.name.to_owned(), value.parse().ok()?)),
                _ => None,
            })
            .collect();
        assert_eq!(defaults.len(), RETRY.fields.len());
        let retry: Retry = serde_json::from_value(Value::Object(defaults)).expect("a retry policy");
        assert_eq!(retry, Retry::default());
    }

    /// The JSON of a template, with what is wrong with it. `None` when it cannot be read.
    fn read(path: &Path) -> Option<(String, BTreeSet<&'static str>)> {
        let text = std::fs::read_to_string(path).expect("the file can be read");
        let mut sink = Sink::new("t.yaml");
        let tree = yaml::read(&text, &mut sink).filter(|_| sink.is_empty())?;
        let codes = match parse(&text, "t.yaml") {
            Ok(_) => BTreeSet::new(),
            Err(Problems(problems)) => problems.iter().map(|problem| problem.code).collect(),
        };
        Some((tree.canonical_json(), codes))
    }

    fn of_folder(folder: &str) -> Vec<(PathBuf, String, BTreeSet<&'static str>)> {
        std::fs::read_dir(templates().join(folder))
            .expect("the folder can be read")
            .map(|entry| entry.expect("the entry can be read").path())
            .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
            .filter_map(|path| read(&path).map(|(json, codes)| (path, json, codes)))
            .collect()
    }

    #[test]
    fn examples_keep_to_it() {
        let schema = Schema::new(&json_schema()).expect("a schema");
        let examples = of_folder("python");
        assert!(!examples.is_empty());
        for (path, json, codes) in examples {
            assert_eq!(codes, BTreeSet::new(), "{}", path.display());
            assert_eq!(schema.check(&json), Ok(()), "{}", path.display());
        }
    }

    #[test]
    fn it_refuses_what_a_single_field_shows_and_nothing_else() {
        // What one field shows, and what takes more than one; `ALL` is a bad name for a step, and a retry policy may
        // be out of range for its two numbers together.
        let of_a_field = BTreeSet::from([
            code::BAD_CALLABLE,
            code::BAD_TIMEOUT,
            code::BAD_VALUE,
            code::BAD_VERSION,
            code::FIELD_GIVEN_TWICE,
            code::MISSING_FIELD,
            code::NOT_A_MAPPING,
            code::UNKNOWN_FIELD,
            code::WRONG_TYPE,
        ]);
        let of_either = BTreeSet::from([code::BAD_NAME, code::RETRY_OUT_OF_RANGE]);
        let schema = Schema::new(&json_schema()).expect("a schema");
        let (mut refused, mut passed) = (0, 0);
        for (path, json, codes) in of_folder("invalid") {
            let result = schema.check(&json);
            if !codes.is_disjoint(&of_a_field) {
                assert!(result.is_err(), "{} passes", path.display());
                refused += 1;
            } else if codes.is_disjoint(&of_either) {
                assert_eq!(result, Ok(()), "{}", path.display());
                passed += 1;
            }
        }
        assert!(refused >= 25 && passed >= 25, "{refused} {passed}");
    }
}
