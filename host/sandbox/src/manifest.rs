use jackfield_types::{PluginId, PluginKind, Version};
use serde::Deserialize;

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
    /// Where it comes from.
    pub provenance: Provenance,
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
    provenance: Provenance,
}

impl Manifest {
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
        Ok(Self {
            id: toml.id,
            version: toml.version,
            kind,
            description: toml.description,
            state_schema: toml.state_schema,
            provenance: toml.provenance,
        })
    }
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
            [provenance]
            licence = "Apache-2.0"
            "#,
        )
        .unwrap();
        assert_eq!(manifest.id.as_str(), "skills-routing");
        assert_eq!(manifest.version, Version::new(0, 2, 1));
        assert_eq!(manifest.kind, PluginKind::RoutingStrategy);
        assert_eq!(manifest.state_schema, 3);
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
}
