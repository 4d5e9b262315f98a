//! What people read when a template is wrong: `fixtures/task_templates/invalid` has a template for each mistake, and
//! beside it the message.
//!
//! `UPDATE_EXPECTED=1 cargo test -p tasker_template --test invalid_test` writes the messages as they are now.

mod fixtures;
mod places;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tasker_template::{Problems, code, parse};

use fixtures::{folder, yaml_files};

/// Every template of the folder with its message.
fn invalid() -> Vec<(PathBuf, Problems)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let name = path.file_name().expect("a file has a name");
        match parse(&text, &name.to_string_lossy()) {
            Ok(_) => panic!("{} is valid", path.display()),
            Err(problems) => (path, problems),
        }
    };
    yaml_files("invalid").into_iter().map(read).collect()
}

#[test]
fn every_mistake_has_its_message() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut differing = String::new();
    for (path, problems) in invalid() {
        let expected = path.with_extension("expected");
        let message = format!("{problems}\n");
        if update {
            fs::write(&expected, message).expect("the file can be written");
        } else if fs::read_to_string(&expected).unwrap_or_default() != message {
            differing += &format!("--- {} is not\n{message}", expected.display());
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

#[test]
fn no_message_is_left_without_its_template() {
    for entry in fs::read_dir(folder().join("invalid")).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let beside = match path.extension().and_then(|it| it.to_str()) {
            Some("yaml") => path.with_extension("expected"),
            Some("expected") => path.with_extension("yaml"),
            _ => panic!("{} is neither", path.display()),
        };
        assert!(beside.exists(), "{} is missing", beside.display());
    }
}

#[test]
fn every_code_occurs() {
    let invalid = invalid();
    assert!(invalid.len() >= 60, "{}", invalid.len());
    let occurring: BTreeSet<&str> = invalid
        .iter()
        .flat_map(|(_, problems)| problems.0.iter().map(|problem| problem.code))
        // It takes two templates: set_test.rs has them.
        .chain([code::DUPLICATE_TEMPLATE])
        .collect();
    assert_eq!(occurring, code::ALL.iter().copied().collect());
}

#[test]
fn every_place_is_in_the_file() {
    for (path, problems) in invalid() {
        let text = fs::read_to_string(&path).expect("the file can be read");
        places::assert_within(&problems, &text);
    }
}
