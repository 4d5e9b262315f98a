//! Templates as the journal keeps them: texts by hash, and which one a version means.

use tokio_postgres::Client;

use crate::{Error, Text};

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
}

/// What a registration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The version is new.
    Added,
    /// The version meant this document already.
    Same,
    /// The version meant another document until now. Tasks keep the content they began with.
    Replaced {
        /// The hash of the other document.
        existing_hash: String,
    },
    /// The version means another document, and goes on meaning it.
    Conflict {
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
    });
    Ok(stored.collect())
}

pub(crate) async fn body(client: &Client, hash: &str) -> Result<Option<Text>, Error> {
    let row = client
        .query_opt(include_str!("../sql/template_body.sql"), &[&hash])
        .await?;
    Ok(row.map(|row| row.get::<_, &str>(0).into()))
}

/// Registering the same from many at once writes nothing but the first. Done twice, it does the same once more, so a
/// lost answer needs no care.
pub(crate) async fn register(
    client: &Client,
    new: &NewTemplate,
    replace: bool,
) -> Result<Registered, Error> {
    loop {
        let before = version(client, new).await?;
        match &before {
            Some((document, merged))
                if *document == new.document_hash && *merged == new.merged_hash =>
            {
                return Ok(Registered::Same);
            }
            Some((document, _)) if *document != new.document_hash && !replace => {
                return Ok(Registered::Conflict {
                    existing_hash: document.clone(),
                });
            }
            _ => {}
        }
        let hashes = [new.document_hash.as_str(), &new.merged_hash];
        let bodies = [&*new.document, &*new.merged];
        client
            .execute(
                include_str!("../sql/add_template_bodies.sql"),
                &[&hashes.as_slice(), &bodies.as_slice()],
            )
            .await?;
        let changed = client
            .query_opt(
                include_str!("../sql/register_template.sql"),
                &[
                    &new.namespace,
                    &new.name,
                    &new.version,
                    &new.document_hash,
                    &new.merged_hash,
                    &replace,
                ],
            )
            .await?;
        match (changed, before) {
            // Another process was quicker; what it wrote decides.
            (None, _) => {}
            (Some(_), None) => return Ok(Registered::Added),
            (Some(_), Some((existing_hash, _))) if existing_hash != new.document_hash => {
                return Ok(Registered::Replaced { existing_hash });
            }
            (Some(_), Some(_)) => return Ok(Registered::Same),
        }
    }
}

async fn version(client: &Client, new: &NewTemplate) -> Result<Option<(String, String)>, Error> {
    let row = client
        .query_opt(
            include_str!("../sql/template_version.sql"),
            &[&new.namespace, &new.name, &new.version],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}
