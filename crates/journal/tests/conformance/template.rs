//! A version of a template means one content, whoever registers it.

use tasker_journal::{NewTemplate, Registered};

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

#[tokio::test]
async fn the_same_content_is_nothing_and_other_content_is_a_conflict() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (one, other) = (
        template("one", "one merged"),
        template("other", "other merged"),
    );
    assert_eq!(
        journal.register_template(&one, false).await.unwrap(),
        Registered::Added
    );
    assert_eq!(
        journal.register_template(&one, false).await.unwrap(),
        Registered::Same
    );
    let existing_hash = "hash of one".to_owned();
    assert_eq!(
        journal.register_template(&other, false).await.unwrap(),
        Registered::Conflict {
            existing_hash: existing_hash.clone()
        }
    );
    assert_eq!(present(&journal).await, texts("one", "one merged"));
    assert_eq!(journal.template_body("hash of other").await.unwrap(), None);

    assert_eq!(
        journal.register_template(&other, true).await.unwrap(),
        Registered::Replaced { existing_hash }
    );
    assert_eq!(present(&journal).await, texts("other", "other merged"));
    assert_eq!(
        journal
            .template_body("hash of one merged")
            .await
            .unwrap()
            .as_deref(),
        Some("one merged")
    );
}

#[tokio::test]
async fn a_document_merged_for_another_environment_is_the_same_document() {
    let host = Host::start().await;
    let journal = host.open().await;
    journal
        .register_template(&template("one", "for production"), false)
        .await
        .unwrap();
    let registered = journal
        .register_template(&template("one", "for test"), false)
        .await
        .unwrap();
    assert_eq!(registered, Registered::Same);
    assert_eq!(present(&journal).await, texts("one", "for test"));
}

#[tokio::test]
async fn a_document_that_merging_leaves_as_it_is_is_stored_once() {
    let host = Host::start().await;
    let journal = host.open().await;
    assert_eq!(
        journal
            .register_template(&template("one", "one"), false)
            .await
            .unwrap(),
        Registered::Added
    );
    assert_eq!(present(&journal).await, texts("one", "one"));
}

#[tokio::test]
async fn many_that_register_at_once_add_one_and_conflict_with_it() {
    let host = Host::start().await;
    let mut journals = Vec::new();
    for n in 0..20 {
        journals.push(host.open_as(&format!("engine-{n}")).await);
    }
    let registering = journals.into_iter().enumerate().map(|(n, journal)| {
        tokio::spawn(async move {
            let document = if n % 2 == 0 { "even" } else { "odd" };
            let registered = journal
                .register_template(&template(document, document), false)
                .await
                .unwrap();
            (document, registered)
        })
    });
    let mut results = Vec::new();
    for registered in registering.collect::<Vec<_>>() {
        results.push(registered.await.unwrap());
    }
    let (winner, _) = *results
        .iter()
        .find(|(_, registered)| *registered == Registered::Added)
        .expect("one of them is the first");
    let existing_hash = format!("hash of {winner}");
    assert_eq!(
        results
            .iter()
            .filter(|(_, registered)| *registered == Registered::Added)
            .count(),
        1
    );
    for (document, registered) in results {
        match registered {
            Registered::Added | Registered::Same => assert_eq!(document, winner),
            other => {
                assert_ne!(document, winner);
                assert_eq!(
                    other,
                    Registered::Conflict {
                        existing_hash: existing_hash.clone()
                    }
                );
            }
        }
    }
}
