//! The command line and the environment: parsed first, resolved second.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use clap::{Args, Parser, Subcommand};
use tasker_protocol::origin::Hosts;

/// Variables that other parts of a Tasker system read; the engine accepts them in silence.
const OTHERS: [&str; 9] = [
    "TASKER_URL",
    "TASKER_TEMPLATE_PATH",
    "TASKER_HANDLER_PATH",
    "TASKER_FIXTURE_PATH",
    "TASKER_CONFIG_PATH",
    "TASKER_LOG_FORMAT",
    "TASKER_SERVER_BIN",
    "TASKER_TOKEN",
    "TASKER_ENV",
];

/// The engine: runs tasks on PostgreSQL, serves the API and the workers.
#[derive(Debug, Parser)]
#[command(name = "tasker-server", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the engine.
    Serve(Serve),
    /// Bring the database's schema up to date.
    Migrate {
        /// The database, such as postgres://user@host:5432/name.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
}

/// How to run the engine.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The database, such as postgres://user@host:5432/name.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The address of the API.
    #[arg(long, env = "TASKER_BIND", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,
    /// What callers and workers show; without it only loopback addresses are served.
    #[arg(long, env = "TASKER_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Names under which the API is asked besides localhost and IP addresses, and hosts whose web pages may ask it,
    /// comma-separated: NAME or NAME:PORT.
    #[arg(
        long,
        env = "TASKER_HOSTS",
        default_value = "",
        hide_default_value = true
    )]
    pub hosts: Hosts,
    /// Which of a template's environments is merged.
    #[arg(long = "env", env = "TASKER_ENV", default_value = "production")]
    pub environment: String,
    /// Names this engine: one that starts under the same name takes over its tasks at once, one of another
    /// name once it has stopped. Default: the host's name.
    #[arg(long, env = "TASKER_ENGINE_ID", default_value_t = host_name())]
    pub engine_id: String,
    /// Days for which an idempotency key counts from its first use on.
    #[arg(long, env = "TASKER_IDEMPOTENCY_DAYS", default_value_t = 7, value_parser = whole_number::<u16>("TASKER_IDEMPOTENCY_DAYS", 1..=365))]
    pub idempotency_days: u16,
    /// Days for which a task is kept. It goes with the others of its day, once all of them have ended.
    #[arg(long, env = "TASKER_RETENTION_DAYS", default_value_t = 30, value_parser = whole_number::<u16>("TASKER_RETENTION_DAYS", 1..=3650))]
    pub retention_days: u16,
    /// Bytes that contexts and results may take in memory; what was least recently used is read again when needed.
    #[arg(long, env = "TASKER_PAYLOAD_BUDGET", default_value_t = 256 << 20, value_parser = whole_number::<usize>("TASKER_PAYLOAD_BUDGET", 0..=u64::MAX))]
    pub payload_budget: usize,
    /// Steps of open tasks that memory may hold; beyond them no task is created. About 700 bytes each.
    #[arg(long, env = "TASKER_MAX_OPEN_STEPS", default_value_t = 4_000_000, value_parser = whole_number::<usize>("TASKER_MAX_OPEN_STEPS", 0..=u64::MAX))]
    pub max_open_steps: usize,
}

/// A parser of whole numbers whose message names the variable, as clap's has the flag alone, and the range.
fn whole_number<T: TryFrom<u64>>(
    variable: &'static str,
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("{variable} is a whole number from {least} to {most}")
        })
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "engine".to_owned())
}

/// A sentence for each variable that begins with `TASKER_` and means nothing.
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let known = [
        "TASKER_BIND",
        "TASKER_HOSTS",
        "TASKER_ENGINE_ID",
        "TASKER_IDEMPOTENCY_DAYS",
        "TASKER_RETENTION_DAYS",
        "TASKER_PAYLOAD_BUDGET",
        "TASKER_MAX_OPEN_STEPS",
    ];
    let known = || OTHERS.into_iter().chain(known);
    names
        .filter(|name| name.starts_with("TASKER_") && !name.starts_with("TASKER_TEST_"))
        .filter(|name| !known().any(|known| known == name))
        .map(|name| {
            let nearest = known().max_by(|a, b| {
                let alike = |known| strsim::normalized_damerau_levenshtein(&name, known);
                alike(a).total_cmp(&alike(b))
            });
            format!(
                "the environment variable {name} is not known; did you mean {}?",
                nearest.unwrap_or_default()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_none_is_told_with_its_variable_and_range() {
        for (flag, value, wanted) in [
            (
                "--retention-days",
                "many",
                "TASKER_RETENTION_DAYS is a whole number from 1 to 3650",
            ),
            (
                "--retention-days",
                "0",
                "TASKER_RETENTION_DAYS is a whole number from 1 to 3650",
            ),
            (
                "--idempotency-days",
                "366",
                "TASKER_IDEMPOTENCY_DAYS is a whole number from 1 to 365",
            ),
            (
                "--payload-budget",
                "1 GiB",
                "TASKER_PAYLOAD_BUDGET is a whole number from 0 to ",
            ),
            (
                "--max-open-steps",
                "-1",
                "TASKER_MAX_OPEN_STEPS is a whole number from 0 to ",
            ),
        ] {
            let given = format!("{flag}={value}");
            let args = [
                "tasker-server",
                "serve",
                "--database-url=postgres://db",
                &given,
            ];
            let error = Options::try_parse_from(args).expect_err("it is refused");
            let message = error.to_string();
            assert!(
                message.contains(&format!("invalid value '{value}' for '{flag}")),
                "{message}"
            );
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[test]
    fn a_misspelt_variable_is_reported_with_the_nearest_known_one() {
        let names = ["PATH", "TASKER_BIND", "TASKER_TOKN", "TASKER_URL"];
        let warnings = unknown_variables(names.into_iter().map(str::to_owned));
        assert_eq!(
            warnings,
            ["the environment variable TASKER_TOKN is not known; did you mean TASKER_TOKEN?"]
        );
    }
}
