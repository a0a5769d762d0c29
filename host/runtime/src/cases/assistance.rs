//! Remote assistance: during a conversation the customer gets a link that leads to a page of the firm's, or holds a small
//! configuration file, and the agent sees when it is opened and when it is done.

use std::sync::Arc;

use jackfield_contact::case::AssistanceStep;
use jackfield_contact::chat::Side;
use jackfield_contact::event::Event;
use jackfield_contact::input::{Draft, Input};
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Scan, Space, Tx};
use jackfield_types::{
    AgentId, CustomerId, InteractionId, NAME_EXPECTED, OpContext, Timestamp, is_name, limits,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::directory::LinkSettings;
use super::notice::Notice;
use super::token::{self, ASSISTANCE_LINK};
use super::work::{CaseDone, CaseWork};
use crate::SubmitError;
use crate::clock;
use crate::customers::{self, CustomerError, Ledger, Opener, seal_row};
use crate::tenant::Tenant;

/// Links by code.
pub(crate) const ASSISTANCES: Space = Space::new("assistances");
/// `{interaction} {code}`, no value.
pub(crate) const ASSISTANCES_OF: Space = Space::new("assistances-of");
/// What files may be, and how their names then end. Nothing that a browser would run.
const FILES: &[(&str, &[&str])] = &[
    ("application/x-apple-aspen-config", &["mobileconfig"]),
    ("application/x-openvpn-profile", &["ovpn"]),
    ("application/json", &["json"]),
    ("text/plain", &["txt", "conf"]),
    ("text/vcard", &["vcf"]),
    ("text/calendar", &["ics"]),
];
const SHORTEST_MS: u64 = 60_000;

/// A link for remote assistance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assistance {
    /// Names it within the tenant; says nothing.
    pub code: Arc<str>,
    /// In which interaction it was given.
    pub interaction: InteractionId,
    /// To whom, when that is known.
    pub customer: Option<CustomerId>,
    /// What the customer is told that it is for, 1 to 128 bytes.
    pub title: Arc<str>,
    /// What happens.
    pub what: AssistanceWhat,
    /// Whether it is good for one time only.
    pub once: bool,
    /// Who gave it.
    pub by: Arc<str>,
    /// When.
    pub offered_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When its page was opened first.
    pub opened_at: Option<Timestamp>,
    /// When the customer followed it first.
    pub done_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// How it goes to the customer of a call; none: the agent reads it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// What happens when the customer follows a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssistanceWhat {
    /// The browser goes to this address: `https`, on a host that the tenant allows.
    Page(Arc<str>),
    /// The browser gets a file.
    File {
        /// What it is called: letters, digits, `-`, `_` and `.`, with an ending that fits the type.
        name: Arc<str>,
        /// Its type, for example `application/x-apple-aspen-config`.
        media_type: Arc<str>,
        /// What is in it, at most 16 KiB of text.
        text: Arc<str>,
    },
}

/// A link that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssistanceWant {
    /// What the customer is told that it is for.
    pub title: Arc<str>,
    /// What happens.
    pub what: AssistanceWhat,
    /// Whether it is good for one time only.
    pub once: bool,
    /// How long it is good, in milliseconds.
    pub good_for_ms: u64,
    /// How it goes to the customer of a call.
    pub notice: Option<Notice>,
}

fn personal() -> Vec<(&'static str, Value)> {
    vec![
        ("/title", json!("erased")),
        ("/what", json!({"page": "https://erased.invalid/"})),
        ("/notice/to", json!("erased")),
    ]
}

