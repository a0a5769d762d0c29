//! Who vouches for a version. A publisher signs, with Ed25519 (RFC 8032), the UTF-8 text
//!
//! ```text
//! jackfield-plugin-v1
//! id skills-routing
//! version 0.1.0
//! digest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! kind routing-strategy@0.1.0
//! requires cx:host/key-value
//! requires cx:profile/customers
//! ```
//!
//! in which every line ends with one line feed (byte 10), the last one too; between the word and its value is one
//! space. `digest` is that of the whole component file in lower case; `requires` is there once for each capability
//! that the manifest asks for, sorted by bytes, and not at all when it asks for none. The signature travels as
//! `ed25519 PUBLIC-KEY SIGNATURE`, both in hexadecimal.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jackfield_sandbox::Manifest;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{Digest, KeyName, OpContext, Timestamp, limits};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{PluginRecord, Registry, RegistryError, UnsignedPolicy};

const TRUSTED: Space = Space::new("trusted-keys");
const SCHEME: &str = "ed25519";
const SECRET: &str = "jackfield-signing-key-v1";

/// The text that a publisher signs for a version.
pub fn signed_text(manifest: &Manifest, digest: Digest) -> String {
    let mut requires: Vec<_> = manifest
        .requires()
        .iter()
        .map(|capability| capability.as_str())
        .collect();
    requires.sort_unstable();
    let mut text = format!(
        "jackfield-plugin-v1\nid {}\nversion {}\ndigest sha256:{digest}\nkind {}\n",
        manifest.id,
        manifest.version,
        manifest.kind_version()
    );
    for name in requires {
        text.push_str("requires ");
        text.push_str(name);
        text.push('\n');
    }
    text
}

/// A text that is no key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidKey(&'static str);

/// A publisher's public key; written as 64 hex digits.
// Compressed: a key that is ready to verify takes six times as much, and lies in records and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Digest::from_bytes(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;
    /// Takes the word `ed25519` in front as well.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let invalid = InvalidKey("an Ed25519 public key: 64 hex digits");
        let text = text.trim();
        let digits = text.strip_prefix(SCHEME).unwrap_or(text).trim_start();
        let bytes: Digest = digits.parse().map_err(|_| invalid.clone())?;
        let key = VerifyingKey::from_bytes(bytes.as_bytes()).map_err(|_| invalid.clone())?;
        // Under a weak key anything has a signature.
        if key.is_weak() {
            Err(invalid)
        } else {
            Ok(Self(key.to_bytes()))
        }
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A signature with the key that it was made with; written `ed25519 PUBLIC-KEY SIGNATURE` in hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginSignature {
    key: PublicKey,
    signature: Signature,
}

impl fmt::Display for PluginSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME} {} ", self.key)?;
        self.signature
            .to_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PluginSignature {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let invalid = || InvalidKey("a signature: `ed25519 PUBLIC-KEY SIGNATURE`, 64 and 128 hex digits");
        let mut words = text.split_ascii_whitespace();
        let words = (words.next(), words.next(), words.next(), words.next());
        let (Some(SCHEME), Some(key), Some(signature), None) = words else {
            return Err(invalid());
        };
        let (first, second) = signature.split_at_checked(64).ok_or_else(invalid)?;
        let half = |digits: &str| digits.parse::<Digest>().map_err(|_| invalid());
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(half(first)?.as_bytes());
        bytes[32..].copy_from_slice(half(second)?.as_bytes());
        Ok(Self {
            key: key.parse().map_err(|_| invalid())?,
            signature: Signature::from_bytes(&bytes),
        })
    }
}

/// A publisher's secret key. As text it is one line, to be kept in a file that only its owner can read.
pub struct PublisherKey(SigningKey);

impl PublisherKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, RegistryError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| RegistryError::Unavailable(error.to_string()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Vouches for a version.
    pub fn sign(&self, manifest: &Manifest, digest: Digest) -> PluginSignature {
        PluginSignature {
            key: self.public(),
            signature: self.0.sign(signed_text(manifest, digest).as_bytes()),
        }
    }

    /// The key as text, for its owner's file.
    pub fn to_secret_text(&self) -> String {
        format!("{SECRET} {}", Digest::from_bytes(self.0.to_bytes()))
    }
}

impl FromStr for PublisherKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let seed = text
            .trim()
            .strip_prefix(SECRET)
            .and_then(|digits| digits.trim().parse::<Digest>().ok());
        let seed = seed.ok_or(InvalidKey(
            "a secret key: `jackfield-signing-key-v1` and 64 hex digits",
        ))?;
        Ok(Self(SigningKey::from_bytes(seed.as_bytes())))
    }
}

/// A key that a tenant trusts, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// What the tenant calls it.
    pub name: KeyName,
    /// The key.
    pub key: PublicKey,
    /// When it was added.
    pub added_at: Timestamp,
    /// Who added it.
    pub added_by: String,
}

