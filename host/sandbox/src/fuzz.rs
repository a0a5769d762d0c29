//! What strangers' bytes come to, one function for each fuzz target of `host/fuzz` (feature `fuzz`). Each panics when a
//! promise does not hold.

use crate::{Sandbox, contract, manifest};

/// Bytes of the longest refusal: people read it.
const LONGEST_REFUSAL: usize = 8 * 1024;

/// The text of a manifest: what is read has an id and a kind, and a refusal is short.
pub fn manifest(text: &[u8]) {
    match manifest::Manifest::parse(text) {
        Ok(manifest) => assert!(manifest.kind_version().starts_with(manifest.kind.as_str())),
        Err(why) => assert!(!why.is_empty()),
    }
}

/// The bytes of a component: what passes the full check passes the small one with the same manifest, and a refusal is
/// short.
pub fn component(wasm: &[u8]) {
    let (small, full) = (Sandbox::manifest(wasm), Sandbox::inspect(wasm));
    match full {
        Ok(full) => {
            assert_eq!(small.ok(), Some(full.clone()));
            assert_eq!(contract::inspect(wasm).ok(), Some(full));
        }
        Err(why) => assert!(why.to_string().len() <= LONGEST_REFUSAL, "{why}"),
    }
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::corpus::replay;

    #[test]
    fn manifests() {
        replay("manifest", 4_000, super::manifest);
    }

    #[test]
    fn components() {
        replay("component", 3_000, super::component);
    }
}
