//! A running worker and the way to it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tasker_protocol::frame::{Fetch, Fetched, Outcome};
use tasker_protocol::origin::Access;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tracing::{error, info};
use uuid::Builder;

use crate::answers::Answers;
use crate::driver::Driver;
use crate::endpoint::Endpoint;
use crate::inbox::{Inbox, Next};
use crate::limits::within_limits;
use crate::metrics::{Metrics, Observation, Timings};
use crate::private::Private;
use crate::session::{Input, Profile, Session};
use crate::status::{Board, Status};
use crate::templates::{self, Summary};
use crate::{Error, Imported, Options, health};

/// A running worker: its session, its health port and its one thread. Every method may be called from any thread;
/// only [`Worker::next`], [`Worker::fetch`] and dropping block. A dropped worker leaves at once.
#[derive(Debug)]
pub struct Worker {
    address: SocketAddr,
    templates: OnceLock<Vec<Summary>>,
    inputs: UnboundedSender<Input>,
    inbox: Arc<Inbox>,
    answers: Arc<Answers>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    beginning: Mutex<Beginning>,
    /// Taken by the drop, which waits for it.
    thread: Option<JoinHandle<()>>,
}

/// Where a worker stands between its opening and its session.
#[derive(Debug)]
enum Beginning {
    /// With what it takes to begin.
    Waiting(Box<Waiting>),
    Begun,
    Stopped,
}

/// A worker whose handlers are still being imported.
struct Waiting {
    options: Options,
    endpoints: Vec<Endpoint>,
    /// To the thread, which serves the health port until then.
    begin: oneshot::Sender<Driver>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// [`Worker::open`] and [`Worker::begin`] at once, for whoever has nothing to import.
    pub fn start(options: Options) -> Result<Self, Error> {
        let imported = Imported {
            callables: Vec::new(),
            problems: Vec::new(),
        };
        let worker = Self::open(options)?;
        worker.begin(imported)?;
        Ok(worker)
    }

    /// Listens on the health port, which says that handlers are being imported, until [`Worker::begin`].
    pub fn open(options: Options) -> Result<Self, Error> {
        if options.urls.is_empty() {
            return Err(Error::NoUrl);
        }
        let endpoints = options
            .urls
            .iter()
            .map(|url| Endpoint::new(url, options.token.as_deref()))
            .collect::<Result<Vec<_>, Error>>()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let (listener, address) = {
            let _runtime = runtime.enter();
            listen(&options.bind).map_err(|source| Error::Bind {
                bind: options.bind.clone(),
                source,
            })?
        };
        let inbox = Arc::new(Inbox::default());
        let answers = Arc::new(Answers::default());
        let board = Arc::new(Board::new(options.urls.clone()));
        let metrics = Arc::new(Metrics::new(Arc::clone(&board)));
        let (inputs, receiver) = unbounded_channel();
        let (begin, begun) = oneshot::channel::<Driver>();
        let ending = Ending {
            inbox: Arc::clone(&inbox),
            answers: Arc::clone(&answers),
            board: Arc::clone(&board),
        };
        let access = Access {
            hosts: options.hosts.clone(),
            any_host: !address.ip().is_loopback(),
        };
        let router = health::router(Arc::clone(&board), Arc::clone(&metrics), access);
        let thread = std::thread::Builder::new()
            .name("tasker-worker".to_owned())
            .spawn(move || {
                let _ending = ending;
                runtime.block_on(async {
                    tokio::spawn(async { axum::serve(listener, router).await });
                    // Without a driver it was stopped before it began.
                    if let Ok(driver) = begun.await {
                        driver.run(receiver).await;
                    }
                });
                // A name that is being looked up would hold up the end.
                runtime.shutdown_background();
            })
            .map_err(Error::Thread)?;
        Ok(Self {
            address,
            templates: OnceLock::new(),
            inputs,
            inbox,
            answers,
            board,
            metrics,
            beginning: Mutex::new(Beginning::Waiting(Box::new(Waiting {
                options,
                endpoints,
                begin,
            }))),
            thread: Some(thread),
        })
    }

    /// Reads the templates and goes on to connect. Templates that are not valid do not stop it: they are reasons why
    /// it is not ready. A worker that is not ready takes no attempts and registers nothing.
    ///
    /// # Errors
    /// [`Error::Stopped`] when it was stopped, [`Error::Begun`] when it has begun before and was not.
    pub fn begin(&self, imported: Imported) -> Result<(), Error> {
        let waiting = {
            let mut beginning = self.beginning();
            match std::mem::replace(&mut *beginning, Beginning::Begun) {
                Beginning::Waiting(waiting) => waiting,
                Beginning::Begun => return Err(Error::Begun),
                Beginning::Stopped => {
                    *beginning = Beginning::Stopped;
                    return Err(Error::Stopped);
                }
            }
        };
        let Waiting {
            options,
            endpoints,
            begin,
        } = *waiting;
        let found = templates::read(&options.template_paths);
        let mut problems = options.problems;
        problems.extend(imported.problems);
        problems.extend(found.problems);
        for problem in &problems {
            error!("not ready: {problem}");
        }
        let summaries = found.summaries;
        let profile = Profile {
            worker_id: options.worker_id,
            instance: Builder::from_random_bytes(rand::random()).into_uuid(),
            language: options.language,
            version: options.version,
            namespaces: union(
                options.namespaces,
                summaries.iter().map(|summary| &summary.namespace),
            ),
            callables: union(
                options.callables.into_iter().chain(imported.callables),
                summaries.iter().flat_map(|summary| &summary.callables),
            ),
            templates: found.texts,
            problems: problems.clone(),
        };
        self.board.begun(problems);
        info!(
            "worker {} serves {} templates, health on http://{}/health, engine {}",
            profile.worker_id,
            summaries.len(),
            self.address,
            options.urls.join(", or ")
        );
        let driver = Driver::new(
            Session::new(profile, options.urls, options.slots, rand::random()),
            endpoints,
            Arc::clone(&self.inbox),
            Arc::clone(&self.answers),
            Arc::clone(&self.board),
        );
        self.templates.get_or_init(|| summaries);
        begin.send(driver).map_err(|_| Error::Stopped)
    }

