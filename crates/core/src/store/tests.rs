//! What is let go of, what is read again, and for whom.

use std::sync::Arc;

use serde_json::value::RawValue;
use tasker_protocol::Json;
use uuid::Uuid;

use super::*;
use crate::engine::Part;
use crate::texts::Request;
use crate::{StepIndex, Time};

const ONE: TaskId = Uuid::from_u128(1);
const TWO: TaskId = Uuid::from_u128(2);

fn json(text: &str) -> Json {
    let raw = RawValue::from_string(text.to_owned());
    raw.expect("JSON").into()
}

fn texts(context: &str) -> TaskTexts {
    TaskTexts::new(Request::default(), json(context))
}

fn outcome(body: &str, metadata: Option<&str>) -> Texts {
    Texts {
        body: json(body),
        metadata: metadata.map(json),
        cursors: None,
    }
}

fn succeeded(step: StepIndex) -> Record {
    Record::Succeeded {
        step,
        attempt: 1,
        at: Time(1),
    }
}

fn part(task: TaskId, outcomes: &[(StepIndex, &Texts)]) -> Part {
    let mut texts: Vec<Arc<str>> = Vec::new();
    for (_, outcome) in outcomes {
        let metadata = outcome.metadata.as_ref();
        texts.push(outcome.body.get().into());
        texts.push(metadata.map_or("", |metadata| metadata.get()).into());
    }
    Part {
        task,
        created: outcomes.is_empty(),
        first: 1,
        records: outcomes.iter().map(|(step, _)| succeeded(*step)).collect(),
        texts,
    }
}

/// Keeps outcomes of a task, in one commit that is durable then. The payload of its row.
fn commit(store: &mut Store<u32>, task: TaskId, outcomes: &[(StepIndex, &Texts)]) -> String {
    for (step, texts) in outcomes {
        store.keep(task, &succeeded(*step), texts);
    }
    let part = part(task, outcomes);
    let payload = part.texts.concat();
    store.sealed(&Commit { tasks: vec![part] });
    store.committed();
    payload
}

fn context(store: &mut Store<u32>, task: TaskId) -> Result<String, Absent> {
    let look = store.look(task, |look| look.context().get().to_owned());
    look.expect("a task")
}

fn step(store: &mut Store<u32>, task: TaskId, step: StepIndex) -> Result<Vec<String>, Absent> {
    let look = store.look(task, |look| {
        look.step(step).map_or_else(Vec::new, |texts| {
            let all = [&texts.body].into_iter().chain(&texts.metadata);
            all.map(|json| json.get().to_owned()).collect()
        })
    });
    look.expect("a task")
}

fn absent(task: TaskId, slots: &[Slot]) -> Absent {
    Absent {
        task,
        slots: slots.to_vec(),
    }
}

fn wanted(task: TaskId, row: u32) -> Wanted {
    Wanted { task, row }
}

fn found(store: &mut Store<u32>, texts: &[&str]) {
    let texts: Vec<_> = texts.iter().map(|text| Some((*text).to_owned())).collect();
    store.found(&texts).expect("found");
}

