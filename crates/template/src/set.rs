//! What holds of templates together, as one worker brings them: one content for each namespace, name and version.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::code;
use crate::document::Document;
use crate::problem::{Problems, Sink};

/// Templates that are brought together. The same content may stand in several files: build systems make folders of
/// links, and mounted volumes hold each file under two paths.
#[derive(Debug, Default)]
pub struct Set {
    /// By namespace, name and version, where a template was first, and the hash of its content.
    first: HashMap<[String; 3], First>,
}

#[derive(Debug)]
struct First {
    file: String,
    hash: String,
}

impl Set {
    /// Takes a template, unless one that is in already has its namespace, name and version and other content.
    pub fn add(&mut self, document: &Document) -> Result<(), Problems> {
        let (namespace, name, version) =
            (document.namespace(), document.name(), document.version());
        let hash = document.content_hash();
        match self
            .first
            .entry([namespace, name, version].map(str::to_owned))
        {
            Entry::Vacant(place) => {
                let file = document.file().to_owned();
                place.insert(First { file, hash });
                Ok(())
            }
            Entry::Occupied(first) if first.get().hash == hash => Ok(()),
            Entry::Occupied(first) => {
                let other = &first.get().file;
                let message =
                    format!("{namespace}/{name} {version} is in {other}, too, with other content");
                let mut sink = Sink::new(document.file());
                sink.push(code::DUPLICATE_TEMPLATE, document.start(), message, None);
                sink.finish(None)
            }
        }
    }
}
