//! Places for connections: how many there are, and who gives way when all are taken.
//!
//! Whoever reaches the port can open connections and say nothing, without any token. So a connection on which no request
//! is under way has its place only as long as nobody else wants it, and the one that has been so for longest goes first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many connections there are at the most, workers' sessions not counted.
const CONNECTIONS: usize = 10_000;

/// Places besides, for who asks for health and for workers that connect while requests are under way on all others.
const RESERVE: usize = 64;

/// File descriptors that are left to the rest of the process, workers' sessions included.
const OTHER_FILES: usize = 256;

/// The places. Who has one is counted until it gives way or ends.
pub struct Places {
    limit: usize,
    reserve: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    count: usize,
    /// Those on which no request is under way, in the order in which that began, each with how it is told to go.
    idle: BTreeMap<u64, Arc<Notify>>,
    /// The last number in `idle`; none is 0.
    last: u64,
}

impl Taken {
    fn add_idle(&mut self, leave: &Arc<Notify>) -> u64 {
        self.last += 1;
        self.idle.insert(self.last, Arc::clone(leave));
        self.last
    }

    /// Has the one that has been idle for longest give way. Whether there is one.
    fn make_room(&mut self) -> bool {
        let Some((_, leave)) = self.idle.pop_first() else {
            return false;
        };
        self.count -= 1;
        leave.notify_one();
        true
    }
}

impl Places {
    /// As many as an engine has with so many file descriptors.
    pub fn of_engine(files: Option<usize>) -> Arc<Places> {
        let others = OTHER_FILES + RESERVE;
        let room = files.map_or(CONNECTIONS, |files| {
            files.saturating_sub(others).max(RESERVE)
        });
        Places::new(room.min(CONNECTIONS), RESERVE)
    }

    /// So many, and a reserve besides.
    pub fn new(limit: usize, reserve: usize) -> Arc<Places> {
        Arc::new(Places {
            limit,
            reserve,
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// How many there are, without the reserve.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A place for a connection on which nothing was said yet, once there is one. Where all others are busy, it is one of
    /// the reserve.
    pub async fn take(self: &Arc<Places>) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_take() {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Places>) -> Option<Place> {
        let mut taken = self.taken();
        if taken.count >= self.limit {
            taken.make_room();
        }
        if taken.count >= self.limit + self.reserve {
            return None;
        }
        let is_reserve = taken.count >= self.limit;
        taken.count += 1;
        let leave = Arc::new(Notify::new());
        let number = taken.add_idle(&leave);
        Some(Place {
            places: Arc::clone(self),
            leave,
            number: AtomicU64::new(number),
            is_answered: AtomicBool::new(false),
            is_reserve,
        })
    }

    /// Has a connection give way, if there is one on which no request is under way.
    pub fn make_room(&self) -> bool {
        self.taken().make_room()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place, given back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    /// Told when it is to give way.
    leave: Arc<Notify>,
    /// Its number among those that are idle; 0 while a request is under way.
    number: AtomicU64,
    /// Whether the request that is under way has its answer, not all of which may be written.
    is_answered: AtomicBool,
    is_reserve: bool,
}

impl Place {
    /// Whether it is one of those that are kept for health and workers.
    pub fn is_reserve(&self) -> bool {
        self.is_reserve
    }

    /// How many places there are, without the reserve.
    pub fn limit(&self) -> usize {
        self.places.limit()
    }

    /// Completes when the connection is to give way, because another has its place now.
    pub async fn lost(&self) {
        self.leave.notified().await;
    }

    /// Whether a request is under way: until all of its answer is written.
    pub fn is_busy(&self) -> bool {
        self.number.load(Ordering::Relaxed) == 0
    }

    /// A request begins. None when the place was lost a moment ago.
    pub fn begin(self: &Arc<Place>) -> Option<Busy> {
        // A client may ask the next before it has read the answer to this one.
        if !self.is_answered.swap(false, Ordering::Relaxed) {
            let number = self.number.load(Ordering::Relaxed);
            self.places.taken().idle.remove(&number)?;
            self.number.store(0, Ordering::Relaxed);
        }
        Some(Busy(Arc::clone(self)))
    }

    /// All that there was to write is written: a request that has its answer is over.
    pub fn written(&self) {
        if !self.is_answered.swap(false, Ordering::Relaxed) {
            return;
        }
        let number = self.places.taken().add_idle(&self.leave);
        self.number.store(number, Ordering::Relaxed);
        // A place that can be had, if somebody waits for one.
        self.places.freed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        // One that has lost its place is not counted any more.
        if self.is_busy()
            || taken
                .idle
                .remove(&self.number.load(Ordering::Relaxed))
                .is_some()
        {
            taken.count -= 1;
        }
        drop(taken);
        self.places.freed.notify_one();
    }
}

/// A request that is under way, until its answer was given or is given up. It is over when that is [written].
///
/// [written]: Place::written
pub struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_answered.store(true, Ordering::Relaxed);
    }
}

/// How many files this process may have open at once, if the system says so.
pub fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    soft_limit(&limits)
}

fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn take(places: &Arc<Places>) -> Arc<Place> {
        Arc::new(places.take().now_or_never().expect("a place"))
    }

