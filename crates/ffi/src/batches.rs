//! The splitting of a batchable step's work, which is the same in every language.

use std::num::{NonZeroU32, NonZeroU64};

use serde::Deserialize;
use serde_json::{Value, json};
use tasker_core::batches;
use tasker_core::outcome::MAX_BATCHES;

/// What is to be split, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Split {
    total_items: u64,
    batch_size: NonZeroU64,
    #[serde(default)]
    max_workers: Option<NonZeroU32>,
}

impl Split {
    /// A cursor for each batch.
    pub(crate) fn cursors(&self) -> Vec<Value> {
        let workers = self.max_workers.map_or(MAX_BATCHES, NonZeroU32::get);
        batches::split(self.total_items, self.batch_size.get(), workers)
            .map(|range| json!({"start": range.start, "end": range.end}))
            .collect()
    }
}
