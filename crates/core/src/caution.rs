//! Caution with a worker that hands back what it is given: it is given nothing for a while, longer each time, and then
//! one attempt to see. Otherwise a worker that takes nothing and says that it has slots would have the engine record
//! attempts as fast as it can.
//!
//! ```text
//!                    handed back, any time
//!            ┌────────────────────────────────────────┐
//!            ▼    the first time in a row              │
//!          pause ─────────────────────────────────▶ watch ──10 s──▶ forgotten
//!            └─────────▶ trial ──given one──▶ tried ────▲
//!                          └─────────── 1 s ──┴─────────┘
//! ```
//!
//! It is no part of what is kept: an engine that restarts, and a new process of the worker, begin anew.

use std::time::Duration;

use crate::Time;

/// The first pause; it doubles with each return in a row.
pub const FIRST: Duration = Duration::from_millis(50);

const LONGEST: Duration = Duration::from_secs(5);

/// A worker that hands attempts back does so at once: for so long it is seen whether it keeps one.
const TRIAL: Duration = Duration::from_secs(1);

/// A return within this time after the last pause is one more in a row.
const WATCH: Duration = Duration::from_secs(10);

/// How far a worker is trusted that has handed something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caution {
    /// Returns in a row; those that come during a pause are of what was given before, and are not counted.
    returns: u32,
    stage: Stage,
    /// When [`Caution::next`] follows.
    pub until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pause,
    Trial,
    Tried,
    Watch,
}

impl Caution {
    /// With a worker that hands something back now; `known` is what is known of it already.
    pub fn after_return(known: Option<Caution>, now: Time) -> Caution {
        match known {
            Some(pause) if pause.stage == Stage::Pause => Caution {
                until: pause.until.max(now + FIRST),
                ..pause
            },
            known => {
                let before = known.map_or(0, |known| known.returns);
                let wait = FIRST * 2u32.saturating_pow(before.min(16));
                Caution {
                    returns: before.saturating_add(1),
                    stage: Stage::Pause,
                    until: now + wait.min(LONGEST),
                }
            }
        }
    }

    /// What follows at its end; none when all is forgotten.
    pub fn next(self, now: Time) -> Option<Caution> {
        let (stage, lasts) = match self.stage {
            Stage::Pause if self.returns > 1 => (Stage::Trial, TRIAL),
            Stage::Pause | Stage::Trial | Stage::Tried => (Stage::Watch, WATCH),
            Stage::Watch => return None,
        };
        Some(Caution {
            stage,
            until: now + lasts,
            ..self
        })
    }

    /// The worker is given an attempt.
    pub fn given(&mut self) {
        if self.stage == Stage::Trial {
            self.stage = Stage::Tried;
        }
    }

    /// How many attempts it may be given at once.
    pub fn allows(&self) -> u32 {
        match self.stage {
            Stage::Pause | Stage::Tried => 0,
            Stage::Trial => 1,
            Stage::Watch => u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Time {
        Time::default() + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_first_return_is_a_short_pause_and_is_forgotten_after_a_while() {
        let pause = Caution::after_return(None, seconds(1.0));
        assert_eq!((pause.allows(), pause.until), (0, seconds(1.05)));
        let watch = pause.next(pause.until).expect("it is watched");
        assert_eq!((watch.allows(), watch.until), (u32::MAX, seconds(11.05)));
        assert_eq!(watch.next(watch.until), None);
    }

    #[test]
    fn pauses_double_up_to_five_seconds_and_end_with_one_attempt_to_see() {
        let mut caution = Caution::after_return(None, seconds(0.0));
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let now = caution.until;
            let next = caution.next(now).expect("goes on");
            caution = Caution::after_return(Some(next), now);
            pauses.push(caution.until.since(now).as_millis());
            let trial = caution.next(caution.until).expect("a trial");
            assert_eq!(trial.allows(), 1);
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    }

    #[test]
    fn a_worker_on_trial_is_given_one_and_all_when_it_has_kept_that_for_a_second() {
        let first = Caution::after_return(None, seconds(0.0));
        let second = Caution::after_return(first.next(first.until), first.until);
        let mut trial = second.next(second.until).expect("a trial");
        trial.given();
        assert_eq!(trial.allows(), 0);
        let kept = trial.next(trial.until).expect("it is watched");
        assert_eq!(trial.until.since(second.until), TRIAL);
        assert_eq!(kept.allows(), u32::MAX);
        // Those that are given while it is watched change nothing.
        let mut watched = kept;
        watched.given();
        assert_eq!(watched, kept);
    }

    #[test]
    fn returns_of_what_was_given_before_a_pause_only_keep_it_up() {
        let pause = Caution::after_return(None, seconds(0.0));
        assert_eq!(Caution::after_return(Some(pause), seconds(0.0)), pause);
        let later = Caution::after_return(Some(pause), seconds(0.03));
        assert_eq!(later.until, seconds(0.08));
        let watch = later.next(later.until).expect("it is watched");
        assert_eq!(watch.allows(), u32::MAX, "it is still the first in a row");
    }
}
