//! Idempotency keys: who uses one now, and what its first use created.
//!
//! A creation has its key from before it looks the key up until its task is durable; a second use waits for that and
//! then finds the first. Look-ups that come while one is under way share the next.

mod canonical;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use sha2::{Digest, Sha256};
use tasker_core::Time;
use tasker_journal::{self as journal, FirstUse, Journal, Key};
use tasker_protocol::api::CreateTask;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};

use crate::clock::Clock;

use canonical::canonical;

/// Keys that one look-up takes at the most.
const KEYS: usize = 1024;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The keys of this engine. Clones are the same.
#[derive(Clone)]
pub struct Keys {
    /// Each key that is used now, for as long as somebody has it or waits for it.
    used: Arc<std::sync::Mutex<HashMap<Key, Weak<Mutex<()>>>>>,
    lookups: mpsc::Sender<Lookup>,
}

/// A key that a creation has to itself. Dropped when its task is durable, or will not be.
pub struct Held {
    key: Key,
    keys: Keys,
    guard: Option<OwnedMutexGuard<()>>,
}

/// What is asked, and who gets the answer.
pub struct Lookup {
    key: Key,
    reply: oneshot::Sender<Result<Option<FirstUse>, String>>,
}

impl Keys {
    /// Keys that nobody uses, and the look-ups that [`look_up`] is to carry out.
    pub fn new() -> (Keys, mpsc::Receiver<Lookup>) {
        let (lookups, queue) = mpsc::channel(KEYS);
        let used = Arc::default();
        (Keys { used, lookups }, queue)
    }

    /// Has a key alone, once all who asked for it before are done.
    pub async fn hold(&self, key: Key) -> Held {
        let mutex = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = used.entry(key.clone()).or_default();
            entry.upgrade().unwrap_or_else(|| {
                let mutex = Arc::default();
                *entry = Arc::downgrade(&mutex);
                mutex
            })
        };
        Held {
            key,
            keys: self.clone(),
            guard: Some(mutex.lock_owned().await),
        }
    }

    fn forget_unused(&self, key: &Key) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(key).is_some_and(|mutex| mutex.strong_count() == 0) {
            used.remove(key);
        }
    }
}

impl Held {
    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What the key's first use created, if there was one and it still counts. The error says why nobody can know now.
    pub async fn first_use(&self) -> Result<Option<FirstUse>, String> {
        let (reply, answer) = oneshot::channel();
        let lookup = Lookup {
            key: self.key.clone(),
            reply,
        };
        let stopping = "the engine is stopping or recovering";
        let sent = self.keys.lookups.send(lookup).await;
        sent.map_err(|_| stopping.to_owned())?;
        answer.await.map_err(|_| stopping.to_owned())?
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guard = None;
        self.keys.forget_unused(&self.key);
    }
}

/// Carries out look-ups, all that have come at once. A key counts for so many days from its first use on.
pub async fn look_up(
    journal: &Journal,
    clock: &Clock,
    days: u16,
    mut queue: mpsc::Receiver<Lookup>,
) {
    let mut taken = Vec::new();
    while queue.recv_many(&mut taken, KEYS).await > 0 {
        let (keys, replies): (Vec<Key>, Vec<_>) = taken
            .drain(..)
            .map(|lookup| (lookup.key, lookup.reply))
            .unzip();
        let Time(now) = clock.now();
        let since = now - i64::from(days) * MICROS_PER_DAY;
        let uses = journal.first_uses(&keys, since).await;
        answer(uses, replies);
    }
}

fn answer(
    uses: Result<Vec<Option<FirstUse>>, journal::Error>,
    replies: Vec<oneshot::Sender<Result<Option<FirstUse>, String>>>,
) {
    // Who asked may have gone meanwhile.
    match uses {
        Ok(uses) => {
            for (reply, found) in replies.into_iter().zip(uses) {
                let _ = reply.send(Ok(found));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.to_string()));
            }
        }
    }
}