/// A store that keeps nothing that is durable, with a task that has a context and two rows.
fn trimmed() -> (Store<u32>, [String; 2]) {
    let mut store = Store::new(0);
    store.create(ONE, texts(r#"{"of": 1}"#));
    commit(&mut store, ONE, &[]);
    let (a, b, c) = (
        outcome(r#""ä""#, Some("[7]")),
        outcome("2", None),
        outcome("3", None),
    );
    let first = commit(&mut store, ONE, &[(0, &a), (1, &b)]);
    let second = commit(&mut store, ONE, &[(2, &c)]);
    store.trim();
    assert_eq!(store.bytes(), 0);
    (store, [first, second])
}

#[test]
fn what_is_not_durable_stays_in_memory_and_what_is_goes_when_the_budget_is_used_up() {
    let mut store: Store<u32> = Store::new(0);
    store.create(ONE, texts("11"));
    store.trim();
    assert_eq!(context(&mut store, ONE), Ok("11".to_owned()));
    let result = outcome("2", None);
    store.keep(ONE, &succeeded(0), &result);
    store.sealed(&Commit {
        tasks: vec![part(ONE, &[(0, &result)])],
    });
    store.trim();
    assert_eq!(step(&mut store, ONE, 0), Ok(vec!["2".to_owned()]));
    store.committed();
    store.trim();
    assert_eq!(store.bytes(), 0);
    assert_eq!(context(&mut store, ONE), Err(absent(ONE, &[Slot::Context])));
    assert_eq!(step(&mut store, ONE, 0), Err(absent(ONE, &[Slot::Step(0)])));
}

#[test]
fn a_reading_is_for_all_who_wait_and_each_text_is_read_once() {
    let (mut store, [first, second]) = trimmed();
    store.create(TWO, texts("22"));
    commit(&mut store, TWO, &[]);
    store.trim();
    store.wait(vec![absent(ONE, &[Slot::Step(1), Slot::Step(2)])], 10);
    store.wait(vec![absent(ONE, &[Slot::Step(0), Slot::Context])], 11);
    store.wait(vec![absent(TWO, &[Slot::Context])], 20);
    let expected = vec![
        wanted(ONE, 0),
        wanted(ONE, 1),
        wanted(ONE, 2),
        wanted(TWO, 0),
    ];
    assert_eq!(store.read(), Some(expected));
    store.wait(vec![absent(ONE, &[Slot::Step(1)])], 12);
    assert_eq!(store.read(), None, "one reading at a time");
    assert!(store.ready().is_empty());
    found(&mut store, &[r#"{"of": 1}"#, &first, &second, "22"]);
    assert_eq!(store.ready(), [10, 11, 20, 12]);
    assert_eq!(context(&mut store, ONE), Ok(r#"{"of": 1}"#.to_owned()));
    let own = |texts: &[&str]| Ok(texts.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(step(&mut store, ONE, 0), own(&[r#""ä""#, "[7]"]));
    assert_eq!(step(&mut store, ONE, 1), own(&["2"]));
    assert_eq!(step(&mut store, ONE, 2), own(&["3"]));
    assert_eq!((store.read(), store.readings()), (None, 1));
    store.trim();
    assert_eq!(store.bytes(), 0);
}

#[test]
fn texts_that_somebody_waits_for_stay_until_he_has_all_of_them() {
    let (mut store, [first, second]) = trimmed();
    store.wait(vec![absent(ONE, &[Slot::Step(0)])], 1);
    assert_eq!(store.read(), Some(vec![wanted(ONE, 1)]));
    store.wait(vec![absent(ONE, &[Slot::Step(0), Slot::Step(2)])], 2);
    found(&mut store, &[&first]);
    assert_eq!(store.ready(), [1]);
    store.trim();
    assert_eq!(store.read(), Some(vec![wanted(ONE, 2)]), "the rest");
    store.trim();
    found(&mut store, &[&second]);
    assert_eq!(store.ready(), [2]);
    assert!(step(&mut store, ONE, 0).is_ok() && step(&mut store, ONE, 2).is_ok());
}

#[test]
fn what_was_used_last_goes_last() {
    let length = texts("11").payload.bytes();
    let mut store: Store<u32> = Store::new(2 * length);
    let tasks: Vec<TaskId> = (1..=3).map(Uuid::from_u128).collect();
    for task in &tasks {
        store.create(*task, texts("11"));
        commit(&mut store, *task, &[]);
        if *task != tasks[2] {
            store.trim();
        }
    }
    assert!(context(&mut store, tasks[0]).is_ok());
    store.trim();
    assert_eq!(store.bytes(), 2 * length);
    let kept = tasks.iter().map(|task| context(&mut store, *task).is_ok());
    assert_eq!(kept.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn who_waits_for_a_task_that_leaves_or_shows_something_else_by_then_looks_again() {
    let (mut store, [first, _]) = trimmed();
    store.wait(vec![absent(ONE, &[Slot::Step(0)])], 1);
    assert_eq!(store.read(), Some(vec![wanted(ONE, 1)]));
    let again = outcome("8", None);
    store.keep(ONE, &succeeded(0), &again);
    found(&mut store, &[&first]);
    assert_eq!(store.ready(), [1]);
    assert_eq!(step(&mut store, ONE, 0), Ok(vec!["8".to_owned()]));
    store.wait(vec![absent(ONE, &[Slot::Step(1)])], 2);
    store.remove(ONE);
    assert_eq!((store.ready(), store.read()), (vec![2], None));
    assert_eq!((store.get(ONE).is_none(), store.bytes()), (true, 0));
}

#[test]
fn a_row_that_is_gone_or_damaged_is_an_error_with_its_task() {
    let (mut store, _) = trimmed();
    store.wait(vec![absent(ONE, &[Slot::Step(0)])], 1);
    store.read();
    let gone = store.found(&[None]).expect_err("gone").to_string();
    assert_eq!(
        gone,
        format!("the journal has no row 1 of task {ONE} any more")
    );
    store.read();
    let damaged = store.found(&[Some("{".to_owned())]).expect_err("damaged");
    assert!(matches!(
        damaged,
        Error::Damaged {
            task: ONE,
            row: 1,
            ..
        }
    ));
}
