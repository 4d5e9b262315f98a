//! The way in: a text becomes a checked document, and a document the template that one environment runs.

use std::collections::BTreeMap;

use crate::code;
use crate::compatibility::Location;
use crate::node::{Node, Value};
use crate::problem::{Place, Problems, Sink};
use crate::schemas::Schemas;
use crate::template::{Template, hash};
use crate::yaml::LONGEST_TEXT;
use crate::{check, environment, names, rules, yaml};

/// One parsed, valid template, its environments not merged.
#[derive(Debug, Clone)]
pub struct Document {
    file: String,
    root: Node,
    namespace: String,
    name: String,
    version: String,
    canonical: String,
    schemas: Schemas,
}

/// Parses and checks one template. All that is wrong with it comes back at once.
///
/// `text` is YAML 1.2, so that the JSON of [`Document::canonical_json`] is read as well; `file` is only for messages.
pub fn parse(text: &str, file: &str) -> Result<Document, Problems> {
    let mut sink = Sink::new(file);
    let Some(root) = read(text, &mut sink) else {
        return sink.finish(None);
    };
    let mut schemas = Schemas::default();
    check::template(&root, true, &mut sink);
    rules::template(&root, &mut sink);
    schemas.check(&root, &mut sink);
    let canonical_json = canonical(&root, &mut sink);
    for name in environment::names(&root, &mut sink) {
        sink.enter_environment(name);
        if let Some(merged) = environment::merge(&root, Some(name), &mut sink) {
            check::template(&merged, false, &mut sink);
            rules::template(&merged, &mut sink);
            schemas.check(&merged, &mut sink);
            canonical(&merged, &mut sink);
        }
    }
    let field = |name| {
        root.get(name)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    let (namespace, name, version) = (field("namespace_name"), field("name"), field("version"));
    let file = file.to_owned();
    sink.finish(Some(Document {
        file,
        root,
        namespace,
        name,
        version,
        canonical: canonical_json,
        schemas,
    }))
}

/// The canonical JSON of a tree, which must not be longer than what is read: it is stored and read back.
fn canonical(root: &Node, sink: &mut Sink) -> String {
    let json = root.canonical_json();
    if json.len() > LONGEST_TEXT {
        let message = format!(
            "written out as JSON, the template has {} bytes; at most {LONGEST_TEXT} are allowed",
            json.len()
        );
        sink.push(code::TOO_LARGE, root.at, message, None);
    }
    json
}

/// The tree of a text that is a mapping, in the names that the checks know.
fn read(text: &str, sink: &mut Sink) -> Option<Node> {
    let mut root = yaml::read(text, sink)?;
    if !matches!(root.value, Value::Mapping(_)) {
        let message = format!("a template is a mapping, found {}", root.described());
        sink.push(code::NOT_A_MAPPING, root.at, message, None);
        return None;
    }
    names::settle(&mut root, sink);
    Some(root)
}

impl Document {
    /// The file's name, as it was handed to [`parse`].
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Where one of its own fields stands, or else where it begins.
    pub(crate) fn location(&self, field: &str) -> Location {
        self.at(self.root.get(field).unwrap_or(&self.root).at)
    }

    /// A place in it.
    pub(crate) fn at(&self, Place { line, column }: Place) -> Location {
        Location {
            file: self.file.clone(),
            line,
            column,
        }
    }

    /// Where it begins.
    pub(crate) fn start(&self) -> Place {
        self.root.at
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The semantic version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The environments that override something, in the order of their names.
    pub fn environments(&self) -> Vec<&str> {
        environment::names(&self.root, &mut Sink::new(&self.file))
    }

    /// Where each step names its handler's callable, by the step's name, as `environment` has it.
    pub fn callables_at(&self, environment: &str) -> BTreeMap<String, Place> {
        let merged = environment::merge(&self.root, Some(environment), &mut Sink::new(&self.file));
        let steps = merged.as_ref().and_then(|root| root.get("steps"));
        let at = |step: &Node| {
            let callable = step.get("handler")?.get("callable")?;
            Some((step.get("name")?.text()?.to_owned(), callable.at))
        };
        let items = steps.map_or(&[][..], Node::items);
        items.iter().filter_map(at).collect()
    }

    /// Where the task handler's callable is named, if the template has one.
    pub fn task_handler_at(&self) -> Option<Place> {
        Some(self.root.get("task_handler")?.get("callable")?.at)
    }

    /// The whole document as JSON: keys sorted, no white space, numbers as written where JSON has them so.
    pub fn canonical_json(&self) -> String {
        self.canonical.clone()
    }

    /// SHA-256 of [`Document::canonical_json`], in lower-case hexadecimal.
    pub fn content_hash(&self) -> String {
        hash(&self.canonical)
    }

    /// The template as `environment` changes it: of its overrides `ALL` first, then the named step's; mappings are
    /// merged, scalars and lists replaced. An environment that the document does not name changes nothing.
    pub fn merged(&self, environment: &str) -> Result<Template, Problems> {
        Ok(self.merged_tree(Some(environment))?.1)
    }

    /// The same with the tree that it was read from; without an environment, the template that none changes.
    pub(crate) fn merged_tree(
        &self,
        environment: Option<&str>,
    ) -> Result<(Node, Template), Problems> {
        let mut sink = Sink::new(&self.file);
        match environment::merge(&self.root, environment, &mut sink) {
            // Those of this environment have been made.
            Some(merged) => {
                let template = checked(&merged, self.schemas.clone(), sink)?;
                Ok((merged, template))
            }
            None => sink.finish(None),
        }
    }
}

/// The template of a tree whose environments are merged.
fn checked(merged: &Node, mut schemas: Schemas, mut sink: Sink) -> Result<Template, Problems> {
    check::template(merged, false, &mut sink);
    rules::template(merged, &mut sink);
    schemas.check(merged, &mut sink);
    let canonical_json = canonical(merged, &mut sink);
    if !sink.is_empty() {
        return sink.finish(None);
    }
    let template = Template::of_checked(merged, canonical_json, &schemas);
    if let Err(error) = &template {
        sink.push(code::WRONG_TYPE, merged.at, error.to_string(), None);
    }
    sink.finish(template.ok())
}

impl Template {
    /// Reads back what [`Template::canonical_json`] gave.
    pub fn from_canonical_json(text: &str) -> Result<Self, Problems> {
        let mut sink = Sink::new("merged template");
        match read(text, &mut sink) {
            Some(merged) => checked(&merged, Schemas::default(), sink),
            None => sink.finish(None),
        }
    }
}
