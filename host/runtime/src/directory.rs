//! What voice asks about tenants, from memory.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use jackfield_types::{AgentId, E164, OpContext, TenantId};
use jackfield_voice::Ha1;

use crate::platform::Tenants;

/// The platform working for itself.
pub(crate) fn platform() -> OpContext {
    OpContext::system(TenantId::platform(), "runtime")
}

#[derive(Default)]
pub(crate) struct Directory {
    numbers: RwLock<BTreeMap<E164, TenantId>>,
    secrets: RwLock<BTreeMap<(TenantId, AgentId), Ha1>>,
    pub(crate) tenants: Tenants,
}

impl Directory {
    pub(crate) fn add_number(&self, number: &E164, tenant: &TenantId) {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        numbers.insert(number.clone(), tenant.clone());
    }

    pub(crate) fn remove_number(&self, number: &E164) {
        self.numbers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(number);
    }

    pub(crate) fn set_secret(&self, tenant: &TenantId, agent: &AgentId, secret: Ha1) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.insert((tenant.clone(), agent.clone()), secret);
    }
}

/// A number as dialled: with or without `+`, or with the international prefix `00`.
pub(crate) fn dialled(text: &str) -> Option<E164> {
    let digits = text
        .strip_prefix('+')
        .or_else(|| text.strip_prefix("00"))
        .unwrap_or(text);
    E164::new(&format!("+{digits}")).ok()
}

impl jackfield_voice::Directory for Directory {
    fn tenant_of_number(&self, text: &str) -> Option<TenantId> {
        let number = dialled(text)?;
        self.numbers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .cloned()
    }

    fn phone_secret(&self, tenant: &TenantId, agent: &AgentId) -> Option<Ha1> {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.get(&(tenant.clone(), agent.clone())).copied()
    }

    fn may_take_call(&self, tenant: &TenantId) -> bool {
        self.tenants
            .get(tenant)
            .is_some_and(|tenant| tenant.inner.inbox.capacity() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_was_dialled() {
        for text in ["+8675512345678", "8675512345678", "008675512345678"] {
            assert_eq!(dialled(text).unwrap().as_str(), "+8675512345678");
        }
        assert_eq!(dialled("anna"), None);
    }
}