    fn has_lost(place: &Place) -> bool {
        place.lost().now_or_never().is_some()
    }

    #[test]
    fn who_has_been_idle_for_longest_gives_way_and_who_is_busy_does_not() {
        let places = Places::new(3, 0);
        let [first, second, third] = [(); 3].map(|()| take(&places));
        // The first asks something, and is idle since.
        drop(first.begin().expect("its place"));
        first.written();
        let busy = second.begin().expect("its place");
        let fourth = take(&places);
        assert_eq!(
            [&first, &second, &third].map(|place| has_lost(place)),
            [false, false, true]
        );
        assert!(third.begin().is_none(), "its place is another's");
        drop(third);
        let fifth = take(&places);
        assert_eq!(
            [&first, &second, &fourth].map(|place| has_lost(place)),
            [true, false, false]
        );
        let others = [&fourth, &fifth].map(|place| place.begin().expect("its place"));
        assert!(places.take().now_or_never().is_none(), "all are busy");
        drop(busy);
        assert!(
            places.take().now_or_never().is_none(),
            "its answer is unread"
        );
        second.written();
        take(&places);
        assert!(has_lost(&second));
        drop(others);
    }

    #[test]
    fn where_all_are_busy_there_is_a_reserve_and_one_that_ends_leaves_its_place() {
        let places = Places::new(1, 1);
        let first = take(&places);
        let busy = first.begin().expect("its place");
        let second = take(&places);
        assert!(!first.is_reserve() && second.is_reserve());
        // Nothing was said on it: it gives way, to another of the reserve.
        let third = take(&places);
        assert!(has_lost(&second) && third.is_reserve());
        let answering = third.begin().expect("its place");
        assert!(places.take().now_or_never().is_none());
        drop((answering, third));
        assert!(take(&places).is_reserve());
        drop((busy, first));
        assert!(!take(&places).is_reserve());
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_the_next_that_is_free() {
        let places = Places::new(1, 0);
        let first = take(&places);
        let busy = first.begin().expect("its place");
        let answered = async {
            drop(busy);
            first.written();
        };
        let (_, second) = tokio::join!(answered, places.take());
        assert!(has_lost(&first) && !second.is_busy());
    }

    #[test]
    fn there_are_no_more_than_the_process_may_open_files_for() {
        assert_eq!(Places::of_engine(None).limit(), CONNECTIONS);
        assert_eq!(Places::of_engine(Some(20_000)).limit(), CONNECTIONS);
        assert_eq!(Places::of_engine(Some(1024)).limit(), 704);
        assert_eq!(Places::of_engine(Some(100)).limit(), RESERVE);
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert!(open_files().is_some_and(|files| files > 0));
    }
}
