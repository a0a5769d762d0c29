//! How much may change between two versions of a plugin (semver). What bindings and grants rely on is the plugin's
//! interface: its kind, what it asks for, its configuration, and the state of its flows.

use jackfield_sandbox::Manifest;
use jackfield_types::{Digest, PluginKind, Version};
use serde_json::{Map, Value};

use super::check::{Point, Stand};

/// What is known of a published version.
pub(super) struct Published {
    pub(super) id: String,
    pub(super) version: Version,
    digest: String,
    kind: String,
    capabilities: Vec<String>,
    /// The component's own: a server does not tell them.
    inner: Option<Inner>,
}

struct Inner {
    state_schema: u32,
    config_schema: Option<Map<String, Value>>,
}

impl Published {
    pub(super) fn of(manifest: &Manifest, digest: Digest) -> Self {
        Self {
            id: manifest.id.to_string(),
            version: manifest.version.clone(),
            digest: digest.to_string(),
            kind: manifest.kind.to_string(),
            capabilities: asked(manifest),
            inner: Some(Inner {
                state_schema: manifest.state_schema,
                config_schema: manifest.config_schema.clone(),
            }),
        }
    }

    /// As the server lists it.
    pub(super) fn of_view(view: &Value) -> Option<Self> {
        let text = |field: &str| Some(view[field].as_str()?.to_owned());
        let capabilities = view["capabilities"].as_array()?.iter();
        Some(Self {
            id: text("id")?,
            version: view["version"].as_str()?.parse().ok()?,
            digest: text("digest")?,
            kind: text("kind")?,
            capabilities: capabilities
                .filter_map(|one| Some(one["name"].as_str()?.to_owned()))
                .collect(),
            inner: None,
        })
    }
}

fn asked(manifest: &Manifest) -> Vec<String> {
    let names = manifest.capabilities.iter();
    names.map(|request| request.name.to_string()).collect()
}

/// Compares a version with the one that was published before.
pub(super) fn judge(before: &Published, now: &Manifest, digest: Digest) -> Vec<Point> {
    const NAME: &str = "version";
    let wrong = |text: String| vec![Point::new(NAME, Stand::Wrong, text)];
    if before.id != now.id.as_str() {
        return wrong(format!(
            "the id was {} and is {}: that is another plugin",
            before.id, now.id
        ));
    }
    if before.version == now.version {
        if before.digest == digest.to_string() {
            return vec![Point::new(
                NAME,
                Stand::Good,
                format!("{} as it was published", now.version),
            )];
        }
        return wrong(format!(
            "{} was published with another content, and a version never changes: raise it in plugin.toml, for \
             example to {}",
            now.version,
            next(&before.version, false)
        ));
    }
    if now.version < before.version {
        return wrong(format!(
            "{} is older than the published {}",
            now.version, before.version
        ));
    }
    let breaking = breaking(before, now);
    if breaking.is_empty() {
        let text = format!(
            "{} follows {}, and breaks nothing of it",
            now.version, before.version
        );
        return vec![Point::new(NAME, Stand::Good, text)];
    }
    let compatible = semver_compatible(&before.version, &now.version);
    let stand = if compatible { Stand::Wrong } else { Stand::Good };
    let text = if compatible {
        format!(
            "{} says that it fits where {} was, but {}: make it {}",
            now.version,
            before.version,
            breaking.join("; "),
            next(&before.version, true)
        )
    } else {
        format!(
            "{} says that it breaks what {} had: {}",
            now.version,
            before.version,
            breaking.join("; ")
        )
    };
    vec![Point::new(NAME, stand, text)]
}

/// What somebody who binds the plugin has to act on.
fn breaking(before: &Published, now: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    if before.kind != now.kind.as_str() {
        found.push(format!("the kind was {} and is {}", before.kind, now.kind));
    }
    for name in asked(now)
        .iter()
        .filter(|name| !before.capabilities.contains(name))
    {
        found.push(format!("it asks for {name}, which somebody must grant"));
    }
    let Some(inner) = &before.inner else { return found };
    let flow = matches!(now.kind, PluginKind::VoiceFlow | PluginKind::ChatFlow);
    if flow && inner.state_schema != now.state_schema {
        let (was, is) = (inner.state_schema, now.state_schema);
        found.push(format!(
            "state-schema was {was} and is {is}: calls under way need `migrate`"
        ));
    }
    found.extend(config(inner.config_schema.as_ref(), now.config_schema.as_ref()));
    found
}

/// Configurations that were right and are wrong now, as far as the outermost level of the schemas tells.
fn config(before: Option<&Map<String, Value>>, now: Option<&Map<String, Value>>) -> Vec<String> {
    let mut found = Vec::new();
    let Some(now) = now else { return found };
    let fields = |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let known = before.and_then(fields).unwrap_or_default();
    let fresh = fields(now).unwrap_or_default();
    let closed = now.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, was) in &known {
        match fresh.get(name) {
            None if closed => found.push(format!("the configuration's {name} is gone")),
            Some(is) if is.get("type") != was.get("type") => {
                found.push(format!("the configuration's {name} has another type"));
            }
            _ => {}
        }
    }
    let required = |schema: &Map<String, Value>| -> Vec<String> {
        let names = schema.get("required").and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect()
    };
    let needed = before.map(required).unwrap_or_default();
    for name in required(now).iter().filter(|name| !needed.contains(name)) {
        found.push(format!("the configuration's {name} is required now"));
    }
    found
}

/// Whether a version promises to fit where an older one was: the first number that is not 0 stays.
fn semver_compatible(before: &Version, now: &Version) -> bool {
    if before.major > 0 || now.major > 0 {
        before.major == now.major
    } else if before.minor > 0 || now.minor > 0 {
        before.minor == now.minor
    } else {
        before.patch == now.patch
    }
}

fn next(version: &Version, breaking: bool) -> Version {
    match (version.major, version.minor, breaking) {
        (0, 0, _) => Version::new(0, 0, version.patch + 1),
        (0, minor, true) => Version::new(0, minor + 1, 0),
        (major, _, true) => Version::new(major + 1, 0, 0),
        (major, minor, false) => Version::new(major, minor, version.patch + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_first_number_that_is_not_0_promises() {
        for (before, now, compatible) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.2.3", "0.2.4", true),
            ("0.2.3", "0.3.0", false),
            ("0.0.1", "0.0.2", false),
            ("0.9.0", "1.0.0", false),
        ] {
            let (before, now) = (before.parse().unwrap(), now.parse().unwrap());
            assert_eq!(semver_compatible(&before, &now), compatible, "{before} {now}");
        }
        assert_eq!(next(&Version::new(0, 2, 3), true), Version::new(0, 3, 0));
        assert_eq!(next(&Version::new(1, 2, 3), true), Version::new(2, 0, 0));
        assert_eq!(next(&Version::new(1, 2, 3), false), Version::new(1, 2, 4));
    }

    #[test]
    fn what_makes_right_configurations_wrong_is_named() {
        let before = map(json!({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}));
        let more = map(json!({"properties": {"a": {"type": "string"}, "b": {}, "c": {}}, "required": ["a"]}));
        assert_eq!(config(Some(&before), Some(&more)), Vec::<String>::new());
        assert_eq!(config(Some(&before), None), Vec::<String>::new());
        let now = map(json!({
            "properties": {"a": {"type": "number"}}, "required": ["a", "c"], "additionalProperties": false
        }));
        let found = config(Some(&before), Some(&now));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(config(None, Some(&now)).len(), 2);
    }
}
