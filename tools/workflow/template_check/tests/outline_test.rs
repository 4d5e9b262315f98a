//! Outlines of templates, and what is said of those that are wrong.

use std::fs;

use serde_json::{Value, json};
use tasker_template_check::check;

const ORDER: &str = "\
name: order
namespace_name: shop
version: 1.0.0
task_handler: {callable: orders.OrderHandler}
steps:
  - name: price
    handler: {callable: orders.price}
  - name: route
    type: decision
    dependencies: [price]
    handler:
      callable: orders.Route
      method: choose
  - name: charge
    dependencies: [route]
    handler: {callable: orders.charge}
environments:
  test:
    steps:
      - name: charge
        handler: {callable: orders.pretend}
";

fn checked(texts: &[(&str, &str)]) -> Result<Vec<Value>, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for (name, text) in texts {
        fs::write(path(name), text).expect("a file");
    }
    let files: Vec<String> = texts.iter().map(|(name, _)| path(name)).collect();
    let prefix = format!("{}/", folder.path().display());
    let outlines = check(&files).map_err(|problems| {
        problems
            .iter()
            .map(|it| it.replace(&prefix, ""))
            .collect::<Vec<_>>()
    })?;
    Ok(outlines.iter().map(|outline| json!(outline)).collect())
}

#[test]
fn handlers_of_every_environment_are_told_with_their_places() {
    let outlines = checked(&[("order.yaml", ORDER)]).expect("valid");
    let handlers: Vec<_> = outlines[0]["handlers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            json!([
                it["step"],
                it["line"],
                it["callable"],
                it["method"],
                it["step_type"],
                it["dependencies"]
            ])
        })
        .collect();
    assert_eq!(
        handlers,
        [
            json!(["charge", 16, "orders.charge", "call", "standard", ["route"]]),
            json!([
                "charge",
                21,
                "orders.pretend",
                "call",
                "standard",
                ["route"]
            ]),
            json!(["price", 7, "orders.price", "call", "standard", []]),
            json!(["route", 12, "orders.Route", "choose", "decision", ["price"]]),
        ]
    );
    let task_handler = json!({"callable": "orders.OrderHandler", "line": 4, "column": 26});
    assert_eq!(outlines[0]["task_handler"], task_handler);
    assert_eq!(outlines[0]["document"]["name"], "order");
}

#[test]
fn all_that_is_wrong_with_all_files_is_told() {
    let problems = checked(&[
        ("order.yaml", ORDER),
        ("again.yaml", &ORDER.replace("orders.price", "orders.cost")),
        (
            "other.yaml",
            &ORDER
                .replace("[price]", "[prize]")
                .replace("name: order", "name: other"),
        ),
    ])
    .expect_err("two are wrong");
    let first_lines: Vec<_> = problems
        .iter()
        .map(|it| it.lines().next().expect("a line"))
        .collect();
    assert_eq!(
        first_lines,
        [
            "again.yaml:1:1: shop/order 1.0.0 is in order.yaml, too, with other content [DUPLICATE_TEMPLATE]",
            "other.yaml:10:20: no step has the name \"prize\" [UNKNOWN_DEPENDENCY]",
        ]
    );
}

#[test]
fn a_file_that_is_missing_is_told() {
    let problems = check(&["no/such.yaml".to_owned()]).expect_err("missing");
    assert_eq!(
        problems,
        ["no/such.yaml: cannot be read: No such file or directory (os error 2)"]
    );
}
