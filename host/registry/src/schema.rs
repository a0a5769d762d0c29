//! Checks configurations against the JSON Schema (draft 2020-12) of their plugin.
//!
//! A schema is a stranger's: nothing that it refers to is fetched, and what it may cost is limited before it is
//! compiled. Checking costs at most what it unfolds to, times the size of the configuration, so a schema must
//! not refer to itself. `format` is a note for people, as the draft has it by default.

use std::collections::BTreeMap;
use std::error::Error;

use boon::{Compiler, Draft, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError};
use regex::RegexBuilder;
use serde_json::{Map, Value};

use crate::RegistryError;

/// Levels of a schema, references followed; deeper is refused.
const MAX_DEPTH: usize = 64;
/// Values of a schema, references followed; more is refused.
const MAX_UNFOLDED: u64 = 4_096;
/// Patterns of a schema; more is refused.
const MAX_PATTERNS: usize = 64;
/// Bytes of one compiled pattern; more is refused.
const MAX_PATTERN_BYTES: usize = 128 * 1024;
/// Fields that one refusal names.
const MAX_NAMED: usize = 4;
/// Keywords that would make references leave the schema, or depend on where they came from.
const REFUSED: [&str; 6] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$vocabulary",
];
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where the schema lies for the compiler; nothing is there.
const PLACE: &str = "urn:jackfield:config-schema";

/// Checks a schema itself, as at upload.
///
/// # Errors
/// What was found and what was expected.
pub fn check_schema(schema: &Map<String, Value>) -> Result<(), String> {
    compile(schema).map(drop)
}

/// Checks a configuration, as at binding. The error names the deepest field that is wrong.
///
/// # Errors
/// [`RegistryError::WrongConfig`] and [`RegistryError::InvalidConfig`].
pub fn check_config(schema: &Map<String, Value>, config: &Value) -> Result<(), RegistryError> {
    let (schemas, index) = compile(schema).map_err(RegistryError::InvalidConfig)?;
    schemas.validate(config, index).map_err(|error| violation(&error))
}

fn compile(schema: &Map<String, Value>) -> Result<(Schemas, SchemaIndex), String> {
    let schema = Value::Object(schema.clone());
    if let Some(draft) = schema.get("$schema")
        && draft.as_str().map(|draft| draft.trim_end_matches('#')) != Some(DRAFT)
    {
        return Err(format!("$schema {draft}: expected {DRAFT:?}"));
    }
    Lexical::default().check(&schema, 0)?;
    Unfolding {
        root: &schema,
        known: BTreeMap::new(),
    }
    .size_at("", 0)?;
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.use_loader(Box::new(Nowhere));
    let mut schemas = Schemas::new();
    compiler
        .add_resource(PLACE, schema)
        .map_err(|error| error.to_string())?;
    let index = compiler
        .compile(PLACE, &mut schemas)
        .map_err(|error| format!("{error:#}"))?;
    Ok((schemas, index))
}

/// Fetches nothing.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("{url} is not fetched: expected references within the schema").into())
    }
}

/// What can be seen without following references.
#[derive(Default)]
struct Lexical {
    patterns: usize,
}

impl Lexical {
    fn check(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("is deeper than {MAX_DEPTH} levels"));
        }
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.check(item, depth + 1)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let Value::String(text) = field {
                        self.keyword(name, text)?;
                    }
                    if name == "patternProperties"
                        && let Value::Object(patterns) = field
                    {
                        patterns.keys().try_for_each(|pattern| self.pattern(pattern))?;
                    }
                    self.check(field, depth + 1)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn keyword(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "$ref" if text != "#" && !text.starts_with("#/") => Err(format!(
                "$ref {text:?}: expected a place in this schema, for example \"#/$defs/text\""
            )),
            "pattern" => self.pattern(text),
            _ if REFUSED.contains(&name) => Err(format!("{name} is not taken: use $defs and $ref")),
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), String> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(format!("has more than {MAX_PATTERNS} patterns"));
        }
        RegexBuilder::new(pattern)
            .size_limit(MAX_PATTERN_BYTES)
            .build()
            .map(drop)
            .map_err(|error| format!("pattern {pattern:?}: {error}"))
    }
}

/// How large the schema is with every reference written out.
struct Unfolding<'a> {
    root: &'a Value,
    /// Sizes by JSON pointer; none while it is being measured.
    known: BTreeMap<String, Option<u64>>,
}

