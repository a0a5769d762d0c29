//! Figures in the Prometheus text format: totals of the deployment, nothing of any tenant.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};

/// Requests since the start, by method, route and status. Routes are patterns, so there is an end to them.
#[derive(Clone, Default)]
pub(crate) struct Requests {
    counts: Arc<Mutex<BTreeMap<Kind, Count>>>,
}

/// Method, route and status.
type Kind = (String, String, u16);

#[derive(Clone, Copy, Default)]
struct Count {
    requests: u64,
    took: Duration,
}

impl Requests {
    pub(crate) fn count(&self, method: &Method, route: Option<String>, status: StatusCode, took: Duration) {
        // What fits no route has any method and path that somebody thought of.
        let (method, route) = match route {
            Some(route) => (method.as_str(), route),
            None => ("other", "other".into()),
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((method.into(), route, status.as_u16())).or_default();
        count.requests += 1;
        count.took += took;
    }

    pub(crate) fn write(&self, page: &mut Page) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let label = |(method, route, status): &Kind| {
            format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}")
        };
        page.head(
            "jackfield_http_requests_total",
            "counter",
            "HTTP requests answered.",
        );
        for (key, count) in counts.iter() {
            page.value("jackfield_http_requests_total", &label(key), count.requests);
        }
        page.head(
            "jackfield_http_request_seconds_total",
            "counter",
            "Time spent on HTTP requests.",
        );
        for (key, count) in counts.iter() {
            page.value(
                "jackfield_http_request_seconds_total",
                &label(key),
                count.took.as_secs_f64(),
            );
        }
    }
}

/// A page of figures.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a figure: its name, its kind (`counter`, `gauge`) and what it says.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One value; labels in braces, or nothing.
    pub(crate) fn value(&mut self, name: &str, labels: &str, value: impl fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A figure with one value.
    pub(crate) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl fmt::Display) {
        self.head(name, kind, help);
        self.value(name, "", value);
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}
