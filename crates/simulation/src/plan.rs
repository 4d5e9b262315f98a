//! How a run is: who takes part, how fast things are, how much goes wrong. Some runs are quiet, some are brutal.

use std::time::Duration;

use crate::chance::Chance;
use crate::fault::Fault;
use crate::script::Temper;
use crate::workflow::{CALLABLES, NAMESPACES};

/// A run's plan.
#[derive(Debug)]
pub struct Plan {
    /// Templates.
    pub workflows: usize,
    /// Tasks that are created.
    pub tasks: usize,
    /// The workers.
    pub seats: Vec<Seat>,
    /// How long things go wrong.
    pub chaos: Duration,
    /// The shortest and longest time that a message takes, usually.
    pub latency: (Duration, Duration),
    /// The shortest and longest time that a commit takes, usually.
    pub commit: (Duration, Duration),
    /// Messages and commits, in a thousand, that take up to a second.
    pub slow: u64,
    /// Commits, in a thousand, that take seconds.
    pub stalled: u64,
    /// Requests to the journal, in a thousand, whose answer is lost, or that are lost or late themselves.
    pub lost_commits: u64,
    /// Answers to clients, in a thousand, that are lost.
    pub lost_answers: u64,
    /// Faults and how far apart they are on the average.
    pub faults: Vec<(Fault, Duration)>,
    /// Tasks, in a thousand, that somebody cancels, and those whose failed steps somebody mends.
    pub meddling: u64,
    /// Bytes that an engine's texts may take in memory.
    pub payload_budget: usize,
    /// How long a task has nothing to do before it leaves an engine's memory.
    pub patience: Duration,
    /// What handlers do.
    pub temper: Temper,
}

/// A worker that is started again whenever it ends.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Its namespaces.
    pub namespaces: Vec<String>,
    /// Its callables.
    pub callables: Vec<String>,
    /// Attempts that it holds at once.
    pub slots: u32,
}

impl Plan {
    /// A random one.
    pub fn random(chance: &mut Chance) -> Plan {
        // From nothing at all to a fault a second of each kind.
        let violence = chance.pick(&[0, 1, 1, 4, 4, 16]);
        let mut faults = Vec::new();
        for fault in Fault::ALL {
            // Without some kinds, others show what is hidden behind them.
            if violence > 0 && chance.permille(700) {
                let mean = chance.duration(Duration::from_secs(4), Duration::from_secs(60));
                faults.push((fault, mean / violence));
            }
        }
        let rough = u64::from(violence);
        let slowest = chance.pick(&[1, 5, 50]);
        Plan {
            workflows: chance.between(1, 6) as usize,
            tasks: chance.between(5, 40) as usize,
            seats: (0..chance.between(1, 5))
                .map(|seat| seat_of(seat, chance))
                .collect(),
            chaos: Duration::from_secs(chance.between(3, 40)),
            latency: (Duration::from_micros(50), Duration::from_millis(slowest)),
            commit: (Duration::from_micros(200), Duration::from_millis(slowest)),
            slow: rough * 2,
            stalled: rough * chance.pick(&[0, 1, 5]),
            lost_commits: rough * chance.pick(&[0, 1, 5]),
            lost_answers: rough * chance.pick(&[0, 1, 10]),
            faults,
            meddling: chance.pick(&[0, 0, 100]),
            patience: Duration::from_millis(chance.pick(&[1, 500, 60_000])),
            payload_budget: chance.pick(&[0, 500, 5_000, 256 << 20]),
            temper: Temper {
                fail: chance.pick(&[0, 50, 300]),
                give_up: chance.pick(&[0, 5, 50]),
                retry_after: 300,
                slow: chance.pick(&[0, 20, 200]),
                hang: chance.pick(&[0, 50]),
                nonsense: chance.pick(&[0, 10]),
                crash: if violence > 0 {
                    chance.pick(&[0, 2, 20])
                } else {
                    0
                },
            },
        }
    }
}

/// The first worker can run everything; others can run some.
fn seat_of(seat: u64, chance: &mut Chance) -> Seat {
    let all = seat == 0;
    let mut some = |names: &[&str]| -> Vec<String> {
        let chosen = names.iter().filter(|_| all || chance.permille(700));
        chosen.map(|name| (*name).to_owned()).collect()
    };
    Seat {
        namespaces: some(&NAMESPACES),
        callables: some(&CALLABLES),
        slots: chance.between(1, 6) as u32,
    }
}
