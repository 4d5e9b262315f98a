//! Who asks, as far as a browser says it: requests of another origin's web page, and those under a name that is none of
//! the server's, are refused.
//!
//! A browser sends what any page wants to whatever it can reach, a developer's loopback address included. With most
//! requests of another origin's page it sends `Origin`. A page whose own name was made to lead to that address (DNS
//! rebinding) is of the same origin, as the browser sees it: its `Host` gives it away. Programs send no `Origin`, and the
//! `Host` that they were told to ask.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::json;

use crate::error::{ErrorCode, ErrorDetail};

/// Names that a server is asked by, besides `localhost` and IP addresses: `TASKER_HOSTS`, comma-separated, each `NAME` or
/// `NAME:PORT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Hosts(Vec<String>);

/// An entry of `TASKER_HOSTS` that names no host.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no host's name: TASKER_HOSTS takes names such as tasker.example.com or tasker.example.com:8443, \
     comma-separated, without a scheme or path"
)]
pub struct NotAHost(String);

impl FromStr for Hosts {
    type Err = NotAHost;

    fn from_str(list: &str) -> Result<Hosts, NotAHost> {
        list.split(',')
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .try_into()
    }
}

impl TryFrom<Vec<String>> for Hosts {
    type Error = NotAHost;

    fn try_from(names: Vec<String>) -> Result<Hosts, NotAHost> {
        let names = names.iter().map(|name| name.trim());
        let names = names.filter(|name| !name.is_empty()).map(|name| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
            match name.chars().all(is_name) {
                true => Ok(name.to_ascii_lowercase()),
                false => Err(NotAHost(name.to_owned())),
            }
        });
        Ok(Hosts(names.collect::<Result<_, _>>()?))
    }
}

impl Hosts {
    fn have(&self, authority: &str) -> bool {
        let is = |listed: &String| {
            listed.eq_ignore_ascii_case(authority) || listed.eq_ignore_ascii_case(name(authority))
        };
        self.0.iter().any(is)
    }
}

/// What a request says of who asks; its headers by [`only`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The path.
    pub path: &'a str,
    /// `Host`, or what the request's target names instead.
    pub host: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// Whether it has `Authorization: Bearer`, which no browser adds by itself.
    pub has_bearer: bool,
}

/// The value of a header of which a request may have one; the empty string if it has several, or one that is no text.
pub fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let first = values.next()?;
    let only = values.next().is_none().then_some(first);
    Some(
        only.and_then(|only| std::str::from_utf8(only).ok())
            .unwrap_or_default(),
    )
}

/// Who may ask a server.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Its further names.
    pub hosts: Hosts,
    /// Whether it is asked by any name: it wants a token, which a rebound name's page does not have, or is there for
    /// other machines, by whatever name they know.
    pub any_host: bool,
}

impl Access {
    /// Refuses what only a web page would ask, unless it is the server's own.
    ///
    /// # Errors
    /// `HOST_REFUSED` or `ORIGIN_REFUSED`.
    pub fn check(&self, asked: &Asked<'_>) -> Result<(), ErrorDetail> {
        if let Some(host) = asked.host
            && !self.any_host
            && !is_probe(asked.path)
            && !self.is_known(host)
        {
            return Err(host_refused(host));
        }
        match asked.origin {
            Some(origin) if !asked.has_bearer && !self.is_own(origin, asked.host) => {
                Err(origin_refused(origin, asked.host))
            }
            _ => Ok(()),
        }
    }

    fn is_known(&self, host: &str) -> bool {
        let name = name(host);
        let bare = name.trim_matches(['[', ']']);
        let top = name.rsplit('.').next().unwrap_or_default();
        bare.parse::<IpAddr>().is_ok()
            || top.eq_ignore_ascii_case("localhost")
            || self.hosts.have(host)
    }

    fn is_own(&self, origin: &str, host: Option<&str>) -> bool {
        // `null` is that of a sandboxed page, a file, or a redirection from another site.
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let port = if scheme == "https" { ":443" } else { ":80" };
        let same = |host: &str| {
            let host = host.strip_suffix(port).unwrap_or(host);
            host.eq_ignore_ascii_case(authority)
        };
        !authority.is_empty() && (host.is_some_and(same) || self.hosts.have(authority))
    }
}

/// Whether a path is one of health. Probes ask a pod by whatever name it has; health holds nothing that a stranger may not
/// know.
pub fn is_probe(path: &str) -> bool {
    path == "/health" || path.starts_with("/health/")
}

/// A host without its port.
fn name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn host_refused(host: &str) -> ErrorDetail {
    ErrorDetail {
        code: ErrorCode::HostRefused,
        message: format!(
            "asked as {host:?}, which is no name that this server knows as its own: it answers as localhost, as an IP address and \
             as the names in TASKER_HOSTS; ask it as one of these, or list the name there"
        ),
        details: json!({"host": host}),
    }
}

