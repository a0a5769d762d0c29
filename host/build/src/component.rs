use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use crate::BuildError;

/// Name of the component's custom section that holds `plugin.toml`; the host reads it there.
const MANIFEST_SECTION: &str = "jackfield:manifest";

/// Makes a component of a core module that carries its WIT types, as `wit-bindgen` leaves them. `what` names it in
/// errors.
///
/// # Errors
/// When the module's imports and exports do not fit its types.
pub fn componentise(module: &[u8], what: &str) -> Result<Vec<u8>, BuildError> {
    wit_component::ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| BuildError::Component {
            what: what.to_owned(),
            why: format!("{error:#}"),
        })
}

/// The component with its manifest inside.
pub fn with_manifest(mut component: Vec<u8>, toml: &str) -> Vec<u8> {
    CustomSection {
        name: MANIFEST_SECTION.into(),
        data: toml.as_bytes().into(),
    }
    .append_to_component(&mut component);
    component
}

/// Whether a component exports an interface.
pub(crate) fn exports(component: &[u8], interface: &str) -> Result<bool, wasmparser::BinaryReaderError> {
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    if export?.name.name == interface {
                        return Ok(true);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(false)
}

/// The first import of a component's outermost level for which `allowed` says no.
pub(crate) fn foreign_import(
    component: &[u8],
    allowed: impl Fn(&str) -> bool,
) -> Result<Option<String>, wasmparser::BinaryReaderError> {
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import?.name.name;
                    if !allowed(name) {
                        return Ok(Some(name.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(None)
}
