use std::{fmt, str::FromStr};

use jackfield_types::{AgentId, TenantId};
use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The digest realm of every agent's phone.
pub const REALM: &str = "jackfield";

/// The name an agent's phone registers under, `{agent}.{tenant}`: ids hold no dot, so it is unambiguous.
pub fn phone_user(tenant: &TenantId, agent: &AgentId) -> String {
    format!("{agent}.{tenant}")
}

/// The agent of a phone's user name; `None` when it is not of the form `{agent}.{tenant}`.
pub fn parse_phone_user(user: &str) -> Option<(TenantId, AgentId)> {
    let (agent, tenant) = user.split_once('.')?;
    Some((TenantId::new(tenant).ok()?, AgentId::new(agent).ok()?))
}

/// What the voice side asks about tenants during a call's first milliseconds.
///
/// Answered from memory: called on the SIP task, so an answer that waits holds up every call.
pub trait Directory: Send + Sync {
    /// Whose number was dialled, as it stands in the request (`+4420…`, `4420…`, `1000`). `None` answers 404.
    fn tenant_of_number(&self, dialled: &str) -> Option<TenantId>;

    /// The stored secret of an agent's phone. `None` is answered like a wrong password.
    fn phone_secret(&self, tenant: &TenantId, agent: &AgentId) -> Option<Ha1>;

    /// Whether the tenant has room for one more call; `false` answers 503 with `Retry-After`.
    fn may_take_call(&self, tenant: &TenantId) -> bool;
}

/// What is stored of a phone's password: MD5 of `user:realm:password`, never the password itself.
///
/// It opens that phone's registration and nothing else, so keep it like a password. As text and in JSON it
/// is 32 hexadecimal digits; `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1([u8; 16]);

/// A text that is not an [`Ha1`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("phone secret is not valid: expected 32 hexadecimal digits")]
pub struct InvalidHa1;

impl Ha1 {
    /// The secret of an agent's phone.
    pub fn new(tenant: &TenantId, agent: &AgentId, password: &str) -> Self {
        Self(Md5::digest(format!("{}:{REALM}:{password}", phone_user(tenant, agent))).into())
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)")
    }
}

impl fmt::Display for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl FromStr for Ha1 {
    type Err = InvalidHa1;

    fn from_str(text: &str) -> Result<Self, InvalidHa1> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidHa1);
        }
        u128::from_str_radix(text, 16)
            .map(|n| Self(n.to_be_bytes()))
            .map_err(|_| InvalidHa1)
    }
}

impl Serialize for Ha1 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ha1 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value::Error};

    use super::*;

    #[test]
    fn a_phones_user_name_says_agent_and_tenant() {
        let (tenant, agent) = (TenantId::new("demo").unwrap(), AgentId::new("anna").unwrap());
        assert_eq!(phone_user(&tenant, &agent), "anna.demo");
        assert_eq!(parse_phone_user("anna.demo"), Some((tenant, agent)));
        for bad in ["anna", "anna.", ".demo", "a.b.c", "Anna.demo", ""] {
            assert_eq!(parse_phone_user(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_keeps_its_value_as_text_and_hides_it_in_debug() {
        // `printf 'anna.demo:jackfield:geheim' | md5sum`
        let ha1 = Ha1::new(
            &TenantId::new("demo").unwrap(),
            &AgentId::new("anna").unwrap(),
            "geheim",
        );
        let text = ha1.to_string();
        assert_eq!(text, "0c05f53ee20ee8cdd46435eea3e183a9");
        assert_eq!(text.parse::<Ha1>(), Ok(ha1));
        let read: Result<Ha1, Error> = Ha1::deserialize(text.as_str().into_deserializer());
        assert_eq!(read, Ok(ha1));
        assert!(!format!("{ha1:?}").contains(&text));
        for bad in ["", "zz", &"g".repeat(32), &"+".repeat(32), &text[1..]] {
            assert_eq!(bad.parse::<Ha1>(), Err(InvalidHa1), "{bad}");
        }
    }
}
