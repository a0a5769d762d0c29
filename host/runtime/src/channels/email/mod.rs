//! E-mail as a channel: the host speaks SMTP itself (`jackfield_mail`), so there is no connector.
//!
//! What comes in ([`receive`]) is acknowledged when it is durable. A conversation is a thread: an answer to a mail of ours
//! goes on with it, whatever else is one of its own. What a mail of ours belongs to stands in its Message-ID, sealed
//! ([`thread`]), so nobody gets into a conversation who was not written to in it. What goes out ([`send`]) waits in the
//! outbox like all messages.

mod receive;
mod send;
mod thread;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jackfield_mail::{Mail, Refusal, sender_address};
use jackfield_store::{Error as StoreError, Space, Tx};
use jackfield_types::{ConnectorId, TenantId, is_name, limits};
use serde::{Deserialize, Serialize};

use super::{Channel, ChannelError, ChannelSettings, Verification};
use crate::customers::Address;
use crate::directory;
use crate::platform::{Platform, Shared};
use crate::tenant::Tenant;

/// Keys: addresses; values: the tenant that has it.
const OWNERS: Space = Space::new("mail-owners");
/// Keys `{channel} {stamp}`: the conversation that was begun for a mail, until the mail is in it.
pub(super) const BEGUN: Space = Space::new("mail-begun");
/// The secret with the relay's password.
const PASSWORD: &str = "relay-password";
/// Bytes of a certificate authority in PEM.
const MAX_AUTHORITY_BYTES: usize = 16 * 1024;

/// What an e-mail channel has beside other settings. Its `account` is the address that it writes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// Further addresses whose mail it takes, at most 16.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What customers see as the sender's name, at most 128 bytes; the channel's name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// The server that carries its mails on.
    pub relay: RelaySettings,
}

/// A mail server through which a channel sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelaySettings {
    /// Its host name, for which its certificate must be.
    pub host: String,
    /// Its port: 465 mostly for `tls`, 587 for `starttls`.
    pub port: u16,
    /// How the connection is secured.
    pub security: RelaySecurity,
    /// The user to log in as, with the secret `relay-password`; nobody when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A certificate authority in PEM, of 16 KiB at most, that is trusted beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// How the connection to a relay is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelaySecurity {
    /// TLS from the beginning.
    Tls,
    /// STARTTLS; a relay that does not offer it gets nothing.
    Starttls,
    /// None: to a relay on this machine alone.
    None,
}

impl EmailSettings {
    pub(super) fn check(
        &self,
        settings: &ChannelSettings,
        secrets: &BTreeMap<String, String>,
    ) -> Result<(), ChannelError> {
        let wrong = |field: &str, problem: &str| Err(ChannelError::invalid(field, problem));
        if settings.identity != "email" {
            return wrong(
                "identity",
                "expected email: customers are known by their e-mail addresses",
            );
        }
        if settings.verification != Verification::None {
            return wrong(
                "verification",
                "expected {\"scheme\": \"none\"}: mail comes by SMTP",
            );
        }
        if !settings.hosts.is_empty() || !settings.tokens.is_empty() || settings.public_url.is_some() {
            return wrong(
                "hosts",
                "hosts, tokens and public_url are for channels with a connector",
            );
        }
        let is_address = |text: &str| Address::new(&format!("email:{text}"), None).is_ok();
        if !is_address(&settings.account) {
            return wrong(
                "account",
                "expected the address that mails come from, for example support@shop.example",
            );
        }
        if self.aliases.len() > limits::MAX_MAIL_ALIASES
            || !self.aliases.iter().all(|alias| is_address(alias))
        {
            return wrong("email.aliases", "expected at most 16 e-mail addresses");
        }
        if self.from_name.as_deref().is_some_and(|name| !is_name(name)) {
            return wrong("email.from_name", jackfield_types::NAME_EXPECTED);
        }
        let relay = &self.relay;
        let is_host = (1..=253).contains(&relay.host.len())
            && !relay.host.starts_with(['-', '.'])
            && relay
                .host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':'));
        if !is_host {
            return wrong(
                "email.relay.host",
                "expected a host name, for example smtp.example.com",
            );
        }
        if relay.port == 0 {
            return wrong("email.relay.port", "expected 1 to 65535");
        }
        let fits = |text: &String, most| (1..=most).contains(&text.len());
        if relay
            .user
            .as_ref()
            .is_some_and(|user| !fits(user, 256) || user.chars().any(char::is_control))
        {
            return wrong("email.relay.user", "expected 1 to 256 bytes on one line");
        }
        if relay.user.is_some() && !secrets.contains_key(PASSWORD) {
            return wrong(
                "email.relay.user",
                "there is no secret relay-password; give it among the secrets",
            );
        }
        if relay.user.is_some() && relay.security == RelaySecurity::None {
            return wrong("email.relay.security", "none is not for a relay with a login");
        }
        let is_authority =
            |text: &String| fits(text, MAX_AUTHORITY_BYTES) && text.contains("BEGIN CERTIFICATE");
        if relay
            .authority
            .as_ref()
            .is_some_and(|authority| !is_authority(authority))
        {
            return wrong(
                "email.relay.authority",
                "expected a certificate in PEM, of 16 KiB at most",
            );
        }
        Ok(())
    }
}

