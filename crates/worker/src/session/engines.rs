//! The engines that a worker may have its session with. One of them has the tasks; the worker finds it by asking one
//! after the other.

use std::time::Duration;

/// A connection that is not made within this time is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The same where another engine can be asked meanwhile: an engine that comes back waits two seconds for its workers.
const CONNECT_TIMEOUT_AMONG_OTHERS: Duration = Duration::from_secs(1);

/// How long one that did not answer is left alone while there are others.
const AFTER_NO_ANSWER: Duration = Duration::from_secs(2);

/// At least one engine, and the one that is asked at present.
#[derive(Debug)]
pub(super) struct Engines {
    list: Vec<Engine>,
    current: usize,
    /// How often it went on from one to another.
    turns: u64,
}

/// Why there is no session with an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A sentence that names the engine.
    pub text: String,
    /// The engine does not want this worker, as it is.
    pub refused: bool,
}

#[derive(Debug)]
struct Engine {
    url: String,
    trouble: Option<Trouble>,
    /// Of the turns, that in which it was last asked.
    turn: u64,
    /// It did not answer then.
    silent: bool,
    /// It is not asked before.
    rests_until: Duration,
}

impl Engines {
    pub(super) fn new(urls: Vec<String>) -> Self {
        let engine = |(index, url): (usize, String)| Engine {
            url,
            trouble: None,
            turn: u64::from(index == 0),
            silent: false,
            rests_until: Duration::ZERO,
        };
        Self {
            list: urls.into_iter().enumerate().map(engine).collect(),
            current: 0,
            turns: 1,
        }
    }

    /// The index of the one that is asked.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// Its address.
    pub(super) fn url(&self) -> &str {
        &self.list[self.current].url
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// How long its answer is waited for.
    pub(super) fn connect_timeout(&self) -> Duration {
        if self.list.len() > 1 {
            CONNECT_TIMEOUT_AMONG_OTHERS
        } else {
            CONNECT_TIMEOUT
        }
    }

    /// There is no session with it. Gives what people are to be told, unless they were told the same already.
    pub(super) fn lost(&mut self, reason: &str, refused: bool) -> Option<String> {
        let engine = &mut self.list[self.current];
        let text = format!("no session with {}: {reason}", engine.url);
        let trouble = Trouble { text, refused };
        let told = (engine.trouble.as_ref() != Some(&trouble)).then(|| trouble.text.clone());
        engine.trouble = Some(trouble);
        engine.silent = false;
        told
    }

    /// It is not asked again for a while.
    pub(super) fn rest_until(&mut self, until: Duration) {
        self.list[self.current].rests_until = until;
    }

    /// It did not answer: while there are others it is left alone. Told after [`Engines::lost`].
    pub(super) fn unanswered(&mut self, now: Duration) {
        self.list[self.current].silent = true;
        if self.list.len() > 1 {
            self.rest_until(now + AFTER_NO_ANSWER);
        }
    }

    /// Goes on to one of those that can be asked first, not before `earliest`; when that is. Of several it is the one that
    /// was not asked for longest, but after a silent one rather one that answers: it may have the tasks by now, and has
    /// no time to wait for all the silent ones.
    pub(super) fn go_on(&mut self, earliest: Duration) -> Duration {
        let was_silent = self.list[self.current].silent;
        let order = |index: &usize| {
            let engine = &self.list[*index];
            let at = earliest.max(engine.rests_until);
            (at, was_silent && engine.silent, engine.turn)
        };
        let next = (0..self.list.len()).min_by_key(order);
        self.current = next.unwrap_or(self.current);
        self.turns += 1;
        let engine = &mut self.list[self.current];
        engine.turn = self.turns;
        earliest.max(engine.rests_until)
    }

    /// It has welcomed the worker.
    pub(super) fn welcomed(&mut self) {
        for engine in &mut self.list {
            engine.trouble = None;
        }
    }

    /// Why there is no session with those that were asked since the last one.
    pub(super) fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.list
            .iter()
            .filter_map(|engine| engine.trouble.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn engines(count: usize) -> Engines {
        let urls = ["http://a", "http://b", "http://c"].map(str::to_owned);
        Engines::new(urls[..count].to_vec())
    }

    #[test]
    fn each_is_asked_in_turn() {
        let mut engines = engines(3);
        let asked: Vec<usize> = std::iter::repeat_with(|| {
            engines.go_on(SECOND);
            engines.current()
        })
        .take(5)
        .collect();
        assert_eq!(asked, [1, 2, 0, 1, 2]);
    }

    #[test]
    fn one_that_refused_is_passed_over_for_a_while_and_asked_then() {
        let mut engines = engines(2);
        engines.rest_until(5 * SECOND);
        for second in 1..5 {
            assert_eq!(engines.go_on(second * SECOND), second * SECOND);
            assert_eq!(engines.url(), "http://b");
        }
        assert_eq!(engines.go_on(5 * SECOND), 5 * SECOND);
        assert_eq!(engines.url(), "http://a");
    }

    #[test]
    fn where_all_rest_the_one_that_rests_least_is_asked_next() {
        let mut engines = engines(2);
        engines.rest_until(5 * SECOND);
        engines.go_on(SECOND);
        engines.rest_until(4 * SECOND);
        assert_eq!(engines.go_on(2 * SECOND), 4 * SECOND);
        assert_eq!(engines.url(), "http://b");
    }

    #[test]
    fn a_silent_one_is_waited_for_less_among_others_and_left_alone_for_a_while() {
        let mut alone = engines(1);
        assert_eq!(alone.connect_timeout(), CONNECT_TIMEOUT);
        alone.unanswered(SECOND);
        assert_eq!(alone.go_on(SECOND), SECOND);
        let mut two = engines(2);
        assert_eq!(two.connect_timeout(), SECOND);
        two.unanswered(SECOND);
        two.go_on(SECOND);
        assert_eq!(two.go_on(SECOND), SECOND);
        assert_eq!(two.url(), "http://b", "the other still rests");
    }

    #[test]
    fn after_one_that_was_silent_comes_one_that_was_not() {
        let mut engines = engines(3);
        for _silent in ["a", "b"] {
            engines.unanswered(SECOND);
            engines.go_on(SECOND);
        }
        let asked: Vec<String> = (4..9)
            .map(|second| {
                engines.go_on(second * SECOND);
                let url = engines.url().to_owned();
                match url.as_str() {
                    "http://c" => drop(engines.lost("it stands by", false)),
                    _ => engines.unanswered(second * SECOND),
                }
                url
            })
            .collect();
        assert_eq!(
            asked,
            ["http://a", "http://c", "http://b", "http://c", "http://a"]
        );
    }

    #[test]
    fn the_trouble_of_each_is_told_once_until_one_welcomes_the_worker() {
        let mut engines = engines(2);
        let told = engines.lost("reset", false);
        assert_eq!(told.as_deref(), Some("no session with http://a: reset"));
        assert_eq!(engines.lost("reset", false), None);
        engines.go_on(SECOND);
        assert!(engines.lost("reset", false).is_some());
        let troubles = engines.troubles().map(|trouble| trouble.text.as_str());
        let troubles: Vec<_> = troubles.collect();
        assert_eq!(
            troubles,
            [
                "no session with http://a: reset",
                "no session with http://b: reset"
            ]
        );
        engines.welcomed();
        assert_eq!(engines.troubles().count(), 0);
        assert!(engines.lost("reset", false).is_some());
    }
}
