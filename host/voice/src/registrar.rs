//! Where agents' phones are registered. No input or output: requests and the time are arguments.

mod digest;
mod nonce;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jackfield_types::{AgentId, TenantId, Timestamp};

use self::{
    digest::Credentials,
    nonce::{Nonces, Uses, Verdict},
};
use crate::{Directory, REALM, RegisteredPhone, parse_phone_user, softphone::Transport};

/// Bytes of a Contact URI; longer is answered with 400.
const MAX_CONTACT_BYTES: usize = 512;
/// How long a phone that says nothing about it is registered.
const DEFAULT_EXPIRES: u32 = 3_600;

/// The registrations of all tenants: one phone for each agent, the one that registered last.
pub(crate) struct Registrar {
    min_expires: u32,
    max_expires: u32,
    state: Mutex<State>,
}

struct State {
    nonces: Nonces,
    /// Of phones that proved their password.
    uses: HashMap<(TenantId, AgentId), Uses>,
    phones: BTreeMap<(TenantId, AgentId), Phone>,
    /// The last Call-ID and CSeq of each phone, to know requests that come late.
    sequence: HashMap<(TenantId, AgentId), (String, u32)>,
}

/// Where an agent's phone is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phone {
    /// What stands in the request line of a call to it.
    pub(crate) contact: String,
    pub(crate) source: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) expires_at: Timestamp,
}

/// A REGISTER request.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// The request line.
    pub(crate) uri: &'a str,
    /// The user of To.
    pub(crate) user: &'a str,
    /// The value of the header Authorization.
    pub(crate) authorization: Option<&'a str>,
    /// The URIs of Contact with their own `expires`.
    pub(crate) contacts: &'a [(String, Option<u32>)],
    /// Contact is `*`.
    pub(crate) all: bool,
    /// The header Expires.
    pub(crate) expires: Option<u32>,
    pub(crate) call_id: &'a str,
    pub(crate) cseq: u32,
    pub(crate) source: SocketAddr,
    pub(crate) transport: Transport,
}

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) change: Option<Change>,
}

/// What an accepted request changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Registered {
        tenant: TenantId,
        agent: AgentId,
        expires_at: Timestamp,
    },
    Unregistered {
        tenant: TenantId,
        agent: AgentId,
    },
}

/// Reads a header of a stranger, for [`crate::fuzz`].
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn read_credentials(authorization: &str) {
    let _ = Credentials::parse(authorization);
}

