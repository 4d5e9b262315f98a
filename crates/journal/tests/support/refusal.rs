//! A PostgreSQL that refuses records, for as long as it is told to.

use tokio_postgres::Client;

use super::Server;

pub struct Refusal {
    client: Client,
}

impl Refusal {
    /// Refuses records whose payload is like `pattern`, with an SQLSTATE.
    pub async fn of(server: &Server, pattern: &str, state: &str) -> Refusal {
        let client = server.connect().await;
        client
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS tasker.refusals (pattern text, state text);
                CREATE OR REPLACE FUNCTION tasker.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                DECLARE state text := (SELECT r.state FROM tasker.refusals AS r WHERE NEW.payload LIKE r.pattern);
                BEGIN
                    IF state IS NOT NULL THEN
                        RAISE EXCEPTION 'refused for the test' USING ERRCODE = state;
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON tasker.records_today
                FOR EACH ROW EXECUTE FUNCTION tasker.refuse()"
                    .replace("records_today", &today(&client, "records").await)
                    .as_str(),
            )
            .await
            .unwrap();
        let add = "INSERT INTO tasker.refusals VALUES ($1, $2)";
        client.execute(add, &[&pattern, &state]).await.unwrap();
        Refusal { client }
    }

    /// Refuses nothing any more.
    pub async fn end(self) {
        let none = "TRUNCATE tasker.refusals";
        self.client.batch_execute(none).await.unwrap();
    }
}

/// Today's partition of a table.
pub async fn today(client: &Client, table: &str) -> String {
    let name = "SELECT $1 || '_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')";
    client.query_one(name, &[&table]).await.unwrap().get(0)
}
