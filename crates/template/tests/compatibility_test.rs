//! What is told of changed templates: `fixtures/template_changes` has an old and a new template in each file, and the
//! changes below them.
//!
//! `UPDATE_EXPECTED=1 cargo test -p tasker_template --test compatibility_test` writes the changes as they are now.

mod changes;

use std::collections::BTreeSet;
use std::fs;

use tasker_template::compatibility::{ALL, Affects, Severity, compare};

use changes::{Case, cases, document, version};

#[test]
fn every_change_is_told() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut differing = String::new();
    for case in cases() {
        let told: String = case.changes().iter().map(|it| format!("{it}\n")).collect();
        if update {
            let Case { old, new, .. } = &case;
            let text = format!("=== old\n{old}=== new\n{new}=== changes\n{told}");
            fs::write(&case.path, text).expect("the file can be written");
        } else if told != case.expected {
            differing += &format!("--- {} is not\n{told}", case.path.display());
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

#[test]
fn every_kind_that_two_templates_can_show_occurs() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    let told: BTreeSet<&str> = cases
        .iter()
        .flat_map(Case::changes)
        .map(|it| it.code)
        .collect();
    // It takes folders of templates: deployment_test.rs has them.
    let of_folders = ["WORKFLOW_ADDED", "WORKFLOW_REMOVED", "WORKFLOW_RETIRED"];
    let all = told.into_iter().chain(of_folders).collect::<BTreeSet<_>>();
    assert_eq!(all, ALL.iter().map(|kind| kind.code).collect());
}

#[test]
fn every_place_is_in_its_file() {
    for case in cases() {
        for change in case.changes() {
            for (place, text) in [(&change.old, &case.old), (&change.new, &case.new)] {
                let Some(place) = place else { continue };
                let line = text
                    .lines()
                    .nth(place.line as usize - 1)
                    .expect("the line is there");
                assert!(
                    place.column as usize <= line.chars().count() + 1,
                    "{change}"
                );
            }
            assert!(change.old.is_some() || change.new.is_some(), "{change}");
        }
    }
}

#[test]
fn a_template_is_compatible_with_itself() {
    for case in cases() {
        for text in [&case.old, &case.new] {
            let (old, new) = (document(text, "old.yaml"), document(text, "new.yaml"));
            assert_eq!(compare(&old, &new).expect("comparable"), []);
            // What is the same under another version is nothing that breaks anything.
            let newer = document(&version(text, "9.0.0"), "new.yaml");
            assert_eq!(
                compare(&old, &newer).expect("comparable"),
                [],
                "{}",
                case.path.display()
            );
        }
    }
}

#[test]
fn what_matters_most_comes_first() {
    for case in cases() {
        let severities: Vec<Severity> = case.changes().iter().map(|it| it.severity).collect();
        assert!(
            severities.is_sorted_by(|a, b| a >= b),
            "{}",
            case.path.display()
        );
    }
}

#[test]
fn whatever_breaks_something_says_what_to_do() {
    for kind in ALL {
        let case = cases().into_iter().flat_map(|it| it.changes());
        for change in case.filter(|it| it.code == kind.code) {
            assert_eq!(
                change.remedy.is_empty(),
                kind.severity < Severity::Breaking && kind.code != "VERSION_LOWER"
            );
            assert_eq!(
                (change.severity, change.affects),
                (kind.severity, kind.affects)
            );
        }
    }
    assert!(ALL.iter().any(|kind| kind.affects == Affects::Deployment));
}
