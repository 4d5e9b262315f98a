//! Reads and checks template files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
pub use tasker_template::Set;
use tasker_template::{Document, Problems, parse};

/// A template that can be registered, as far as people and handlers need to know it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The namespace.
    pub namespace: String,
    /// The name within the namespace.
    pub name: String,
    /// The semantic version.
    pub version: String,
    /// Callables of its steps, in whatever environment, sorted.
    pub callables: Vec<String>,
    /// The same with the methods that are called, sorted.
    pub handlers: Vec<Handler>,
    /// Names of its steps, in whatever environment, sorted.
    pub steps: Vec<String>,
    /// Callable of its task handler, which must fit the template and is never called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_handler: Option<String>,
    /// The whole document as canonical JSON, environments not merged.
    pub document: Box<RawValue>,
}

/// What a step calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Handler {
    /// What the handler is found by.
    pub callable: String,
    /// The method of it.
    pub method: String,
}

/// What was found below some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Valid templates in the order of their files' names.
    pub summaries: Vec<Summary>,
    /// The text of each.
    pub texts: Vec<String>,
    /// What is wrong with the others, with file and line.
    pub problems: Vec<String>,
}

/// Reads every path: a file, or a folder that is searched for `*.yaml` and `*.yml`. A path that cannot be read is a
/// problem, as a template that is not valid is; the others count.
pub fn read(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let (mut files, mut set) = (BTreeSet::new(), Set::default());
    for path in paths {
        find(path, true, &mut BTreeSet::new(), &mut files, &mut found);
    }
    for file in files {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                found.problems.push(unreadable(&file, &error));
                continue;
            }
        };
        match check_in(&mut set, &text, &file.to_string_lossy()) {
            Ok(summary) => {
                found.summaries.push(summary);
                found.texts.push(text);
            }
            Err(Problems(problems)) => {
                let problems = problems.iter().map(ToString::to_string);
                found.problems.extend(problems);
            }
        }
    }
    found
}

/// Checks one template. `file` is the name shown in problems.
pub fn check(text: &str, file: &str) -> Result<Summary, Problems> {
    check_in(&mut Set::default(), text, file)
}

/// Checks a template by itself, and together with those that are in the set already.
pub fn check_in(set: &mut Set, text: &str, file: &str) -> Result<Summary, Problems> {
    let document = parse(text, file)?;
    let summary = summary(&document)?;
    set.add(&document)?;
    Ok(summary)
}

fn summary(document: &Document) -> Result<Summary, Problems> {
    const NO_ENVIRONMENT: &str = "";
    let task_handler = document.merged(NO_ENVIRONMENT)?.task_handler;
    let (handlers, steps) = handlers(document, NO_ENVIRONMENT)?;
    let callables: BTreeSet<_> = handlers.iter().map(|handler| &handler.callable).collect();
    Ok(Summary {
        namespace: document.namespace().to_owned(),
        name: document.name().to_owned(),
        version: document.version().to_owned(),
        callables: callables.into_iter().cloned().collect(),
        handlers,
        steps,
        task_handler: task_handler.map(|handler| handler.callable),
        document: RawValue::from_string(document.canonical_json()).expect("canonical JSON is JSON"),
    })
}

/// The engine alone knows its environment, so a worker offers what its templates call in any of them.
fn handlers(
    document: &Document,
    no_environment: &str,
) -> Result<(Vec<Handler>, Vec<String>), Problems> {
    let mut handlers = BTreeSet::new();
    let mut names = BTreeSet::new();
    for environment in document.environments().into_iter().chain([no_environment]) {
        let merged = document.merged(environment)?;
        for step in merged.steps {
            names.insert(step.name);
            handlers.insert(Handler {
                callable: step.handler.callable,
                method: step.handler.method,
            });
        }
    }
    let names = names.into_iter().collect();
    Ok((handlers.into_iter().collect(), names))
}

/// Collects the template files at or below `path`. Links are followed, each folder once, for build systems make
/// folders of links.
fn find(
    path: &Path,
    named: bool,
    folders: &mut BTreeSet<PathBuf>,
    files: &mut BTreeSet<PathBuf>,
    found: &mut Found,
) {
    let children = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            if named || is_template(path) {
                files.insert(path.to_owned());
            }
            return;
        }
        Ok(_) => path.canonicalize().and_then(|folder| {
            if folders.insert(folder) {
                fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()
            } else {
                Ok(Vec::new())
            }
        }),
        Err(error) => Err(error),
    };
    match children {
        Ok(children) => {
            for child in children {
                find(&child.path(), false, folders, files, found);
            }
        }
        Err(error) if named || is_template(path) => found.problems.push(unreadable(path, &error)),
        // A link that leads nowhere, named like no template.
        Err(_) => {}
    }
}

