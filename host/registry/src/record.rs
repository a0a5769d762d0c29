use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_sandbox::{CapabilityRequest, DecidedBy, Plugin, ProjectedField, RequestedLimits};
use jackfield_types::{
    DecisionId, Digest, ExtensionPoint, InteractionId, PluginId, PluginKind, Timestamp, Version, limits,
};
use serde::{Deserialize, Serialize};

use crate::rollout::{Gates, Observed, Stage, Step, Verdict, in_canary, in_share, judge};
use crate::seen::Seen;
use crate::{Granted, RegistryError, SignedBy};

/// One version of a plugin, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// The plugin.
    pub id: PluginId,
    /// Its version; never overwritten.
    pub version: Version,
    /// Its kind.
    pub kind: PluginKind,
    /// The component.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// One line for people.
    pub description: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// What it asks for.
    #[serde(default)]
    pub capabilities: Vec<CapabilityRequest>,
    /// Which fields of customers' data it sees; of nothing, everything that it is granted.
    #[serde(default)]
    pub projection: Vec<ProjectedField>,
    /// Which limits below those of its kind it asks for.
    #[serde(default)]
    pub limits: RequestedLimits,
    /// Whose signature it came with first.
    #[serde(default)]
    pub signed_by: Option<SignedBy>,
    /// Signatures of other keys that came later, with the same bytes; at most [`limits::MAX_SIGNATURES`] with the first.
    #[serde(default)]
    pub also_signed_by: Vec<SignedBy>,
    /// That it was withdrawn; it can't be bound anew.
    #[serde(default)]
    pub yanked: Option<Yank>,
}

impl PluginRecord {
    /// Everybody who signed it.
    pub fn signatures(&self) -> impl Iterator<Item = &SignedBy> {
        self.signed_by.iter().chain(&self.also_signed_by)
    }
}

/// A version's withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why, at most 1,000 bytes.
    pub why: Option<String>,
}

/// A binding, as stored; also one entry of a point's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingRecord {
    /// Where.
    pub point: ExtensionPoint,
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// Its kind.
    pub kind: PluginKind,
    /// The component.
    pub digest: Digest,
    /// The configuration that the plugin reads.
    pub config: serde_json::Value,
    /// Counts up from 1 with each change at this point.
    pub revision: u64,
    /// When it was bound, or taken away.
    pub bound_at: Timestamp,
    /// Who did it.
    pub bound_by: String,
    /// Why, at most 1,000 bytes.
    #[serde(default)]
    pub why: Option<String>,
    /// How many per cent of the decisions are recorded, 0 to 100.
    #[serde(default = "all")]
    pub record_percent: u8,
    /// In the history: that this was taken away then, and nothing put in its place.
    #[serde(default)]
    pub removed: bool,
}

const fn all() -> u8 {
    100
}

impl BindingRecord {
    /// Whether a decision is one of those that are recorded: all of one interaction, or none; where a decision is about
    /// no single interaction, by its own id. That it failed is recorded always, whatever this says.
    pub fn samples(&self, interaction: Option<InteractionId>, decision: DecisionId) -> bool {
        let id = interaction.map_or_else(
            || u128::from_be_bytes(*decision.as_bytes()),
            |interaction| interaction.as_u128(),
        );
        self.record_percent >= 100 || in_share(id, self.record_percent, "record")
    }
}

/// A wish to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindRequest {
    /// Where.
    pub point: ExtensionPoint,
    /// The plugin.
    pub plugin: PluginId,
    /// The version; `None`: the newest.
    pub version: Option<Version>,
    /// The configuration, a JSON object of at most 64 KiB that the plugin's schema allows.
    pub config: serde_json::Value,
    /// Why, at most 1,000 bytes.
    pub why: Option<String>,
    /// How many per cent of the decisions are to be recorded, 0 to 100; `None`: as many as of what is bound there now,
    /// and all where nothing is.
    pub record_percent: Option<u8>,
}

/// A share that somebody asked for.
pub(crate) const fn check_percent(percent: Option<u8>) -> Result<(), RegistryError> {
    match percent {
        Some(found) if found > 100 => Err(RegistryError::BadPercent { found }),
        _ => Ok(()),
    }
}

/// A reason that somebody gave.
pub(crate) fn check_why(why: Option<&str>) -> Result<(), RegistryError> {
    match why.map(str::len) {
        Some(found) if found > limits::MAX_WHY_BYTES => Err(RegistryError::LongWhy { found }),
        _ => Ok(()),
    }
}

/// What is plugged in at a point, ready to decide.
pub struct Bound {
    /// The binding.
    pub record: BindingRecord,
    /// The same as its decisions are recorded, with the configuration as the plugin gets it.
    pub by: Arc<DecidedBy>,
    /// The loaded plugin.
    pub plugin: Arc<Plugin>,
    /// What tenant and platform grant it, at each moment.
    pub granted: Granted,
    /// What was bound here before: the last good version, asked when this one fails.
    pub previous: Option<Arc<Bound>>,
    /// What may become active here, while its rollout goes on.
    pub candidate: Option<Arc<Candidate>>,
}

