//! Days that are over, as if their partitions had been made when they were the day.

use tasker_journal::Day;
use uuid::Uuid;

use super::Server;

const MILLIS_PER_DAY: u64 = 86_400_000;

/// Makes a day's tables, attached.
pub async fn make(server: &Server, day: Day) {
    for table in ["tasks", "records", "idempotency"] {
        make_table(server, table, day, true).await;
    }
}

/// Makes one of a day's tables.
pub async fn make_table(server: &Server, table: &str, day: Day, attached: bool) {
    let client = server.connect().await;
    let name = name(table, day);
    let mut sql = format!("CREATE TABLE {name} (LIKE tasker.{table} INCLUDING ALL);");
    if attached {
        sql += &attach(table, day);
    }
    client.batch_execute(&sql).await.unwrap();
}

/// The statement that attaches one of a day's tables.
pub fn attach(table: &str, day: Day) -> String {
    let first = |day: i32| Uuid::from_u128((day as u128 * MILLIS_PER_DAY as u128) << 80);
    format!(
        "ALTER TABLE tasker.{table} ATTACH PARTITION {} FOR VALUES FROM ('{}') TO ('{}')",
        name(table, day),
        first(day.0),
        first(day.0 + 1)
    )
}

/// The statements that make the tables of any day, which may be long after January 1970, attached.
pub fn making_by_number(day: i32) -> String {
    let first = |day: i32| Uuid::from_u128((day as u128 * MILLIS_PER_DAY as u128) << 80);
    ["tasks", "records", "idempotency"]
        .map(|table| {
            format!(
                "DO $$ DECLARE name text := '{table}_' || to_char(date '1970-01-01' + {day}, 'YYYYMMDD'); BEGIN
                    EXECUTE format('CREATE TABLE tasker.%I (LIKE tasker.{table} INCLUDING ALL)', name);
                    EXECUTE format('ALTER TABLE tasker.{table} ATTACH PARTITION tasker.%I
                        FOR VALUES FROM (''{from}'') TO (''{to}'')', name);
                END $$;",
                from = first(day),
                to = first(day + 1),
            )
        })
        .concat()
}

/// The name of one of a day's tables, for days of January 1970.
pub fn name(table: &str, day: Day) -> String {
    assert!((0..31).contains(&day.0), "{day:?}");
    format!("tasker.{table}_197001{:02}", day.0 + 1)
}

/// The tables of January 1970 that there are.
pub async fn tables(server: &Server) -> Vec<String> {
    let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '_197001[0-9]{2}$' ORDER BY 1";
    let rows = server.connect().await.query(tables, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
