use super::*;

const VERSIONS: [&str; 3] = ["1.2.0", "1.10.0", "2.0.0-rc.1"];

fn catalog(versions: &[&str]) -> Catalog {
    let catalog = Catalog::default();
    for version in versions {
        let yaml = format!(
            "{{name: orders, namespace_name: shop, version: {version}, steps: [{{name: a, handler: \
             {{callable: shop.A}}}}]}}"
        );
        let document = tasker_template::parse(&yaml, "orders.yaml").expect("valid");
        let merged = document.merged("test").expect("merges");
        let (document_hash, hash) = (document.content_hash(), merged.content_hash());
        let mut known = catalog.known.write().expect("no panic");
        known.insert(&merged, &hash, Some(&document_hash));
        drop(known);
    }
    catalog
}

/// The version that a creation without one takes, or the error's code.
fn default(catalog: &Catalog) -> Result<String, ErrorCode> {
    let found = catalog.find("shop", "orders", None);
    let graph = found.map_err(|error| error.code)?;
    let shown = catalog.shown("shop", "orders", None).expect("it is there");
    assert_eq!((&shown.version, shown.default), (&graph.version, true));
    Ok(graph.version.clone())
}

/// What an operator asks for, done; whether it changed anything.
fn act(catalog: &Catalog, version: &str, action: TemplateAction) -> Result<bool, ErrorDetail> {
    let place = Place {
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        version: version.to_owned(),
    };
    let note = Note {
        at: 1_700_000_000_000_000,
        by: "anna".to_owned(),
        reason: "it loses orders".to_owned(),
    };
    let mark = catalog.decide(&place, action, note)?;
    let changes = mark.is_some();
    if let Some(mark) = mark {
        catalog.mark(&place, mark);
    }
    Ok(changes)
}

#[test]
fn a_task_without_a_version_runs_the_highest_release() {
    let catalog = catalog(&VERSIONS);
    assert_eq!(default(&catalog).as_deref(), Ok("1.10.0"));
    let named = catalog.find("shop", "orders", Some("2.0.0-rc.1"));
    assert_eq!(named.expect("known").version, "2.0.0-rc.1");
}

#[test]
fn what_is_unknown_is_answered_with_what_comes_nearest() {
    let catalog = catalog(&VERSIONS);
    let unknown = |name: &str, version: Option<&str>| {
        let error = catalog.find("shop", name, version).expect_err("unknown");
        assert_eq!(error.code, ErrorCode::TemplateNotFound);
        (error.message, error.details["nearest"].clone())
    };
    let (message, nearest) = unknown("order", None);
    assert_eq!(nearest, json!(["shop/orders"]));
    assert_eq!(
        message,
        "no template shop/order is registered; did you mean shop/orders?"
    );
    let (message, _) = unknown("orders", Some("3.0.0"));
    assert_eq!(
        message,
        "template shop/orders has no version 3.0.0; it has 1.2.0, 1.10.0, 2.0.0-rc.1"
    );
    let (_, nearest) = unknown("a_transfer", None);
    assert_eq!(nearest, json!([]));
}

#[test]
fn new_tasks_do_not_take_a_retired_version_until_it_is_restored() {
    let catalog = catalog(&VERSIONS);
    assert_eq!(act(&catalog, "1.10.0", TemplateAction::Retire), Ok(true));
    assert_eq!(default(&catalog).as_deref(), Ok("1.2.0"));
    let refused = catalog.find("shop", "orders", Some("1.10.0"));
    let refused = refused.expect_err("it is retired");
    assert_eq!(refused.code, ErrorCode::TemplateRetired);
    assert_eq!(
        refused.message,
        "version 1.10.0 of template shop/orders was retired by anna: it loses orders; leave the version out to have \
         1.2.0, or restore it"
    );
    let note =
        json!({"at": "2023-11-14T22:13:20.000000Z", "by": "anna", "reason": "it loses orders"});
    assert_eq!(
        refused.details,
        json!({"retired": note, "default": "1.2.0"})
    );
    // Its tasks are shown with it, and so is it.
    let shown = catalog.shown("shop", "orders", Some("1.10.0"));
    let shown = shown.expect("it is there");
    let retired = serde_json::to_value(&shown.retired).expect("JSON");
    assert_eq!((shown.default, retired), (false, note));

    // A worker that brings it once more has no say in it.
    let again = self::catalog(&["1.10.0"]);
    let merged = again.shown("shop", "orders", None).expect("it is there");
    let version = Version::parse("1.10.0").expect("a version");
    let mut known = catalog.known.write().expect("no panic");
    let template = ("shop".to_owned(), "orders".to_owned());
    let versions = known.templates.get_mut(&template).expect("known");
    versions.insert(version, merged);
    drop(known);
    assert_eq!(default(&catalog).as_deref(), Ok("1.2.0"));

    assert_eq!(act(&catalog, "1.10.0", TemplateAction::Restore), Ok(true));
    assert_eq!(default(&catalog).as_deref(), Ok("1.10.0"));
}

