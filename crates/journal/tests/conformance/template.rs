//! A version of a template means one content, whoever registers it, and how operators mark it stays.

use tasker_journal::{Error, Mark, NewTemplate, Note, Registered};

use crate::host::{Host, Journal};

fn template(document: &str, merged: &str) -> NewTemplate {
    NewTemplate {
        namespace: "linear".to_owned(),
        name: "sequence".to_owned(),
        version: "1.0.0".to_owned(),
        document_hash: format!("hash of {document}"),
        document: document.into(),
        merged_hash: format!("hash of {merged}"),
        merged: merged.into(),
    }
}

async fn present(journal: &Journal) -> Vec<(String, String)> {
    let templates = journal.templates().await.unwrap();
    templates
        .into_iter()
        .map(|stored| (stored.document.to_string(), stored.merged.to_string()))
        .collect()
}

fn texts(document: &str, merged: &str) -> Vec<(String, String)> {
    vec![(document.to_owned(), merged.to_owned())]
}

/// Registers one template; other content does not replace what is there.
async fn register(journal: &Journal, document: &str, merged: &str) -> Registered {
    let templates = [template(document, merged)];
    journal.register_templates(&templates, false).await.unwrap()
}

#[tokio::test]
async fn the_same_content_is_nothing_and_other_content_is_a_conflict() {
    let host = Host::start().await;
    let journal = host.open().await;
    let first = register(&journal, "one", "one merged").await;
    assert_eq!(first, Registered::All { changed: 1 });
    let again = register(&journal, "one", "one merged").await;
    assert_eq!(again, Registered::All { changed: 0 });
    let conflict = Registered::Conflict {
        place: 0,
        existing_hash: "hash of one".to_owned(),
    };
    let other = register(&journal, "other", "other merged").await;
    assert_eq!(other, conflict);
    assert_eq!(present(&journal).await, texts("one", "one merged"));
    assert_eq!(journal.template_body("hash of other").await.unwrap(), None);

    let other = [template("other", "other merged")];
    let replaced = journal.register_templates(&other, true).await.unwrap();
    assert_eq!(replaced, Registered::All { changed: 1 });
    assert_eq!(present(&journal).await, texts("other", "other merged"));
    let body = journal.template_body("hash of one merged").await.unwrap();
    assert_eq!(body.as_deref(), Some("one merged"));
}

#[tokio::test]
async fn templates_are_registered_together_or_not_at_all() {
    let host = Host::start().await;
    let journal = host.open().await;
    register(&journal, "one", "one").await;
    let named = |name: &str, document: &str| NewTemplate {
        name: name.to_owned(),
        ..template(document, document)
    };
    let brought = [named("a", "a"), named("sequence", "other"), named("z", "z")];
    let registered = journal.register_templates(&brought, false).await.unwrap();
    let conflict = Registered::Conflict {
        place: 1,
        existing_hash: "hash of one".to_owned(),
    };
    assert_eq!(registered, conflict);
    assert_eq!(present(&journal).await, texts("one", "one"));
    assert_eq!(journal.template_body("hash of a").await.unwrap(), None);

    let brought = [named("a", "a"), named("sequence", "one"), named("z", "z")];
    let registered = journal.register_templates(&brought, false).await.unwrap();
    assert_eq!(registered, Registered::All { changed: 2 });
    let expected = [texts("a", "a"), texts("one", "one"), texts("z", "z")].concat();
    assert_eq!(present(&journal).await, expected);
    let nothing = journal.register_templates(&[], false).await.unwrap();
    assert_eq!(nothing, Registered::All { changed: 0 });
}

#[tokio::test]
async fn a_document_merged_for_another_environment_is_the_same_document() {
    let host = Host::start().await;
    let journal = host.open().await;
    register(&journal, "one", "for production").await;
    let registered = register(&journal, "one", "for test").await;
    assert_eq!(registered, Registered::All { changed: 1 });
    assert_eq!(present(&journal).await, texts("one", "for test"));
}

#[tokio::test]
async fn a_document_that_merging_leaves_as_it_is_is_stored_once() {
    let host = Host::start().await;
    let journal = host.open().await;
    let registered = register(&journal, "one", "one").await;
    assert_eq!(registered, Registered::All { changed: 1 });
    assert_eq!(present(&journal).await, texts("one", "one"));
}

/// Of so many workers that bring other content each, one is the first, and the others are told its hash.
async fn register_at_once(others_besides: &[&str]) {
    let host = Host::start().await;
    let journal = host.open().await;
    let registering = (0..20).map(|n| {
        let journal = journal.clone();
        let besides: Vec<String> = others_besides.iter().map(|&name| name.to_owned()).collect();
        tokio::spawn(async move {
            let document = if n % 2 == 0 { "even" } else { "odd" };
            let besides = besides.into_iter().map(|name| NewTemplate {
                name,
                ..template(document, document)
            });
            let brought: Vec<_> = besides.chain([template(document, document)]).collect();
            let registered = journal.register_templates(&brought, false).await;
            (document, registered.unwrap())
        })
    });
    let mut results = Vec::new();
    for registered in registering.collect::<Vec<_>>() {
        results.push(registered.await.unwrap());
    }
    let all = Registered::All {
        changed: others_besides.len() + 1,
    };
    let mut first = results.iter().filter(|(_, registered)| *registered == all);
    let winner = first.next().expect("one of them is the first").0;
    assert_eq!(first.count(), 0);
    for (document, registered) in results {
        match registered {
            Registered::All { .. } => assert_eq!(document, winner),
            Registered::Conflict { existing_hash, .. } => {
                assert_ne!(document, winner);
                assert_eq!(existing_hash, format!("hash of {winner}"));
            }
        }
    }
    let expected = vec![texts(winner, winner); others_besides.len() + 1].concat();
    assert_eq!(present(&journal).await, expected);
}

