//! Registering the templates that a worker brings: all of them together, or none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::PoisonError;

use tasker_journal::{self as journal, Journal, NewTemplate, Registered};
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::Rejection;
use tasker_template::{Document, Problems, Template};

use super::Catalog;

/// A template as a worker brings it.
struct Brought {
    document: Document,
    document_hash: String,
    merged: Template,
    merged_hash: String,
}

impl Catalog {
    /// Registers the templates that a worker brings. One that is refused refuses the worker, and nothing of what it
    /// brings is registered: whoever brings it next may give the same versions another content.
    ///
    /// `replaceable` says whether other content under a known version replaces it, as it does in development.
    pub async fn register(
        &self,
        journal: &Journal,
        environment: &str,
        replaceable: bool,
        texts: &[String],
    ) -> Result<(), Rejection> {
        let brought = read(texts, environment)?;
        if self.has(&brought) {
            return Ok(());
        }
        let _registering = self.registering.lock().await;
        // Many workers begin with the same at once.
        if self.has(&brought) {
            return Ok(());
        }
        let new: Vec<NewTemplate> = brought.iter().map(Brought::stored).collect();
        let registered = journal.register_templates(&new, replaceable).await;
        match registered.map_err(unavailable)? {
            Registered::All { .. } => {
                self.add(&brought);
                Ok(())
            }
            Registered::Conflict {
                place,
                existing_hash,
            } => {
                let known = journal.template_body(&existing_hash).await;
                let known = known.map_err(unavailable)?.unwrap_or_default();
                Err(conflict(&brought[place], &existing_hash, &known))
            }
        }
    }

    /// Whether each version means what is brought, as it does when a worker connects again.
    fn has(&self, brought: &[Brought]) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        brought.iter().all(|brought| {
            let document = &brought.document;
            let version = Some(document.version());
            let found = known.find(document.namespace(), document.name(), version);
            found.is_ok_and(|(_, kept)| {
                kept.shown.document_hash == brought.document_hash
                    && kept.shown.template_hash == brought.merged_hash
            })
        })
    }

    fn add(&self, brought: &[Brought]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for brought in brought {
            let document = &brought.document;
            let [namespace, name, version] =
                [document.namespace(), document.name(), document.version()];
            let before = known.find(namespace, name, Some(version));
            if before.is_ok_and(|(_, kept)| kept.shown.document_hash != brought.document_hash) {
                tracing::info!(
                    "template {namespace}/{name} {version} has other content from now on; tasks go on with that they \
                     began with"
                );
            }
            known.insert(
                &brought.merged,
                &brought.merged_hash,
                Some(&brought.document_hash),
            );
        }
    }
}

impl Brought {
    fn read(text: &str, environment: &str) -> Result<Brought, Problems> {
        let document = tasker_template::parse(text, "template")?;
        let merged = document.merged(environment)?;
        Ok(Brought {
            document_hash: document.content_hash(),
            merged_hash: merged.content_hash(),
            document,
            merged,
        })
    }

    fn stored(&self) -> NewTemplate {
        NewTemplate {
            namespace: self.document.namespace().to_owned(),
            name: self.document.name().to_owned(),
            version: self.document.version().to_owned(),
            document_hash: self.document_hash.clone(),
            document: self.document.canonical_json().into(),
            merged_hash: self.merged_hash.clone(),
            merged: self.merged.canonical_json().into(),
        }
    }
}

/// Reads all texts; the same template twice is one.
fn read(texts: &[String], environment: &str) -> Result<Vec<Brought>, Rejection> {
    let mut all: BTreeMap<[String; 3], Brought> = BTreeMap::new();
    for text in texts {
        let brought = Brought::read(text, environment).map_err(|problems| Rejection {
            code: ErrorCode::TemplateInvalid,
            message: problems.to_string(),
        })?;
        let document = &brought.document;
        let names = [document.namespace(), document.name(), document.version()];
        match all.entry(names.map(str::to_owned)) {
            Entry::Vacant(place) => {
                place.insert(brought);
            }
            Entry::Occupied(first) if first.get().document_hash == brought.document_hash => {}
            Entry::Occupied(first) => return Err(contradiction(first.get(), &brought)),
        }
    }
    Ok(all.into_values().collect())
}

