//! What happens to a task, as the journal keeps it: facts that `evolve` turns into state, live and in recovery.
//!
//! A row of the journal holds the records that one commit adds to one task: a version byte, then the list in postcard's
//! format. New kinds and new fields come as new variants at the end; a variant is never changed or removed, because
//! tasks of earlier releases are still read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::outcome::Invalid;
use crate::{Instance, NodeIndex, StepIndex, Time};

/// The version byte of a row's record list.
const FORMAT: u8 = 1;

/// One fact about a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// An attempt was given to a worker. Committed before the dispatch is sent.
    Started {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When.
        at: Time,
        /// The worker's process.
        instance: Instance,
        /// The worker's name.
        worker_id: Arc<str>,
    },
    /// The attempt succeeded. Texts: results, metadata.
    Succeeded {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
    },
    /// The attempt failed. Texts: the failure, metadata.
    Failed {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
        /// What follows.
        next: Next,
    },
    /// The attempt's worker is gone, and nobody knows what its handler did.
    Lost {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When it was given up.
        at: Time,
        /// What follows.
        next: Next,
    },
    /// The attempt was never given to a handler: it has its number and counts for nothing else.
    Undelivered {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When that became known.
        at: Time,
    },
    /// The attempt of a decision step succeeded. Texts: results, metadata.
    Decided {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
        /// The children that it named.
        chosen: Vec<NodeIndex>,
    },
    /// The attempt of a batchable step succeeded. Texts: results, metadata, the batches' cursors.
    Batched {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
        /// How many batches there are.
        batches: u32,
    },
    /// The attempt's handler succeeded with an outcome that its step cannot have: the step is in error. Texts: results,
    /// metadata.
    Rejected {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
        /// What is wrong with it.
        reason: Invalid,
    },
    /// The attempt took longer than it may.
    TimedOut {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When it was given up.
        at: Time,
        /// What follows.
        next: Next,
    },
    /// An outcome of an attempt that had ended without one. It changes nothing but the history. Texts: results or
    /// failure, metadata.
    Late {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When it arrived.
        at: Time,
        /// Whether the handler succeeded.
        success: bool,
    },
    /// An operator gave the step as many attempts again as the template does. Texts: nothing, who and why.
    Retried {
        /// The step.
        step: StepIndex,
        /// When.
        at: Time,
    },
    /// An operator declared the step done, without results. Texts: nothing, who and why.
    Resolved {
        /// The step.
        step: StepIndex,
        /// When.
        at: Time,
    },
    /// An operator completed the step. Texts: results, who and why, the batches' cursors.
    Completed {
        /// The step.
        step: StepIndex,
        /// When.
        at: Time,
        /// The children that a decision step names.
        chosen: Vec<NodeIndex>,
        /// How many batches a batchable step has.
        batches: u32,
    },
    /// The task was cancelled.
    Cancelled {
        /// When.
        at: Time,
    },
    /// The task took longer than it may.
    Expired {
        /// When.
        at: Time,
    },
    /// What the attempt's handler logged. It changes nothing; the outcome that it came with follows. Text: the lines.
    Logged {
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
        /// When its outcome arrived.
        at: Time,
    },
}

/// What follows an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// Another attempt at once.
    Offer,
    /// Another attempt from this time on.
    RetryAt(Time),
    /// None: the step is in error.
    Error,
}

impl Record {
    /// How many texts go with the record in its row.
    pub fn texts(&self) -> usize {
        match self {
            Record::Batched { .. } | Record::Completed { .. } => 3,
            Record::Succeeded { .. }
            | Record::Failed { .. }
            | Record::Decided { .. }
            | Record::Rejected { .. }
            | Record::Late { .. }
            | Record::Retried { .. }
            | Record::Resolved { .. } => 2,
            Record::Logged { .. } => 1,
            Record::Started { .. }
            | Record::Lost { .. }
            | Record::Undelivered { .. }
            | Record::TimedOut { .. }
            | Record::Cancelled { .. }
            | Record::Expired { .. } => 0,
        }
    }

    /// Whether the record's first text is what its step has to show from now on: results or a failure.
    pub fn shows(&self) -> bool {
        matches!(
            self,
            Record::Succeeded { .. }
                | Record::Failed { .. }
                | Record::Decided { .. }
                | Record::Batched { .. }
                | Record::Rejected { .. }
                | Record::Completed { .. }
        )
    }

    /// The step that the record is about; none when it is about the task.
    pub fn step(&self) -> Option<StepIndex> {
        match self {
            Record::Started { step, .. }
            | Record::Succeeded { step, .. }
            | Record::Failed { step, .. }
            | Record::Lost { step, .. }
            | Record::Undelivered { step, .. }
            | Record::Decided { step, .. }
            | Record::Batched { step, .. }
            | Record::Rejected { step, .. }
            | Record::TimedOut { step, .. }
            | Record::Late { step, .. }
            | Record::Retried { step, .. }
            | Record::Resolved { step, .. }
            | Record::Completed { step, .. }
            | Record::Logged { step, .. } => Some(*step),
            Record::Cancelled { .. } | Record::Expired { .. } => None,
        }
    }

