//! Keys: each customer has one, under which all is kept that is said of the customer; each tenant has one, under which
//! those are kept, in a file of the data folder. Without its key, what was sealed is noise: so a customer is erased, also
//! out of journals and copies that nobody can reach.
//!
//! AES-256-GCM of ring, which is in the tree for TLS. A nonce is drawn for each text; a customer's key seals thousands of
//! texts, not the 2^32 at which drawn nonces begin to repeat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_types::{CustomerId, TenantId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// Opened keys that are kept in memory; all are forgotten for one more.
const MAX_OPENED: usize = 4_096;
/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a customer's key under the tenant's.
pub(crate) const WRAPPED: usize = NONCE_LEN + KEY + 16;

/// What can't be sealed or opened. Why is not told: a key that does not fit is all that there is to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotOpened;

/// The key of one customer.
pub(crate) struct DataKey(LessSafeKey);

impl DataKey {
    fn new(bytes: &[u8]) -> Result<Self, NotOpened> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| NotOpened)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals a text; `what` must be the same when it is opened.
    pub(crate) fn seal(&self, what: &str, text: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| NotOpened)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(what.as_bytes()),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| NotOpened)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(crate) fn open(&self, what: &str, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .0
            .open_in_place(nonce, Aad::from(what.as_bytes()), &mut text)
            .map_err(|_| NotOpened)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// The keys of one tenant.
pub(crate) struct Keys {
    wrapping: DataKey,
    index: hmac::Key,
    tenant: TenantId,
    /// Customers' keys that were opened lately.
    opened: Mutex<HashMap<CustomerId, Arc<DataKey>>>,
}

impl Keys {
    /// From the tenant's secret.
    pub(crate) fn new(tenant: &TenantId, secret: &[u8; KEY]) -> Result<Self, NotOpened> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let index = hmac::sign(&root, b"index");
        Ok(Self {
            wrapping: DataKey::new(hmac::sign(&root, b"wrap").as_ref())?,
            index: hmac::Key::new(hmac::HMAC_SHA256, index.as_ref()),
            tenant: tenant.clone(),
            opened: Mutex::default(),
        })
    }

    /// What stands for a text in an index, so that the index tells nobody what it is about. 16 bytes: that two texts meet
    /// is not to be expected.
    pub(crate) fn blind(&self, kind: &str, text: &str) -> [u8; 16] {
        let mut signing = hmac::Context::with_key(&self.index);
        signing.update(kind.as_bytes());
        signing.update(&[0]);
        signing.update(text.as_bytes());
        let mut blind = [0; 16];
        blind.copy_from_slice(&signing.sign().as_ref()[..16]);
        blind
    }

    /// A key for a new customer, and the same under the tenant's.
    pub(crate) fn make(&self, customer: &CustomerId) -> Result<(Arc<DataKey>, Vec<u8>), NotOpened> {
        let mut bytes = [0; KEY];
        getrandom::fill(&mut bytes).map_err(|_| NotOpened)?;
        let wrapped = self.wrapping.seal(&self.what(customer), &bytes)?;
        let key = Arc::new(DataKey::new(&bytes)?);
        Ok((key, wrapped))
    }

    /// A customer's key.
    pub(crate) fn open(&self, customer: &CustomerId, wrapped: &[u8]) -> Result<Arc<DataKey>, NotOpened> {
        if let Some(key) = self.opened(customer) {
            return Ok(key);
        }
        let bytes = self.wrapping.open(&self.what(customer), wrapped)?;
        let key = Arc::new(DataKey::new(&bytes)?);
        self.keep(customer, &key);
        Ok(key)
    }

    /// A customer's key, if it was opened lately.
    pub(crate) fn opened(&self, customer: &CustomerId) -> Option<Arc<DataKey>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(customer).cloned()
    }

    fn keep(&self, customer: &CustomerId, key: &Arc<DataKey>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= MAX_OPENED {
            opened.clear();
        }
        opened.insert(customer.clone(), key.clone());
    }

    /// Seals under the tenant's own key what belongs to no customer yet.
    pub(crate) fn seal(&self, what: &str, text: &[u8]) -> Result<Vec<u8>, NotOpened> {
        self.wrapping.seal(what, text)
    }

    /// Opens [`Keys::seal`].
    pub(crate) fn unseal(&self, what: &str, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        self.wrapping.open(what, sealed)
    }

    /// Forgets a customer's key, whose row is gone.
    pub(crate) fn forget(&self, customer: &CustomerId) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.remove(customer);
    }

    fn what(&self, customer: &CustomerId) -> String {
        format!("key {} {customer}", self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: u8) -> Keys {
        Keys::new(&TenantId::new("acme").unwrap(), &[secret; KEY]).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_and_purpose_alone() {
        let (one, other) = (
            CustomerId::new("crm:1").unwrap(),
            CustomerId::new("crm:2").unwrap(),
        );
        let (key, wrapped) = keys(1).make(&one).unwrap();
        assert_eq!(wrapped.len(), WRAPPED);
        let sealed = key.seal("profile", b"Li Lei").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"Li Lei"));
        let again = keys(1).open(&one, &wrapped).unwrap();
        assert_eq!(again.open("profile", &sealed).unwrap(), b"Li Lei");
        assert_eq!(again.open("timeline", &sealed), Err(NotOpened));
        assert!(keys(1).open(&other, &wrapped).is_err(), "another's row");
        assert!(keys(2).open(&one, &wrapped).is_err(), "another tenant's key");
        for cut in 0..sealed.len() {
            assert_eq!(again.open("profile", &sealed[..cut]), Err(NotOpened));
        }
    }

    #[test]
    fn an_index_tells_kinds_and_texts_apart() {
        let keys = keys(1);
        assert_eq!(keys.blind("address", "tel:+1"), keys.blind("address", "tel:+1"));
        assert_ne!(keys.blind("address", "tel:+1"), keys.blind("name", "tel:+1"));
        assert_ne!(
            keys.blind("address", "tel:+1"),
            super::tests::keys(2).blind("address", "tel:+1")
        );
    }
}