fn unavailable(error: journal::Error) -> Rejection {
    // What PostgreSQL refuses it refuses the next time, too: somebody has to look.
    let code = match error {
        journal::Error::Refused(_) => ErrorCode::RecordRefused,
        _ => ErrorCode::Unavailable,
    };
    Rejection {
        code,
        message: format!("the templates could not be stored: {error}"),
    }
}

fn conflict(brought: &Brought, known_hash: &str, known: &str) -> Rejection {
    let document = &brought.document;
    let differs = differs(known, &document.canonical_json());
    Rejection {
        code: ErrorCode::TemplateConflict,
        message: format!(
            "template {}/{} {} is registered with other content: the hash {known_hash} is registered, this worker \
             brings {}; they differ in {differs}. Give the changed template a new version",
            document.namespace(),
            document.name(),
            document.version(),
            brought.document_hash,
        ),
    }
}

fn contradiction(first: &Brought, second: &Brought) -> Rejection {
    let document = &first.document;
    let differs = differs(
        &document.canonical_json(),
        &second.document.canonical_json(),
    );
    Rejection {
        code: ErrorCode::TemplateConflict,
        message: format!(
            "this worker brings template {}/{} {} twice, with different contents: they differ in {differs}. Give one of \
             them another version or name",
            document.namespace(),
            document.name(),
            document.version(),
        ),
    }
}

/// Where two contents differ, for people.
fn differs(known: &str, brought: &str) -> String {
    match (serde_json::from_str(known), serde_json::from_str(brought)) {
        (Ok(known), Ok(brought)) => {
            let mut paths = Vec::new();
            differences("", &known, &brought, &mut paths);
            if paths.is_empty() {
                paths.push("how a number is written".to_owned());
            }
            paths.join(", ")
        }
        _ => "the stored content is not JSON".to_owned(),
    }
}

/// Paths at which two values differ, such as `steps[1].handler.callable`.
fn differences(
    path: &str,
    left: &serde_json::Value,
    right: &serde_json::Value,
    paths: &mut Vec<String>,
) {
    use serde_json::Value;
    match (left, right) {
        _ if left == right => {}
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let absent = Value::Null;
                let side = |object: &serde_json::Map<String, Value>| {
                    object.get(key).cloned().unwrap_or_else(|| absent.clone())
                };
                differences(&path, &side(left), &side(right), paths);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}[{index}]"), left, right, paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str, callable: &str) -> String {
        format!(
            "{{name: {name}, namespace_name: shop, version: 1.0.0, steps: [{{name: a, handler: {{callable: {callable}}}}}]}}"
        )
    }

    #[test]
    fn differing_contents_are_compared_path_by_path() {
        let left = serde_json::json!({"a": 1, "steps": [{"name": "x", "b": {"c": 1}}], "d": 1});
        let right = serde_json::json!({"a": 1, "steps": [{"name": "x", "b": {"c": 2}}]});
        let mut paths = Vec::new();
        differences("", &left, &right, &mut paths);
        assert_eq!(paths, ["d", "steps[0].b.c"]);
    }

    #[test]
    fn a_template_that_is_brought_twice_is_one_unless_its_contents_differ() {
        let (a, b) = (template("a", "shop.A"), template("b", "shop.B"));
        let brought = read(&[b.clone(), a.clone(), b.clone()], "test");
        let brought = brought.unwrap_or_else(|rejection| panic!("{rejection:?}"));
        let names: Vec<_> = brought.iter().map(|it| it.document.name()).collect();
        assert_eq!(names, ["a", "b"]);

        let other = template("a", "shop.Other");
        let refused = read(&[a, b, other], "test").err().expect("they differ");
        assert_eq!(refused.code, ErrorCode::TemplateConflict);
        assert_eq!(
            refused.message,
            "this worker brings template shop/a 1.0.0 twice, with different contents: they differ in \
             steps[0].handler.callable. Give one of them another version or name"
        );
    }
}
