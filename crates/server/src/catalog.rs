//! The templates that the engine knows: which versions a name has, and the graph of each merged content.

mod shown;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use semver::Version;
use tasker_core::Graph;
use tasker_journal::{self as journal, Journal, NewTemplate, Registered, StoredTemplate};
use tasker_protocol::api;
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::Rejection;
use tasker_template::{Document, Template};

/// How alike a name must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.6;

/// How many names are suggested.
const SUGGESTIONS: usize = 3;

/// All templates, shared by the API and the sessions.
#[derive(Debug, Default)]
pub struct Catalog {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    graphs: HashMap<String, Arc<Graph>>,
    /// Namespace and name to version to what it means now.
    versions: BTreeMap<(String, String), BTreeMap<Version, Arc<api::Template>>>,
}

/// No such template; what comes nearest.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown {
    /// A sentence for people.
    pub message: String,
    /// `NAMESPACE/NAME` of the nearest templates.
    pub nearest: Vec<String>,
}

/// A stored template that this engine cannot use.
#[derive(Debug, thiserror::Error)]
#[error("the stored template with the hash {hash} cannot be read: {problems}")]
pub struct Unusable {
    hash: String,
    problems: String,
}

impl Catalog {
    /// Adds what the journal holds: what each version means now.
    pub fn load(&self, stored: &[StoredTemplate]) -> Result<(), Unusable> {
        for template in stored {
            let merged = read(&template.merged_hash, &template.merged)?;
            self.insert(
                &merged,
                &template.merged_hash,
                Some(&template.document_hash),
            );
        }
        Ok(())
    }

    /// Adds a content that tasks still run, though no version means it any more.
    pub fn load_body(&self, hash: &str, merged: &str) -> Result<(), Unusable> {
        self.insert(&read(hash, merged)?, hash, None);
        Ok(())
    }

    /// Adds a merged content; one that its version means now comes with the hash of its document.
    fn insert(&self, merged: &Template, hash: &str, document_hash: Option<&str>) {
        let graph = Arc::new(Graph::new(merged, hash.to_owned()));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.graphs.entry(hash.to_owned()).or_insert(graph);
        if let (Some(document_hash), Ok(version)) = (document_hash, Version::parse(&merged.version))
        {
            let name = (merged.namespace_name.clone(), merged.name.clone());
            let versions = known.versions.entry(name).or_default();
            let shown = shown::shown(merged, document_hash, hash);
            versions.insert(version, Arc::new(shown));
        }
    }

    /// The graph of a merged content.
    pub fn graph(&self, hash: &str) -> Option<Arc<Graph>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.graphs.get(hash).cloned()
    }

    /// The graph that a new task runs: of this version, or of the highest release.
    pub fn find(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Arc<Graph>, Unknown> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let shown = known.find(namespace, name, version)?;
        // A version's graph is added with it.
        let graph = known.graphs.get(&shown.template_hash).cloned();
        graph.ok_or_else(|| known.unknown(namespace, name))
    }

    /// A version as the API shows it, or the highest release.
    pub fn shown(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Arc<api::Template>, Unknown> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.find(namespace, name, version).cloned()
    }

    /// Every version of every template, in order.
    pub fn all(&self) -> Vec<Arc<api::Template>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let versions = known.versions.values();
        versions.flat_map(BTreeMap::values).cloned().collect()
    }

    /// Registers the templates that a worker brings; the first that is refused refuses the worker.
    ///
    /// `replaceable` says whether other content under a known version replaces it, as it does in development.
    pub async fn register(
        &self,
        journal: &Journal,
        environment: &str,
        replaceable: bool,
        texts: &[String],
    ) -> Result<(), Rejection> {
        for text in texts {
            self.register_one(journal, environment, replaceable, text)
                .await?;
        }
        Ok(())
    }

    async fn register_one(
        &self,
        journal: &Journal,
        environment: &str,
        replaceable: bool,
        text: &str,
    ) -> Result<(), Rejection> {
        let invalid = |problems: tasker_template::Problems| Rejection {
            code: ErrorCode::TemplateInvalid,
            message: problems.to_string(),
        };
        let document = tasker_template::parse(text, "template").map_err(invalid)?;
        let merged = document.merged(environment).map_err(invalid)?;
        let merged_hash = merged.content_hash();
        let new = NewTemplate {
            namespace: document.namespace().to_owned(),
            name: document.name().to_owned(),
            version: document.version().to_owned(),
            document_hash: document.content_hash(),
            document: document.canonical_json().into(),
            merged_hash: merged_hash.clone(),
            merged: merged.canonical_json().into(),
        };
        let unavailable = |error: journal::Error| Rejection {
            code: ErrorCode::Unavailable,
            message: format!("the templates could not be stored: {error}"),
        };
        let registered = journal.register_template(&new, replaceable).await;
        let registered = registered.map_err(unavailable)?;
        if let Registered::Replaced { .. } = registered {
            tracing::info!(
                "template {}/{} {} has other content from now on; tasks go on with that they began with",
                new.namespace,
                new.name,
                new.version
            );
        }
        match registered {
            Registered::Added | Registered::Same | Registered::Replaced { .. } => {
                self.insert(&merged, &merged_hash, Some(&new.document_hash));
                Ok(())
            }
            Registered::Conflict { existing_hash } => {
                let known = journal.template_body(&existing_hash).await;
                let known = known.map_err(unavailable)?.unwrap_or_default();
                Err(conflict(&document, &existing_hash, &known))
            }
        }
    }
}

