use std::sync::Arc;

use jackfield_types::{Channel, ChatEntryId, QueueId, TemplateId, limits};
use serde::{Deserialize, Serialize};

use super::{InvalidConfig, check, check_language, check_name, check_range};

/// A place where customers begin written conversations: a web page's chat window, an account at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEntryConfig {
    /// The entry.
    pub id: ChatEntryId,
    /// For people, 1 to 128 bytes.
    pub name: Arc<str>,
    /// `chat` for web chat; `sms`, `email` or `social` where a connector brings the messages. Never `voice`.
    pub channel: Channel,
    /// BCP 47, for example `zh-CN`; flows and the chat window speak it first.
    pub language: Arc<str>,
    /// Where a customer goes when no flow is bound or the flow fails. Must exist.
    pub default_queue: QueueId,
    /// Web pages that may embed the chat window, as origins (`https://shop.example`), at most 32; `*` for all. Empty:
    /// only pages of this server.
    pub allowed_origins: Vec<Arc<str>>,
    /// Nobody writes for so long: the conversation is closed. 60,000 to 604,800,000 ms.
    pub idle_timeout_ms: u64,
    /// Whether the agent sees what the customer is writing before it is sent; the chat window says so to the customer.
    #[serde(default)]
    pub typing_preview: bool,
    /// What is done while a message of the customer stays without an answer, at most 8 steps, each later than the one
    /// before.
    pub unanswered: Vec<UnansweredStep>,
}

/// What is done when a message of the customer has waited so long for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredStep {
    /// Milliseconds since the oldest unanswered message, 1,000 to 86,400,000.
    pub after_ms: u64,
    /// What.
    pub action: UnansweredAction,
}

/// What can be done about a message without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnansweredAction {
    /// The agent and the supervisors are told.
    Warn,
    /// The customer gets this text, 1 to 8,192 bytes.
    Reply(Arc<str>),
    /// The customer gets this shared reply template, filled in.
    ReplyTemplate(TemplateId),
    /// The flow is told, and may answer for the agent until the agent does.
    Cover,
    /// The conversation is taken from the agent and waits, before others, in this queue. Must exist.
    Escalate(QueueId),
}

impl ChatEntryConfig {
    /// An entry for web chat with the usual settings: a warning after 10 s, the flow's cover after
    /// 15 s, since most people leave a window in which nothing has happened for so long.
    pub fn new(id: ChatEntryId, name: &str, default_queue: QueueId) -> Self {
        let step = |after_ms, action| UnansweredStep { after_ms, action };
        Self {
            id,
            name: name.into(),
            channel: Channel::Chat,
            language: "en".into(),
            default_queue,
            allowed_origins: Vec::new(),
            idle_timeout_ms: 30 * 60 * 1_000,
            typing_preview: false,
            unanswered: vec![
                step(10_000, UnansweredAction::Warn),
                step(15_000, UnansweredAction::Cover),
            ],
        }
    }

    /// The usual settings of an entry of this channel: who writes a mail does not wait for an answer, so the agent and the
    /// supervisors are told after four hours, and a conversation is closed after seven days without a word.
    #[must_use]
    pub fn of_channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        if channel.is_asynchronous() {
            self.idle_timeout_ms = 7 * 86_400_000;
            self.unanswered = vec![UnansweredStep {
                after_ms: 4 * 3_600_000,
                action: UnansweredAction::Warn,
            }];
        }
        self
    }

    /// Checks the values that do not depend on other settings.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        check_name(&self.name)?;
        check_language(&self.language)?;
        check(self.channel.is_written(), "channel", || {
            "expected chat, sms, email or social".into()
        })?;
        check_range("idle_timeout_ms", self.idle_timeout_ms, 60_000, 7 * 86_400_000)?;
        let most = limits::MAX_ALLOWED_ORIGINS;
        check(self.allowed_origins.len() <= most, "allowed_origins", || {
            format!("{} origins: expected at most {most}", self.allowed_origins.len())
        })?;
        for origin in &self.allowed_origins {
            check(is_origin(origin), "allowed_origins", || {
                format!("{origin:?}: expected * or an origin, for example https://shop.example")
            })?;
        }
        let most = limits::MAX_UNANSWERED_STEPS;
        check(self.unanswered.len() <= most, "unanswered", || {
            format!("{} steps: expected at most {most}", self.unanswered.len())
        })?;
        let mut before = 0;
        for step in &self.unanswered {
            check_range("unanswered", step.after_ms, 1_000, 86_400_000)?;
            check(step.after_ms > before, "unanswered", || {
                format!("{} ms is not later than the step before", step.after_ms)
            })?;
            before = step.after_ms;
            if let UnansweredAction::Reply(text) = &step.action {
                let most = limits::MAX_MESSAGE_BYTES;
                check((1..=most).contains(&text.len()), "unanswered", || {
                    format!("reply: expected a text of 1 to {most} bytes")
                })?;
            }
        }
        Ok(())
    }

    /// Whether a page of this origin may embed the chat window.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins
            .iter()
            .any(|allowed| &**allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }
}

fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.len() <= 255 && host.chars().all(plain))
}