/// Whether a creation has the body that the first use of its key had, of which `first` is the hash.
pub fn is_same_body(create: &CreateTask, hash: &[u8; 32], first: &[u8]) -> bool {
    first == hash || first == former_hash(create)
}

/// SHA-256 of a creation's fields, by which two uses of a key are held against each other. Of the context counts what it
/// says: neither white space, nor the order of members, nor how a string is escaped; numbers count as they are written,
/// for a handler may see `1` and `1.0` as values of two types. Stored: never to be changed for bodies that could be sent
/// before, but with the former one kept as [`former_hash`].
pub fn body_hash(create: &CreateTask) -> [u8; 32] {
    hash_of(create, &canonical(create.context.get()))
}

/// The hash that earlier engines stored: to them the order of the context's members counted, and how its strings are
/// escaped. To be dropped once no key of theirs is kept any more.
fn former_hash(create: &CreateTask) -> [u8; 32] {
    hash_of(create, &without_white_space(create.context.get()))
}

fn hash_of(create: &CreateTask, context: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |field: Option<&str>| match field {
        Some(text) => {
            hash.update((text.len() as u64 + 1).to_be_bytes());
            hash.update(text);
        }
        None => hash.update(0_u64.to_be_bytes()),
    };
    add(Some(&create.namespace));
    add(Some(&create.name));
    add(create.version.as_deref());
    add(Some(context));
    add(create.initiator.as_deref());
    add(create.source_system.as_deref());
    add(create.reason.as_deref());
    add(create.correlation_id.as_deref());
    add(create.parent_correlation_id.as_deref());
    add(Some(&create.priority.to_string()));
    for tag in &create.tags {
        add(Some(tag));
    }
    hash.finalize().into()
}

