use jackfield_types::{
    Capability, Grants, PluginId, PluginKind, Version, ceilings::RequestedLimits, limits::MAX_TEXT_BYTES,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Projection;

/// The name of the custom section.
pub(crate) const SECTION: &str = "jackfield:manifest";
/// Bytes of a manifest; more is refused.
const MAX_BYTES: usize = 64 * 1024;
/// The version of the worlds that this host runs.
pub(crate) const WORLD_VERSION: &str = "0.1.0";

/// What a plugin says about itself: the TOML in its custom section `jackfield:manifest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The id.
    pub id: PluginId,
    /// The version.
    pub version: Version,
    /// The kind; in TOML with the version of its world, for example `voice-flow@0.1.0`.
    pub kind: PluginKind,
    /// One line for people.
    pub description: Option<String>,
    /// Counts up with each change of the state that a flow keeps; 0 when not given.
    pub state_schema: u32,
    /// What it asks of the host beyond its question. An import that is not asked for is refused.
    pub capabilities: Vec<CapabilityRequest>,
    /// Which limits below those of its kind will do.
    pub limits: RequestedLimits,
    /// Which fields of customers' data it sees; of nothing, everything that it is granted.
    pub projection: Vec<ProjectedField>,
    /// The JSON Schema (draft 2020-12) of its configuration; `None`: any object will do.
    pub config_schema: Option<Map<String, Value>>,
    /// Whether an instance may answer several questions of one tenant, one after the other: for languages whose run time
    /// takes long to begin. Nothing that is kept in memory is promised to be there at the next question.
    pub reuse_instances: bool,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// One capability that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityRequest {
    /// Which.
    pub name: Capability,
    /// How much of it, in the author's words, for the administrator who grants it.
    pub scope: Option<String>,
    /// What for, in one line for the administrator who grants it.
    pub reason: String,
}

/// A field of customers' data that a plugin looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectedField {
    /// Its path: `customer.id`, `customer.name`, `customer.language`, `customer.first-seen-at`, `customer.attributes`,
    /// `customer.attributes.KEY`, `customer.tags`, `history`, `surveys` or `evaluations`.
    pub field: String,
    /// How personal it is.
    pub pii: PiiClass,
}

/// How personal data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PiiClass {
    /// Says nothing about a person.
    None,
    /// About a person who can be found out only with more data.
    Pseudonymous,
    /// About a known person.
    Personal,
    /// Of the kinds that the law guards most: health, belief, money in trouble.
    Sensitive,
}

impl PiiClass {
    /// The name used in manifests and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pseudonymous => "pseudonymous",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
        }
    }
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// Where its source is.
    pub source: Option<String>,
    /// What built it.
    pub tool: Option<String>,
    /// Its licence, as an SPDX expression.
    pub licence: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Toml {
    id: PluginId,
    version: Version,
    kind: String,
    description: Option<String>,
    #[serde(default)]
    state_schema: u32,
    #[serde(default)]
    capabilities: Vec<CapabilityRequest>,
    #[serde(default)]
    limits: RequestedLimits,
    #[serde(default)]
    projection: Vec<ProjectedField>,
    config_schema: Option<Map<String, Value>>,
    #[serde(default)]
    reuse_instances: bool,
    #[serde(default)]
    provenance: Provenance,
}

impl Manifest {
    /// The capabilities that it asks for.
    pub fn requires(&self) -> Grants {
        self.capabilities.iter().map(|request| request.name).collect()
    }

    /// The kind with the version of its world, as the manifest names it.
    pub fn kind_version(&self) -> String {
        format!("{}@{WORLD_VERSION}", self.kind)
    }

    /// Reads the TOML. Fields that this host does not know are passed over: newer SDKs may write more.
    pub(crate) fn parse(section: &[u8]) -> Result<Self, String> {
        if section.len() > MAX_BYTES {
            return Err(format!(
                "has {} bytes: expected at most {MAX_BYTES}",
                section.len()
            ));
        }
        let text = std::str::from_utf8(section).map_err(|_| "is not UTF-8: expected TOML".to_owned())?;
        let toml: Toml = toml::from_str(text).map_err(|error| error.to_string())?;
        let unfit = |why: &str| {
            format!(
                "kind {:?} {why}: expected KIND@{WORLD_VERSION}, for example voice-flow@{WORLD_VERSION}",
                toml.kind
            )
        };
        let (kind, version) = toml.kind.split_once('@').ok_or_else(|| unfit("has no version"))?;
        let kind: PluginKind = kind.parse().map_err(|error| format!("kind: {error}"))?;
        if version != WORLD_VERSION {
            return Err(unfit("is of another version of the contract"));
        }
        check_requests(&toml)?;
        Projection::of(&toml.projection)?;
        Ok(Self {
            id: toml.id,
            version: toml.version,
            kind,
            description: toml.description,
            state_schema: toml.state_schema,
            capabilities: toml.capabilities,
            limits: toml.limits,
            projection: toml.projection,
            config_schema: toml.config_schema,
            reuse_instances: toml.reuse_instances,
            provenance: toml.provenance,
        })
    }
}