/// Who signed a version, as it was when the version was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBy {
    /// What the tenant called the key then.
    pub name: KeyName,
    /// The key.
    pub key: PublicKey,
    /// The signature, as it was sent.
    pub signature: String,
}

impl Registry {
    /// The keys that the tenant trusts, by name.
    pub async fn trusted_keys(&self, ctx: &OpContext) -> Result<Vec<TrustedKey>, RegistryError> {
        let page = self.inner.store.scan(ctx, TRUSTED, Scan::all()).await?;
        page.rows
            .iter()
            .map(|row| Ok(serde_json::from_slice(&row.value)?))
            .collect()
    }

    /// Trusts a key from now on. The same again changes nothing; another key under a known name is refused.
    pub async fn trust_key(
        &self,
        ctx: &OpContext,
        name: KeyName,
        key: PublicKey,
        now: Timestamp,
    ) -> Result<TrustedKey, RegistryError> {
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let known = self.trusted_keys(ctx).await?;
        if let Some(known) = known.iter().find(|known| known.name == name) {
            return if known.key == key {
                Ok(known.clone())
            } else {
                Err(RegistryError::KeyExists(name))
            };
        }
        if known.len() >= limits::MAX_TRUSTED_KEYS {
            return Err(RegistryError::TooMany {
                what: "trusted keys",
                most: limits::MAX_TRUSTED_KEYS,
            });
        }
        let record = TrustedKey {
            name: name.clone(),
            key,
            added_at: now,
            added_by: ctx.actor.to_string(),
        };
        let tx = Tx::new().put(TRUSTED, name.as_str(), serde_json::to_vec(&record)?);
        self.inner.store.commit(ctx, tx).await?;
        Ok(record)
    }

    /// Trusts a key no more: what it signed can't be uploaded or bound anew. What is bound stays.
    pub async fn distrust_key(&self, ctx: &OpContext, name: &KeyName) -> Result<(), RegistryError> {
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let known = self
            .inner
            .store
            .get(ctx, TRUSTED, name.as_str().as_bytes())
            .await?;
        if known.is_none() {
            return Err(RegistryError::UnknownKey(name.clone()));
        }
        self.inner
            .store
            .commit(ctx, Tx::new().delete(TRUSTED, name.as_str()))
            .await?;
        Ok(())
    }

    /// Who signed what is uploaded; `None` when nobody did and the tenant allows that.
    pub(crate) async fn check_signature(
        &self,
        ctx: &OpContext,
        manifest: &Manifest,
        digest: Digest,
        signature: Option<&PluginSignature>,
    ) -> Result<Option<SignedBy>, RegistryError> {
        let Some(signature) = signature else {
            return match self.policy(ctx).await?.unsigned {
                UnsignedPolicy::Allowed => Ok(None),
                UnsignedPolicy::Refused => Err(RegistryError::Unsigned {
                    plugin: manifest.id.clone(),
                    version: manifest.version.clone(),
                }),
            };
        };
        let known = self.trusted_keys(ctx).await?;
        let trusted = known.into_iter().find(|known| known.key == signature.key);
        let trusted = trusted.ok_or(RegistryError::UntrustedKey(Box::new(signature.key)))?;
        let text = signed_text(manifest, digest);
        let verified = VerifyingKey::from_bytes(&signature.key.0)
            .and_then(|key| key.verify_strict(text.as_bytes(), &signature.signature));
        verified.map_err(|_| RegistryError::BadSignature(text))?;
        Ok(Some(SignedBy {
            name: trusted.name,
            key: trusted.key,
            signature: signature.to_string(),
        }))
    }

    /// Whether a version may be bound anew: neither withdrawn, nor signed by nobody whom the tenant trusts today.
    pub(crate) async fn check_may_bind(
        &self,
        ctx: &OpContext,
        plugin: &PluginRecord,
    ) -> Result<(), RegistryError> {
        if let Some(yanked) = &plugin.yanked {
            return Err(RegistryError::Yanked {
                plugin: plugin.id.clone(),
                version: plugin.version.clone(),
                why: yanked.why.clone(),
            });
        }
        if self.policy(ctx).await?.unsigned == UnsignedPolicy::Allowed {
            return Ok(());
        }
        let Some(first) = &plugin.signed_by else {
            return Err(RegistryError::Unsigned {
                plugin: plugin.id.clone(),
                version: plugin.version.clone(),
            });
        };
        // One that is trusted will do.
        let known = self.trusted_keys(ctx).await?;
        let trusted = |signed: &SignedBy| known.iter().any(|known| known.key == signed.key);
        if plugin.signatures().any(trusted) {
            Ok(())
        } else {
            Err(RegistryError::UntrustedKey(Box::new(first.key)))
        }
    }
}