impl AssistanceWhat {
    /// In its one spelling.
    fn checked(self, settings: &LinkSettings) -> Result<Self, CustomerError> {
        match self {
            Self::Page(text) => {
                let wrong = |problem: &str| Err(CustomerError::invalid("url", problem));
                let url = match url::Url::parse(&text) {
                    Ok(url) if text.len() <= limits::MAX_URL_BYTES => url,
                    _ => return wrong("expected an https address of at most 2048 bytes"),
                };
                if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
                    return wrong("expected an https address without user or password");
                }
                match url.host_str() {
                    Some(host) if settings.allows(host) => Ok(Self::Page(url.as_str().into())),
                    host => Err(CustomerError::invalid(
                        "url",
                        format!(
                            "links may not lead to {}: an administrator can add the host to assistance_hosts of /v1/link-settings",
                            host.unwrap_or_default()
                        ),
                    )),
                }
            }
            Self::File {
                name,
                media_type,
                text,
            } => {
                let known = FILES.iter().find(|(known, _)| *known == &*media_type);
                let Some((_, endings)) = known else {
                    let all: Vec<_> = FILES.iter().map(|(known, _)| *known).collect();
                    return Err(CustomerError::invalid(
                        "file.media_type",
                        format!("expected one of {}", all.join(", ")),
                    ));
                };
                let is_plain = name.len() <= limits::MAX_SLUG_BYTES
                    && name
                        .bytes()
                        .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
                let ends = name.rsplit_once('.').is_some_and(|(stem, ending)| {
                    !stem.is_empty() && !stem.starts_with('.') && endings.contains(&ending)
                });
                if !is_plain || !ends {
                    return Err(CustomerError::invalid(
                        "file.name",
                        format!(
                            "expected 1 to 64 letters, digits, '-', '_' and '.', ending in .{}",
                            endings.join(" or .")
                        ),
                    ));
                }
                if text.is_empty() || text.len() > limits::MAX_ASSISTANCE_FILE_BYTES {
                    return Err(CustomerError::invalid(
                        "file.text",
                        format!("expected 1 to {} bytes", limits::MAX_ASSISTANCE_FILE_BYTES),
                    ));
                }
                Ok(Self::File {
                    name,
                    media_type,
                    text,
                })
            }
        }
    }
}

impl Assistance {
    /// Whether it leads somewhere.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && !(self.once && self.done_at.is_some())
    }
}

/// In the loop: keeps a new link.
pub(crate) async fn offer(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    mut offer: Assistance,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let given = Scan::prefix(format!("{} ", offer.interaction)).limit(limits::MAX_ASSISTANCES);
    let given = ledger.store.scan(ledger.ctx, ASSISTANCES_OF, given).await?;
    if given.rows.len() >= limits::MAX_ASSISTANCES {
        return Err(CustomerError::Conflict(format!(
            "the interaction has {} links, the most there may be",
            limits::MAX_ASSISTANCES
        )));
    }
    if let Some(customer) = &offer.customer
        && ledger.record(customer).await?.is_none()
    {
        return Err(CustomerError::unknown("customer", customer));
    }
    offer.expires_at = now + offer.expires_at.since(offer.offered_at);
    offer.offered_at = now;
    let key = format!("{} {}", offer.interaction, offer.code).into_bytes();
    ledger.beside.write(ASSISTANCES_OF, key, Vec::new());
    keep(ledger, offer, AssistanceStep::Offered, by).await
}

/// In the loop: something happened with a link.
pub(crate) async fn step(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    code: &str,
    step: AssistanceStep,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let unknown = || CustomerError::unknown("assistance", code);
    let mut found = kept(ledger, code).await?.ok_or_else(unknown)?;
    let is_good = found.is_good(now);
    let moment = match step {
        AssistanceStep::Offered | AssistanceStep::Sent | AssistanceStep::Unsent => {
            return Ok(CaseDone::Nothing);
        }
        AssistanceStep::Opened => &mut found.opened_at,
        AssistanceStep::Done => &mut found.done_at,
        AssistanceStep::Revoked => &mut found.revoked_at,
    };
    if !is_good && step != AssistanceStep::Revoked {
        return Err(unknown());
    }
    if moment.is_some() {
        return Ok(CaseDone::Assistance(Box::new(found)));
    }
    *moment = Some(now);
    keep(ledger, found, step, by).await
}

/// In the loop: a link as it stands; none whose customer is erased.
pub(super) async fn kept(ledger: &Ledger<'_>, code: &str) -> Result<Option<Assistance>, CustomerError> {
    let mut opener = Opener::new(ledger.store, ledger.ctx, ledger.keys);
    let row = ledger.store.get(ledger.ctx, ASSISTANCES, code.as_bytes()).await?;
    Ok(read(&mut opener, row.as_ref().map(|row| &row.value[..])).await?)
}

pub(super) async fn keep(
    ledger: &mut Ledger<'_>,
    assistance: Assistance,
    step: AssistanceStep,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let row = match &assistance.customer {
        Some(customer) => {
            let key = ledger.key(customer).await?;
            seal_row(&assistance, personal(), (customer, &key))?
        }
        None => customers::json(&assistance)?,
    };
    let key = assistance.code.as_bytes().to_vec();
    ledger.beside.write(ASSISTANCES, key, row);
    ledger.events.push(Event::AssistanceChanged {
        interaction: assistance.interaction,
        assistance: assistance.code.clone(),
        step,
        by: by.clone(),
        through: match step {
            AssistanceStep::Offered => assistance.notice.as_ref().map(|notice| notice.channel.clone()),
            _ => None,
        },
    });
    Ok(CaseDone::Assistance(Box::new(assistance)))
}

