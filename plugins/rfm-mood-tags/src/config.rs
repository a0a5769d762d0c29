//! The binding's configuration.

use serde::Deserialize;

/// Read from JSON; `{}` is the default below. Four thresholds part the scores 5, 4, 3, 2 and 1.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// At most so many days since the last purchase or contact.
    pub(crate) recency_days: [u64; 4],
    /// At least so many contacts in the window.
    pub(crate) frequency: [u64; 4],
    /// At least so much value in the window, in the currency's minor unit.
    pub(crate) value: [u64; 4],
    /// The window of frequency and value.
    pub(crate) window_days: u32,
    /// How far back mood looks, and how long a mood tag holds.
    pub(crate) mood_days: u32,
    /// How long an RFM tag holds without a new contact.
    pub(crate) rfm_holds_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            recency_days: [7, 30, 90, 180],
            frequency: [12, 6, 3, 2],
            value: [1_000_000, 300_000, 100_000, 1],
            window_days: 365,
            mood_days: 30,
            rfm_holds_days: 90,
        }
    }
}