    /// Whether an attempt succeeded with an outcome that counts.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Record::Succeeded { .. } | Record::Decided { .. } | Record::Batched { .. }
        )
    }

    /// When it happened.
    pub fn at(&self) -> Time {
        match self {
            Record::Started { at, .. }
            | Record::Succeeded { at, .. }
            | Record::Failed { at, .. }
            | Record::Lost { at, .. }
            | Record::Undelivered { at, .. }
            | Record::Decided { at, .. }
            | Record::Batched { at, .. }
            | Record::Rejected { at, .. }
            | Record::TimedOut { at, .. }
            | Record::Late { at, .. }
            | Record::Retried { at, .. }
            | Record::Resolved { at, .. }
            | Record::Completed { at, .. }
            | Record::Logged { at, .. }
            | Record::Cancelled { at }
            | Record::Expired { at } => *at,
        }
    }
}

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Written by a later release.
    #[error(
        "records of format {0}, this release reads format {FORMAT}: a later release wrote them"
    )]
    Format(u8),
    /// Damaged, or written by a later release.
    #[error("records that cannot be read: {0}")]
    Damaged(#[from] postcard::Error),
    /// Lengths and payload do not fit.
    #[error("records that need {expected} texts of which the row holds {found}")]
    Texts {
        /// Texts that the records need.
        expected: usize,
        /// Texts whose lengths the row gives, or that its payload holds.
        found: usize,
    },
}

/// A row's bytes and payload: the records with the lengths of their texts, and the texts joined.
///
/// `texts` are those of all records in order, as many as [`Record::texts`] says.
pub fn encode<'a>(
    records: &[Record],
    texts: impl IntoIterator<Item = &'a str>,
) -> (Vec<u8>, String) {
    let mut payload = String::new();
    let lengths: Vec<u32> = texts
        .into_iter()
        .map(|text| {
            payload.push_str(text);
            // A text is at most MAX_PAYLOAD_BYTES long.
            text.len() as u32
        })
        .collect();
    let bytes = postcard::to_extend(&(records, lengths), vec![FORMAT])
        .unwrap_or_else(|error| unreachable!("records serialise into memory: {error}"));
    (bytes, payload)
}

/// The records of a row and the lengths of their texts, without its payload.
pub fn outline(bytes: &[u8]) -> Result<(Vec<Record>, Vec<u32>), Error> {
    let (&format, body) = bytes.split_first().unwrap_or((&0, &[]));
    if format != FORMAT {
        return Err(Error::Format(format));
    }
    let (records, lengths): (Vec<Record>, Vec<u32>) = postcard::from_bytes(body)?;
    let expected = records.iter().map(Record::texts).sum();
    let found = lengths.len();
    if found != expected {
        return Err(Error::Texts { expected, found });
    }
    Ok((records, lengths))
}

/// The records of a row and their texts.
pub fn decode<'a>(bytes: &[u8], payload: &'a str) -> Result<(Vec<Record>, Vec<&'a str>), Error> {
    let (records, lengths) = outline(bytes)?;
    let expected = lengths.len();
    let mut texts = Vec::with_capacity(expected);
    let mut rest = payload;
    for length in lengths {
        let Some((text, after)) = rest.split_at_checked(length as usize) else {
            break;
        };
        texts.push(text);
        rest = after;
    }
    if texts.len() != expected || !rest.is_empty() {
        return Err(Error::Texts {
            expected,
            found: texts.len(),
        });
    }
    Ok((records, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            Record::Succeeded {
                step: 3,
                attempt: 2,
                at: Time(1_700_000_000_000_000),
            },
            Record::Started {
                step: 4,
                attempt: 1,
                at: Time(1_700_000_000_000_001),
                instance: Instance::from_u128(9),
                worker_id: "worker-1".into(),
            },
            Record::Failed {
                step: 5,
                attempt: 1,
                at: Time(5),
                next: Next::RetryAt(Time(7)),
            },
        ]
    }

    #[test]
    fn a_row_comes_back_as_it_was() {
        let texts = [r#"{"a": "ä"}"#, "", r#"{"message": "no"}"#, "null"];
        let (bytes, payload) = encode(&records(), texts);
        assert_eq!(payload, texts.concat());
        let (again, read) = decode(&bytes, &payload).expect("reads");
        assert_eq!(again, records());
        assert_eq!(read, texts);
    }

    #[test]
    fn rows_of_earlier_releases_are_read() {
        let expired = [1, 1, 14, 10, 0];
        let (records, texts) = decode(&expired, "").expect("reads");
        assert_eq!(
            (records, texts.len()),
            (vec![Record::Expired { at: Time(5) }], 0)
        );
        let logged = [1, 1, 15, 3, 2, 10, 1, 2];
        let (records, texts) = decode(&logged, "[]").expect("reads");
        let expected = Record::Logged {
            step: 3,
            attempt: 2,
            at: Time(5),
        };
        assert_eq!((&records, texts), (&vec![expected], vec!["[]"]));
        assert_eq!(outline(&logged).expect("reads"), (records, vec![2]));
    }

    #[test]
    fn a_row_without_texts_is_small() {
        let started = &records()[1..2];
        let (bytes, payload) = encode(started, []);
        assert_eq!(payload, "");
        assert!(bytes.len() <= 40, "{} bytes", bytes.len());
    }

    #[test]
    fn a_row_of_a_later_release_or_a_damaged_one_is_an_error() {
        let (mut bytes, payload) = encode(&records(), ["a", "b", "c", "d"]);
        assert!(matches!(
            decode(&bytes, "abc"),
            Err(Error::Texts {
                expected: 4,
                found: 3
            })
        ));
        assert!(matches!(decode(&bytes, "abcde"), Err(Error::Texts { .. })));
        assert!(matches!(
            decode(&bytes[..5], &payload),
            Err(Error::Damaged(_))
        ));
        bytes[0] = 9;
        assert!(matches!(decode(&bytes, &payload), Err(Error::Format(9))));
        assert!(matches!(decode(&[], ""), Err(Error::Format(0))));
    }
}
