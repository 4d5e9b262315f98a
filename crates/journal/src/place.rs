//! Where a task's rows are: its UUID carries its shard and its day.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How many shards tasks are spread over.
pub const SHARDS: i16 = 64;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The shard of a task: the low six bits of the ninth byte, which in a UUIDv7 are random.
pub fn shard_of(task_uuid: Uuid) -> i16 {
    i16::from(task_uuid.as_bytes()[8] & 0x3f)
}

/// The shard of an idempotency key, and of the task that its first use creates. Never to be changed: a key that went to
/// another shard would be looked for in vain.
pub fn shard_of_key(namespace: &str, key: &str) -> i16 {
    let digest = Sha256::new()
        .chain_update((namespace.len() as u64).to_be_bytes())
        .chain_update(namespace)
        .chain_update(key)
        .finalize();
    i16::from(digest[0] & 0x3f)
}

/// A task's UUIDv7 moved to a shard.
pub fn in_shard(task_uuid: Uuid, shard: i16) -> Uuid {
    let mut bytes = task_uuid.into_bytes();
    bytes[8] = bytes[8] & 0xc0 | shard as u8 & 0x3f;
    Uuid::from_bytes(bytes)
}

/// The least UUID that a UUIDv7 of this time can be, in microseconds since 1970-01-01 UTC.
pub(crate) fn first_uuid_at(micros: i64) -> Uuid {
    let millis = u128::try_from(micros.div_euclid(1000)).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// A day in UTC, counted from 1970-01-01. Each has a partition of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day in a task's UUIDv7.
    pub fn of_task(task_uuid: Uuid) -> Day {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&task_uuid.as_bytes()[..6]);
        Day::of_millis(i64::from_be_bytes(millis))
    }

    /// The day of a time in microseconds since 1970-01-01 UTC.
    pub fn of_time(micros: i64) -> Day {
        Day::of_millis(micros.div_euclid(1000))
    }

    /// The day some days later.
    pub fn plus(self, days: i32) -> Day {
        Day(self.0 + days)
    }

    /// The least UUID that a UUIDv7 of this day can be.
    pub(crate) fn first_uuid(self) -> Uuid {
        first_uuid_at(i64::from(self.0) * MILLIS_PER_DAY * 1000)
    }

    fn of_millis(millis: i64) -> Day {
        // 48 bits of milliseconds are below 3.3 million days; a clock in microseconds is below 107 million.
        Day(millis.div_euclid(MILLIS_PER_DAY) as i32)
    }
}

/// The SQL condition that a column has a task of one of these days, as constants. Days in a row are one range.
pub(crate) fn of_days<'a>(column: &str, days: impl IntoIterator<Item = &'a Day>) -> String {
    let mut ranges: Vec<(Day, Day)> = Vec::new();
    for day in days {
        match ranges.last_mut() {
            Some((_, end)) if *end == *day => *end = day.plus(1),
            _ => ranges.push((*day, day.plus(1))),
        }
    }
    let conditions: Vec<String> = ranges
        .iter()
        .map(|(day, end)| {
            let (first, end) = (day.first_uuid(), end.first_uuid());
            format!("({column} >= '{first}' AND {column} < '{end}')")
        })
        .collect();
    if conditions.is_empty() {
        // Not just false, which would leave all partitions in the plan.
        return format!("({column} < '{}')", Uuid::nil());
    }
    format!("({})", conditions.join(" OR "))
}

/// A statement about one task, for the task's day.
pub(crate) fn on_day(statement: &str, task_uuid: Uuid) -> String {
    let day = of_days("task_uuid", [&Day::of_task(task_uuid)]);
    statement.replace("{day}", &day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_in_the_shard_of_its_ninth_byte() {
        let task = |ninth: u8| {
            let mut bytes = [0xff; 16];
            bytes[8] = ninth;
            Uuid::from_bytes(bytes)
        };
        assert_eq!(shard_of(task(0b1000_0000)), 0);
        assert_eq!(shard_of(task(0b1010_1010)), 42);
        assert_eq!(shard_of(task(0b1011_1111)), SHARDS - 1);
    }

    #[test]
    fn a_key_and_its_task_are_in_the_shard_that_they_have_always_been_in() {
        assert_eq!(shard_of_key("orders", "2026-11-24/7"), 22);
        assert_ne!(shard_of_key("ab", "cd"), shard_of_key("a", "bcd"));
        let task = Uuid::from_u128(u128::MAX);
        let moved = in_shard(task, 42);
        assert_eq!(shard_of(moved), 42);
        assert_eq!(in_shard(moved, SHARDS - 1), task);
    }

    #[test]
    fn a_day_begins_and_ends_with_its_first_and_last_millisecond() {
        let at =
            |millis: u64| uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        let day = 20_000 * 86_400_000;
        assert_eq!(Day::of_task(at(day - 1)), Day(19_999));
        assert_eq!(Day::of_task(at(day)), Day(20_000));
        assert_eq!(Day::of_task(at(day + 86_399_999)), Day(20_000));
        assert_eq!(Day::of_time(day as i64 * 1000), Day(20_000));
        assert!(Day(20_000).first_uuid() < at(day));
        assert!(Day(20_000).first_uuid() > at(day - 1));
    }

    #[test]
    fn days_in_a_row_are_one_range_and_no_days_are_none() {
        let first = |day: i32| Day(day).first_uuid();
        assert_eq!(
            of_days("t", &[Day(1), Day(2), Day(5)]),
            format!(
                "((t >= '{}' AND t < '{}') OR (t >= '{}' AND t < '{}'))",
                first(1),
                first(3),
                first(5),
                first(6)
            )
        );
        assert_eq!(of_days("t", []), format!("(t < '{}')", Uuid::nil()));
    }
}
