//! Templates as the journal keeps them: texts by hash, which one a version means, and how operators have marked it.

use std::time::SystemTime;

use tokio_postgres::{Client, Row, error::SqlState, types::ToSql};

use crate::{
    Error, Text,
    reader::{micros, timestamp},
    takeover::Claim,
};

/// A template to register. Both hashes are of the respective text's content, by the caller's rule.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
    /// The version.
    pub version: String,
    /// The hash of the document.
    pub document_hash: String,
    /// The document as written, environments unmerged.
    pub document: Text,
    /// The hash of the merged content.
    pub merged_hash: String,
    /// The content that tasks run, with the engine's environment merged.
    pub merged: Text,
}

/// What a version of a template means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTemplate {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
    /// The version.
    pub version: String,
    /// The hash of the document.
    pub document_hash: String,
    /// The document as written, environments unmerged.
    pub document: Text,
    /// The hash of the merged content.
    pub merged_hash: String,
    /// The merged content, by the environment of the engine that registered it last.
    pub merged: Text,
    /// Who retired it, if it is.
    pub retired: Option<Note>,
    /// Who named it its template's default, if it is that.
    pub default: Option<Note>,
}

/// Who has marked a version of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, in microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How an operator marks a version of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// New tasks do not take it.
    Retired(Note),
    /// They may again.
    Restored,
    /// New tasks without a version take it, instead of any other that they took before.
    Default(Note),
    /// They do not any more.
    NoDefault,
}

/// What a registration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// Each version means what was brought. Tasks keep the content they began with.
    All {
        /// How many of them did not mean it before.
        changed: usize,
    },
    /// Nothing: a version means another document, and goes on meaning it.
    Conflict {
        /// The version's place among those that were brought.
        place: usize,
        /// The hash of the other document.
        existing_hash: String,
    },
}

pub(crate) async fn all(client: &Client) -> Result<Vec<StoredTemplate>, Error> {
    let rows = client
        .query(include_str!("../sql/templates.sql"), &[])
        .await?;
    let stored = rows.iter().map(|row| StoredTemplate {
        namespace: row.get("namespace"),
        name: row.get("name"),
        version: row.get("version"),
        document_hash: row.get("document_hash"),
        document: row.get::<_, &str>("document").into(),
        merged_hash: row.get("merged_hash"),
        merged: row.get::<_, &str>("merged").into(),
        retired: note(row, ["retired_at", "retired_by", "retired_reason"]),
        default: note(row, ["default_at", "default_by", "default_reason"]),
    });
    Ok(stored.collect())
}

fn note(row: &Row, [at, by, reason]: [&str; 3]) -> Option<Note> {
    let at = row.get::<_, Option<SystemTime>>(at)?;
    Some(Note {
        at: micros(at),
        by: row.get(by),
        reason: row.get(reason),
    })
}

pub(crate) async fn body(client: &Client, hash: &str) -> Result<Option<Text>, Error> {
    let row = client
        .query_opt(include_str!("../sql/template_body.sql"), &[&hash])
        .await?;
    Ok(row.map(|row| row.get::<_, &str>(0).into()))
}

/// `None` where the engine is not this process's any more. Registering the same many times at once writes nothing but the
/// first. Done twice, it does the same once more, so a lost answer needs no care.
pub(crate) async fn register(
    client: &Client,
    (engine, claim): (&str, &Claim),
    new: &[NewTemplate],
    replace: bool,
) -> Result<Option<Registered>, Error> {
    let of = |field: fn(&NewTemplate) -> &str| new.iter().map(field).collect::<Vec<_>>();
    let (namespaces, names) = (of(|new| &new.namespace), of(|new| &new.name));
    let (versions, documents) = (of(|new| &new.version), of(|new| &new.document_hash));
    let merged = of(|new| &new.merged_hash);
    loop {
        let rows = client
            .query(
                include_str!("../sql/template_versions.sql"),
                &[&namespaces, &names, &versions],
            )
            .await?;
        let mut same = 0;
        for row in &rows {
            // WITH ORDINALITY counts from 1.
            let place = row.get::<_, i64>("place") as usize - 1;
            let (document, merged): (String, String) = (row.get(1), row.get(2));
            let new = &new[place];
            if document != new.document_hash && !replace {
                return Ok(Some(Registered::Conflict {
                    place,
                    existing_hash: document,
                }));
            }
            same += usize::from(document == new.document_hash && merged == new.merged_hash);
        }
        if same == new.len() {
            return Ok(Some(Registered::All { changed: 0 }));
        }
        let hashes = [&documents[..], &merged].concat();
        let bodies = new.iter().map(|new| &*new.document);
        let bodies: Vec<&str> = bodies.chain(new.iter().map(|new| &*new.merged)).collect();
        client
            .execute(
                include_str!("../sql/add_template_bodies.sql"),
                &[&hashes, &bodies],
            )
            .await?;
        let stored = client
            .query_one(
                include_str!("../sql/register_templates.sql"),
                &[
                    &engine,
                    &claim.epoch,
                    &claim.written_by,
                    &namespaces,
                    &names,
                    &versions,
                    &documents,
                    &merged,
                    &replace,
                ],
            )
            .await;
        match stored {
            Ok(stored) => {
                let held: bool = stored.get("held");
                return Ok(held.then(|| Registered::All {
                    changed: stored.get::<_, i64>("changed") as usize,
                }));
            }
            // Another registration was quicker; what it wrote decides.
            Err(error) if error.code() == Some(&SqlState::NOT_NULL_VIOLATION) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Marks a version; whether the engine is still this process's. Done twice, it does the same once more.
pub(crate) async fn mark(
    client: &Client,
    (engine, claim): (&str, &Claim),
    [namespace, name, version]: [&str; 3],
    mark: &Mark,
) -> Result<bool, Error> {
    let (sql, note) = match mark {
        Mark::Retired(note) => (include_str!("../sql/retire_version.sql"), Some(note)),
        Mark::Restored => (include_str!("../sql/restore_version.sql"), None),
        Mark::Default(note) => (include_str!("../sql/set_default_version.sql"), Some(note)),
        Mark::NoDefault => (include_str!("../sql/clear_default_version.sql"), None),
    };
    let at = note.map(|note| timestamp(note.at));
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &engine,
        &claim.epoch,
        &claim.written_by,
        &namespace,
        &name,
        &version,
    ];
    if let Some(note) = note {
        parameters.extend([&at as &(dyn ToSql + Sync), &note.by, &note.reason]);
    }
    match client.query_one(sql, &parameters).await {
        Ok(row) => Ok(row.get("held")),
        Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
            Err(Error::not_registered([namespace, name, version]))
        }
        Err(error) => Err(error.into()),
    }
}
