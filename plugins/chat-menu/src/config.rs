//! The binding's configuration.

use serde::Deserialize;

/// Read from JSON; `{}` means no menu, the queue `support` and a survey.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// The queue to which customers are handed over.
    pub(crate) queue: String,
    /// Instead of the greeting in the entry's language.
    pub(crate) greeting: Option<String>,
    /// Seconds of silence after which the bot asks once more, and then closes.
    pub(crate) idle_seconds: u64,
    /// Whether to ask for a mark after an agent.
    pub(crate) survey: bool,
    /// What the customer can choose.
    pub(crate) menu: Vec<Item>,
}

/// A choice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) label: String,
    /// Words in a message that mean this choice.
    #[serde(default)]
    pub(crate) words: Vec<String>,
    /// What the bot answers; without it the customer is handed over.
    pub(crate) reply: Option<String>,
    /// To which queue.
    pub(crate) queue: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue: "support".to_owned(),
            greeting: None,
            idle_seconds: 120,
            survey: true,
            menu: Vec::new(),
        }
    }
}