/// A JSON text without the white space between its tokens.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            if in_string {
                in_string = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            in_string = *character == '"';
            !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMER_B_FIRST: &str = "04d23ba225bb71baa30bdbe9da6e9ed8d6270b8cfd151cf4d3cff547d8b590d6";
    const FORMER_A_FIRST: &str = "58f7ecd7fc0ef6c70b1d43382d79a42939a9d2d3c1ea9596467c5fd8e8bf4812";

    fn hash(body: &str) -> [u8; 32] {
        body_hash(&serde_json::from_str(body).expect("a creation"))
    }

    #[test]
    fn bodies_are_the_same_whose_fields_are_and_whose_contexts_say_the_same() {
        let first = r#"{"name": "n", "namespace": "ns", "context": {"a": [1, 2.0, {"c": 3, "d": 4}], "b": "x y\" z"}}"#;
        let same = [
            r#"{"context":{"a":[1,2.0,{"c":3,"d":4}],"b":"x y\" z"},"namespace":"ns","name":"n","priority":0}"#,
            "{\"name\": \"n\", \"namespace\": \"ns\", \"context\": {\n\t\"a\" : [1, 2.0, {\"c\":3, \"d\":4}], \
             \"b\": \"x y\\\" z\"}}",
            r#"{"name": "n", "namespace": "ns", "tags": [], "initiator": null, "idempotency_key": "k",
                "context": {"a": [1, 2.0, {"c": 3, "d": 4}], "b": "x y\" z"}}"#,
            r#"{"name": "n", "namespace": "ns", "context": {"b": "x y\" z", "a": [1, 2.0, {"d": 4, "c": 3}]}}"#,
            r#"{"name": "n", "namespace": "ns", "context": {"\u0061": [1, 2.0, {"c": 3, "d": 4}], "b": "x\u0020y\" z"}}"#,
        ];
        for body in same {
            assert_eq!(hash(body), hash(first), "{body}");
        }
        let with =
            |context: &str| format!(r#"{{"name": "n", "namespace": "ns", "context": {context}}}"#);
        let and = |field: &str| {
            let body = first.strip_suffix('}').expect("an object");
            format!("{body}, {field}}}")
        };
        let others = [
            with(r#"{"a": [2.0, 1, {"c": 3, "d": 4}], "b": "x y\" z"}"#),
            with(r#"{"a": [1, 2, {"c": 3, "d": 4}], "b": "x y\" z"}"#),
            with(r#"{"a": [1, 2.00, {"c": 3, "d": 4}], "b": "x y\" z"}"#),
            with(r#"{"a": [1, 2.0, {"c": 4, "d": 3}], "b": "x y\" z"}"#),
            with(r#"{"a": [1, 2.0, {"c": 3, "d": 4}], "b": "x  y\" z"}"#),
            with(r#"{"a": [1, 2.0, {"c": 3, "d": 4}]}"#),
            and(r#""tags": [""]"#),
            and(r#""priority": 1"#),
            and(r#""version": "1.0.0""#),
            and(r#""initiator": "i""#),
            and(r#""reason": "i""#),
        ];
        let hashes: std::collections::HashSet<_> = others.iter().map(|body| hash(body)).collect();
        assert_eq!(hashes.len(), others.len());
        assert!(!hashes.contains(&hash(first)));
    }

    #[test]
    fn a_body_has_the_hash_that_it_has_always_had() {
        let body = r#"{"name": "n", "namespace": "ns", "version": "1.0.0", "context": {"a": 1}, "initiator": "i",
                       "source_system": "s", "reason": "r", "tags": ["t", "u"], "priority": -7, "correlation_id": "c",
                       "parent_correlation_id": "p"}"#;
        let hex: String = hash(body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "dcdbc31aba219dedb42f3218297025485b2acdd4845668d254a8d36ab10c3758"
        );
    }

    #[test]
    fn a_key_that_an_earlier_engine_has_stored_counts_for_the_body_as_it_was_sent() {
        let create = |context: &str| {
            let body = format!(r#"{{"name": "n", "namespace": "ns", "context": {context}}}"#);
            serde_json::from_str::<CreateTask>(&body).expect("a creation")
        };
        let is_same =
            |create: &CreateTask, stored: &[u8]| is_same_body(create, &body_hash(create), stored);
        // What earlier engines stored for {"b":1,"a":2}, and for {"a":2,"b":1}, which is the canonical text.
        let stored = [FORMER_B_FIRST, FORMER_A_FIRST].map(|hex| {
            let digits = (0..64)
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
            digits.collect::<Result<Vec<u8>, _>>().expect("digits")
        });
        let (b_first, a_first) = (create(r#"{"b": 1, "a": 2}"#), create(r#"{"a": 2, "b": 1}"#));
        assert!(is_same(&b_first, &stored[0]));
        assert!(is_same(&b_first, &stored[1]) && is_same(&a_first, &stored[1]));
        // The order in which an earlier engine had the members cannot be told from its hash.
        assert!(!is_same(&a_first, &stored[0]));
        assert!(!is_same(&create(r#"{"b": 1, "a": 3}"#), &stored[0]));
    }

    #[tokio::test]
    async fn a_key_is_had_by_one_at_a_time_and_forgotten_after_the_last() {
        let (keys, _queue) = Keys::new();
        let key = |key: &str| Key {
            namespace: "ns".to_owned(),
            key: key.to_owned(),
        };
        let first = keys.hold(key("k")).await;
        let _other = keys.hold(key("other")).await;
        let mut second = Box::pin(keys.hold(key("k")));
        tokio::select! {
            biased;
            _ = &mut second => panic!("the key has somebody"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        let second = second.await;
        assert_eq!(second.key(), &key("k"));
        drop(second);
        let used = keys.used.lock().expect("nobody panicked");
        let used: Vec<&str> = used.keys().map(|key| key.key.as_str()).collect();
        assert_eq!(used, ["other"]);
    }
}
