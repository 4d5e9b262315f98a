//! The log: single lines on standard error.

use std::io::stderr;
use std::sync::Once;

use tracing_subscriber::EnvFilter;

/// Installs the log once, at the level that `RUST_LOG`, or else `LOG_LEVEL`, names, in the form that
/// `TASKER_LOG_FORMAT` names: `json`, or else text. Where a Rust program has installed its own, that one stays.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let wish = ["RUST_LOG", "LOG_LEVEL"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|wish| !wish.is_empty()));
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(stderr)
            .with_env_filter(filter(wish.as_deref().unwrap_or("info")));
        let json = std::env::var("TASKER_LOG_FORMAT").is_ok_and(|form| form == "json");
        // The program's own log wins, which is no error.
        let _ = if json {
            log.json().flatten_event(true).try_init()
        } else {
            log.compact().try_init()
        };
    });
}

/// Takes the names that other languages give to levels, too; what it cannot read is `info`.
fn filter(wish: &str) -> EnvFilter {
    let level = match wish.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        _ => wish.to_owned(),
    };
    EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_rust_and_python_name_them() {
        for (wish, level) in [
            ("info", "info"),
            ("DEBUG", "debug"),
            ("Warning", "warn"),
            ("CRITICAL", "error"),
            ("=[nonsense", "info"),
            ("tasker_worker=trace,info", "tasker_worker=trace,info"),
        ] {
            assert_eq!(filter(wish).to_string(), level, "{wish}");
        }
    }
}