fn is_template(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str, callable: &str) -> String {
        format!(
            "name: {name}\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
             callable: {callable}\n"
        )
    }

    #[test]
    fn folders_are_searched_for_templates_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("deep/below");
        fs::create_dir_all(&below).expect("folders");
        fs::write(folder.path().join("two.yml"), template("two", "math.Two")).expect("a file");
        fs::write(below.join("one.yaml"), template("one", "math.One")).expect("a file");
        fs::write(below.join("notes.txt"), "not a template").expect("a file");
        std::os::unix::fs::symlink(folder.path(), below.join("loop")).expect("a link");

        let found = read(&[folder.path().to_owned()]);

        assert_eq!(found.problems, Vec::<String>::new());
        let names: Vec<_> = found.summaries.iter().map(|found| &found.name).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(found.summaries[0].callables, ["math.One"]);
        assert_eq!(found.texts[1], template("two", "math.Two"));
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line_and_the_rest_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let bad = folder.path().join("bad.yaml");
        fs::write(&bad, "name: bad\nnamespace_name: math\nsteps: 7\n").expect("a file");
        fs::write(
            folder.path().join("good.yaml"),
            template("good", "math.Good"),
        )
        .expect("a file");
        let missing = folder.path().join("missing");

        let found = read(&[folder.path().to_owned(), missing.clone()]);

        assert_eq!(found.summaries.len(), 1);
        let expected = format!(
            "{}: cannot be read: No such file or directory (os error 2)",
            missing.display()
        );
        assert!(found.problems.contains(&expected), "{:?}", found.problems);
        let start = format!("{}:3:", bad.display());
        assert!(
            found
                .problems
                .iter()
                .any(|problem| problem.starts_with(&start)),
            "{:?}",
            found.problems
        );
    }

    #[test]
    fn one_template_in_two_files_is_fine_until_one_of_them_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |file: &str| folder.path().join(file);
        fs::write(of("order.yaml"), template("order", "math.One")).expect("a file");
        let same = format!("# A copy.\n{}", template("order", "math.One"));
        fs::write(of("order_again.yaml"), same).expect("a file");
        std::os::unix::fs::symlink(of("order.yaml"), of("order_link.yaml")).expect("a link");
        assert_eq!(
            read(&[folder.path().to_owned()]).problems,
            Vec::<String>::new()
        );

        fs::write(of("order_copy.yaml"), template("order", "math.Two")).expect("a file");
        let found = read(&[folder.path().to_owned()]);
        let expected = format!(
            "{}:1:1: math/order 1.0.0 is in {}, too, with other content [DUPLICATE_TEMPLATE]\n  hint: remove one of \
             the two files, or give one template another version",
            of("order_copy.yaml").display(),
            of("order.yaml").display()
        );
        assert_eq!(found.problems, [expected]);
        assert!(
            found
                .summaries
                .iter()
                .all(|found| found.callables == ["math.One"])
        );
    }

    #[test]
    fn callables_of_every_environment_are_offered() {
        let text = template("one", "math.Real")
            + "environments:\n  test:\n    steps:\n      - name: square\n        handler: {callable: math.Fake}\n";
        let summary = check(&text, "one.yaml").expect("a valid template");
        assert_eq!(summary.callables, ["math.Fake", "math.Real"]);
    }

    #[test]
    fn handlers_are_told_with_their_methods() {
        let step = "  - name: cube\n    handler: {callable: math.Power, method: cube}\n";
        let text = template("one", "math.Power") + step;
        let summary = check(&text, "one.yaml").expect("a valid template");
        let handlers: Vec<_> = summary
            .handlers
            .iter()
            .map(|handler| (handler.callable.as_str(), handler.method.as_str()))
            .collect();
        assert_eq!(handlers, [("math.Power", "call"), ("math.Power", "cube")]);
        assert_eq!(summary.callables, ["math.Power"]);
        assert_eq!(summary.steps, ["cube", "square"]);
    }
}
