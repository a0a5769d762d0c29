//! The bot's own words.

use jackfield_plugin::chat::QueueProgress;

/// In one language.
pub(crate) struct Texts {
    pub(crate) greeting: &'static str,
    pub(crate) human: &'static str,
    pub(crate) not_understood: &'static str,
    pub(crate) handing_over: &'static str,
    pub(crate) still_there: &'static str,
    pub(crate) goodbye: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) cover: &'static str,
    pub(crate) survey: &'static str,
    pub(crate) thanks: &'static str,
    progress: fn(&QueueProgress) -> String,
}

impl Texts {
    /// Chinese for any Chinese language tag, else English.
    pub(crate) fn of(language: &str) -> &'static Self {
        if language.starts_with("zh") { &ZH } else { &EN }
    }

    /// Where the customer stands.
    pub(crate) fn progress(&self, progress: &QueueProgress) -> String {
        (self.progress)(progress)
    }
}

/// Whole minutes, at least one.
fn minutes(ms: u64) -> u64 {
    ms.div_ceil(60_000).max(1)
}

static EN: Texts = Texts {
    greeting: "Hello! What can we do for you?",
    human: "Talk to a person",
    not_understood: "Sorry, I did not understand that. Please choose, or ask in other words.",
    handing_over: "I am passing you on to a colleague.",
    still_there: "Are you still there? Just write when you need anything else.",
    goodbye: "Thank you for writing to us. Goodbye!",
    nobody: "I am sorry, nobody can take over at the moment. Please write to us again later.",
    cover: "Your message has arrived; a colleague is on it.",
    survey: "How satisfied are you with this conversation, from 1 (not at all) to 5 (very)?",
    thanks: "Thank you for the feedback!",
    progress: |progress| match progress.expected_wait {
        Some(wait) => format!(
            "You are number {} in the queue; it will take about {} min.",
            progress.position,
            minutes(wait)
        ),
        None => format!("You are number {} in the queue.", progress.position),
    },
};

static ZH: Texts = Texts {
    greeting: "您好！请问有什么可以帮您？",
    human: "转人工客服",
    not_understood: "抱歉，我没有理解您的意思。请从菜单中选择，或换一种说法。",
    handing_over: "正在为您转接人工客服。",
    still_there: "请问您还在吗？如需帮助，请直接留言。",
    goodbye: "感谢您的咨询，再见！",
    nobody: "非常抱歉，目前没有客服可以接待，请稍后再联系我们。",
    cover: "您的消息已收到，客服正在处理。",
    survey: "请为本次服务打分：1 分（很不满意）到 5 分（非常满意）。",
    thanks: "感谢您的评价！",
    progress: |progress| match progress.expected_wait {
        Some(wait) => format!(
            "您前面还有 {} 位，预计等待 {} 分钟。",
            progress.position.saturating_sub(1),
            minutes(wait)
        ),
        None => format!("您前面还有 {} 位。", progress.position.saturating_sub(1)),
    },
};
