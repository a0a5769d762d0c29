use std::{fs, io, path::Path};

use jackfield_types::{PluginId, PluginKind, Version};
use serde::Deserialize;

use crate::BuildError;

/// The file beside the source.
pub const MANIFEST_FILE: &str = "plugin.toml";

/// What is read of a `plugin.toml` to build; the host checks all of it when the component is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHead {
    /// The plugin's id.
    pub id: PluginId,
    /// Its version.
    pub version: Version,
    /// Its kind.
    pub kind: PluginKind,
    /// The version of its world.
    pub world_version: String,
}

#[derive(Deserialize)]
struct Toml {
    id: PluginId,
    version: Version,
    kind: String,
}

impl ManifestHead {
    /// Reads the `plugin.toml` of a folder; with its whole text.
    ///
    /// # Errors
    /// When it is missing or wrong.
    pub fn read(dir: &Path) -> Result<(Self, String), BuildError> {
        let path = dir.join(MANIFEST_FILE);
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BuildError::NoManifest { dir: dir.to_owned() },
            _ => BuildError::file(&path, error),
        })?;
        let head = Self::parse(&text).map_err(|why| BuildError::Manifest { path, why })?;
        Ok((head, text))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let toml: Toml = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let (kind, world_version) = toml.kind.split_once('@').ok_or_else(|| {
            format!(
                "kind {:?}: expected KIND@VERSION, for example voice-flow@0.1.0",
                toml.kind
            )
        })?;
        Ok(Self {
            id: toml.id,
            version: toml.version,
            kind: kind.parse().map_err(|error| format!("kind: {error}"))?,
            world_version: world_version.to_owned(),
        })
    }

    /// `ID-VERSION.wasm`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.wasm", self.id, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_to_build_is_read_and_else_named() {
        let head = ManifestHead::parse("id = 'a'\nversion = '1.2.3'\nkind = 'tag-generator@0.1.0'\nmore = 1")
            .unwrap();
        assert_eq!(head.file_name(), "a-1.2.3.wasm");
        assert_eq!(
            (head.kind, head.world_version.as_str()),
            (PluginKind::TagGenerator, "0.1.0")
        );
        for (text, part) in [
            ("", "missing field `id`"),
            (
                "id = '../a'\nversion = '1.0.0'\nkind = 'voice-flow@0.1.0'",
                "plugin id",
            ),
            ("id = 'a'\nversion = '1'\nkind = 'voice-flow@0.1.0'", "version"),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'voice-flow'",
                "expected KIND@VERSION",
            ),
            (
                "id = 'a'\nversion = '1.0.0'\nkind = 'fax@1'",
                "unknown plugin kind",
            ),
        ] {
            let error = ManifestHead::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let nowhere = ManifestHead::read(Path::new("/nonexistent"))
            .unwrap_err()
            .to_string();
        assert!(nowhere.contains("plugin new"), "{nowhere}");
    }
}
