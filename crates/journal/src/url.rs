//! The database's URL: read as far as the engine does what it asks for, and refused by name beyond.

use std::{error::Error as _, time::Duration};

use tokio_postgres::{
    Config,
    config::{ChannelBinding, SslMode, TargetSessionAttrs},
};

use crate::Error;

/// How long a peer may stay silent before a connection counts as lost, or is not made.
pub(crate) const NETWORK_SILENCE: Duration = Duration::from_secs(10);

/// Reads a database URL and adds what every connection of the engine has.
pub(crate) fn config(url: &str, application: &str) -> Result<Config, Error> {
    let mut config: Config = url.parse().map_err(unreadable)?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(Error::Tls("sslmode=require".to_owned()));
    }
    if config.get_channel_binding() == ChannelBinding::Require {
        return Err(Error::Tls("channel_binding=require".to_owned()));
    }
    if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(Error::UrlOption(
            "target_session_attrs=read-only".to_owned(),
        ));
    }
    config
        .application_name(application)
        .connect_timeout(Duration::from_secs(5))
        .tcp_user_timeout(NETWORK_SILENCE)
        .keepalives(true)
        .keepalives_idle(NETWORK_SILENCE)
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3);
    Ok(config)
}

/// What the URL has that cannot be read. The library puts an option's name, and never its value, between back-quotes.
fn unreadable(error: tokio_postgres::Error) -> Error {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    match cause.split('`').nth(1) {
        Some(option) if option.starts_with("ssl") => Error::Tls(option.to_owned()),
        Some("host" | "hostaddr" | "port") | None => Error::Url(error),
        Some(_) => Error::UrlOption(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(options: &str) -> String {
        let url = format!("postgres://tasker:secret@db:5432/tasker?{options}");
        match config(&url, "test") {
            Ok(_) => String::new(),
            Err(error) => {
                assert!(!error.is_transient());
                error.to_string()
            }
        }
    }

    #[test]
    fn what_asks_for_tls_is_refused_with_what_to_do() {
        assert_eq!(
            refusal("sslmode=require"),
            "the database URL has sslmode=require, and the engine speaks no TLS to PostgreSQL yet: leave it out where \
             PostgreSQL is on this machine or in a private network, or connect to a proxy on this machine that speaks TLS \
             to PostgreSQL, such as PgBouncer with server_tls_sslmode"
        );
        for (options, name) in [
            ("channel_binding=require", "channel_binding=require"),
            ("sslmode=verify-full", "sslmode"),
            ("sslmode=verify-ca", "sslmode"),
            ("sslmode=allow", "sslmode"),
            ("sslrootcert=/etc/ca.pem", "sslrootcert"),
            ("sslcert=/etc/client.pem&sslmode=prefer", "sslcert"),
        ] {
            let refused = format!("the database URL has {name}, and the engine speaks no TLS");
            assert!(
                refusal(options).starts_with(&refused),
                "{options}: {}",
                refusal(options)
            );
        }
    }

    #[test]
    fn an_option_that_is_not_read_is_named_and_those_that_are_are_listed() {
        assert_eq!(
            refusal("gssencmode=disable"),
            "the database URL has an option that the engine does not read: unknown option `gssencmode`. It reads host, \
             hostaddr, port, user, password, dbname, options, sslmode (disable, prefer), channel_binding (disable, prefer), \
             target_session_attrs (any, read-write) and load_balance_hosts (disable, random)"
        );
        for (options, named) in [
            ("passfile=/etc/tasker/pgpass", "unknown option `passfile`"),
            ("client_encoding=utf8", "unknown option `client_encoding`"),
            (
                "target_session_attrs=primary",
                "invalid value for option `target_session_attrs`",
            ),
            (
                "target_session_attrs=read-only",
                "target_session_attrs=read-only",
            ),
        ] {
            let refused = format!("does not read: {named}. It reads");
            assert!(
                refusal(options).contains(&refused),
                "{options}: {}",
                refusal(options)
            );
        }
        assert!(!refusal("password=other&gssencmode=secret").contains("secret"));
    }

    #[test]
    fn what_asks_for_nothing_that_is_not_done_is_read() {
        for options in [
            "",
            "sslmode=prefer",
            "sslmode=disable",
            "channel_binding=prefer",
            "target_session_attrs=read-write&load_balance_hosts=random",
            "host=/var/run/postgresql&connect_timeout=3&keepalives=0",
        ] {
            assert_eq!(refusal(options), "");
        }
        let read = config("postgres://u@h/d?connect_timeout=60&keepalives=0", "test").unwrap();
        assert_eq!(read.get_connect_timeout(), Some(&Duration::from_secs(5)));
        assert!(read.get_keepalives());
    }
}