fn read(hash: &str, merged: &str) -> Result<Template, Unusable> {
    Template::from_canonical_json(merged).map_err(|problems| Unusable {
        hash: hash.to_owned(),
        problems: problems.to_string(),
    })
}

impl Known {
    fn find(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<&Arc<api::Template>, Unknown> {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(versions) = self.versions.get(&key) else {
            return Err(self.unknown(namespace, name));
        };
        let found = match version {
            Some(version) => Version::parse(version)
                .ok()
                .and_then(|version| versions.get(&version)),
            None => versions
                .iter()
                .rev()
                .find(|(version, _)| version.pre.is_empty())
                .or_else(|| versions.iter().next_back())
                .map(|(_, shown)| shown),
        };
        found.ok_or_else(|| {
            let listed: Vec<String> = versions.keys().map(Version::to_string).collect();
            Unknown {
                message: format!(
                    "template {namespace}/{name} has no version {}; it has {}",
                    version.unwrap_or("of its own"),
                    listed.join(", ")
                ),
                nearest: vec![format!("{namespace}/{name}")],
            }
        })
    }

    fn unknown(&self, namespace: &str, name: &str) -> Unknown {
        let wanted = format!("{namespace}/{name}");
        let mut near: Vec<(f64, String)> = self
            .versions
            .keys()
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .map(|known| {
                (
                    strsim::normalized_damerau_levenshtein(&wanted, &known),
                    known,
                )
            })
            .filter(|(alike, _)| *alike >= ALIKE)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest: Vec<String> = near
            .into_iter()
            .take(SUGGESTIONS)
            .map(|(_, known)| known)
            .collect();
        let hint = match (nearest.first(), self.versions.is_empty()) {
            (Some(nearest), _) => format!("did you mean {nearest}?"),
            (None, true) => {
                "no template is registered: a worker registers its templates when it connects"
                    .to_owned()
            }
            (None, false) => "templates are registered by the workers that bring them".to_owned(),
        };
        Unknown {
            message: format!("no template {wanted} is registered; {hint}"),
            nearest,
        }
    }
}

fn conflict(document: &Document, known_hash: &str, known: &str) -> Rejection {
    let differs = match (
        serde_json::from_str(&document.canonical_json()),
        serde_json::from_str(known),
    ) {
        (Ok(brought), Ok(known)) => {
            let mut paths = Vec::new();
            differences("", &known, &brought, &mut paths);
            if paths.is_empty() {
                paths.push("how a number is written".to_owned());
            }
            paths.join(", ")
        }
        _ => "the stored content is not JSON".to_owned(),
    };
    Rejection {
        code: ErrorCode::TemplateConflict,
        message: format!(
            "template {}/{} {} is registered with other content: the hash {known_hash} is registered, this worker \
             brings {}; they differ in {differs}. Give the changed template a new version",
            document.namespace(),
            document.name(),
            document.version(),
            document.content_hash(),
        ),
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

    fn catalog() -> Catalog {
        let catalog = Catalog::default();
        for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
            let yaml = format!(
                "{{name: orders, namespace_name: shop, version: {version}, steps: [{{name: a, handler: \
                 {{callable: shop.A}}}}]}}"
            );
            let document = tasker_template::parse(&yaml, "orders.yaml").expect("valid");
            let merged = document.merged("test").expect("merges");
            let (document_hash, hash) = (document.content_hash(), merged.content_hash());
            catalog.insert(&merged, &hash, Some(&document_hash));
        }
        catalog
    }

    #[test]
    fn a_task_without_a_version_runs_the_highest_release() {
        let graph = catalog().find("shop", "orders", None).expect("known");
        assert_eq!(graph.version, "1.10.0");
        let graph = catalog()
            .find("shop", "orders", Some("2.0.0-rc.1"))
            .expect("known");
        assert_eq!(graph.version, "2.0.0-rc.1");
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_comes_nearest() {
        let unknown = catalog().find("shop", "order", None).expect_err("unknown");
        assert_eq!(unknown.nearest, ["shop/orders"]);
        assert_eq!(
            unknown.message,
            "no template shop/order is registered; did you mean shop/orders?"
        );
        let unknown = catalog()
            .find("shop", "orders", Some("3.0.0"))
            .expect_err("unknown");
        assert_eq!(
            unknown.message,
            "template shop/orders has no version 3.0.0; it has 1.2.0, 1.10.0, 2.0.0-rc.1"
        );
        let unknown = catalog()
            .find("bank", "transfer", None)
            .expect_err("unknown");
        assert_eq!(unknown.nearest, Vec::<String>::new());
    }

    #[test]
    fn differing_contents_are_compared_path_by_path() {
        let left = serde_json::json!({"a": 1, "steps": [{"name": "x", "b": {"c": 1}}], "d": 1});
        let right = serde_json::json!({"a": 1, "steps": [{"name": "x", "b": {"c": 2}}]});
        let mut paths = Vec::new();
        differences("", &left, &right, &mut paths);
        assert_eq!(paths, ["d", "steps[0].b.c"]);
    }
}
