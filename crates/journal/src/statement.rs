//! The prepared statements of appends: one for each set of days whose tasks change, as long as it is in use.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use tokio_postgres::{Client, Error, Statement};

use crate::{Day, place::of_days};

/// How many are kept: those of today alone and with yesterday, and some of longer tasks.
const KEPT: usize = 16;

/// What a statement does besides creating tasks and adding to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The days of the tasks that it changes.
    pub(crate) changed: BTreeSet<Day>,
    /// Whether it adds idempotency keys.
    pub(crate) keys: bool,
}

impl Kind {
    /// How many of the parameters of an append it has.
    pub(crate) fn parameters(&self) -> usize {
        match self {
            Kind { keys: true, .. } => 33,
            Kind { changed, .. } if changed.is_empty() => 19,
            Kind { .. } => 28,
        }
    }

    fn sql(&self, written_by: &str) -> String {
        let changes = include_str!("../sql/append_changes.sql");
        let keys = include_str!("../sql/append_keys.sql");
        // Keys come after the changes, of which there may be none.
        let changes = if self.parameters() > 19 { changes } else { "" };
        include_str!("../sql/append.sql")
            .replace("{written_by}", written_by)
            .replace("{changes}", changes)
            .replace("{keys}", if self.keys { keys } else { "" })
            .replace("{days}", &of_days("t.task_uuid", &self.changed))
    }
}

/// The prepared statements of a connection.
pub(crate) struct Statements {
    /// The transaction that has written the engine's row.
    written_by: String,
    /// The last used first.
    prepared: Mutex<VecDeque<(Kind, Statement)>>,
}

impl Statements {
    /// Prepares what all appends need.
    pub(crate) async fn prepare(client: &Client, written_by: &str) -> Result<Statements, Error> {
        let statements = Statements {
            written_by: written_by.to_owned(),
            prepared: Mutex::default(),
        };
        statements.get(client, Kind::default()).await?;
        Ok(statements)
    }

    pub(crate) async fn get(&self, client: &Client, kind: Kind) -> Result<Statement, Error> {
        if let Some(statement) = self.kept(&kind) {
            return Ok(statement);
        }
        let statement = client.prepare(&kind.sql(&self.written_by)).await?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.push_front((kind, statement.clone()));
        prepared.truncate(KEPT);
        Ok(statement)
    }

    fn kept(&self, kind: &Kind) -> Option<Statement> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let place = prepared.iter().position(|(kept, _)| kept == kind)?;
        let used = prepared.remove(place)?;
        prepared.push_front(used);
        prepared.front().map(|(_, statement)| statement.clone())
    }
}
