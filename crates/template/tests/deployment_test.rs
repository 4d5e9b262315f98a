//! Folders of templates: which are matched, and what those that stay beside the new ones vouch for.

mod changes;

use changes::{document, version};
use tasker_template::compatibility::{Comparison, Told, compare_all};

fn template(name: &str, callable: &str) -> String {
    format!(
        "name: {name}\nnamespace_name: shop\nversion: 1.0.0\nsteps:\n  - name: charge\n    handler: {{callable: \
         {callable}}}\n"
    )
}

fn compared(old: &[&str], new: &[&str]) -> Vec<Comparison> {
    let documents = |texts: &[&str], side: &str| -> Vec<_> {
        let files = texts.iter().enumerate();
        let parsed = files.map(|(number, text)| document(text, &format!("{side}/{number}.yaml")));
        parsed.collect()
    };
    compare_all(&documents(old, "old"), &documents(new, "new")).expect("comparable")
}

/// A workflow, its old and new version, and the codes of its changes.
type Row<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Vec<&'static str>);

fn told(comparisons: &[Comparison]) -> Vec<Row<'_>> {
    let told = comparisons.iter().map(|it| {
        let codes = it.changes.iter().map(|it| it.code).collect();
        (
            it.name.as_str(),
            version_of(&it.old),
            version_of(&it.new),
            codes,
        )
    });
    told.collect()
}

fn version_of(side: &Option<Told>) -> Option<&str> {
    side.as_ref().map(|it| it.version.as_str())
}

#[test]
fn what_left_and_what_came_is_told() {
    let (pay, ship) = (template("pay", "shop.pay"), template("ship", "shop.ship"));
    let compared = compared(&[&pay], &[&ship]);
    assert_eq!(
        told(&compared),
        [
            ("pay", Some("1.0.0"), None, vec!["WORKFLOW_REMOVED"]),
            ("ship", None, Some("1.0.0"), vec!["WORKFLOW_ADDED"]),
        ]
    );
    assert!(!compared[0].is_compatible() && compared[1].is_compatible());
}

#[test]
fn a_workflow_whose_handlers_others_name_may_leave() {
    let (pay, other) = (template("pay", "shop.pay"), template("other", "shop.pay"));
    let left = compared(&[&pay], &[&other]);
    assert_eq!(told(&left)[1].3, ["WORKFLOW_RETIRED"]);
    assert!(left.iter().all(Comparison::is_compatible));
    // Workers serve the namespaces of their templates.
    let elsewhere = other.replace("namespace_name: shop", "namespace_name: store");
    assert!(!compared(&[&pay], &[&elsewhere])[0].is_compatible());
}

#[test]
fn a_callable_that_another_template_names_is_there() {
    let (pay, changed) = (
        template("pay", "shop.pay"),
        version(&template("pay", "shop.settle"), "1.1.0"),
    );
    assert_eq!(
        told(&compared(&[&pay], &[&changed]))[0].3,
        ["CALLABLE_REMOVED"]
    );
    let other = template("other", "shop.pay");
    assert_eq!(
        told(&compared(&[&pay], &[&changed, &other]))[1].3,
        ["HANDLER_CHANGED"]
    );
}

#[test]
fn the_old_template_beside_the_new_one_vouches_for_its_tasks() {
    let pay = template("pay", "shop.pay");
    let changed = version(
        &pay.replace("shop.pay}", "shop.pay, initialization: {bank: one}}"),
        "1.1.0",
    );
    assert_eq!(
        told(&compared(&[&pay], &[&changed]))[0].3,
        ["INITIALIZATION_ADDED"]
    );
    let both = compared(&[&pay], &[&pay, &changed]);
    assert_eq!(told(&both), [("pay", Some("1.0.0"), Some("1.1.0"), vec![])]);
}

#[test]
fn the_old_template_beside_the_new_one_does_not_vouch_for_callers() {
    let pay = template("pay", "shop.pay");
    let narrowed = pay.replace("steps:", "input_schema: {required: [item]}\nsteps:");
    let both = compared(&[&pay], &[&pay, &version(&narrowed, "1.1.0")]);
    assert_eq!(told(&both)[0].3, ["INPUT_SCHEMA_NARROWED"]);
}

#[test]
fn each_old_version_is_held_against_what_takes_its_place() {
    let pay = template("pay", "shop.pay");
    let (second, third) = (
        version(&template("pay", "shop.pay_2"), "2.0.0"),
        version(&pay, "3.0.0"),
    );
    assert_eq!(
        told(&compared(&[&second, &pay], &[&third])),
        [
            ("pay", Some("1.0.0"), Some("3.0.0"), vec![]),
            (
                "pay",
                Some("2.0.0"),
                Some("3.0.0"),
                vec!["CALLABLE_REMOVED"]
            ),
        ]
    );
    // The same version with other content is what the engine would refuse.
    let replaced = version(&template("pay", "shop.pay"), "2.0.0");
    assert_eq!(
        told(&compared(&[&pay, &second], &[&pay, &replaced])),
        [
            ("pay", Some("1.0.0"), Some("1.0.0"), vec![]),
            (
                "pay",
                Some("2.0.0"),
                Some("2.0.0"),
                vec!["VERSION_UNCHANGED", "CALLABLE_REMOVED"]
            ),
        ]
    );
}

#[test]
fn a_prerelease_is_not_what_takes_the_place_of_a_release() {
    let pay = template("pay", "shop.pay");
    let candidate = version(&template("pay", "shop.next"), "2.0.0-rc.1");
    let kept = compared(&[&pay], &[&candidate, &pay]);
    assert_eq!(told(&kept), [("pay", Some("1.0.0"), Some("1.0.0"), vec![])]);
}

#[test]
fn a_template_may_stand_in_a_folder_twice() {
    let pay = template("pay", "shop.pay");
    assert_eq!(told(&compared(&[&pay, &pay], &[&pay, &pay])).len(), 1);
}
