//! The templates that the engine knows: which versions a name has, which of them new tasks take, and the graph of each
//! merged content.

mod registration;
mod shown;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use semver::Version;
use serde_json::json;
use tasker_core::Graph;
use tasker_journal::{Mark, Note, StoredTemplate};
use tasker_protocol::action::TemplateAction;
use tasker_protocol::api;
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tasker_template::Template;
use tokio::sync::Mutex;

use standing::{Kept, Versions};

/// How alike a name must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.6;

/// How many names are suggested.
const SUGGESTIONS: usize = 3;

/// All templates, shared by the API and the sessions.
#[derive(Debug, Default)]
pub struct Catalog {
    known: RwLock<Known>,
    /// Had by whoever registers, so that what was stored last is what is known.
    registering: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    graphs: HashMap<String, Arc<Graph>>,
    /// By namespace and name.
    templates: BTreeMap<(String, String), Versions>,
}

/// A version of a template, by its names.
#[derive(Clone, Debug)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
    /// The version.
    pub version: String,
}

/// A stored template that this engine cannot use.
#[derive(Debug, thiserror::Error)]
#[error("the stored template with the hash {hash} cannot be read: {problems}")]
pub struct Unusable {
    hash: String,
    problems: String,
}

impl Catalog {
    /// Adds what the journal holds: what each version means now, and how it is marked.
    pub fn load(&self, stored: &[StoredTemplate]) -> Result<(), Unusable> {
        for template in stored {
            let merged = read(&template.merged_hash, &template.merged)?;
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(
                &merged,
                &template.merged_hash,
                Some(&template.document_hash),
            );
            let retired = template.retired.clone().map(Mark::Retired);
            let default = template.default.clone().map(Mark::Default);
            for mark in retired.into_iter().chain(default) {
                known.mark(&merged.namespace_name, &merged.name, &merged.version, mark);
            }
        }
        Ok(())
    }

    /// Adds a content that tasks still run, though no version means it any more.
    pub fn load_body(&self, hash: &str, merged: &str) -> Result<(), Unusable> {
        let merged = read(hash, merged)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(&merged, hash, None);
        Ok(())
    }

    /// The graph of a merged content.
    pub fn graph(&self, hash: &str) -> Option<Arc<Graph>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.graphs.get(hash).cloned()
    }

    /// The graph that a new task runs: of this version, or of the default.
    ///
    /// # Errors
    /// There is no such version, or it is retired.
    pub fn find(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Arc<Graph>, ErrorDetail> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (versions, kept) = known.find(namespace, name, version)?;
        if let Some(note) = &kept.retired {
            return Err(versions.retired(&kept.shown, note));
        }
        // A version's graph is added with it.
        let graph = known.graphs.get(&kept.shown.template_hash).cloned();
        graph.ok_or_else(|| known.unknown(namespace, name))
    }

    /// A version as the API shows it, or the default.
    ///
    /// # Errors
    /// There is no such version, or, where none is named, all are retired.
    pub fn shown(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<api::Template, ErrorDetail> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (versions, kept) = known.find(namespace, name, version)?;
        Ok(versions.show(kept))
    }

    /// Every version of every template, in order.
    pub fn all(&self) -> Vec<api::Template> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.templates.values().flat_map(Versions::all).collect()
    }

    /// What is to be stored, and then [marked](Catalog::mark), of what an operator asks for; nothing where it is so
    /// already.
    ///
    /// # Errors
    /// There is no such version, or its standing does not allow it.
    pub fn decide(
        &self,
        place: &Place,
        action: TemplateAction,
        note: Note,
    ) -> Result<Option<Mark>, ErrorDetail> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let version = Some(place.version.as_str());
        let (versions, kept) = known.find(&place.namespace, &place.name, version)?;
        versions.decide(kept, action, note)
    }

    /// Marks a version.
    pub fn mark(&self, place: &Place, mark: Mark) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.mark(&place.namespace, &place.name, &place.version, mark);
    }
}

fn read(hash: &str, merged: &str) -> Result<Template, Unusable> {
    Template::from_canonical_json(merged).map_err(|problems| Unusable {
        hash: hash.to_owned(),
        problems: problems.to_string(),
    })
}

impl Known {
    /// Adds a merged content; one that its version means now comes with the hash of its document.
    fn insert(&mut self, merged: &Template, hash: &str, document_hash: Option<&str>) {
        let graph = || Arc::new(Graph::new(merged, hash.to_owned()));
        self.graphs.entry(hash.to_owned()).or_insert_with(graph);
        if let (Some(document_hash), Ok(version)) = (document_hash, Version::parse(&merged.version))
        {
            let name = (merged.namespace_name.clone(), merged.name.clone());
            let versions = self.templates.entry(name).or_default();
            versions.insert(version, shown::shown(merged, document_hash, hash));
        }
    }

    fn mark(&mut self, namespace: &str, name: &str, version: &str, mark: Mark) {
        let template = (namespace.to_owned(), name.to_owned());
        if let (Some(versions), Ok(version)) =
            (self.templates.get_mut(&template), Version::parse(version))
        {
            versions.mark(version, mark);
        }
    }

    /// A version, retired or not, or the default.
    fn find(
        &self,
        namespace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<(&Versions, &Kept), ErrorDetail> {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(versions) = self.templates.get(&key) else {
            return Err(self.unknown(namespace, name));
        };
        let found = match version {
            Some(version) => versions.get(version).ok_or_else(|| {
                not_found(
                    format!(
                        "template {namespace}/{name} has no version {version}; it has {}",
                        versions.listed()
                    ),
                    vec![format!("{namespace}/{name}")],
                )
            }),
            None => {
                let default = versions.default();
                default.ok_or_else(|| versions.without_default(namespace, name))
            }
        };
        Ok((versions, found?))
    }

    fn unknown(&self, namespace: &str, name: &str) -> ErrorDetail {
        let wanted = format!("{namespace}/{name}");
        let mut near: Vec<(f64, String)> = self
            .templates
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
        let hint = match (nearest.first(), self.templates.is_empty()) {
            (Some(nearest), _) => format!("did you mean {nearest}?"),
            (None, true) => {
                "no template is registered: a worker registers its templates when it connects and is ready"
                    .to_owned()
            }
            (None, false) => "templates are registered by the workers that bring them and are ready"
                .to_owned(),
        };
        not_found(
            format!("no template {wanted} is registered; {hint}"),
            nearest,
        )
    }
}

fn not_found(message: String, nearest: Vec<String>) -> ErrorDetail {
    detail(
        ErrorCode::TemplateNotFound,
        message,
        json!({"nearest": nearest}),
    )
}

fn detail(code: ErrorCode, message: String, details: serde_json::Value) -> ErrorDetail {
    ErrorDetail {
        code,
        message,
        details,
    }
}

#[cfg(test)]
mod tests;