fn check_requests(toml: &Toml) -> Result<(), String> {
    let mut seen = Vec::new();
    for request in &toml.capabilities {
        let name = request.name;
        if seen.contains(&name) {
            return Err(format!("capabilities: {name} is there twice: expected once"));
        }
        if request.reason.trim().is_empty() {
            return Err(format!(
                "capabilities: the reason of {name} is empty: expected what it is needed for"
            ));
        }
        let texts = request.reason.len() + request.scope.as_deref().map_or(0, str::len);
        if texts > MAX_TEXT_BYTES {
            return Err(format!(
                "capabilities: scope and reason of {name} have {texts} bytes: expected at most {MAX_TEXT_BYTES}"
            ));
        }
        seen.push(name);
    }
    let RequestedLimits {
        fuel,
        wall_ms,
        memory_bytes,
    } = toml.limits;
    for (name, limit) in [
        ("fuel", fuel),
        ("wall-ms", wall_ms),
        ("memory-bytes", memory_bytes),
    ] {
        if limit == Some(0) {
            return Err(format!("limits: {name} is 0: expected a number above 0"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_manifest_is_read_and_unknown_fields_are_passed_over() {
        let manifest = Manifest::parse(
            br#"
            id = "skills-routing"
            version = "0.2.1"
            kind = "routing-strategy@0.1.0"
            description = "Skills first"
            state-schema = 3
            future = { a = 1 }
            [[capabilities]]
            name = "cx:profile/customers"
            scope = "tags"
            reason = "gold customers first"
            [limits]
            wall-ms = 5
            [[projection]]
            field = "customer.tags"
            pii = "personal"
            [config-schema.properties.prefer]
            enum = ["a", 1]
            [provenance]
            licence = "Apache-2.0"
            "#,
        )
        .unwrap();
        assert_eq!(manifest.id.as_str(), "skills-routing");
        assert_eq!(manifest.version, Version::new(0, 2, 1));
        assert_eq!(manifest.kind, PluginKind::RoutingStrategy);
        assert_eq!(manifest.state_schema, 3);
        assert_eq!(manifest.requires().to_string(), "cx:profile/customers");
        assert_eq!(manifest.capabilities[0].scope.as_deref(), Some("tags"));
        assert_eq!((manifest.limits.wall_ms, manifest.limits.fuel), (Some(5), None));
        assert_eq!(manifest.projection[0].pii, PiiClass::Personal);
        let schema = manifest.config_schema.unwrap();
        assert_eq!(
            schema["properties"]["prefer"]["enum"],
            serde_json::json!(["a", 1])
        );
        assert_eq!(manifest.provenance.licence.as_deref(), Some("Apache-2.0"));
    }

    #[test]
    fn errors_name_the_field_and_what_was_expected() {
        for (toml, part) in [
            ("version = '1.0.0'\nkind = 'voice-flow@0.1.0'", "id"),
            (
                "id = 'A'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'",
                "plugin id",
            ),
            ("id = 'a'\nversion = '1'\nkind = 'voice-flow@0.1.0'", "version"),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow'",
                "has no version",
            ),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'fax-flow@0.1.0'",
                "unknown plugin kind",
            ),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@9.0.0'",
                "expected KIND@0.1.0",
            ),
            ("id", "expected"),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'\n[[capabilities]]\nname = 'cx:host/log'\nreason = 'x'",
                "unknown capability",
            ),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'\n[[capabilities]]\nname = 'cx:call/calls'",
                "reason",
            ),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'\n[limits]\nfuel = 0",
                "above 0",
            ),
        ] {
            let error = Manifest::parse(toml.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{toml}: {error}");
        }
        assert!(Manifest::parse(&[0xff]).unwrap_err().contains("UTF-8"));
        assert!(
            Manifest::parse(&vec![b'#'; MAX_BYTES + 1])
                .unwrap_err()
                .contains("bytes")
        );
    }

    /// What is read in the serving process must not end it.
    #[test]
    fn depth_is_limited_in_every_form() {
        let head = "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'\n";
        let deep = 30_000;
        for form in [
            format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
            format!("x = {}", "{a=".repeat(deep / 3)),
            format!("config-schema.{}a = 1", "a.".repeat(deep)),
            format!("[config-schema.{}a]", "a.".repeat(deep)),
            format!("[[config-schema.{}a]]", "a.".repeat(deep)),
            format!("config-schema = {{ {}a = 1 }}", "a.".repeat(deep)),
        ] {
            let read = Manifest::parse(format!("{head}{form}").as_bytes());
            assert!(read.is_err(), "{form:.40}");
        }
    }
}
