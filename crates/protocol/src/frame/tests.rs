use super::*;

#[test]
fn numbers_pass_through_digit_for_digit() {
    let digits = "63340286662973277706162286946811886609896461828096";
    let frame = format!(
        r#"{{"outcome": {{"task_uuid": "{0}", "step_uuid": "{0}", "attempt": 1, "success": true,
            "results": {{"result": {digits}, "tiny": 1e400}}}}}}"#,
        Uuid::nil()
    );
    let mut messages = decode::<WorkerMessage>(&frame);
    let WorkerMessage::Outcome(outcome) = messages.remove(0).expect("readable") else {
        panic!("another message");
    };
    let results = outcome.results.as_ref().expect("results").get();
    assert_eq!(results, format!(r#"{{"result": {digits}, "tiny": 1e400}}"#));
    let sent = encode(&[WorkerMessage::Outcome(outcome.clone())]).expect("encodes");
    assert!(sent.contains(results), "{sent}");
}

#[test]
fn an_unknown_message_costs_only_itself() {
    let frame = r#"[{"ready": {"slots": 3}}, {"unheard_of": {"a": 1}}, {"leaving": {}}]"#;
    let messages = decode::<WorkerMessage>(frame);
    assert!(matches!(messages[0], Ok(WorkerMessage::Ready { slots: 3 })));
    let Err(Unreadable::Shape { error, excerpt }) = &messages[1] else {
        panic!("{:?}", messages[1]);
    };
    assert!(error.to_string().contains("unheard_of"), "{error}");
    assert_eq!(excerpt, r#"{"unheard_of": {"a": 1}}"#);
    assert!(matches!(messages[2], Ok(WorkerMessage::Leaving { .. })));
}

#[test]
fn too_many_messages_are_one_error_and_so_is_what_ends_in_the_midst_of_them() {
    let ready = vec![r#"{"ready": {"slots": 3}}"#; MAX_FRAME_MESSAGES];
    let most = ready.join(",");
    let messages = decode::<WorkerMessage>(&format!(" [{most}]"));
    assert_eq!(messages.len(), MAX_FRAME_MESSAGES);
    assert!(messages.iter().all(Result::is_ok));
    let messages = decode::<WorkerMessage>(&format!("[{most}, 0]"));
    assert!(matches!(messages[..], [Err(Unreadable::Crowded(16_385))]));
    let messages = decode::<WorkerMessage>(&format!("[{most}, 0"));
    assert!(matches!(messages[..], [Err(Unreadable::Malformed(_))]));
}

#[test]
fn a_frame_that_is_not_json_is_one_error() {
    for frame in ["{", "[{\"leaving\": {}}, ", "", "nonsense"] {
        let messages = decode::<WorkerMessage>(frame);
        assert_eq!(messages.len(), 1, "{frame}");
        assert!(
            matches!(messages[0], Err(Unreadable::Malformed(_))),
            "{frame}"
        );
    }
}

#[test]
fn a_ready_worker_greets_as_one_of_an_earlier_release_does() {
    let frame = r#"{"hello": {"protocol": [1, 1], "worker_id": "w", "instance": "00000000-0000-0000-0000-000000000001",
        "language": "ruby", "version": "0.1.0", "namespaces": [], "callables": [], "templates": ["t"], "slots": 4,
        "running": []}}"#;
    let mut messages = decode::<WorkerMessage>(frame);
    let WorkerMessage::Hello(hello) = messages.remove(0).expect("readable") else {
        panic!("another message");
    };
    assert_eq!(hello.not_ready, Vec::<String>::new());
    // Such an engine takes no field that it does not know.
    let sent = encode(&[WorkerMessage::Hello(hello)]).expect("encodes");
    assert!(!sent.contains("not_ready"), "{sent}");
}
