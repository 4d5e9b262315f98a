//! What a worker measures, as Prometheus reads it. `docs/python/operations.md` lists the metrics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode};
use prometheus_client::metrics::{
    counter::{ConstCounter, Counter},
    family::Family,
    gauge::{ConstGauge, Gauge},
    histogram::Histogram,
};
use prometheus_client::registry::{Registry, Unit};
use serde::Deserialize;
use tasker_protocol::frame::Outcome;

use crate::status::{Board, SessionState};

/// Upper bounds in seconds, for what takes from half a millisecond to half an hour.
const HANDLER_BUCKETS: [f64; 18] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0, 1800.0,
];
/// Upper bounds in seconds, for what should take next to no time.
const DELAY_BUCKETS: [f64; 12] = [
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0,
];

const SESSION_STATES: [(SessionState, &str); 4] = [
    (SessionState::Connecting, "connecting"),
    (SessionState::Open, "open"),
    (SessionState::Draining, "draining"),
    (SessionState::Stopped, "stopped"),
];

/// Whose attempt it was and how long it took, as far as that is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// The handler.
    pub callable: String,
    /// From the attempt's arrival to the call of its handler, in microseconds.
    #[serde(default)]
    pub queued_us: Option<u64>,
    /// How long the handler ran, in microseconds.
    #[serde(default)]
    pub ran_us: Option<u64>,
}

/// What a worker's library has measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// How long a callback waited for the handlers' event loop, in microseconds.
    EventLoopDelayUs(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAttempt {
    callable: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHandler {
    callable: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

/// Counted and timed from the worker's start on. Labels are callables, which templates list, and fixed words.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    attempts: Family<OfAttempt, Counter>,
    ran: Family<OfHandler, Histogram>,
    queued: Histogram,
    loop_delay: Histogram,
}

impl Metrics {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        let mut registry = Registry::with_prefix("tasker_worker");
        let attempts = Family::default();
        registry.register(
            "attempts",
            "Attempts that ended, by handler and outcome",
            attempts.clone(),
        );
        let ran = Family::new_with_constructor(handler_histogram as fn() -> Histogram);
        registry.register_with_unit(
            "handler_duration",
            "How long handlers ran",
            Unit::Seconds,
            ran.clone(),
        );
        let queued = Histogram::new(DELAY_BUCKETS);
        registry.register_with_unit(
            "queue_wait",
            "From an attempt's arrival to the call of its handler",
            Unit::Seconds,
            queued.clone(),
        );
        let loop_delay = Histogram::new(DELAY_BUCKETS);
        registry.register_with_unit(
            "event_loop_delay",
            "How long a callback waited for the event loop of async handlers",
            Unit::Seconds,
            loop_delay.clone(),
        );
        registry.register_collector(Box::new(Standing(board)));
        Self {
            registry,
            attempts,
            ran,
            queued,
            loop_delay,
        }
    }

    /// An attempt has ended.
    pub(crate) fn ended(&self, outcome: &Outcome, timings: &Timings) {
        let callable = timings.callable.clone();
        let of_attempt = OfAttempt {
            callable: callable.clone(),
            outcome: kind(outcome),
        };
        self.attempts.get_or_create(&of_attempt).inc();
        if let Some(queued) = timings.queued_us {
            self.queued.observe(seconds(queued));
        }
        if let Some(ran) = timings.ran_us {
            let of_handler = OfHandler { callable };
            self.ran.get_or_create(&of_handler).observe(seconds(ran));
        }
    }

    pub(crate) fn observe(&self, observation: &Observation) {
        match observation {
            Observation::EventLoopDelayUs(delay) => self.loop_delay.observe(seconds(*delay)),
        }
    }

    /// All of them as OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Where the worker stands at the time of the scrape.
#[derive(Debug)]
struct Standing(Arc<Board>);

impl Collector for Standing {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let standing = self.0.standing();
        let mut gauge = |name, help, value: usize| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)
        };
        let open = standing.session == SessionState::Open;
        gauge(
            "slots",
            "Attempts that the worker takes at once; 0 while its session is not open",
            if open { standing.slots } else { 0 },
        )?;
        gauge(
            "attempts_held",
            "Attempts running, or with an outcome that is not yet accepted",
            standing.held,
        )?;
        let sessions = Family::<OfState, Gauge>::default();
        for (state, name) in SESSION_STATES {
            let is = i64::from(state == standing.session);
            sessions.get_or_create(&OfState { state: name }).set(is);
        }
        let metric = encoder.encode_descriptor(
            "session",
            "1 for the state that the session is in",
            None,
            sessions.metric_type(),
        )?;
        sessions.encode(metric)?;
        let reconnects = ConstCounter::new(standing.opened.saturating_sub(1));
        let metric = encoder.encode_descriptor(
            "reconnects",
            "Sessions that were opened after the first",
            None,
            reconnects.metric_type(),
        )?;
        reconnects.encode(metric)
    }
}

fn handler_histogram() -> Histogram {
    Histogram::new(HANDLER_BUCKETS)
}

fn kind(outcome: &Outcome) -> &'static str {
    match &outcome.error {
        None => "success",
        Some(error) if error.error_type == "timeout" => "timeout",
        Some(error) if error.retryable => "retryable_failure",
        Some(_) => "permanent_failure",
    }
}

fn seconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64()
}