impl Unfolding<'_> {
    fn size_at(&mut self, pointer: &str, depth: usize) -> Result<u64, String> {
        match self.known.get(pointer) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(format!("$ref \"#{pointer}\": the schema refers to itself there")),
            None => {}
        }
        let root = self.root;
        let place = root
            .pointer(pointer)
            .ok_or_else(|| format!("$ref \"#{pointer}\": there is no such place in the schema"))?;
        self.known.insert(pointer.to_owned(), None);
        let size = self.size(place, depth)?;
        self.known.insert(pointer.to_owned(), Some(size));
        Ok(size)
    }

    fn size(&mut self, value: &Value, depth: usize) -> Result<u64, String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "is deeper than {MAX_DEPTH} levels, with its references followed"
            ));
        }
        let mut size = 1u64;
        match value {
            Value::Array(items) => {
                for item in items {
                    size = size.saturating_add(self.size(item, depth + 1)?);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let more = match (name.as_str(), field) {
                        // Counts where it is referred to.
                        ("$defs" | "definitions", _) => 0,
                        ("$ref", Value::String(place)) => {
                            self.size_at(place.trim_start_matches('#'), depth + 1)?
                        }
                        _ => self.size(field, depth + 1)?,
                    };
                    size = size.saturating_add(more);
                }
            }
            _ => {}
        }
        if size > MAX_UNFOLDED {
            return Err(format!(
                "has more than {MAX_UNFOLDED} values, with its references followed"
            ));
        }
        Ok(size)
    }
}

/// The wrong fields as JSON pointers, deepest first, each with what was found and expected.
fn violation(error: &ValidationError<'_, '_>) -> RegistryError {
    let mut found = Vec::new();
    leaves(error, &mut found);
    // Stable, so of equally deep ones the first in the schema.
    found.sort_by_key(|(pointer, _)| std::cmp::Reverse(pointer.matches('/').count()));
    found.dedup();
    let named: Vec<_> = found
        .iter()
        .take(MAX_NAMED)
        .map(|(pointer, problem)| {
            format!(
                "{:.256}: {problem:.256}",
                if pointer.is_empty() { "/" } else { pointer }
            )
        })
        .collect();
    RegistryError::WrongConfig {
        pointer: found
            .into_iter()
            .next()
            .map(|(pointer, _)| pointer)
            .unwrap_or_default(),
        problem: named.join("; "),
    }
}

fn leaves(error: &ValidationError<'_, '_>, found: &mut Vec<(String, String)>) {
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        match &error.kind {
            ErrorKind::AdditionalProperties { got } => found.extend(got.iter().map(|name| {
                let name = name.replace('~', "~0").replace('/', "~1");
                (
                    format!("{place}/{name}"),
                    "there is no such field: expected one that the schema names".to_owned(),
                )
            })),
            kind => found.push((place, kind.to_string())),
        }
    }
    error.causes.iter().for_each(|cause| leaves(cause, found));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_wrong_field_is_named_by_a_pointer_with_what_was_expected() {
        let schema = map(json!({
            "type": "object", "additionalProperties": false, "required": ["queue"],
            "properties": {
                "queue": {"type": "string"},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            },
            "$defs": {"step": {"type": "object", "properties": {"after": {"type": "integer", "maximum": 9}}}},
        }));
        assert!(check_config(&schema, &json!({"queue": "a", "steps": [{"after": 9}]})).is_ok());
        for (config, pointer, part) in [
            (
                json!({"queue": "a", "steps": [{"after": 1}, {"after": 10}]}),
                "/steps/1/after",
                "9",
            ),
            (json!({"queue": 3}), "/queue", "string"),
            (json!({}), "", "queue"),
            (json!({"queue": "a", "x/y": 1}), "/x~1y", "no such field"),
        ] {
            let error = check_config(&schema, &config).unwrap_err();
            assert_eq!(error.code(), "invalid-config");
            assert_eq!(error.field().as_deref(), Some(&*format!("/config{pointer}")));
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn schemas_that_reach_out_or_cost_too_much_are_refused() {
        let mut doubling = map(json!({"$ref": "#/$defs/d0", "$defs": {"d40": true}}));
        for n in 0..40 {
            let next = format!("#/$defs/d{}", n + 1);
            doubling["$defs"][format!("d{n}")] = json!({"allOf": [{"$ref": next}, {"$ref": next}]});
        }
        let mut deep = json!(true);
        for _ in 0..100 {
            deep = json!({"not": deep});
        }
        for (schema, part) in [
            (
                json!({"$ref": "https://example.com/schema.json"}),
                "expected a place in this schema",
            ),
            (
                json!({"$ref": "file:///etc/passwd"}),
                "expected a place in this schema",
            ),
            (json!({"$ref": "#/$defs/none"}), "no such place"),
            (json!({"properties": {"a": {"$ref": "#"}}}), "refers to itself"),
            (
                json!({"properties": {"a": {"items": {"$ref": "#/properties/a"}}}}),
                "refers to itself",
            ),
            (json!({"$id": "https://example.com/"}), "$id is not taken"),
            (
                json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
                "2020-12",
            ),
            (json!({"pattern": "(("}), "pattern"),
            (json!({"pattern": "((a{500}){500}){500}"}), "size"),
            (json!({"type": "strnig"}), "type"),
            (json!({"properties": {"a": {"minimum": "x"}}}), "minimum"),
            (deep, "deeper"),
            (Value::Object(doubling), "deeper"),
        ] {
            let error = check_schema(&map(schema.clone())).unwrap_err();
            assert!(error.contains(part), "{schema}: {error}");
        }
        let wide: Value = (0..5_000).map(|n| json!({"const": n})).collect();
        assert!(
            check_schema(&map(json!({"anyOf": wide})))
                .unwrap_err()
                .contains("more than")
        );
    }
}
