//! What is said, in both languages.

use jackfield_plugin::{Need, voice_flow::Prompt};
use serde::{Deserialize, Serialize};

use crate::config::Question;

/// A language that this menu speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) enum Language {
    #[default]
    #[serde(rename = "en")]
    En,
    #[serde(rename = "zh-CN", alias = "zh")]
    Zh,
}

impl Language {
    /// The BCP 47 tag.
    pub(crate) fn tag(self) -> &'static str {
        self.pick("en", "zh-CN")
    }

    /// The primary subtag, which is also the skill of speaking it.
    pub(crate) fn primary(self) -> &'static str {
        self.pick("en", "zh")
    }

    pub(crate) fn need(self) -> Need {
        Need {
            skill: self.primary().to_owned(),
            level: 1,
        }
    }

    pub(crate) fn say(self, text: &str) -> Prompt {
        Prompt::say(self.tag(), text)
    }

    fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    pub(crate) fn greeting(self) -> &'static str {
        self.pick("Welcome, and thank you for calling.", "您好，欢迎致电。")
    }

    pub(crate) fn press(self, what: &str, key: &str) -> String {
        match self {
            Self::En => format!("For {what}, press {key}."),
            Self::Zh => format!("{what}请按{key}。"),
        }
    }

    /// Between two sentences.
    pub(crate) fn pause(self) -> &'static str {
        self.pick(" ", "")
    }

    pub(crate) fn human(self) -> &'static str {
        self.pick("a person", "人工服务")
    }

    pub(crate) fn name(self) -> &'static str {
        self.pick("English", "中文服务")
    }

    pub(crate) fn no_input(self) -> &'static str {
        self.pick("Sorry, I did not hear a key.", "抱歉，没有收到您的按键。")
    }

    pub(crate) fn bad_input(self) -> &'static str {
        self.pick("Sorry, that is not one of the choices.", "抱歉，您的选择无效。")
    }

    pub(crate) fn please_wait(self) -> &'static str {
        self.pick(
            "One moment please, we are connecting you.",
            "请稍候，正在为您转接。",
        )
    }

    /// Where the caller stands; `minutes` rounded up, none while the wait is not known.
    pub(crate) fn position(self, position: u32, minutes: Option<u64>) -> String {
        match self {
            Self::En => {
                let place = match position {
                    1 => "You are next in line.".to_owned(),
                    _ => format!("You are number {position} in line."),
                };
                match minutes {
                    None => format!("{place} Please stay with us."),
                    Some(0 | 1) => format!("{place} It should take less than a minute."),
                    Some(minutes) => format!("{place} It should take about {minutes} minutes."),
                }
            }
            Self::Zh => {
                let place = match position {
                    1 => "下一位就是您，".to_owned(),
                    _ => format!("您排在第{position}位，"),
                };
                match minutes {
                    None => format!("{place}请您稍候。"),
                    Some(0 | 1) => format!("{place}预计等待不到一分钟。"),
                    Some(minutes) => format!("{place}预计等待约{minutes}分钟。"),
                }
            }
        }
    }

    pub(crate) fn busy(self) -> &'static str {
        self.pick(
            "We are sorry, all of our colleagues are busy and we cannot take your call right now. Please call again later.",
            "非常抱歉，目前所有客服人员都在忙，暂时无法接听您的来电，请您稍后再拨。",
        )
    }

    pub(crate) fn closed(self) -> &'static str {
        self.pick(
            "We are sorry, this service is not available at the moment. Please call again later.",
            "非常抱歉，该服务暂时无法使用，请您稍后再拨。",
        )
    }

    pub(crate) fn goodbye(self) -> &'static str {
        self.pick("Thank you for calling. Goodbye.", "感谢您的来电，再见。")
    }

    pub(crate) fn survey_begins(self) -> &'static str {
        self.pick(
            "Before you go, please help us with a short survey.",
            "请您留步，对我们的服务做一个简短的评价。",
        )
    }

    pub(crate) fn question(self, question: Question) -> &'static str {
        match question {
            Question::Csat => self.pick(
                "How satisfied are you with this call? Press a key from 1, very dissatisfied, to 5, very satisfied.",
                "您对本次通话是否满意？请按1到5键，1为非常不满意，5为非常满意。",
            ),
            Question::Expectation => self.pick(
                "And how much had you expected before you called? Press a key from 1, very little, to 5, a great deal.",
                "来电之前，您对我们的服务期望有多高？请按1到5键，1为非常低，5为非常高。",
            ),
        }
    }

    pub(crate) fn thanks(self) -> &'static str {
        self.pick("Thank you for your answer. Goodbye.", "感谢您的评价，再见。")
    }
}
