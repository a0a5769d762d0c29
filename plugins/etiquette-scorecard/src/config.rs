//! The form: which items count how much, by call type.

use std::collections::BTreeMap;

use jackfield_plugin::qa_scorecard::Error;
use serde::Deserialize;

/// Read from JSON; `{}` is the form below for every call type.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Changes to items of the form, by id.
    items: BTreeMap<String, Change>,
    /// Further changes for one call type.
    call_types: BTreeMap<String, BTreeMap<String, Change>>,
}

/// What is set differently for an item.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Change {
    /// All points at this value or better.
    full: Option<f64>,
    /// No points at this value or worse.
    none: Option<f64>,
    /// The weight; 0 leaves the item out.
    weight: Option<f64>,
    /// Whether it counts into the critical score.
    critical: Option<bool>,
}

/// One item of the form. Between `full` and `none` points fall evenly.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) section: &'static str,
    full: f64,
    none: f64,
    pub(crate) possible: f64,
    pub(crate) weight: f64,
    pub(crate) critical: bool,
}

/// Shares are of the time with an agent, 0 to 1; times are in seconds; the survey's answer is brought to 0 to 1.
const FORM: [Rule; 7] = [
    rule("answer-time", "opening", 10.0, 30.0, 2.0),
    rule("hold-share", "handling", 0.1, 0.4, 2.0),
    rule("hold-count", "handling", 1.0, 4.0, 1.0),
    rule("talk-over", "listening", 0.03, 0.15, 2.0),
    rule("dead-air", "listening", 0.1, 0.4, 2.0),
    rule("survey", "outcome", 1.0, 0.0, 4.0),
    rule("wrap-up", "closing", 60.0, 300.0, 1.0),
];

const fn rule(id: &'static str, section: &'static str, full: f64, none: f64, weight: f64) -> Rule {
    Rule {
        id,
        section,
        full,
        none,
        possible: 5.0,
        weight,
        critical: false,
    }
}

impl Rule {
    /// The share of the points that a value earns, 0 to 1. Less may be better, or more.
    pub(crate) fn share(&self, value: f64) -> f64 {
        ((value - self.none) / (self.full - self.none)).clamp(0.0, 1.0)
    }
}

impl Config {
    /// The form for a call type.
    pub(crate) fn form(&self, call_type: &str) -> Result<Vec<Rule>, Error> {
        let mut form = FORM.to_vec();
        let by_type = self.call_types.get(call_type);
        for (id, change) in self.items.iter().chain(by_type.into_iter().flatten()) {
            let Some(rule) = form.iter_mut().find(|rule| rule.id == id) else {
                let known = FORM.map(|rule| rule.id).join(", ");
                return Err(Error::new(
                    "bad-config",
                    format!("item {id:?} is unknown: expected one of {known}"),
                ));
            };
            rule.full = change.full.unwrap_or(rule.full);
            rule.none = change.none.unwrap_or(rule.none);
            rule.weight = change.weight.unwrap_or(rule.weight);
            rule.critical = change.critical.unwrap_or(rule.critical);
        }
        if let Some(rule) = form
            .iter()
            .find(|rule| rule.full == rule.none || rule.weight < 0.0)
        {
            return Err(Error::new(
                "bad-config",
                format!(
                    "item {:?}: expected `full` to differ from `none`, and `weight` to be 0 or more",
                    rule.id
                ),
            ));
        }
        form.retain(|rule| rule.weight > 0.0);
        Ok(form)
    }
}