impl ChannelSettings {
    /// Addresses whose mail the channel takes, in the form in which they are compared.
    pub(super) fn addresses(&self) -> Vec<String> {
        let Some(email) = &self.email else {
            return Vec::new();
        };
        let mut addresses: Vec<String> = email.aliases.iter().map(|alias| sender_address(alias)).collect();
        addresses.push(sender_address(&self.account));
        addresses.sort();
        addresses.dedup();
        addresses
    }
}

impl Tenant {
    /// Claims addresses for the tenant, each of which one channel of the deployment has; those that are new to the tenant.
    pub(super) async fn claim_addresses(
        &self,
        channel: &ConnectorId,
        addresses: &[String],
    ) -> Result<Vec<String>, ChannelError> {
        let table = self.inner.channels.table.load();
        for other in table.values().filter(|other| other.id != *channel) {
            let taken = other.settings.addresses();
            if let Some(address) = addresses.iter().find(|address| taken.contains(address)) {
                let problem = format!("{address} is an address of channel {}", other.id);
                return Err(ChannelError::invalid("account", problem));
            }
        }
        let (ctx, store) = (directory::platform(), &self.inner.shared.store);
        let mut claimed = Vec::new();
        for address in addresses {
            let tx = Tx::new().check_absent(OWNERS, address.as_str()).put(
                OWNERS,
                address.as_str(),
                self.id().as_str(),
            );
            let error = match store.commit(&ctx, tx).await {
                Ok(_) => {
                    claimed.push(address.clone());
                    continue;
                }
                Err(StoreError::Conflict { .. }) => {
                    let owner = store.get(&ctx, OWNERS, address.as_bytes()).await?;
                    if owner.is_some_and(|owner| owner.value == self.id().as_str().as_bytes()) {
                        continue;
                    }
                    let problem = format!("{address} is not free in this deployment; choose another");
                    ChannelError::invalid("account", problem)
                }
                Err(error) => error.into(),
            };
            self.release_addresses(&claimed).await;
            return Err(error);
        }
        Ok(claimed)
    }

    /// Lets go of addresses. What can't be let go of now stays the tenant's.
    pub(super) async fn release_addresses(&self, addresses: &[String]) {
        self.inner.shared.mailboxes.remove(self.id(), addresses);
        let tx = addresses
            .iter()
            .fold(Tx::new(), |tx, address| tx.delete(OWNERS, address.as_str()));
        if tx != Tx::new()
            && let Err(error) = self.inner.shared.store.commit(&directory::platform(), tx).await
        {
            tracing::warn!(tenant = %self.id(), %error, "e-mail addresses were not let go of");
        }
    }
}

/// Whose mail goes where, of all tenants; in memory.
#[derive(Default)]
pub(crate) struct Mailboxes(RwLock<BTreeMap<String, (TenantId, ConnectorId)>>);

impl Mailboxes {
    pub(super) fn add(&self, tenant: &TenantId, channel: &Channel) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for address in channel.settings.addresses() {
            known.insert(address, (tenant.clone(), channel.id.clone()));
        }
    }

    fn remove(&self, tenant: &TenantId, addresses: &[String]) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            if known.get(address).is_some_and(|(owner, _)| owner == tenant) {
                known.remove(address);
            }
        }
    }

    fn find(&self, address: &str) -> Option<(TenantId, ConnectorId)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&sender_address(address)).cloned()
    }
}

/// The mailboxes of all tenants, for an SMTP listener.
pub struct MailHouse {
    shared: Arc<Shared>,
}

impl Platform {
    /// The mailboxes of all tenants, for an SMTP listener.
    pub fn mail_house(&self) -> MailHouse {
        MailHouse {
            shared: self.shared().clone(),
        }
    }
}

impl jackfield_mail::Mailboxes for MailHouse {
    type Mailbox = (TenantId, ConnectorId);

    fn find(&self, address: &str) -> Option<Self::Mailbox> {
        self.shared.mailboxes.find(address)
    }

    async fn take(&self, (tenant, channel): Self::Mailbox, mail: Arc<Mail>) -> Result<(), Refusal> {
        match self.shared.directory.tenants.get(&tenant) {
            Some(tenant) => tenant.take_mail(&channel, &mail).await,
            None => Err(Refusal::Later),
        }
    }
}
