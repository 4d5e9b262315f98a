//! Where the engine is, and what a worker says when it knocks.

use std::fmt;

use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest,
    handshake::client::Request,
    http::{HeaderValue, Uri, header::AUTHORIZATION},
};

use crate::Error;

/// The path of the worker session.
const PATH: &str = "/v1/worker";

/// The engine's address and the request that opens a session there.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: String,
    host: String,
    port: u16,
    request: Request,
}

impl Endpoint {
    pub(crate) fn new(url: &str, token: Option<&str>) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Url {
            url: url.to_owned(),
            reason,
        };
        let uri: Uri = url.parse().map_err(|error| wrong(format!("{error}")))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(wrong(
                    "this worker speaks no TLS; use http:// to a proxy on this machine or a private network".to_owned(),
                ));
            }
            _ => return Err(wrong("it must start with http://".to_owned())),
        }
        let Some(authority) = uri.authority() else {
            return Err(wrong("it names no host".to_owned()));
        };
        let host = authority.host();
        let base = uri.path().trim_end_matches('/');
        let session = format!("ws://{authority}{base}{PATH}");
        let mut request = session
            .into_client_request()
            .map_err(|error| wrong(error.to_string()))?;
        if let Some(token) = token {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::Token)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(Self {
            url: url.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            request,
        })
    }

    /// Host and port to connect to.
    pub(crate) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The request that asks for a session.
    pub(crate) fn request(&self) -> Request {
        self.request.clone()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_below_the_engines_address() {
        for (url, session, address) in [
            (
                "http://127.0.0.1:8080",
                "ws://127.0.0.1:8080/v1/worker",
                ("127.0.0.1", 8080),
            ),
            (
                "http://engine:81/tasker/",
                "ws://engine:81/tasker/v1/worker",
                ("engine", 81),
            ),
            (
                "http://[::1]:8080/",
                "ws://[::1]:8080/v1/worker",
                ("::1", 8080),
            ),
            ("http://engine", "ws://engine/v1/worker", ("engine", 80)),
        ] {
            let endpoint = Endpoint::new(url, Some("secret")).expect("a good address");
            let request = endpoint.request();
            assert_eq!(request.uri(), session);
            assert_eq!(request.headers()[AUTHORIZATION], "Bearer secret");
            assert_eq!(endpoint.address(), address);
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_says_why() {
        for (url, reason) in [
            (
                "https://engine:8080",
                "the engine's address `https://engine:8080` cannot be used: this worker speaks no TLS; \
                 use http:// to a proxy on this machine or a private network (TASKER_URL)",
            ),
            (
                "engine:8080",
                "the engine's address `engine:8080` cannot be used: it must start with http:// (TASKER_URL)",
            ),
            (
                "",
                "the engine's address `` cannot be used: empty string (TASKER_URL)",
            ),
        ] {
            let Err(error) = Endpoint::new(url, None) else {
                panic!("{url} was taken");
            };
            assert_eq!(error.to_string(), reason);
        }
        let error = Endpoint::new("http://engine:8080", Some("a\nb")).err();
        assert!(matches!(error, Some(Error::Token)));
    }
}
