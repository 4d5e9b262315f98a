//! The health check of the images: asks an engine or a worker over HTTP how it is.
//!
//! On the standard library alone: it runs every second in every container, and an interpreter's start would cost more
//! than all else that an idle worker does.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long connecting, and each read, may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// More of an answer is not read: health pages are short.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Where to ask: an address that a socket takes, such as `127.0.0.1:8080`, and a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Url {
    /// Host and port.
    pub authority: String,
    /// From the slash on.
    pub path: String,
}

/// Why there is no healthy answer.
#[derive(Debug)]
pub enum Error {
    /// The URL is not one that this program asks.
    Url(String),
    /// No connection, or it broke; the address that was tried.
    Io(String, io::Error),
    /// What answered is no HTTP server; what it said first.
    NotHttp(String),
    /// The status is not 2xx; the status and the body.
    Status(u16, String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(
                formatter,
                "{url:?} is no URL of the form http://HOST:PORT/PATH"
            ),
            Self::Io(address, error) => write!(formatter, "{address}: {error}"),
            Self::NotHttp(line) => write!(formatter, "no HTTP answer, but {line:?}"),
            Self::Status(status, body) => write!(formatter, "status {status}: {body}"),
        }
    }
}

impl Url {
    /// Parses `http://HOST:PORT/PATH`; port and path may be left out.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] for another scheme, no host, or user information.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let wrong = || Error::Url(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || authority.contains(['@', ' ']) || path.contains(' ') {
            return Err(wrong());
        }
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { "" } else { ":80" };
        Ok(Self {
            authority: format!("{authority}{port}"),
            path: format!("/{path}"),
        })
    }

    /// The health page of what listens on an address as `TASKER_BIND` has it.
    #[must_use]
    pub fn health_of(bind: &str) -> Self {
        Self {
            authority: bind.to_owned(),
            path: "/health".to_owned(),
        }
    }
}

/// Asks once, and gives the answer's body.
///
/// # Errors
///
/// [`Error`], when nobody answers within two seconds or the answer is not 2xx.
pub fn get(url: &Url) -> Result<String, Error> {
    let io = |error| Error::Io(url.authority.clone(), error);
    let addresses = url.authority.to_socket_addrs().map_err(io)?;
    let mut stream = connect(addresses).map_err(io)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(io)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(io)?;
    // HTTP/1.0: the answer ends with the connection, in one piece.
    let request = format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n",
        url.path, url.authority
    );
    stream.write_all(request.as_bytes()).map_err(io)?;
    let mut answer = Vec::new();
    stream
        .take(LONGEST_ANSWER)
        .read_to_end(&mut answer)
        .map_err(io)?;
    read(&String::from_utf8_lossy(&answer))
}

fn connect(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn read(answer: &str) -> Result<String, Error> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let line = head.lines().next().unwrap_or_default();
    let status = line
        .strip_prefix("HTTP/")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| Error::NotHttp(line.to_owned()))?;
    let body = body.trim_end().to_owned();
    if (200..300).contains(&status) {
        Ok(body)
    } else {
        Err(Error::Status(status, body))
    }
}
