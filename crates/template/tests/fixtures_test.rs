//! The example templates are valid and say what the examples' documentation says.

mod fixtures;

use std::fs;
use std::path::Path;

use tasker_template::{Backoff, Document, Retry, Set, parse};

use fixtures::{folder, yaml_files};

fn read(path: &Path) -> Document {
    let text = fs::read_to_string(path).expect("the file can be read");
    match parse(&text, &path.display().to_string()) {
        Ok(document) => document,
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn every_example_is_valid_in_every_environment() {
    for file in yaml_files("python") {
        let document = read(&file);
        for environment in ["production", "test"] {
            if let Err(problems) = document.merged(environment) {
                panic!("{problems}");
            }
        }
    }
}

#[test]
fn the_examples_can_be_brought_together() {
    let mut set = Set::default();
    for file in yaml_files("python") {
        if let Err(problems) = set.add(&read(&file)) {
            panic!("{problems}");
        }
    }
}

#[test]
fn the_linear_workflow_is_a_chain_of_four_steps() {
    let document = read(&folder().join("python/linear_workflow_py.yaml"));
    let template = document.merged("production").expect("valid");
    assert_eq!(template.namespace_name, "linear_workflow_py");
    assert_eq!(template.name, "mathematical_sequence_py");
    assert_eq!(template.version, "1.0.0");
    assert_eq!(
        template.metadata.tags,
        [
            "namespace:linear_workflow_py",
            "implementation:python_ffi",
            "language:python",
            "type_safety:runtime",
        ]
    );
    assert_eq!(template.steps.len(), 4);
    let mut before = Vec::new();
    for (number, step) in (1..).zip(&template.steps) {
        assert_eq!(step.name, format!("linear_step_{number}"));
        assert_eq!(
            step.handler.callable,
            format!("linear_workflow.step_handlers.LinearStep{number}Handler")
        );
        assert_eq!(step.handler.method, "call");
        assert_eq!(step.dependencies, before);
        assert_eq!(step.timeout_seconds, Some(30.0));
        assert_eq!(
            step.retry,
            Retry {
                retryable: true,
                max_attempts: 3,
                backoff: Backoff::Exponential,
                backoff_base_ms: 1_000,
                max_backoff_ms: 30_000,
            }
        );
        before = vec![step.name.clone()];
    }
}

#[test]
fn the_linear_workflow_retries_quickly_in_tests() {
    let document = read(&folder().join("python/linear_workflow_py.yaml"));
    for step in document.merged("test").expect("valid").steps {
        assert_eq!(step.retry.backoff_base_ms, 50, "{}", step.name);
        assert_eq!(step.retry.max_backoff_ms, 30_000, "{}", step.name);
        assert_eq!(step.timeout_seconds, Some(30.0), "{}", step.name);
    }
}