    /// The templates that it registers; none before it has begun.
    pub fn templates(&self) -> &[Summary] {
        self.templates.get().map_or(&[], Vec::as_slice)
    }

    /// Where the health page is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says which module is imported from now on; the health page names one that takes long.
    pub fn importing(&self, module: String) {
        self.board.importing(module);
    }

    /// Waits until something is to be done, at most `timeout`, and takes all of it. Each attempt is to be completed,
    /// a cancelled one too.
    pub fn next(&self, timeout: Duration) -> Next {
        self.inbox.take(timeout)
    }

    /// Hands over outcomes, which are kept and sent again until the engine has accepted them. If one of them is
    /// wrong, or the worker has left, none is taken.
    pub fn complete(&self, outcomes: Vec<Outcome>) -> Result<(), Error> {
        self.complete_timed(outcomes, &[])
    }

    /// [`Worker::complete`] with what is known of how long each attempt took, for the metrics.
    pub fn complete_timed(
        &self,
        outcomes: Vec<Outcome>,
        timings: &[Option<Timings>],
    ) -> Result<(), Error> {
        outcomes.iter().try_for_each(sound)?;
        let outcomes: Vec<_> = outcomes.into_iter().map(within_limits).collect();
        for (outcome, timings) in outcomes.iter().zip(timings) {
            if let Some(timings) = timings {
                self.metrics.ended(outcome, timings);
            }
        }
        let told = self.inputs.send(Input::Completed(outcomes));
        told.map_err(|_| Error::Stopped)
    }

    /// Asks the engine for results that the dispatch of a running attempt left out, and waits for them: a page, or in
    /// its `error` why there is none. Outlasts lost connections.
    ///
    /// # Errors
    /// [`Error::Unanswered`] after the time-out, [`Error::Stopped`] once the worker has left.
    pub fn fetch(&self, fetch: Fetch, timeout: Duration) -> Result<Arc<Fetched>, Error> {
        let answer = self.answers.await_one(&fetch);
        let (name, from) = (fetch.name.clone(), fetch.from);
        self.tell(Input::Fetch(fetch));
        answer.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => Error::Unanswered {
                name,
                from,
                timeout,
            },
            RecvTimeoutError::Disconnected => Error::Stopped,
        })
    }

    /// Takes a measurement for the metrics.
    pub fn observe(&self, observation: &Observation) {
        self.metrics.observe(observation);
    }

    /// How many attempts it holds at once from now on.
    pub fn set_slots(&self, slots: u32) {
        self.tell(Input::Slots(slots));
    }

    /// Adds a reason why it is not ready. It takes no new attempts from here on.
    pub fn add_problem(&self, problem: String) {
        error!("not ready: {problem}");
        self.board.add_problem(problem.clone());
        self.tell(Input::Problem(problem));
    }

    /// Takes no new attempts, and leaves when none is held any more and every outcome is accepted, or when the time
    /// is over. Does not wait for it: [`Worker::next`] says when it has left. A worker that has not begun drains, and counts
    /// the time, from its beginning on; [`Worker::stop`] ends it before.
    pub fn drain(&self, timeout: Duration) {
        info!("draining, at most {timeout:?}");
        self.tell(Input::Drain(timeout));
    }

    /// Leaves at once: from here on [`Worker::next`] answers [`Next::Stopped`] on every thread.
    pub fn stop(&self) {
        *self.beginning() = Beginning::Stopped;
        self.inbox.close();
        self.answers.close();
        self.tell(Input::Stop);
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.board.status()
    }

    fn beginning(&self) -> MutexGuard<'_, Beginning> {
        // It is replaced as a whole, so it is good even if a holder panicked.
        self.beginning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, input: Input) {
        // A worker that has left needs no input any more.
        let _ = self.inputs.send(input);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // Its panic was printed when it happened, and nothing is left to be done about it.
            let _ = thread.join();
        }
    }
}

/// Tells everybody that the thread has ended, a panic included.
struct Ending {
    inbox: Arc<Inbox>,
    answers: Arc<Answers>,
    board: Arc<Board>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.board.stopped();
        self.inbox.close();
        self.answers.close();
    }
}

/// Within a runtime.
fn listen(bind: &str) -> std::io::Result<(Private<TcpListener>, SocketAddr)> {
    let listener = std::net::TcpListener::bind(bind)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((Private::new(TcpListener::from_std(listener)?), address))
}

fn union<'a>(
    own: impl IntoIterator<Item = String>,
    of_templates: impl Iterator<Item = &'a String>,
) -> Vec<String> {
    let names: BTreeSet<String> = own.into_iter().chain(of_templates.cloned()).collect();
    names.into_iter().collect()
}

fn sound(outcome: &Outcome) -> Result<(), Error> {
    let reason = match outcome {
        Outcome {
            success: true,
            results: None,
            ..
        } => "it succeeded and has no `results`",
        Outcome {
            success: true,
            error: Some(_),
            ..
        } => "it succeeded and has an `error`",
        Outcome {
            success: false,
            error: None,
            ..
        } => "it failed and has no `error`",
        _ => return Ok(()),
    };
    Err(Error::Outcome {
        step_uuid: outcome.step_uuid,
        attempt: outcome.attempt,
        reason,
    })
}