#[tokio::test]
async fn many_that_register_at_once_add_one_and_conflict_with_it() {
    register_at_once(&[]).await;
}

#[tokio::test]
async fn many_that_register_several_at_once_add_those_of_one_of_them() {
    register_at_once(&["a", "b"]).await;
}

/// How each version is marked: retired, default.
async fn marks(journal: &Journal) -> Vec<(Option<Note>, Option<Note>)> {
    let templates = journal.templates().await.unwrap();
    let marks =
        |stored: &tasker_journal::StoredTemplate| (stored.retired.clone(), stored.default.clone());
    templates.iter().map(marks).collect()
}

fn note(at: i64) -> Note {
    Note {
        at,
        by: "anna".to_owned(),
        reason: format!("reason {at}"),
    }
}

#[tokio::test]
async fn how_operators_mark_versions_stays_until_they_take_it_back() {
    let host = Host::start().await;
    let journal = host.open().await;
    let version = |version: &str| NewTemplate {
        version: version.to_owned(),
        ..template(version, version)
    };
    let brought = [version("1.0.0"), version("1.1.0")];
    journal.register_templates(&brought, false).await.unwrap();
    let (one, two) = (
        ["linear", "sequence", "1.0.0"],
        ["linear", "sequence", "1.1.0"],
    );
    let mark = async |version, mark| journal.mark_template(version, &mark).await.unwrap();
    assert_eq!(marks(&journal).await, [(None, None), (None, None)]);

    mark(two, Mark::Retired(note(1_700_000_000_123_456))).await;
    mark(two, Mark::Default(note(2))).await;
    // A template has one default.
    mark(one, Mark::Default(note(3))).await;
    let retired = Some(note(1_700_000_000_123_456));
    let expected = [(None, Some(note(3))), (retired, None)];
    assert_eq!(marks(&journal).await, expected);

    // Neither a registration nor another process changes it.
    journal.register_templates(&brought, true).await.unwrap();
    let journal = host.open().await;
    assert_eq!(marks(&journal).await, expected);

    let mark = async |version, mark| journal.mark_template(version, &mark).await.unwrap();
    mark(two, Mark::Retired(note(4))).await;
    // It is not the other that is the default.
    mark(two, Mark::NoDefault).await;
    let expected = [(None, Some(note(3))), (Some(note(4)), None)];
    assert_eq!(marks(&journal).await, expected);
    for _ in 0..2 {
        mark(two, Mark::Restored).await;
        mark(one, Mark::NoDefault).await;
        assert_eq!(marks(&journal).await, [(None, None), (None, None)]);
    }
}

#[tokio::test]
async fn an_engine_that_was_taken_over_registers_and_marks_no_version_any_more() {
    let host = Host::start().await;
    let old = host.open().await;
    register(&old, "one", "one").await;
    let new = host.open_as("engine-2").await;
    let version = ["linear", "sequence", "1.0.0"];
    for mark in [
        Mark::Retired(note(1)),
        Mark::Restored,
        Mark::Default(note(1)),
        Mark::NoDefault,
    ] {
        let refused = old.mark_template(version, &mark).await;
        assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    }
    assert_eq!(marks(&new).await, [(None, None)]);

    let other = NewTemplate {
        version: "1.1.0".to_owned(),
        ..template("other", "other")
    };
    for brought in [other, template("one", "one for test")] {
        let refused = old.register_templates(&[brought], true).await;
        assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    }
    assert_eq!(present(&new).await, texts("one", "one"));
}

#[tokio::test]
async fn what_is_not_registered_is_not_marked() {
    let host = Host::start().await;
    let journal = host.open().await;
    register(&journal, "one", "one").await;
    let version = ["linear", "sequence", "1.1.0"];
    for mark in [Mark::Retired(note(1)), Mark::Default(note(1))] {
        let refused = journal.mark_template(version, &mark).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "version 1.1.0 of template linear/sequence is not registered"
        );
    }
    // There is nothing to take back.
    for mark in [Mark::Restored, Mark::NoDefault] {
        journal.mark_template(version, &mark).await.unwrap();
    }
    assert_eq!(marks(&journal).await, [(None, None)]);
    let brought = NewTemplate {
        version: "1.1.0".to_owned(),
        ..template("two", "two")
    };
    let brought = journal.register_templates(&[brought], false).await;
    assert_eq!(brought.unwrap(), Registered::All { changed: 1 });
    let unmarked = (None, None);
    assert_eq!(marks(&journal).await, [unmarked.clone(), unmarked]);
}