#[test]
fn a_template_all_of_whose_releases_are_retired_has_no_default() {
    let catalog = catalog(&VERSIONS);
    for version in ["1.2.0", "1.10.0"] {
        assert_eq!(act(&catalog, version, TemplateAction::Retire), Ok(true));
    }
    // A pre-release is taken only by who names it.
    let none = catalog
        .find("shop", "orders", None)
        .expect_err("no release");
    assert_eq!(none.code, ErrorCode::TemplateRetired);
    assert_eq!(
        none.message,
        "every release of template shop/orders is retired: 1.2.0, 1.10.0. Restore one, or register a new one"
    );
    assert!(catalog.shown("shop", "orders", None).is_err());
    let named = catalog.find("shop", "orders", Some("2.0.0-rc.1"));
    assert_eq!(named.expect("known").version, "2.0.0-rc.1");
    let refused = catalog.find("shop", "orders", Some("1.2.0"));
    let refused = refused.expect_err("it is retired").message;
    assert!(refused.ends_with("; restore it"), "{refused}");
}

#[test]
fn a_default_that_was_named_counts_whatever_is_registered() {
    let catalog = catalog(&VERSIONS);
    assert_eq!(act(&catalog, "1.2.0", TemplateAction::SetDefault), Ok(true));
    assert_eq!(default(&catalog).as_deref(), Ok("1.2.0"));
    let shown = catalog.shown("shop", "orders", None).expect("it is there");
    assert_eq!(shown.named_default.expect("a note").by, "anna");
    let other = catalog.shown("shop", "orders", Some("1.10.0"));
    assert_eq!(other.expect("it is there").named_default, None);

    // Another one instead, a pre-release too.
    let moved = act(&catalog, "2.0.0-rc.1", TemplateAction::SetDefault);
    assert_eq!(moved, Ok(true));
    assert_eq!(default(&catalog).as_deref(), Ok("2.0.0-rc.1"));
    let cleared = act(&catalog, "2.0.0-rc.1", TemplateAction::ClearDefault);
    assert_eq!(cleared, Ok(true));
    assert_eq!(default(&catalog).as_deref(), Ok("1.10.0"));
}

#[test]
fn what_is_so_already_changes_nothing() {
    let catalog = catalog(&VERSIONS);
    for (action, changes) in [
        (TemplateAction::Restore, false),
        (TemplateAction::ClearDefault, false),
        (TemplateAction::SetDefault, true),
        (TemplateAction::SetDefault, false),
        (TemplateAction::ClearDefault, true),
        (TemplateAction::Retire, true),
        (TemplateAction::Retire, false),
    ] {
        assert_eq!(act(&catalog, "1.2.0", action), Ok(changes), "{action:?}");
    }
}

#[test]
fn what_the_standing_of_a_version_does_not_allow_is_refused_with_the_remedy() {
    let catalog = catalog(&VERSIONS);
    act(&catalog, "1.10.0", TemplateAction::Retire).expect("retired");
    let refused = |version, action| {
        let error = act(&catalog, version, action).expect_err("refused");
        (error.code, error.message, error.details["default"].clone())
    };
    let (code, message, _) = refused("1.10.0", TemplateAction::SetDefault);
    assert_eq!(code, ErrorCode::TemplateRetired);
    assert!(message.ends_with(", or restore it"), "{message}");

    act(&catalog, "1.2.0", TemplateAction::SetDefault).expect("named");
    let (code, message, named) = refused("1.2.0", TemplateAction::Retire);
    assert_eq!(code, ErrorCode::TemplateStateConflict);
    assert_eq!(
        message,
        "version 1.2.0 of template shop/orders is the default that was named for it: name another version first, or \
         clear the default"
    );
    assert_eq!(named, "1.2.0");
    let (code, message, _) = refused("1.10.0", TemplateAction::ClearDefault);
    assert_eq!(code, ErrorCode::TemplateStateConflict);
    assert!(
        message.ends_with("is not the default: 1.2.0 is, clear that"),
        "{message}"
    );
    let (code, ..) = refused("7.0.0", TemplateAction::Retire);
    assert_eq!(code, ErrorCode::TemplateNotFound);
}
