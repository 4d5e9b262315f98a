//! The health check against servers of every mood.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use tasker_health::{Error, Url, get};

/// A server that answers one request with these bytes; its address, and what it was asked.
fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a whole request");
            request.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).expect("open");
        String::from_utf8(request).expect("ASCII")
    });
    (address, asked)
}

#[test]
fn a_healthy_answer_is_its_body() {
    let (address, asked) = server("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    let url = Url::parse(&format!("http://{address}/health")).expect("a URL");
    assert_eq!(get(&url).expect("healthy"), "ok");
    let request = asked.join().expect("ended");
    assert!(request.starts_with("GET /health HTTP/1.0\r\n"), "{request}");
    assert!(
        request.contains(&format!("\r\nHost: {address}\r\n")),
        "{request}"
    );
}

#[test]
fn a_status_of_503_is_told_with_its_reasons() {
    let (address, _) = server("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: no session");
    let error = get(&Url::health_of(&address)).expect_err("not healthy");
    assert_eq!(error.to_string(), "status 503: not ready: no session");
}

#[test]
fn nobody_there_is_told_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let error = get(&Url::health_of(&address)).expect_err("nobody");
    assert!(
        matches!(&error, Error::Io(tried, _) if *tried == address),
        "{error}"
    );
}

#[test]
fn another_protocol_is_told() {
    let (address, _) = server("SSH-2.0-OpenSSH_9.2\r\n");
    let error = get(&Url::health_of(&address)).expect_err("no HTTP");
    assert_eq!(
        error.to_string(),
        "no HTTP answer, but \"SSH-2.0-OpenSSH_9.2\""
    );
}

#[test]
fn urls_are_read_as_they_are_written() {
    let parsed = |url| Url::parse(url).map(|url| (url.authority, url.path)).ok();
    let some = |authority: &str, path: &str| Some((authority.to_owned(), path.to_owned()));
    assert_eq!(
        parsed("http://0.0.0.0:8080/health"),
        some("0.0.0.0:8080", "/health")
    );
    assert_eq!(parsed("http://engine"), some("engine:80", "/"));
    assert_eq!(parsed("http://[::1]:8081/a/b"), some("[::1]:8081", "/a/b"));
    assert_eq!(parsed("http://[::1]/"), some("[::1]:80", "/"));
    for wrong in [
        "https://a/",
        "a:80",
        "http:///health",
        "http://user@a/",
        "http://a/b c",
    ] {
        assert_eq!(parsed(wrong), None, "{wrong}");
    }
}