/// A version that is being rolled out, beside the active one.
pub struct Candidate {
    /// The version, as if it were bound; its last good version is the active one.
    pub bound: Arc<Bound>,
    /// How far it is: shadow or canary.
    pub stage: Stage,
    /// The number of this stage among the changes of the point's rollouts.
    pub number: u64,
    /// What it must keep to.
    pub gates: Gates,
    /// Where it goes by itself after this stage, in this order.
    pub steps: Vec<Step>,
    /// What it, and the active version beside it, were seen to do in this stage.
    pub seen: Mutex<Seen>,
    /// Set by whoever moves it because of what was seen, so that it is done once.
    pub moving: AtomicBool,
}

impl Candidate {
    /// Whether it decides for this interaction.
    pub fn takes(&self, interaction: InteractionId) -> bool {
        let Stage::Canary { percent } = self.stage else {
            return false;
        };
        let BindingRecord { point, digest, .. } = &self.bound.record;
        in_canary(interaction, percent, &format!("{point} {digest}"))
    }

    /// Both sides of late, and what is to be done.
    pub fn judged(&self, now: Timestamp) -> (Observed, Observed, Verdict) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = seen.moment(now);
        let (candidate, control) = (seen.candidate.observed(moment), seen.control.observed(moment));
        let verdict = judge(self.stage, &self.gates, &candidate, &control);
        (candidate, control, verdict)
    }
}

/// A rollout at one of its stages, as stored; also one entry of its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// Where.
    pub point: ExtensionPoint,
    /// The candidate.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// Its component.
    pub digest: Digest,
    /// The configuration that it reads.
    pub config: serde_json::Value,
    /// How far it is.
    pub stage: Stage,
    /// What it must keep to.
    pub gates: Gates,
    /// Where it goes by itself, in this order, once the gates have held for a whole window; empty: nowhere.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The revision of the binding beside which it runs; another binding ends it.
    pub beside_revision: u64,
    /// Counts up from 1 with each change of the point's rollouts.
    pub number: u64,
    /// When it came to this stage.
    pub moved_at: Timestamp,
    /// Who moved it; `system:gates` when it went by itself: on, since the gates held, or back, since one was violated.
    pub moved_by: String,
    /// Why, for people.
    pub why: String,
    /// What had been seen then.
    pub evidence: serde_json::Value,
}

/// Where a rollout is to go.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The stage.
    pub to: Stage,
    /// Why, for people; at most 1,000 bytes.
    pub why: String,
    /// What had been seen.
    pub evidence: serde_json::Value,
}

/// A wish to roll a version out.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutRequest {
    /// Where.
    pub point: ExtensionPoint,
    /// The candidate.
    pub plugin: PluginId,
    /// Its version; `None`: the newest.
    pub version: Option<Version>,
    /// The configuration that it is to read, a JSON object of at most 64 KiB.
    pub config: serde_json::Value,
    /// What it must keep to.
    pub gates: Gates,
    /// Where it is to go by itself, at most 16 steps; empty: somebody promotes it.
    pub steps: Vec<Step>,
    /// Why, for people; at most 1,000 bytes.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(record_percent: u8) -> BindingRecord {
        BindingRecord {
            point: "queue:support".parse().unwrap(),
            plugin: "p".parse().unwrap(),
            version: Version::new(1, 0, 0),
            kind: PluginKind::RoutingStrategy,
            digest: Digest::of(b"p"),
            config: serde_json::json!({}),
            revision: 1,
            bound_at: Timestamp(0),
            bound_by: "user:a".into(),
            why: None,
            removed: false,
            record_percent,
        }
    }

    #[test]
    fn a_share_of_the_interactions_is_recorded_whole_and_grows_with_the_percentage() {
        let id = |n: u32| format!("{:032x}", u128::from(n) << 64);
        let decision = |n: u32| id(n).parse::<DecisionId>().unwrap();
        let sampled = |percent: u8| -> Vec<u32> {
            let binding = binding(percent);
            let by_interaction = |n: &u32| {
                let interaction = Some(id(*n).parse().unwrap());
                let all = [1, 2, 3].map(|step| binding.samples(interaction, decision(*n + step)));
                assert!(
                    all.iter().all(|one| *one == all[0]),
                    "all of one interaction or none"
                );
                all[0]
            };
            (0..2_000).filter(by_interaction).collect()
        };
        assert!(sampled(0).is_empty());
        assert_eq!(sampled(100).len(), 2_000);
        let (few, many) = (sampled(10), sampled(50));
        assert!((140..260).contains(&few.len()), "{}", few.len());
        assert!((900..1_100).contains(&many.len()), "{}", many.len());
        assert!(few.iter().all(|n| many.contains(n)));
        let own = (0..2_000)
            .filter(|n| binding(10).samples(None, decision(*n)))
            .count();
        assert!((140..260).contains(&own), "{own}");
    }

    #[test]
    fn a_binding_of_before_is_recorded_whole() {
        let mut row = serde_json::to_value(binding(7)).unwrap();
        row.as_object_mut().unwrap().remove("record_percent");
        let read: BindingRecord = serde_json::from_value(row).unwrap();
        assert_eq!(read.record_percent, 100);
    }
}
