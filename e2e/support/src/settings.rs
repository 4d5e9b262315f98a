//! The variables that name the system under test. They are read, never set.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Where the system is, and how long it may take to come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `TASKER_TEST_ORCHESTRATION_URL`: the engine.
    pub orchestration_url: String,
    /// `TASKER_TEST_WORKER_URL`: the worker's health page.
    pub worker_url: Option<String>,
    /// `TASKER_TEST_TOKEN`: what the engine wants to be shown.
    pub token: Option<String>,
    /// `TASKER_TEST_SKIP_HEALTH_CHECK`: do not wait until engine and worker are healthy.
    pub skip_health_check: bool,
    /// `TASKER_TEST_HEALTH_TIMEOUT`, in seconds.
    pub health_timeout: Duration,
    /// `TASKER_TEST_STACK_URL`: the control of the stack, when one runs the system.
    pub stack_url: Option<String>,
    /// `TASKER_TEST_HOST`: the address of this machine at which the system reaches the test.
    pub host: String,
    /// `TASKER_TEST_POSTGRES`: host and port of the system's PostgreSQL.
    pub postgres: String,
}

impl Settings {
    /// The settings of this process's environment.
    ///
    /// # Errors
    /// When a variable has a value that is none.
    pub fn read() -> Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let skip = match set("TASKER_TEST_SKIP_HEALTH_CHECK").as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => bail!("TASKER_TEST_SKIP_HEALTH_CHECK is {other:?}, not true or false"),
        };
        let seconds = set("TASKER_TEST_HEALTH_TIMEOUT").unwrap_or_else(|| "60".to_owned());
        let seconds = seconds.parse().with_context(|| {
            format!("TASKER_TEST_HEALTH_TIMEOUT is {seconds:?}, not whole seconds")
        })?;
        Ok(Self {
            orchestration_url: set("TASKER_TEST_ORCHESTRATION_URL")
                .unwrap_or_else(|| "http://localhost:8080".to_owned()),
            worker_url: set("TASKER_TEST_WORKER_URL"),
            token: set("TASKER_TEST_TOKEN"),
            skip_health_check: skip,
            health_timeout: Duration::from_secs(seconds),
            stack_url: set("TASKER_TEST_STACK_URL"),
            host: set("TASKER_TEST_HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            postgres: set("TASKER_TEST_POSTGRES").unwrap_or_else(|| "127.0.0.1:5432".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_variables_the_system_is_on_this_machine() -> Result<()> {
        let settings = Settings::from_variables(|_| None)?;
        assert_eq!(settings.orchestration_url, "http://localhost:8080");
        assert_eq!(settings.health_timeout, Duration::from_secs(60));
        assert_eq!((settings.worker_url, settings.token), (None, None));
        assert_eq!(settings.host, "127.0.0.1");
        assert_eq!(settings.postgres, "127.0.0.1:5432");
        assert!(!settings.skip_health_check);
        Ok(())
    }

    #[test]
    fn a_time_that_is_none_is_refused_with_its_variable() {
        let set = |name: &str| (name == "TASKER_TEST_HEALTH_TIMEOUT").then(|| "1m".to_owned());
        let error = Settings::from_variables(set).unwrap_err();
        assert_eq!(
            error.to_string(),
            "TASKER_TEST_HEALTH_TIMEOUT is \"1m\", not whole seconds"
        );
    }
}
