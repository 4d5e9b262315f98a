//! The physical floor: durable commits of so many rows, one after the other, by a bare client on the same PostgreSQL.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls, Statement};

/// About what one step writes, in bytes.
const ROW_BYTES: usize = 200;

pub struct Floor {
    client: Client,
    insert: Statement,
    row: String,
}

impl Floor {
    pub async fn connect(url: &str) -> Result<Floor> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .context("the engine's database, for the floor")?;
        tokio::spawn(connection);
        client
            .batch_execute(
                "DROP TABLE IF EXISTS bench_floor; \
                 CREATE TABLE bench_floor (number bigserial PRIMARY KEY, row text NOT NULL)",
            )
            .await?;
        let insert = client
            .prepare("INSERT INTO bench_floor (row) SELECT unnest($1::text[])")
            .await?;
        let row = "x".repeat(ROW_BYTES);
        Ok(Floor {
            client,
            insert,
            row,
        })
    }

    /// Commits so many rows each; how long all of it takes.
    pub async fn commits(&self, rows: impl Iterator<Item = usize>) -> Result<Duration> {
        let started = Instant::now();
        for rows in rows {
            let rows = vec![self.row.as_str(); rows];
            self.client.execute(&self.insert, &[&rows]).await?;
        }
        Ok(started.elapsed())
    }

    /// As many rows in as many commits, as evenly as it goes.
    pub async fn spread(&self, rows: usize, commits: usize) -> Result<Duration> {
        let commits = commits.max(1);
        self.commits((0..commits).map(|n| rows * (n + 1) / commits - rows * n / commits))
            .await
    }
}
