//! How faults are carried out, and mended.

use std::time::Duration;

use tasker_worker::session::Input;

use super::World;
use crate::engine::EngineInput;
use crate::fault::Fault;
use crate::network::{Item, LinkId, Side};
use crate::schedule::{EngineId, Happening, Process, WorkerId};
use crate::trace::Note;
use crate::worker::WorkerInput;

impl World {
    /// A fault happens, and the next of its kind is scheduled.
    pub(super) fn fault(&mut self, fault: Fault) {
        if self.env.healed {
            return;
        }
        let mean = self.env.plan.faults.iter().find(|(kind, _)| *kind == fault);
        if let Some(mean) = mean.map(|(_, mean)| *mean) {
            let wait = self.env.chance.wait(mean);
            self.env.after(wait, Happening::Fault(fault));
        }
        match fault {
            Fault::ResetLink => self.reset_link(),
            Fault::SilenceLink => self.silence_link(),
            Fault::ForgetLink => self.forget_link(),
            Fault::KillWorker => {
                if let Some(worker) = self.any_worker() {
                    self.end_worker(worker, "killed");
                }
            }
            Fault::FreezeWorker => {
                if let Some(worker) = self.any_worker() {
                    self.freeze(Process::Worker(worker));
                }
            }
            Fault::DrainWorker => {
                let patience = self
                    .env
                    .chance
                    .duration(Duration::from_millis(1), Duration::from_secs(20));
                self.ask_worker(Input::Drain(patience));
            }
            Fault::ChangeSlots => {
                let slots = self.env.chance.between(0, 6) as u32;
                self.ask_worker(Input::Slots(slots));
            }
            Fault::KillEngine => {
                if let Some(engine) = self.env.front {
                    self.end_engine(engine, "killed");
                }
            }
            Fault::FreezeEngine => {
                if let Some(engine) = self.env.front {
                    self.freeze(Process::Engine(engine));
                }
            }
            Fault::OverlapEngine => {
                if let Some(engine) = self.env.front {
                    self.freeze(Process::Engine(engine));
                    let wait = self.env.latency();
                    self.env.after(wait, Happening::StartEngine);
                }
            }
            Fault::CutOffEngine => {
                if let Some(engine) = self.env.front {
                    self.cut_off_engine(engine);
                }
            }
            Fault::JumpClock => {
                // Up to a second is drift, which engines follow.
                let far = self.env.chance.pick(&[800_000, 10_000_000]);
                let jump = self.env.chance.between(0, 2 * far) as i64 - far as i64;
                self.env.journal.clock_offset += jump;
                self.env.note(Note::Fault("clock", jump.unsigned_abs()));
            }
        }
    }

    /// Faults are over.
    pub(super) fn heal(&mut self) {
        self.env.healed = true;
        self.env.note(Note::Healed);
        let engines: Vec<EngineId> = self.engines.keys().copied().collect();
        for engine in engines {
            if self.env.front == Some(engine) {
                self.thaw(Process::Engine(engine));
            } else {
                self.end_engine(engine, "replaced");
            }
        }
        let workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        for worker in workers {
            self.thaw(Process::Worker(worker));
            let seat = self.workers.get(&worker).map(|worker| worker.process.seat);
            if let Some(seat) = seat {
                let slots = self.env.plan.seats[seat].slots;
                self.worker(worker, WorkerInput::Asked(Input::Slots(slots)));
            }
        }
    }

    /// A frozen process handles all that has come meanwhile; its deadlines come last.
    pub(super) fn thaw(&mut self, process: Process) {
        match process {
            Process::Engine(id) => {
                let Some(engine) = self.engines.get_mut(&id) else {
                    return;
                };
                if !std::mem::take(&mut engine.frozen) {
                    return;
                }
                let mut backlog = std::mem::take(&mut engine.backlog);
                backlog.sort_by_key(|input| match input {
                    EngineInput::Round => 1,
                    EngineInput::Wake => 2,
                    _ => 0,
                });
                self.env.note(Note::Thawed(process));
                for input in backlog {
                    self.engine(id, input);
                }
            }
            Process::Worker(id) => {
                let Some(worker) = self.workers.get_mut(&id) else {
                    return;
                };
                if !std::mem::take(&mut worker.frozen) {
                    return;
                }
                let mut backlog = std::mem::take(&mut worker.backlog);
                backlog.sort_by_key(|input| match input {
                    WorkerInput::Arrived(..) => 0,
                    WorkerInput::Handled(_) | WorkerInput::Asked(_) => 1,
                    WorkerInput::Wake => 2,
                });
                self.env.note(Note::Thawed(process));
                for input in backlog {
                    self.worker(id, input);
                }
            }
        }
    }

    fn freeze(&mut self, process: Process) {
        let frozen = match process {
            Process::Engine(id) => self.engines.get_mut(&id).map(|engine| &mut engine.frozen),
            Process::Worker(id) => self.workers.get_mut(&id).map(|worker| &mut worker.frozen),
        };
        if let Some(frozen) = frozen
            && !std::mem::replace(frozen, true)
        {
            self.env.note(Note::Frozen(process));
            let wait = self
                .env
                .chance
                .duration(Duration::from_millis(100), Duration::from_secs(30));
            self.env.after(wait, Happening::Thaw(process));
        }
    }

    fn cut_off_engine(&mut self, engine: EngineId) {
        self.env.note(Note::Fault("cut off", u64::from(engine.0)));
        self.engine(engine, EngineInput::CutOff(true));
        let wait = self
            .env
            .chance
            .duration(Duration::from_millis(100), Duration::from_secs(30));
        let renewed = EngineInput::CutOff(false);
        self.env.after(wait, Happening::Engine(engine, renewed));
    }

    fn any_worker(&mut self) -> Option<WorkerId> {
        let workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        (!workers.is_empty()).then(|| self.env.chance.pick(&workers))
    }

    fn ask_worker(&mut self, input: Input) {
        if let Some(worker) = self.any_worker() {
            self.worker(worker, WorkerInput::Asked(input));
        }
    }

    fn any_link(&mut self) -> Option<LinkId> {
        let links: Vec<LinkId> = self.env.network.alive().map(|(id, _)| id).collect();
        (!links.is_empty()).then(|| self.env.chance.pick(&links))
    }

    fn reset_link(&mut self) {
        let Some(link) = self.any_link() else {
            return;
        };
        self.env.note(Note::Fault("reset", link.0));
        for side in [Side::Engine, Side::Worker] {
            let sent = self.env.network.on_the_way(link, side);
            let kept = self.env.chance.below(sent + 1);
            self.env.network.lose(link, side, kept);
            self.env.send(link, side, Item::Closed);
        }
    }

    fn silence_link(&mut self) {
        let Some(link) = self.any_link() else {
            return;
        };
        self.env.note(Note::Fault("silence", link.0));
        let ways = self.env.chance.pick(&[
            &[Side::Engine][..],
            &[Side::Worker],
            &[Side::Engine, Side::Worker],
        ]);
        for side in ways {
            let sent = self.env.network.on_the_way(link, *side);
            let kept = self.env.chance.below(sent + 1);
            self.env.network.lose(link, *side, kept);
            self.env.network.silence(link, *side);
        }
    }

    fn forget_link(&mut self) {
        let Some(link) = self.any_link() else {
            return;
        };
        self.env.note(Note::Fault("forgotten", link.0));
        self.env.send(link, Side::Worker, Item::Closed);
        self.env.network.silence(link, Side::Engine);
    }
}