/// A link out of its row; none whose customer is erased.
async fn read(opener: &mut Opener<'_>, row: Option<&[u8]>) -> Result<Option<Assistance>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let found: Assistance = opener.open(row).await?;
    let known = match &found.customer {
        Some(customer) => opener.knows(customer).await?,
        None => true,
    };
    Ok(known.then_some(found))
}

impl Tenant {
    /// Makes a link for the customer of an interaction; with the token that opens it.
    ///
    /// # Errors
    /// When a field is wrong, the address is on a host that is not allowed, or the interaction has links enough.
    pub async fn offer_assistance(
        &self,
        ctx: &OpContext,
        interaction: &Interaction,
        want: AssistanceWant,
    ) -> Result<(Assistance, String), CustomerError> {
        if !is_name(&want.title) {
            return Err(CustomerError::invalid("title", NAME_EXPECTED));
        }
        if !(SHORTEST_MS..=limits::MAX_ASSISTANCE_MS).contains(&want.good_for_ms) {
            return Err(CustomerError::invalid(
                "good_for_ms",
                format!("expected {SHORTEST_MS} to {} ms", limits::MAX_ASSISTANCE_MS),
            ));
        }
        let what = want.what.checked(&self.link_settings(ctx).await?)?;
        let mut body = [0; 5];
        getrandom::fill(&mut body)
            .map_err(|_| SubmitError::Unavailable("no random bytes from the system".into()))?;
        let now = clock::now();
        let offer = Assistance {
            code: token::encode(&body).into(),
            interaction: interaction.id,
            customer: interaction.customer.clone().filter(|id| !id.is_address()),
            title: want.title,
            what,
            once: want.once,
            by: ctx.actor.to_string().into(),
            offered_at: now,
            expires_at: now + want.good_for_ms,
            opened_at: None,
            done_at: None,
            revoked_at: None,
            notice: want.notice,
        };
        match self.case_order(ctx, CaseWork::Offer(Box::new(offer))).await? {
            CaseDone::Assistance(kept) => {
                let token = token::make(&self.inner.customers.keys, ASSISTANCE_LINK, &body);
                Ok((*kept, token))
            }
            _ => Err(CustomerError::unknown("interaction", interaction.id)),
        }
    }

    /// Hands a text with a link to the customer on the interaction's own channel: in a written conversation as the agent's
    /// message, whose number it answers. On the telephone there is none: it goes as a [`Notice`], or the agent reads it out.
    pub async fn hand_to_customer(
        &self,
        interaction: &Interaction,
        agent: &AgentId,
        text: Arc<str>,
        client_id: &str,
    ) -> Result<Option<u32>, SubmitError> {
        if interaction.chat.is_none() {
            return Ok(None);
        }
        let id = interaction.id;
        let message = Draft {
            text,
            client_id: Some(client_id.into()),
            ..Draft::default()
        };
        let written = Input::AgentWrites {
            interaction: id,
            agent: agent.clone(),
            message,
        };
        self.submit(written).await?;
        let client_id = client_id.to_owned();
        self.read(move |centre| {
            let chat = centre.interaction(id)?.chat.as_ref()?;
            chat.number_of(Side::Agent, &client_id)
        })
        .await
    }

    /// The links of an interaction, by code.
    pub async fn assistances(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
    ) -> Result<Vec<Assistance>, CustomerError> {
        let prefix = format!("{interaction} ");
        let scan = Scan::prefix(prefix.as_str()).limit(limits::MAX_ASSISTANCES);
        let page = self.store().scan(ctx, ASSISTANCES_OF, scan).await?;
        let (mut opener, mut found) = (self.opener(ctx), Vec::new());
        for row in page.rows {
            let row = self
                .store()
                .get(ctx, ASSISTANCES, &row.key[prefix.len()..])
                .await?;
            found.extend(read(&mut opener, row.as_ref().map(|row| &row.value[..])).await?);
        }
        Ok(found)
    }

