//! Compiled components on disk. `Component::deserialize` trusts its bytes as machine code, so nothing reaches it that
//! was not written by a holder of the key.

use std::{
    fs,
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use jackfield_types::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, component::Component};

/// Bytes of the authentication code in front of the artifact.
const TAG_BYTES: usize = 32;

/// The cache directory and its key.
pub(crate) struct Artifacts {
    dir: PathBuf,
    mac: Hmac<Sha256>,
}

impl Artifacts {
    pub(crate) fn open(dir: &Path, key: [u8; 32]) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        // HMAC fills a key up to its block with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&key);
        Ok(Self {
            dir: dir.to_owned(),
            mac: KeyInit::new(&block.into()),
        })
    }

    /// The compiled component from the cache. A cache that cannot be read or that holds something else costs time,
    /// never the plugin.
    pub(crate) fn cached(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let compatibility = compatibility(engine);
        self.read(engine, digest, &compatibility, &self.path(digest, &compatibility))
    }

    /// Whether something is there for a component; it may still turn out to be damaged.
    pub(crate) fn has(&self, engine: &Engine, digest: &Digest) -> bool {
        self.path(digest, &compatibility(engine)).is_file()
    }

    /// Puts what was compiled just now into the cache, and makes it ready. A cache that cannot be written is logged.
    pub(crate) fn keep(
        &self,
        engine: &Engine,
        digest: &Digest,
        compiled: &[u8],
    ) -> wasmtime::Result<Component> {
        let compatibility = compatibility(engine);
        let path = self.path(digest, &compatibility);
        let tag: [u8; TAG_BYTES] = self
            .mac(digest, &compatibility, compiled)
            .finalize()
            .into_bytes()
            .into();
        if let Err(error) = write(&path, &tag, compiled) {
            tracing::warn!(path = %path.display(), %error, "the compiled plugin could not be cached");
        }
        deserialize(engine, compiled)
    }

    fn path(&self, digest: &Digest, compatibility: &Digest) -> PathBuf {
        self.dir
            .join(format!("{digest}-{:.16}.cwasm", compatibility.to_string()))
    }

    fn read(
        &self,
        engine: &Engine,
        digest: &Digest,
        compatibility: &Digest,
        path: &Path,
    ) -> Option<Component> {
        let found = match fs::read(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the cached plugin could not be read: compiling it anew");
                return None;
            }
        };
        let authentic = found.split_at_checked(TAG_BYTES).filter(|(tag, compiled)| {
            self.mac(digest, compatibility, compiled)
                .verify_slice(tag)
                .is_ok()
        });
        let loaded = match authentic {
            Some((_, compiled)) => deserialize(engine, compiled).map_err(|error| format!("{error:#}")),
            None => Err("it was truncated or changed, or written with another key".to_owned()),
        };
        loaded
            .inspect_err(|reason| {
                tracing::warn!(path = %path.display(), reason, "the cached plugin was dropped: compiling it anew");
                let _ = fs::remove_file(path);
            })
            .ok()
    }

    fn mac(&self, digest: &Digest, compatibility: &Digest, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(digest.as_bytes());
        mac.update(compatibility.as_bytes());
        mac.update(compiled);
        mac
    }
}

/// Under another name first, so that a crash leaves no half artifact under the real one.
fn write(path: &Path, tag: &[u8], compiled: &[u8]) -> io::Result<()> {
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    fs::write(&partial, [tag, compiled].concat())?;
    fs::rename(&partial, path)
}

/// Turns authenticated bytes into a component.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `precompile_component` of this process or of the compiler process that it started
    // (the same binary, unless the deployment names another), or from a file whose authentication code says that a
    // holder of the key wrote them for this component and this engine.
    unsafe { Component::deserialize(engine, compiled) }
}

/// wasmtime's version and all settings that matter to compiled code, as one digest.
fn compatibility(engine: &Engine) -> Digest {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    Digest::from_bytes(sha.0.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_makes_fits_the_engine_that_runs_it() {
        let (runs, compiles) = (
            crate::engine::engine(1).unwrap(),
            crate::engine::compiler().unwrap(),
        );
        assert_eq!(compatibility(&runs), compatibility(&compiles));
    }
}
