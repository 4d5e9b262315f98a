//! What a worker tells people about itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::session::{Session, Trouble};

/// Where a worker's session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Not open yet, or not open at present.
    Connecting,
    /// Welcomed: attempts come and outcomes go.
    Open,
    /// Takes nothing new and finishes what it holds.
    Draining,
    /// Has left.
    Stopped,
}

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Where its session stands.
    pub session: SessionState,
    /// Whether its session is open and nothing is wrong with its templates and handlers.
    pub ready: bool,
    /// Why it is not ready, a sentence each.
    pub reasons: Vec<String>,
    /// Those of the reasons that stay until somebody changes a template, a handler or a setting. The others may pass.
    pub problems: Vec<String>,
    /// Attempts running or with an outcome that is not yet accepted.
    pub held: usize,
}

impl Status {
    pub(crate) fn health(self) -> Health {
        let status = if self.ready { "ok" } else { "not_ready" };
        Health {
            status: status.to_owned(),
            reasons: self.reasons,
            problems: self.problems,
        }
    }
}

/// The body of a worker's `GET /health` and `GET /health/ready`: the engine's, and which of the reasons stay.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Health {
    pub(crate) status: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl Health {
    /// That of a process that lives, whatever else is the matter.
    pub(crate) fn live() -> Self {
        Self {
            status: "ok".to_owned(),
            reasons: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// What the metrics show of where a worker stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) session: SessionState,
    /// Attempts that it takes at once.
    pub(crate) slots: usize,
    /// Attempts running or with an outcome that is not yet accepted.
    pub(crate) held: usize,
    /// Sessions that were opened so far.
    pub(crate) opened: u64,
}

/// After so long a module that is being imported is named.
const LONG: Duration = Duration::from_secs(3);

/// The module that is being imported before the worker begins, and since when.
#[derive(Debug)]
struct Import {
    module: String,
    since: Instant,
}

/// What the health port, the handle and the driver know in common: the driver writes the session's part after each
/// change, the handle adds problems.
#[derive(Debug)]
pub(crate) struct Board {
    engines: Vec<String>,
    entries: Mutex<Entries>,
}

#[derive(Debug)]
struct Entries {
    session: SessionState,
    begun: bool,
    import: Option<Import>,
    slots: usize,
    held: usize,
    opened: u64,
    troubles: Vec<Trouble>,
    problems: Vec<String>,
}

impl Board {
    pub(crate) fn new(engines: Vec<String>) -> Self {
        Self {
            engines,
            entries: Mutex::new(Entries {
                session: SessionState::Connecting,
                begun: false,
                import: None,
                slots: 0,
                held: 0,
                opened: 0,
                troubles: Vec::new(),
                problems: Vec::new(),
            }),
        }
    }

    /// The import of this module begins.
    pub(crate) fn importing(&self, module: String) {
        self.lock().import = Some(Import {
            module,
            since: Instant::now(),
        });
    }

    /// Everything is imported, and the session begins.
    pub(crate) fn begun(&self, problems: Vec<String>) {
        let mut entries = self.lock();
        entries.begun = true;
        entries.problems.extend(problems);
    }

    pub(crate) fn update(&self, session: &Session) {
        let mut entries = self.lock();
        let state = session.state();
        if state == SessionState::Open && entries.session != state {
            entries.opened += 1;
        }
        entries.session = state;
        entries.slots = session.capacity() as usize;
        entries.held = session.held();
        if !session.troubles().eq(&entries.troubles) {
            entries.troubles = session.troubles().cloned().collect();
        }
    }

    /// The driver has ended, in whatever way.
    pub(crate) fn stopped(&self) {
        self.lock().session = SessionState::Stopped;
    }

    pub(crate) fn standing(&self) -> Standing {
        let entries = self.lock();
        Standing {
            session: entries.session,
            slots: entries.slots,
            held: entries.held,
            opened: entries.opened,
        }
    }

    pub(crate) fn add_problem(&self, problem: String) {
        self.lock().problems.push(problem);
    }

    pub(crate) fn status(&self) -> Status {
        let entries = self.lock();
        let mut problems = entries.problems.clone();
        let troubles = |refused| {
            let some = entries.troubles.iter();
            let some = some.filter(move |trouble| trouble.refused == refused);
            some.map(|trouble| trouble.text.clone())
        };
        problems.extend(troubles(true));
        let mut reasons = problems.clone();
        reasons.extend(match entries.session {
            SessionState::Connecting if !entries.begun => Some(imports(entries.import.as_ref())),
            SessionState::Open => None,
            SessionState::Connecting if !entries.troubles.is_empty() => None,
            SessionState::Connecting => {
                Some(format!("connecting to {}", self.engines.join(", or ")))
            }
            SessionState::Draining => Some(format!("draining, {} attempts held", entries.held)),
            SessionState::Stopped => Some("stopped".to_owned()),
        });
        reasons.extend(troubles(false));
        Status {
            session: entries.session,
            ready: reasons.is_empty(),
            reasons,
            problems,
            held: entries.held,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No update leaves the entries half written, so they are good even if a holder panicked.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn imports(import: Option<&Import>) -> String {
    let what = "handlers are being imported";
    match import.map(|import| (&import.module, import.since.elapsed())) {
        Some((module, taken)) if taken >= LONG => {
            format!("{what}; {module} has taken {} s so far", taken.as_secs())
        }
        _ => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_takes_long_is_named() {
        let import = |seconds| Import {
            module: "models".to_owned(),
            since: Instant::now() - Duration::from_secs(seconds),
        };
        assert_eq!(imports(None), "handlers are being imported");
        assert_eq!(imports(Some(&import(1))), "handlers are being imported");
        assert_eq!(
            imports(Some(&import(8))),
            "handlers are being imported; models has taken 8 s so far"
        );
    }
}