impl Registrar {
    pub(crate) fn new(secret: [u8; 32], min: Duration, max: Duration) -> Self {
        let seconds = |d: Duration| u32::try_from(d.as_secs()).unwrap_or(u32::MAX);
        Self {
            min_expires: seconds(min),
            max_expires: seconds(max).max(seconds(min)),
            state: Mutex::new(State {
                nonces: Nonces::new(secret),
                uses: HashMap::new(),
                phones: BTreeMap::new(),
                sequence: HashMap::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides on a request. `salt` makes a new nonce unlike every other.
    pub(crate) fn register(
        &self,
        request: &Request<'_>,
        directory: &dyn Directory,
        salt: u64,
        now: Timestamp,
    ) -> Answer {
        let mut state = self.state();
        let Some(authorization) = request.authorization else {
            return challenge(&state.nonces, salt, now, false);
        };
        let Some(credentials) = Credentials::parse(authorization) else {
            return plain(400);
        };
        let Some((tenant, agent)) =
            parse_phone_user(request.user).filter(|_| credentials.username == request.user)
        else {
            return plain(403);
        };
        if !credentials.is_for(request.uri) {
            return plain(400);
        }
        // An unknown phone and a wrong password look alike, also in what they cost.
        let secret = directory.phone_secret(&tenant, &agent);
        let proven = credentials.prove("REGISTER", secret.as_ref());
        match state.nonces.check(&credentials.nonce, now) {
            Verdict::Forged => return challenge(&state.nonces, salt, now, false),
            Verdict::Expired => return challenge(&state.nonces, salt, now, proven),
            Verdict::Good => {}
        }
        if !proven || credentials.realm != REALM {
            return challenge(&state.nonces, salt, now, false);
        }
        let uses = state.uses.entry((tenant.clone(), agent.clone())).or_default();
        if !uses.count(&credentials.nonce, credentials.nc) {
            return challenge(&state.nonces, salt, now, true);
        }
        self.bind(&mut state, request, tenant, agent, now)
    }

    fn bind(
        &self,
        state: &mut State,
        request: &Request<'_>,
        tenant: TenantId,
        agent: AgentId,
        now: Timestamp,
    ) -> Answer {
        let key = (tenant.clone(), agent.clone());
        if state
            .sequence
            .get(&key)
            .is_some_and(|(id, seq)| id == request.call_id && *seq >= request.cseq)
        {
            return plain(500);
        }
        let bound = state.phones.get(&key).map(|phone| phone.contact.clone());
        let remember = |state: &mut State| {
            state
                .sequence
                .insert(key.clone(), (request.call_id.to_owned(), request.cseq));
        };
        if request.all {
            if request.expires != Some(0) {
                return plain(400);
            }
            remember(state);
            return self.unbind(state, tenant, agent);
        }
        let Some((contact, own)) = request.contacts.first() else {
            // A question about what is registered.
            let phone = state.phones.get(&key);
            return Answer {
                status: 200,
                headers: phone.map(|p| contact_header(p, now)).into_iter().collect(),
                change: None,
            };
        };
        if contact.len() > MAX_CONTACT_BYTES || request.contacts.len() > 1 {
            return plain(400);
        }
        let wished = own.or(request.expires).unwrap_or(DEFAULT_EXPIRES);
        if wished == 0 {
            remember(state);
            // Another phone of the agent has taken over: nothing of this one is left to remove.
            if bound.as_ref() != Some(contact) {
                return plain(200);
            }
            return self.unbind(state, tenant, agent);
        }
        if wished < self.min_expires {
            return Answer {
                headers: vec![("Min-Expires", self.min_expires.to_string())],
                ..plain(423)
            };
        }
        remember(state);
        let expires_at = now + u64::from(wished.min(self.max_expires)) * 1_000;
        let phone = Phone {
            contact: contact.clone(),
            source: request.source,
            transport: request.transport,
            expires_at,
        };
        let headers = vec![contact_header(&phone, now)];
        state.phones.insert(key.clone(), phone);
        Answer {
            status: 200,
            headers,
            change: Some(Change::Registered {
                tenant,
                agent,
                expires_at,
            }),
        }
    }

    fn unbind(&self, state: &mut State, tenant: TenantId, agent: AgentId) -> Answer {
        let removed = state.phones.remove(&(tenant.clone(), agent.clone()));
        Answer {
            change: removed.map(|_| Change::Unregistered { tenant, agent }),
            ..plain(200)
        }
    }

    /// Where an agent's phone is.
    pub(crate) fn phone(&self, tenant: &TenantId, agent: &AgentId, now: Timestamp) -> Option<Phone> {
        let phone = self.state().phones.get(&(tenant.clone(), agent.clone()))?.clone();
        (phone.expires_at > now).then_some(phone)
    }

    /// The phones of a tenant, by agent.
    pub(crate) fn phones(&self, tenant: &TenantId) -> Vec<RegisteredPhone> {
        let state = self.state();
        let of_tenant = state.phones.iter().filter(|((t, _), _)| t == tenant);
        of_tenant
            .map(|((_, agent), p)| RegisteredPhone {
                agent: agent.clone(),
                source: p.source,
                expires_at: p.expires_at,
            })
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.state().phones.len()
    }

    /// Takes away what has expired and says whose it was.
    pub(crate) fn expire(&self, now: Timestamp) -> Vec<(TenantId, AgentId)> {
        let mut state = self.state();
        let gone: Vec<_> = state
            .phones
            .iter()
            .filter(|(_, phone)| phone.expires_at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &gone {
            state.phones.remove(key);
            state.sequence.remove(key);
        }
        state.uses.retain(|_, uses| !uses.are_over(now));
        gone
    }

    /// When the next registration expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.state().phones.values().map(|phone| phone.expires_at).min()
    }
}

fn plain(status: u16) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        change: None,
    }
}

fn challenge(nonces: &Nonces, salt: u64, now: Timestamp, stale: bool) -> Answer {
    let stale = if stale { ", stale=true" } else { "" };
    let nonce = nonces.issue(salt, now);
    let value = format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}");
    Answer {
        headers: vec![("WWW-Authenticate", value)],
        ..plain(401)
    }
}

fn contact_header(phone: &Phone, now: Timestamp) -> (&'static str, String) {
    (
        "Contact",
        format!(
            "<{}>;expires={}",
            phone.contact,
            phone.expires_at.since(now).div_ceil(1_000)
        ),
    )
}

#[cfg(test)]
mod tests;
