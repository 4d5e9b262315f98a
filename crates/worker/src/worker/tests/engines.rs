//! Several engines.

use super::*;

fn among(engines: &[&FakeEngine]) -> Options {
    let mut options = options(engines[0]);
    options.urls = engines.iter().map(|engine| engine.url()).collect();
    options
}

/// Answers the next request as an engine that stands by.
fn stand_by(engine: &FakeEngine) {
    let mut stream = engine.accept_tcp();
    let body = r#"{"error": {"code": "UNAVAILABLE", "message": "engine b has the tasks"}}"#;
    let length = body.len();
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json";
    write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").expect("answered");
    stream.read_to_end(&mut Vec::new()).expect("hung up");
}

#[test]
fn an_address_where_nobody_listens_is_passed_over() {
    let (gone, there) = (FakeEngine::start(), FakeEngine::start());
    let options = among(&[&gone, &there]);
    drop(gone);
    let worker = Worker::start(options).expect("starts");
    let (mut session, _) = there.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    assert_eq!(dispatched(&worker), [attempt(1)]);
    assert_eq!(health(&worker).0, 200);
}

#[test]
fn a_worker_goes_to_the_engine_that_takes_over_and_names_what_it_holds() {
    let (first, second) = (FakeEngine::start(), FakeEngine::start());
    let worker = Worker::start(among(&[&first, &second])).expect("starts");
    let (mut session, _) = first.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);

    let first_url = first.url();
    drop((session, first));
    stand_by(&second);
    stand_by(&second);
    let mut session = second.accept();
    assert_eq!(session.hello().running, [attempt(1)]);
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    assert_eq!(page.reasons.len(), 2, "{:?}", page.reasons);
    let refused = format!("no session with {first_url}: Connection refused");
    assert!(page.reasons[0].starts_with(&refused), "{}", page.reasons[0]);
    let stands_by = format!(
        "no session with {}: the engine answered 503 Service Unavailable: engine b has the tasks",
        second.url()
    );
    assert_eq!(page.reasons[1], stands_by);
}

#[test]
fn an_address_that_cannot_be_used_is_named_wherever_it_stands() {
    let engine = FakeEngine::start();
    let mut options = options(&engine);
    options.urls.push("engine:8080".to_owned());
    let error = Worker::start(options).expect_err("no address");
    assert_eq!(
        error.to_string(),
        "the engine's address `engine:8080` cannot be used: it must start with http:// (TASKER_URL)"
    );
}
