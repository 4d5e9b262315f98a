//! How a batchable step's work is split, and the cursors that say so.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tasker_protocol::Json;

use crate::outcome::MAX_BATCHES;

/// Splits `total_items` items into min(ceil(total_items / batch_size), max_workers) ranges: contiguous, from 0, their
/// ends exclusive, their lengths differing by at most one, longer ones first. A `batch_size` of 0 counts as 1; there
/// are never more than [`MAX_BATCHES`].
pub fn split(
    total_items: u64,
    batch_size: u64,
    max_workers: u32,
) -> impl ExactSizeIterator<Item = Range<u64>> {
    let wanted = total_items.div_ceil(batch_size.max(1));
    let count = wanted.min(u64::from(max_workers.min(MAX_BATCHES))) as u32;
    let (length, longer) = match u64::from(count) {
        0 => (0, 0),
        count => (total_items / count, total_items % count),
    };
    (0..count).map(move |batch| {
        let start = |batch: u64| batch * length + batch.min(longer);
        start(u64::from(batch))..start(u64::from(batch) + 1)
    })
}

/// What a cursor must have; its `data` is whatever the handler likes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor<'a> {
    start: u64,
    end: u64,
    #[serde(borrow, default, rename = "data")]
    _data: Option<&'a RawValue>,
}

/// The cursors of an outcome's `batches`, each as its JSON text; or what is wrong with them.
pub fn cursors(batches: &Json) -> Result<Arc<[Json]>, String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(batches.get())
        .map_err(|error| format!("`batches` is no list of cursors: {error}"))?;
    for (number, item) in (1..).zip(&items) {
        let cursor: Cursor<'_> = serde_json::from_str(item.get())
            .map_err(|error| format!("cursor {number} of `batches`: {error}"))?;
        if cursor.start > cursor.end {
            let Cursor { start, end, .. } = cursor;
            return Err(format!(
                "cursor {number} of `batches`: its start, {start}, is after its end, {end}"
            ));
        }
    }
    Ok(items.into_iter().map(Json::from).collect())
}

/// The text of a list of cursors.
pub fn text(cursors: &[Json]) -> String {
    let items: Vec<&str> = cursors.iter().map(|cursor| cursor.get()).collect();
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Json {
        RawValue::from_string(text.to_owned()).expect("JSON").into()
    }

    #[test]
    fn a_thousand_rows_become_five_batches() {
        let ranges: Vec<_> = split(1000, 200, 5).collect();
        assert_eq!(ranges, [0..200, 200..400, 400..600, 600..800, 800..1000]);
        assert_eq!(split(0, 200, 5).len(), 0);
        assert_eq!(split(7, 3, 2).collect::<Vec<_>>(), [0..4, 4..7]);
        assert_eq!(split(u64::MAX, 1, u32::MAX).len(), 100_000);
    }

    #[test]
    fn cursors_are_kept_as_written() {
        let text = r#"[{"start": 0, "end": 5}, {"start":5,"end":9,"data":{"big":1e400}}]"#;
        let cursors = cursors(&json(text)).expect("cursors");
        assert_eq!(
            cursors[1].get(),
            r#"{"start":5,"end":9,"data":{"big":1e400}}"#
        );
        assert_eq!(
            super::text(&cursors),
            r#"[{"start": 0, "end": 5},{"start":5,"end":9,"data":{"big":1e400}}]"#
        );
    }

    #[test]
    fn what_is_wrong_with_a_cursor_is_said_with_its_number() {
        let error = |text: &str| cursors(&json(text)).expect_err("no cursors");
        assert!(error("{}").starts_with("`batches` is no list of cursors: "));
        assert!(
            error(r#"[{"start": 0, "end": 1}, {"start": -1, "end": 1}]"#)
                .starts_with("cursor 2 of `batches`: ")
        );
        assert_eq!(
            error(r#"[{"start": 3, "end": 1}]"#),
            "cursor 1 of `batches`: its start, 3, is after its end, 1"
        );
        assert!(error(r#"[{"start": 0, "end": 1, "stop": 1}]"#).contains("unknown field `stop`"));
    }

    proptest! {
        #[test]
        fn ranges_cover_all_items_once_and_differ_by_at_most_one(
            total in 0u64..100_000, size in 0u64..1000, workers in 1u32..1000
        ) {
            let ranges: Vec<_> = split(total, size, workers).collect();
            let wanted = total.div_ceil(size.max(1)).min(u64::from(workers));
            prop_assert_eq!(ranges.len() as u64, wanted);
            let mut next = 0;
            for range in &ranges {
                prop_assert_eq!(range.start, next);
                next = range.end;
            }
            prop_assert_eq!(next, total);
            let lengths = ranges.iter().map(|range| range.end - range.start);
            let (least, most) = (lengths.clone().min(), lengths.max());
            prop_assert!(most.unwrap_or(0) - least.unwrap_or(0) <= 1);
        }
    }
}
