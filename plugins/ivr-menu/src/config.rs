//! The binding's configuration.

use std::collections::BTreeMap;

use jackfield_plugin::{
    Need,
    voice_flow::{Error, Prompt},
};
use serde::Deserialize;

use crate::{HUMAN_KEY, speech::Language};

/// Read from JSON; `{}` is the default below.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Languages that are spoken; the first is taken where the number's own is not among them.
    languages: Vec<Language>,
    /// The key that changes the language, where two are spoken.
    pub(crate) language_key: String,
    /// Whether the language is a skill that agents must have: `en` or `zh`.
    pub(crate) language_skill: bool,
    /// Said first; a general welcome when not given.
    pub(crate) greeting: BTreeMap<Language, Text>,
    /// The choices, in the order in which they are said.
    pub(crate) menu: Vec<Choice>,
    /// Where 0 and failed inputs lead.
    pub(crate) human: Place,
    /// How often the menu is said again after a wrong or missing digit.
    pub(crate) retries: u8,
    /// Questions after the agent has left.
    pub(crate) survey: Vec<Question>,
}

/// One choice of the menu.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Choice {
    /// The digit.
    pub(crate) key: String,
    /// What the call is about, for scorecards and agents: the attribute `call-type`.
    pub(crate) id: String,
    /// As said in the menu: "for LABEL, press KEY".
    label: BTreeMap<Language, String>,
    /// What happens then: `{"queue": {…}}` or `{"say": {…}}`.
    pub(crate) target: Target,
}

/// What a choice leads to.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// Into a queue.
    Queue(Place),
    /// Self-service: something is said, and the menu again.
    Say(BTreeMap<Language, Text>),
}

/// A queue, and what the call asks of its agents.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Place {
    pub(crate) queue: String,
    #[serde(default)]
    pub(crate) needs: Vec<Skill>,
    #[serde(default)]
    pub(crate) priority: i32,
}

/// A skill asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Skill {
    skill: String,
    #[serde(default = "lowest")]
    level: u8,
}

/// Text to be spoken, or a file of the tenant's prompt library.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Say(String),
    File { file: String },
}

/// A question of the survey.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Question {
    /// How satisfied the caller is, 1 to 5.
    Csat,
    /// How much the caller had expected, 1 to 5.
    Expectation,
}

fn lowest() -> u8 {
    1
}

impl Skill {
    pub(crate) fn need(&self) -> Need {
        Need {
            skill: self.skill.clone(),
            level: self.level,
        }
    }
}

impl Text {
    pub(crate) fn prompt(&self, language: Language) -> Prompt {
        match self {
            Self::Say(text) => language.say(text),
            Self::File { file } => Prompt::File(file.clone()),
        }
    }
}

impl Question {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Csat => "csat",
            Self::Expectation => "expectation",
        }
    }
}

impl Choice {
    /// Its name in the language, else in any, else its id.
    pub(crate) fn label(&self, language: Language) -> &str {
        self.label
            .get(&language)
            .or_else(|| self.label.values().next())
            .unwrap_or(&self.id)
    }
}

impl Default for Config {
    /// Sales, support and opening hours in both languages.
    fn default() -> Self {
        let both = |en: &str, zh: &str| [(Language::En, en.to_owned()), (Language::Zh, zh.to_owned())].into();
        let queue = |queue: &str| Place {
            queue: queue.to_owned(),
            needs: Vec::new(),
            priority: 0,
        };
        let choice = |key: &str, id: &str, label, target| Choice {
            key: key.to_owned(),
            id: id.to_owned(),
            label,
            target,
        };
        let hours = [
            (
                Language::En,
                Text::Say("We are open Monday to Friday, from nine to six.".to_owned()),
            ),
            (
                Language::Zh,
                Text::Say("我们的营业时间是周一至周五，上午九点到下午六点。".to_owned()),
            ),
        ];
        Self {
            languages: vec![Language::En, Language::Zh],
            language_key: "9".to_owned(),
            language_skill: false,
            greeting: BTreeMap::new(),
            menu: vec![
                choice("1", "sales", both("sales", "销售"), Target::Queue(queue("sales"))),
                choice(
                    "2",
                    "support",
                    both("support", "技术支持"),
                    Target::Queue(queue("support")),
                ),
                choice(
                    "3",
                    "opening-hours",
                    both("our opening hours", "营业时间"),
                    Target::Say(hours.into()),
                ),
            ],
            human: queue("support"),
            retries: 2,
            survey: vec![Question::Csat],
        }
    }
}

impl Config {
    /// What JSON alone cannot say.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut taken = vec![HUMAN_KEY];
        if self.languages.len() > 1 {
            taken.push(&self.language_key);
        }
        taken.extend(self.menu.iter().map(|choice| choice.key.as_str()));
        let is_digit = |key: &&str| key.len() == 1 && key.as_bytes()[0].is_ascii_digit();
        let bad = |message: String| Err(Error::new("bad-config", message));
        if let Some(key) = taken.iter().find(|key| !is_digit(key)) {
            return bad(format!("key {key:?}: expected one digit"));
        }
        if let Some((_, key)) = taken
            .iter()
            .enumerate()
            .find(|(at, key)| taken[..*at].contains(key))
        {
            return bad(format!(
                "key {key:?} is taken twice; {HUMAN_KEY} is always the human"
            ));
        }
        if self.languages.is_empty() {
            return bad("languages: expected at least one of en, zh-CN".to_owned());
        }
        Ok(())
    }

    /// The language to begin in for a number whose language is `tag`.
    pub(crate) fn language_of(&self, tag: &str) -> Language {
        let spoken = self
            .languages
            .iter()
            .find(|language| tag.starts_with(language.primary()));
        spoken.or(self.languages.first()).copied().unwrap_or_default()
    }

    /// The other language that is spoken.
    pub(crate) fn other_language(&self, language: Language) -> Option<Language> {
        self.languages.iter().find(|other| **other != language).copied()
    }
}
