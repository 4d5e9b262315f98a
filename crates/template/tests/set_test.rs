//! Templates together: one content for each namespace, name and version.

use tasker_template::{Document, Set, code, parse};

fn order(version: &str, max_attempts: u32, file: &str) -> Document {
    let text = format!(
        "# An order.\nname: order\nnamespace_name: shop\nversion: {version}\nsteps:\n  - name: price\n    handler: \
         {{callable: orders.price}}\n    retry: {{max_attempts: {max_attempts}}}\n"
    );
    parse(&text, file).expect("a valid template")
}

#[test]
fn one_version_with_two_contents_is_a_problem_with_both_places() {
    let mut set = Set::default();
    assert_eq!(set.add(&order("1.0.0", 3, "templates/order.yaml")), Ok(()));
    let copy = order("1.0.0", 4, "templates/order_copy.yaml");
    let problems = set.add(&copy).expect_err("it has other content");
    assert_eq!(problems.0[0].code, code::DUPLICATE_TEMPLATE);
    assert_eq!(
        problems.to_string(),
        "templates/order_copy.yaml:2:1: shop/order 1.0.0 is in templates/order.yaml, too, with other content \
         [DUPLICATE_TEMPLATE]\n  hint: remove one of the two files, or give one template another version"
    );
}

#[test]
fn the_same_content_in_several_files_is_fine() {
    let mut set = Set::default();
    for file in ["templates/order.yaml", "templates/..data/order.yaml"] {
        assert_eq!(set.add(&order("1.0.0", 3, file)), Ok(()));
    }
}

#[test]
fn versions_stand_side_by_side() {
    let mut set = Set::default();
    for (version, max_attempts) in [("1.0.0", 3), ("1.0.1", 4), ("1.0.0+build.2", 5)] {
        assert_eq!(set.add(&order(version, max_attempts, version)), Ok(()));
    }
}
