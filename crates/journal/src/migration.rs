//! The tables, made by numbered files that are never edited once released.

use tokio_postgres::{Config, error::SqlState};

use crate::{Error, session, session::Session};

/// The files in the order of their numbers, which count from 1 without a gap.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__journal", include_str!("../migrations/V1__journal.sql")),
    (
        "V2__idempotency",
        include_str!("../migrations/V2__idempotency.sql"),
    ),
    (
        "V3__task_lists",
        include_str!("../migrations/V3__task_lists.sql"),
    ),
    ("V4__leases", include_str!("../migrations/V4__leases.sql")),
    (
        "V5__template_standing",
        include_str!("../migrations/V5__template_standing.sql"),
    ),
];

/// Lets one process at a time change the schema or its partitions; the number is "tasker" in ASCII.
pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock(x'7461736b6572'::bigint)";

/// The same for a whole session.
pub(crate) const LOCK_SESSION: &str = "SELECT pg_advisory_lock(x'7461736b6572'::bigint)";

/// The schema's version that this release makes and needs.
pub fn latest() -> i32 {
    MIGRATIONS.len() as i32
}

/// Applies what is missing, each file in a transaction of its own, and returns the names of those applied.
pub(crate) async fn migrate(url: &str) -> Result<Vec<String>, Error> {
    let config: Config = crate::url::config(url, "tasker migrate")?;
    session::check_not_pooled(&config).await?;
    let mut session = Session::connect(&config).await?;
    session.check_server().await?;
    create_schema(&mut session).await?;
    let mut applied = Vec::new();
    while let Some(name) = apply_next(&mut session).await? {
        tracing::info!(migration = name, "applied");
        applied.push(name.to_owned());
    }
    Ok(applied)
}

async fn create_schema(session: &mut Session) -> Result<(), Error> {
    let transaction = session.client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    // Asked first: CREATE SCHEMA IF NOT EXISTS needs a privilege on the database even where the schema exists.
    let exists: bool = transaction
        .query_one("SELECT to_regnamespace('tasker') IS NOT NULL", &[])
        .await?
        .get(0);
    if !exists {
        transaction.batch_execute("CREATE SCHEMA tasker").await?;
    }
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS tasker.migrations (
                version integer PRIMARY KEY,
                name text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )",
        )
        .await?;
    Ok(transaction.commit().await?)
}

async fn apply_next(session: &mut Session) -> Result<Option<&'static str>, Error> {
    let transaction = session.client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    let found: i32 = transaction
        .query_one(include_str!("../sql/schema_version.sql"), &[])
        .await?
        .get(0);
    if found > latest() {
        return Err(Error::SchemaNewer {
            found,
            known: latest(),
        });
    }
    let Some(&(name, sql)) = MIGRATIONS.get(found as usize) else {
        return Ok(None);
    };
    transaction.batch_execute(sql).await?;
    transaction
        .execute(
            "INSERT INTO tasker.migrations (version, name) VALUES ($1, $2)",
            &[&(found + 1), &name],
        )
        .await?;
    transaction.commit().await?;
    Ok(Some(name))
}

/// Refuses a schema of another release, and one that is being restored.
pub(crate) async fn check(session: &Session) -> Result<(), Error> {
    let found = match session
        .client
        .query_one(include_str!("../sql/schema_version.sql"), &[])
        .await
    {
        Ok(row) => row.get(0),
        Err(error)
            if matches!(
                error.code(),
                Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)
            ) =>
        {
            0
        }
        Err(error) => return Err(error.into()),
    };
    match found {
        found if found < latest() => Err(Error::SchemaOlder {
            found,
            needed: latest(),
        }),
        found if found > latest() => Err(Error::SchemaNewer {
            found,
            known: latest(),
        }),
        _ => {
            let missing = include_str!("../sql/missing_key.sql");
            match session.client.query_opt(missing, &[]).await? {
                Some(row) => Err(Error::Incomplete(row.get(0))),
                None => Ok(()),
            }
        }
    }
}
