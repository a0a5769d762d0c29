//! What is measured, of whom, and when it is due.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use jackfield_testkit::{Api, Server};
use serde_json::Value;

use crate::report;

/// Windows of one agent.
pub(crate) const OF_AN_AGENT: usize = 10;
pub(crate) const WARM_UP: Duration = Duration::from_secs(5);

/// How long something took each time, in milliseconds.
#[derive(Default)]
pub(crate) struct Times(Mutex<Vec<f64>>);

impl Times {
    pub(crate) fn add(&self, ms: f64) {
        self.0.lock().unwrap().push(ms);
    }

    /// Reports the median and the 99th percentile, and with a goal for that the longest; says how many there were.
    pub(crate) fn report(&self, name: &str, goal: Option<&str>) -> usize {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.sort_by(f64::total_cmp);
        let at = |part: f64| all[((all.len() - 1) as f64 * part) as usize];
        if all.is_empty() {
            return 0;
        }
        report(&format!("{name}-p50"), at(0.5), "ms", None);
        report(&format!("{name}-p99"), at(0.99), "ms", goal);
        if goal.is_some() {
            report(&format!("{name}-longest"), at(1.0), "ms", None);
        }
        all.len()
    }
}

/// What one side writes to the other.
pub(crate) struct Way {
    /// When each message was written, in microseconds from the epoch.
    written: Vec<AtomicU64>,
    pub(crate) delivered: Times,
    pub(crate) late: Times,
    pub(crate) accepted: Times,
    pub(crate) told: Times,
    /// When the sender knew that it is durable.
    pub(crate) known: Times,
}

impl Way {
    pub(crate) fn new(messages: usize) -> Self {
        Self {
            written: (0..messages).map(|_| AtomicU64::new(0)).collect(),
            delivered: Times::default(),
            late: Times::default(),
            accepted: Times::default(),
            told: Times::default(),
            known: Times::default(),
        }
    }
}

pub(crate) struct Site {
    pub(crate) api: Api,
    pub(crate) key: String,
    pub(crate) http: SocketAddr,
    pub(crate) windows: usize,
    /// Messages a second of each side.
    pub(crate) rate: usize,
    pub(crate) measured: Duration,
    /// What times count from, and what the clock of the wall said then.
    pub(crate) epoch: Instant,
    began: SystemTime,
    /// From when on messages are written, in microseconds from the epoch.
    pub(crate) start: AtomicU64,
    pub(crate) to_agents: Way,
    pub(crate) to_windows: Way,
    pub(crate) connected: AtomicUsize,
    /// How often the server had too much to do.
    pub(crate) refused: AtomicUsize,
}

impl Site {
    pub(crate) fn new(server: &Server, key: &str) -> Self {
        let how_many = |variable: &str, usual| {
            let asked = std::env::var(variable).ok().and_then(|n| n.parse().ok());
            asked.unwrap_or(usual)
        };
        let rate = how_many("JACKFIELD_BENCH_CHAT_RATE", 2_000) / 2;
        let measured = Duration::from_secs(how_many("JACKFIELD_BENCH_CHAT_SECONDS", 20) as u64);
        let messages = rate * (WARM_UP + measured).as_secs() as usize;
        Self {
            api: server.api.clone(),
            key: key.to_owned(),
            http: server.api.url().trim_start_matches("http://").parse().unwrap(),
            windows: how_many("JACKFIELD_BENCH_CHAT_WINDOWS", 5_000),
            rate,
            measured,
            epoch: Instant::now(),
            began: SystemTime::now(),
            start: AtomicU64::new(0),
            to_agents: Way::new(messages),
            to_windows: Way::new(messages),
            connected: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    pub(crate) fn agents(&self) -> usize {
        self.windows.div_ceil(OF_AN_AGENT)
    }

    /// Messages of each side.
    pub(crate) fn messages(&self) -> usize {
        self.to_agents.written.len()
    }

    /// When the nth message of a side is due.
    pub(crate) fn due(&self, n: usize) -> Duration {
        Duration::from_micros(self.start.load(Relaxed)) + Duration::from_secs_f64(n as f64 / self.rate as f64)
    }

    pub(crate) fn is_warm(&self, n: usize) -> bool {
        n >= self.rate * WARM_UP.as_secs() as usize
    }

    pub(crate) async fn wait_for(&self, n: usize) {
        tokio::time::sleep_until((self.epoch + self.due(n)).into()).await;
    }

    /// The nth message is about to be written.
    pub(crate) fn writes(&self, way: &Way, n: usize) {
        let now = self.epoch.elapsed();
        way.written[n].store(now.as_micros() as u64, Relaxed);
        if self.is_warm(n) {
            way.late.add(ms(now.saturating_sub(self.due(n))));
        }
    }

    pub(crate) fn written(&self, way: &Way, n: usize) -> Duration {
        Duration::from_micros(way.written[n].load(Relaxed))
    }

    /// Its sender knows that the nth message is durable.
    pub(crate) fn known(&self, way: &Way, n: usize) {
        if self.is_warm(n) {
            let took = self.epoch.elapsed().saturating_sub(self.written(way, n));
            way.known.add(ms(took));
        }
    }

    /// The nth message is there, which the core accepted at this time.
    pub(crate) fn arrived(&self, way: &Way, n: &str, at: &Value) {
        let now = self.epoch.elapsed();
        let n = n.parse().unwrap();
        if !self.is_warm(n) {
            return;
        }
        let began = self.began.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let accepted = Duration::from_millis(at.as_u64().unwrap()).saturating_sub(began);
        way.accepted
            .add(ms(accepted.saturating_sub(self.written(way, n))));
        way.told.add(ms(now.saturating_sub(accepted)));
        way.delivered.add(ms(now.saturating_sub(self.due(n))));
    }
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
