use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a plugin may ask of the host beyond its question: an interface of `wit/`. Configuration, clock, log and what
/// belongs to the question itself need no asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Capability {
    /// Small values kept per binding.
    KeyValue,
    /// The call at hand, and how queues stand.
    Calls,
    /// Written messages of an interaction.
    Messages,
    /// The customer, past interactions and tags.
    Customers,
    /// Survey answers and evaluations.
    Scores,
    /// The written conversation at hand, and how queues stand.
    Chats,
    /// Articles and reply templates.
    Knowledge,
    /// How agents' conversations went, by what they were about.
    Outcomes,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 8] = [
        Self::KeyValue,
        Self::Calls,
        Self::Messages,
        Self::Customers,
        Self::Scores,
        Self::Chats,
        Self::Knowledge,
        Self::Outcomes,
    ];

    /// The name of its interface without the version, as in `plugin.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyValue => "cx:host/key-value",
            Self::Calls => "cx:call/calls",
            Self::Messages => "cx:chat/messages",
            Self::Customers => "cx:profile/customers",
            Self::Scores => "cx:scoring/scores",
            Self::Chats => "cx:chat/chats",
            Self::Knowledge => "cx:knowledge/entries",
            Self::Outcomes => "cx:scoring/outcomes",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown capability {0:?}: expected one of {known}", known = Grants::ALL)]
pub struct UnknownCapability(pub String);

impl FromStr for Capability {
    type Err = UnknownCapability;
    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == text)
            .ok_or_else(|| UnknownCapability(text.chars().take(96).collect()))
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of capabilities; in JSON the list of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Grants(u32);

impl Grants {
    /// No capability.
    pub const NONE: Self = Self(0);
    /// Every capability there is.
    pub const ALL: Self = Self((1 << Capability::ALL.len()) - 1);

    /// Whether a capability is among them.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The capabilities, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
    }

    /// As a number, for what is read by many threads at once.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set of [`Grants::bits`]; bits that stand for nothing are dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits).and(Self::ALL)
    }
}

impl FromIterator<Capability> for Grants {
    fn from_iter<T: IntoIterator<Item = Capability>>(capabilities: T) -> Self {
        Self(
            capabilities
                .into_iter()
                .fold(0, |bits, capability| bits | capability.bit()),
        )
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, capability) in self.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            f.write_str(capability.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Vec::<Capability>::deserialize(d)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_sets_meet() {
        for capability in Capability::ALL {
            assert_eq!(capability.as_str().parse(), Ok(capability));
            assert!(Grants::ALL.contains(capability) && !Grants::NONE.contains(capability));
        }
        let some: Grants = [Capability::Scores, Capability::KeyValue].into_iter().collect();
        assert_eq!(some.to_string(), "cx:host/key-value, cx:scoring/scores");
        assert_eq!(
            some.and([Capability::Scores].into_iter().collect())
                .iter()
                .collect::<Vec<_>>(),
            [Capability::Scores]
        );
        assert_eq!(Grants::from_bits(u32::MAX), Grants::ALL);
        let error = "cx:host/config".parse::<Capability>().unwrap_err();
        assert!(error.to_string().contains("cx:call/calls"), "{error}");
    }
}
