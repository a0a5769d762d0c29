//! The binding's configuration, and the rule sets that the plugin brings along.

use std::collections::BTreeMap;

use jackfield_plugin::{Channel, outbound_rule::Error};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Read from JSON; `{}` means the bundled rule sets as they are.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Rule sets that are added to the bundled ones, or replace them, by jurisdiction.
    jurisdictions: BTreeMap<String, RuleSet>,
    /// The jurisdiction whose rules hold where none is written for the callee's; without it such numbers are denied.
    otherwise: Option<String>,
    /// Channels that disturb; the others are not held to any hours. Voice and SMS when not given.
    channels: Option<Vec<ChannelName>>,
    /// Purposes that are not held to any hours, for example `requested-callback`.
    exempt_purposes: Vec<String>,
}

/// What holds in one jurisdiction.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleSet {
    /// When attempts are allowed, in the callee's time.
    pub(crate) windows: Vec<Window>,
    /// What needs consent beforehand.
    pub(crate) consent_needed: Option<ConsentNeeded>,
    /// Where the figures come from; for people.
    #[serde(rename = "source")]
    _source: Option<String>,
}

/// Hours of some days.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Window {
    /// 1 Monday to 7 Sunday, first and last.
    days: Days,
    /// The first allowed minute of the day.
    from: Minute,
    /// The first minute of the day that is no longer allowed; `24:00` for the whole evening.
    to: Minute,
    /// Whether it holds on public holidays too.
    #[serde(default = "yes")]
    holidays: bool,
}

/// What needs consent beforehand.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConsentNeeded {
    /// For which purposes.
    pub(crate) purposes: Vec<String>,
    /// From which civil date on, `YYYY-MM-DD`.
    #[serde(default)]
    pub(crate) since: String,
}

#[derive(Clone, Copy)]
struct Days(u8, u8);

#[derive(Clone, Copy)]
struct Minute(u16);

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ChannelName {
    Voice,
    Chat,
    Sms,
    Email,
    Social,
}

fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.split_once('-')
            .and_then(|(first, last)| Some(Self(first.parse().ok()?, last.parse().ok()?)))
            .filter(|Self(first, last)| 1 <= *first && first <= last && *last <= 7)
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "days {text:?}: expected for example 1-5, Monday to Friday"
                ))
            })
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.split_once(':')
            .and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)))
            .filter(|(hour, minute)| *minute < 60 && (*hour < 24 || (*hour, *minute) == (24, 0)))
            .map(|(hour, minute)| Self(hour * 60 + minute))
            .ok_or_else(|| D::Error::custom(format!("time {text:?}: expected HH:MM, 00:00 to 24:00")))
    }
}

impl Window {
    /// The allowed minutes of a day, when there are any.
    pub(crate) fn on(&self, weekday: u8, holiday: bool) -> Option<std::ops::Range<u16>> {
        let holds = (self.days.0..=self.days.1).contains(&weekday) && (self.holidays || !holiday);
        holds
            .then_some(self.from.0..self.to.0)
            .filter(|range| !range.is_empty())
    }
}

impl Config {
    /// Whether an attempt on this channel for this purpose is held to hours at all.
    pub(crate) fn disturbs(&self, channel: Channel, purpose: &str) -> bool {
        let channel = match channel {
            Channel::Voice => ChannelName::Voice,
            Channel::Chat => ChannelName::Chat,
            Channel::Sms => ChannelName::Sms,
            Channel::Email => ChannelName::Email,
            Channel::Social => ChannelName::Social,
        };
        let channels = self
            .channels
            .as_deref()
            .unwrap_or(&[ChannelName::Voice, ChannelName::Sms]);
        channels.contains(&channel) && !self.exempt_purposes.iter().any(|exempt| exempt == purpose)
    }

    /// The rules of a jurisdiction, else of the country it is a part of, else those for everywhere else.
    pub(crate) fn rules(&self, jurisdiction: &str) -> Result<Option<RuleSet>, Error> {
        let bundled: BTreeMap<String, RuleSet> =
            serde_json::from_str(include_str!("../data/jurisdictions.json"))
                .map_err(|error| Error::new("bad-data", format!("data/jurisdictions.json: {error}")))?;
        let country = jurisdiction.split('-').next().unwrap_or_default();
        let names = [Some(jurisdiction), Some(country), self.otherwise.as_deref()];
        Ok(names
            .into_iter()
            .flatten()
            .find_map(|name| self.jurisdictions.get(name).or_else(|| bundled.get(name)))
            .cloned())
    }
}
