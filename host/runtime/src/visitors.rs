//! Who a visitor of a chat window is: a random name in a token that only this deployment can make.
//!
//! Nothing of it is stored. Whoever has the token goes on with the conversation, so it is the window's secret.

use hmac::{Hmac, KeyInit, Mac};
use jackfield_types::{Digest, TenantId, Timestamp};
use sha2::Sha256;

/// A token is good for so long: 180 days.
const GOOD_FOR_MS: u64 = 180 * 24 * 60 * 60 * 1_000;
const PREFIX: &str = "jv1";

/// Makes and checks visitors' tokens.
#[derive(Clone)]
pub struct Visitors {
    key: [u8; 32],
}

/// Somebody with a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The tenant whose visitor it is.
    pub tenant: TenantId,
    /// The visitor's name: 32 hex digits.
    pub name: String,
}

impl Visitors {
    /// With the deployment's secret.
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A new visitor of a tenant, with the token.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn welcome(&self, tenant: &TenantId, now: Timestamp) -> Result<(Visitor, String), getrandom::Error> {
        let mut name = [0; 16];
        getrandom::fill(&mut name)?;
        let visitor = Visitor {
            tenant: tenant.clone(),
            name: format!("{:032x}", u128::from_be_bytes(name)),
        };
        let body = format!("{PREFIX}.{tenant}.{}.{}", visitor.name, now.0 + GOOD_FOR_MS);
        let seal = Digest::from_bytes(self.mac(&body).finalize().into_bytes().into());
        Ok((visitor, format!("{body}.{seal}")))
    }

    /// Whose token it is; `None` when it is none, or no longer good.
    pub fn recognise(&self, token: &str, now: Timestamp) -> Option<Visitor> {
        let (body, seal) = token.rsplit_once('.')?;
        let seal: Digest = seal.parse().ok()?;
        self.mac(body).verify_slice(seal.as_bytes()).ok()?;
        let mut parts = body.split('.');
        let (prefix, tenant, name, until) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let good = prefix == PREFIX && until.parse().is_ok_and(|until: u64| now.0 < until);
        good.then_some(Visitor {
            tenant: TenantId::new(tenant).ok()?,
            name: name.to_owned(),
        })
    }

    fn mac(&self, body: &str) -> Hmac<Sha256> {
        // The key fills part of the block, the rest is zero, as HMAC says.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.key);
        Hmac::<Sha256>::new(&block.into()).chain_update(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_visitor_until_it_is_old_or_changed() {
        let visitors = Visitors::new([7; 32]);
        let (tenant, now) = (TenantId::new("demo").unwrap(), Timestamp(1_000));
        let (visitor, token) = visitors.welcome(&tenant, now).unwrap();
        assert_eq!(visitors.recognise(&token, now), Some(visitor.clone()));
        assert_eq!(visitors.recognise(&token, now + GOOD_FOR_MS), None);
        assert_eq!(Visitors::new([8; 32]).recognise(&token, now), None);
        for bad in [
            token.replace("demo", "acme"),
            token.replace(&visitor.name, &"0".repeat(32)),
            token[..token.len() - 1].to_owned(),
            String::new(),
            "....".to_owned(),
        ] {
            assert_eq!(visitors.recognise(&bad, now), None, "{bad}");
        }
        let (other, _) = visitors.welcome(&tenant, now).unwrap();
        assert_ne!(other, visitor);
    }
}