fn origin_refused(origin: &str, host: Option<&str>) -> ErrorDetail {
    ErrorDetail {
        code: ErrorCode::OriginRefused,
        message: format!(
            "a web page of {origin:?} asks, which is another origin than that of this server; list its host in TASKER_HOSTS if \
             it may, or send `Authorization: Bearer TOKEN`"
        ),
        details: json!({"origin": origin, "host": host}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:8080";

    fn asked<'a>(host: &'a str, origin: Option<&'a str>) -> Asked<'a> {
        Asked {
            path: "/v1/tasks",
            host: Some(host),
            origin,
            has_bearer: false,
        }
    }

    fn access(hosts: &str, any_host: bool) -> Access {
        let hosts = hosts.parse().expect("names");
        Access { hosts, any_host }
    }

    fn code(access: &Access, asked: &Asked<'_>) -> Option<ErrorCode> {
        access.check(asked).err().map(|refused| refused.code)
    }

    #[test]
    fn a_server_is_asked_by_its_addresses_by_localhost_and_by_its_names() {
        let access = access("tasker.test, exact.test:81", false);
        let known = [
            LOCAL,
            "[::1]:8080",
            "[fd00::1]",
            "192.168.1.7",
            "localhost:8080",
            "LOCALHOST",
            "app.localhost",
            "tasker.test",
            "Tasker.Test:9000",
            "exact.test:81",
        ];
        for host in known {
            assert_eq!(code(&access, &asked(host, None)), None, "{host}");
        }
        let strange = [
            "rebound.example.test:8080",
            "localhost.example.test",
            "notlocalhost",
            "127.0.0.1.example.test",
            "exact.test",
            "exact.test:82",
            "sub.tasker.test",
            "",
        ];
        for host in strange {
            let refused = Some(ErrorCode::HostRefused);
            assert_eq!(code(&access, &asked(host, None)), refused, "{host}");
            // Its own page is of the same origin, and may send what it wants: nobody looks at that token.
            let origin = format!("http://{host}");
            let mut rebound = asked(host, Some(&origin));
            rebound.has_bearer = true;
            assert_eq!(code(&access, &rebound), refused, "{host}");
        }
        assert_eq!(code(&access, &Asked::default()), None);
    }

    #[test]
    fn where_any_name_will_do_none_is_refused_and_a_probe_may_have_any() {
        let strange = asked("engine.internal:8080", None);
        assert_eq!(code(&access("", true), &strange), None);
        for (path, refused) in [
            ("/health", None),
            ("/health/ready", None),
            ("/healthy", Some(ErrorCode::HostRefused)),
            ("/metrics", Some(ErrorCode::HostRefused)),
        ] {
            let probe = Asked { path, ..strange };
            assert_eq!(code(&access("", false), &probe), refused, "{path}");
        }
    }

    #[test]
    fn a_page_of_another_origin_is_refused_and_the_servers_own_and_listed_ones_are_not() {
        let access = access("dashboard.test", false);
        for (host, origin) in [
            (LOCAL, "http://127.0.0.1:8080"),
            ("localhost:8080", "http://localhost:8080"),
            ("localhost", "https://localhost"),
            ("localhost:443", "https://localhost"),
            (LOCAL, "https://dashboard.test"),
            (LOCAL, "http://Dashboard.test:3000"),
        ] {
            assert_eq!(code(&access, &asked(host, Some(origin))), None, "{origin}");
        }
        for origin in [
            "http://example.test",
            "http://127.0.0.1:3000",
            "http://127.0.0.1",
            "http://localhost:8080",
            "null",
            "",
            "http://",
            "127.0.0.1:8080",
            "http://dashboard.test.example.test",
        ] {
            let mut page = asked(LOCAL, Some(origin));
            assert_eq!(
                code(&access, &page),
                Some(ErrorCode::OriginRefused),
                "{origin}"
            );
            let probe = Asked {
                path: "/health",
                ..page
            };
            assert_eq!(
                code(&access, &probe),
                Some(ErrorCode::OriginRefused),
                "{origin}"
            );
            page.has_bearer = true;
            assert_eq!(code(&access, &page), None, "{origin}");
        }
        // Without a host there is no own origin.
        let page = Asked {
            host: None,
            ..asked("", Some("http://127.0.0.1:8080"))
        };
        assert_eq!(code(&access, &page), Some(ErrorCode::OriginRefused));
    }

    #[test]
    fn a_refusal_names_what_was_asked_and_the_remedy() {
        let access = Access::default();
        let refused = access
            .check(&asked("rebound.example.test", None))
            .unwrap_err();
        assert_eq!(refused.details, json!({"host": "rebound.example.test"}));
        assert!(
            refused.message.contains("\"rebound.example.test\""),
            "{}",
            refused.message
        );
        assert!(
            refused.message.contains("TASKER_HOSTS"),
            "{}",
            refused.message
        );
        let refused = access
            .check(&asked(LOCAL, Some("http://example.test")))
            .unwrap_err();
        assert_eq!(
            refused.details,
            json!({"origin": "http://example.test", "host": LOCAL})
        );
        assert!(
            refused.message.contains("\"http://example.test\""),
            "{}",
            refused.message
        );
        assert!(
            refused.message.contains("TASKER_HOSTS"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn a_header_that_is_given_twice_or_is_no_text_fits_nothing() {
        let host = LOCAL.as_bytes();
        assert_eq!(only([].into_iter()), None);
        assert_eq!(only([host].into_iter()), Some(LOCAL));
        assert_eq!(only([host, host].into_iter()), Some(""));
        assert_eq!(only([&b"\xff"[..]].into_iter()), Some(""));
    }

    #[test]
    fn what_is_no_hosts_name_is_refused_with_what_is() {
        for wrong in ["https://tasker.test", "tasker.test/ui", "a b", "*"] {
            let error = wrong.parse::<Hosts>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{wrong:?} is no host's name")),
                "{error}"
            );
        }
        assert_eq!(" ,".parse(), Ok(Hosts::default()));
    }
}