    /// The link that a token opens. `None` says nothing of why: of another tenant, too old, used, revoked, or no token at all.
    pub async fn assistance(
        &self,
        ctx: &OpContext,
        token: &str,
    ) -> Result<Option<Assistance>, CustomerError> {
        let Some(body) = token::open(&self.inner.customers.keys, ASSISTANCE_LINK, token) else {
            return Ok(None);
        };
        let found = self.assistance_by_code(ctx, &token::encode(&body)).await?;
        Ok(found.filter(|found| found.is_good(clock::now())))
    }

    /// Whether a link may still lead where it does: an administrator may have taken its host from those that are allowed.
    pub async fn allows_assistance(
        &self,
        ctx: &OpContext,
        assistance: &Assistance,
    ) -> Result<bool, CustomerError> {
        let AssistanceWhat::Page(url) = &assistance.what else {
            return Ok(true);
        };
        let settings = self.link_settings(ctx).await?;
        let url = url::Url::parse(url).ok();
        let host = url.as_ref().and_then(url::Url::host_str);
        Ok(host.is_some_and(|host| settings.allows(host)))
    }

    pub(super) async fn assistance_by_code(
        &self,
        ctx: &OpContext,
        code: &str,
    ) -> Result<Option<Assistance>, CustomerError> {
        let row = self.store().get(ctx, ASSISTANCES, code.as_bytes()).await?;
        Ok(read(&mut self.opener(ctx), row.as_ref().map(|row| &row.value[..])).await?)
    }

    /// Something happened with a link: the first time is an event of its interaction.
    ///
    /// # Errors
    /// `Unknown` when it leads nowhere any more.
    pub async fn assistance_step(
        &self,
        ctx: &OpContext,
        code: &Arc<str>,
        step: AssistanceStep,
    ) -> Result<Assistance, CustomerError> {
        match self.case_order(ctx, CaseWork::Assist(code.clone(), step)).await? {
            CaseDone::Assistance(found) => Ok(*found),
            _ => Err(CustomerError::unknown("assistance", code)),
        }
    }

    /// Removes the links of an interaction whose customer is erased.
    pub(crate) async fn forget_assistances(
        &self,
        ctx: &OpContext,
        interaction: &str,
    ) -> Result<(), StoreError> {
        let prefix = format!("{interaction} ");
        let scan = Scan::prefix(prefix.as_str()).limit(limits::MAX_ASSISTANCES);
        let page = self.store().scan(ctx, ASSISTANCES_OF, scan).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let tx = page.rows.into_iter().fold(Tx::new(), |tx, row| {
            tx.delete(ASSISTANCES, &row.key[prefix.len()..])
                .delete(ASSISTANCES_OF, row.key)
        });
        self.store().commit(ctx, tx).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str) -> Result<AssistanceWhat, CustomerError> {
        let settings = LinkSettings {
            public_url: None,
            assistance_hosts: vec!["help.example".into()],
        };
        AssistanceWhat::Page(url.into()).checked(&settings)
    }

    #[test]
    fn a_link_leads_to_an_allowed_host_as_browsers_read_it() {
        assert_eq!(
            page("https://HELP.example/a b?c=1").unwrap(),
            AssistanceWhat::Page("https://help.example/a%20b?c=1".into())
        );
        for bad in [
            "http://help.example/",
            "https://evil.example/",
            "https://help.example@evil.example/",
            "https://evil.example\\@help.example/",
            "https://a:b@help.example/",
            "https://help.example.evil.example/",
            "javascript:alert(1)",
            "//help.example/",
            "",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_small_and_of_a_type_that_no_browser_runs() {
        let file = |name: &str, media_type: &str, bytes: usize| {
            let what = AssistanceWhat::File {
                name: name.into(),
                media_type: media_type.into(),
                text: "x".repeat(bytes).into(),
            };
            what.checked(&LinkSettings::default())
        };
        assert!(file("mail.mobileconfig", "application/x-apple-aspen-config", 16 * 1024).is_ok());
        for (name, media_type, bytes) in [
            (
                "mail.mobileconfig",
                "application/x-apple-aspen-config",
                16 * 1024 + 1,
            ),
            ("mail.txt", "text/plain", 0),
            ("page.html", "text/html", 5),
            ("mail.exe", "text/plain", 5),
            (".txt", "text/plain", 5),
            ("a\"b.txt", "text/plain", 5),
            ("../a.txt", "text/plain", 5),
        ] {
            assert!(
                file(name, media_type, bytes).is_err(),
                "{name} {media_type} {bytes}"
            );
        }
    }
}
