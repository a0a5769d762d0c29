//! Visitors who say who they are. The tenant's site vouches for somebody whom it knows, in one of two ways:
//!
//! - by a token of its own for a visitor of a chat window: a JWT (RFC 7519, HS256) under the chat entry's secret, with
//!   `sub` (the id in the tenant's own system), `aud` (`TENANT/ENTRY`), `exp` and `jti`;
//! - by taking a link that was sent in a conversation, on whatever channel: the link's token says whose conversation it is,
//!   the site says who came with it.
//!
//! Either way two addresses turn out to be one customer's. Nothing of the conversation moves: where both are known, the one
//! is merged into the other, which can be taken back and stands in the timeline. Each token is good once; whoever it was may
//! say it again.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jackfield_store::{Error as StoreError, Scan, Space, Tx};
use jackfield_types::{ChatEntryId, CustomerId, Digest, InteractionId, OpContext, Timestamp, limits};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::customers::{Address, CustomerError};
use crate::tenant::Tenant;
use crate::visitors::Visitor;
use crate::{SubmitError, clock};

/// Secrets of chat entries, sealed; by entry.
const SECRETS: Space = Space::new("identity-secrets");
/// Tokens that were used: keys `{end} {entry} {jti}`, with the visitor.
const USED: Space = Space::new("identity-used");
/// Links: keys `{end} {hash}`.
const LINKS: Space = Space::new("identity-links");
/// Ids in the tenant's own system.
const OWN: &str = "crm";
/// A token that is good for longer is refused.
const LONGEST_MS: u64 = 60 * 60 * 1_000;
/// How far the site's clock may be ahead.
const AHEAD_MS: u64 = 60_000;
/// How long a link is good.
const LINK_MS: u64 = 30 * 60 * 1_000;
/// Rows that are too old, taken away with each that is new.
const SWEPT: usize = 50;

/// Why somebody was not identified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifyError {
    /// The token is none.
    #[error("token: {0}")]
    Bad(&'static str),
    /// The token is of another entry, another tenant, or of somebody who has not the secret.
    #[error("token: not made for this chat entry with its present secret")]
    Foreign,
    /// The token's time is over.
    #[error("token: its time is over; have the site make another")]
    Expired,
    /// The token was used.
    #[error("token: it was used already; each is good once")]
    Used,
    /// No site can vouch for anybody here.
    #[error("chat entry {0} has no identity secret; make one first")]
    NoSecret(ChatEntryId),
    /// There is no such link.
    #[error("there is no such link, or its time is over; send the customer another")]
    UnknownLink,
    /// The conversation's customer is somebody else.
    #[error("this is the conversation of another customer; begin a new one")]
    SomebodyElse,
    /// Nobody knows whose conversation it is.
    #[error("interaction {0} has no address by which its customer can be known")]
    NoAddress(InteractionId),
    /// What customers refuse.
    #[error(transparent)]
    Customer(#[from] CustomerError),
}

impl From<SubmitError> for IdentifyError {
    fn from(error: SubmitError) -> Self {
        CustomerError::from(error).into()
    }
}

impl From<StoreError> for IdentifyError {
    fn from(error: StoreError) -> Self {
        SubmitError::from(error).into()
    }
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: String,
    exp: u64,
    jti: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Serialize, Deserialize)]
struct LinkRow {
    interaction: InteractionId,
    customer: CustomerId,
    used: bool,
    /// Who came with it: a hash of token and address, so that who reads the store has neither.
    #[serde(default)]
    by: Option<Digest>,
}

/// A link to be sent to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityLink {
    /// The site hands it back with the customer's id.
    pub token: String,
    /// Until then.
    pub until: Timestamp,
}

impl Tenant {
    /// Makes a new secret for a chat entry, with which the tenant's site vouches for visitors; the one before is no longer
    /// good. 64 hex digits, not shown again.
    ///
    /// # Errors
    /// There is no such entry.
    pub async fn make_identity_secret(
        &self,
        ctx: &OpContext,
        entry: &ChatEntryId,
    ) -> Result<String, IdentifyError> {
        let wanted = entry.clone();
        if !self
            .read(move |centre| centre.chat_entry(&wanted).is_some())
            .await?
        {
            return Err(CustomerError::unknown("chat-entry", entry).into());
        }
        let secret = random()?;
        let sealed = self.inner.customers.keys.seal(&what(entry), secret.as_bytes());
        let sealed = sealed.map_err(|_| no_random())?;
        let store = &self.inner.shared.store;
        store
            .commit(ctx, Tx::new().put(SECRETS, entry.as_str(), sealed))
            .await?;
        Ok(secret)
    }

    /// Takes the secret of a chat entry away: no visitor is identified there any longer.
    pub async fn remove_identity_secret(
        &self,
        ctx: &OpContext,
        entry: &ChatEntryId,
    ) -> Result<(), IdentifyError> {
        let store = &self.inner.shared.store;
        store
            .commit(ctx, Tx::new().delete(SECRETS, entry.as_str()))
            .await?;
        Ok(())
    }

    /// A visitor of a chat window is somebody whom the tenant's site knows, as this token says. Answers the customer.
    ///
    /// The same visitor may show the same token again.
    ///
    /// # Errors
    /// The token is bad, foreign, expired or used by another visitor, or the visitor is somebody else already.
    pub async fn identify_visitor(
        &self,
        entry: &ChatEntryId,
        visitor: &Visitor,
        token: &str,
    ) -> Result<CustomerId, IdentifyError> {
        let ctx = OpContext::system(self.id().clone(), "identity");
        let store = &self.inner.shared.store;
        let sealed = store.get(&ctx, SECRETS, entry.as_str().as_bytes()).await?;
        let sealed = sealed.ok_or_else(|| IdentifyError::NoSecret(entry.clone()))?;
        let secret = self.inner.customers.keys.unseal(&what(entry), &sealed.value);
        let secret =
            secret.map_err(|_| SubmitError::Unavailable("the entry's secret can't be opened".into()))?;
        let now = clock::now();
        let claims = read(token, &secret, &format!("{}/{entry}", self.id()), now)?;
        let known = Address::new(&format!("{OWN}:{}", claims.sub), None)?;
        let own = Address::new(&format!("chat:{}", visitor.name), None)?;
        let key = format!("{:020} {entry} {}", claims.exp.saturating_mul(1_000), claims.jti);
        // Before anything is changed: of two at once one is refused.
        let tx = self.swept(&ctx, USED, now).await?;
        let tx = tx
            .check_absent(USED, key.as_str())
            .put(USED, key.as_str(), visitor.name.as_str());
        match store.commit(&ctx, tx).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => {
                let user = store.get(&ctx, USED, key.as_bytes()).await?;
                if user.is_none_or(|user| user.value != visitor.name.as_bytes()) {
                    return Err(IdentifyError::Used);
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.one_customer(&ctx, &own, &known).await
    }

    /// Makes a link for the customer of a conversation, good once and for 30 minutes.
    ///
    /// # Errors
    /// [`IdentifyError::NoAddress`] when nobody knows whose conversation it is.
    pub async fn make_identity_link(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
    ) -> Result<IdentityLink, IdentifyError> {
        let it = self.interaction(ctx, interaction).await?;
        let customer = it
            .and_then(|it| it.customer)
            .ok_or(IdentifyError::NoAddress(interaction))?;
        let now = clock::now();
        let until = now + LINK_MS;
        let token = format!("{}.{}", until.0, random()?);
        let row = LinkRow {
            interaction,
            customer,
            used: false,
            by: None,
        };
        let row = serde_json::to_vec(&row).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        let tx = self.swept(ctx, LINKS, now).await?;
        let tx = tx.put(LINKS, link_key(&token).unwrap_or_default(), row);
        self.inner.shared.store.commit(ctx, tx).await?;
        Ok(IdentityLink { token, until })
    }

    /// Whoever came with a link is this customer, says the tenant's site. Answers the customer and the conversation.
    ///
    /// # Errors
    /// There is no such link, it is too old or was used, or the conversation is somebody else's.
    pub async fn take_identity_link(
        &self,
        ctx: &OpContext,
        token: &str,
        known: &Address,
    ) -> Result<(CustomerId, InteractionId), IdentifyError> {
        let key = link_key(token).ok_or(IdentifyError::UnknownLink)?;
        let store = &self.inner.shared.store;
        let row = store
            .get(ctx, LINKS, &key)
            .await?
            .ok_or(IdentifyError::UnknownLink)?;
        let until = token.split_once('.').and_then(|(until, _)| until.parse().ok());
        if until.is_none_or(|until: u64| until <= clock::now().0) {
            return Err(IdentifyError::Expired);
        }
        let link: LinkRow = serde_json::from_slice(&row.value)
            .map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        let by = Some(Digest::of(format!("{token} {}", known.as_str()).as_bytes()));
        if link.used {
            // The same again is done again, which changes nothing: the site may not have heard the answer, or the server may
            // have died between the two steps.
            if link.by != by {
                return Err(IdentifyError::Used);
            }
            let customer = self.same_customer(ctx, &link.customer, known).await?;
            return Ok((customer, link.interaction));
        }
        let used = LinkRow {
            used: true,
            by,
            ..link
        };
        let used_row =
            serde_json::to_vec(&used).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        let tx = Tx::new()
            .check(LINKS, key.clone(), row.version)
            .put(LINKS, key, used_row);
        match store.commit(ctx, tx).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Err(IdentifyError::Used),
            Err(error) => return Err(error.into()),
        }
        let customer = self.same_customer(ctx, &used.customer, known).await?;
        Ok((customer, used.interaction))
    }

    /// Two addresses are one customer's.
    async fn one_customer(
        &self,
        ctx: &OpContext,
        own: &Address,
        known: &Address,
    ) -> Result<CustomerId, IdentifyError> {
        let own_id = own
            .as_customer()
            .ok_or(IdentifyError::Bad("its sub is too long"))?;
        match self.resolve(ctx, &own_id).await? {
            Some(customer) => self.same_customer(ctx, &customer, known).await,
            // A conversation that began before customers were kept.
            None => {
                let known_id = known
                    .as_customer()
                    .ok_or(IdentifyError::Bad("its sub is too long"))?;
                match self.resolve(ctx, &known_id).await? {
                    Some(customer) => Ok(self.add_identity(ctx, &customer, own.clone()).await?),
                    None => {
                        let both = vec![known.clone(), own.clone()];
                        Ok(self.create_customer(ctx, both, Default::default()).await?)
                    }
                }
            }
        }
    }

    /// A customer is the one who has this address.
    async fn same_customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        known: &Address,
    ) -> Result<CustomerId, IdentifyError> {
        let row = self.customer(ctx, customer).await?;
        let row = row.ok_or_else(|| CustomerError::unknown("customer", customer))?;
        let root = row.customer.id.clone();
        if row.identities.contains(known) {
            return Ok(root);
        }
        if row
            .identities
            .iter()
            .any(|identity| identity.scheme() == known.scheme() && known.scheme() == OWN)
        {
            return Err(IdentifyError::SomebodyElse);
        }
        let known_id = known
            .as_customer()
            .ok_or(IdentifyError::Bad("its sub is too long"))?;
        match self.resolve(ctx, &known_id).await? {
            None => Ok(self.add_identity(ctx, &root, known.clone()).await?),
            Some(other) if other == root => Ok(root),
            Some(other) => {
                let why = "the customer was identified".into();
                Ok(self.merge_customers(ctx, &other, &root, Some(why)).await?)
            }
        }
    }

    /// Takes rows away that are too old, in the transaction of a new one.
    async fn swept(&self, ctx: &OpContext, space: Space, now: Timestamp) -> Result<Tx, StoreError> {
        let old = Scan::range("", format!("{:020}", now.0)).limit(SWEPT);
        let page = self.inner.shared.store.scan(ctx, space, old).await?;
        Ok(page
            .rows
            .into_iter()
            .fold(Tx::new(), |tx, row| tx.delete(space, row.key)))
    }
}

fn what(entry: &ChatEntryId) -> String {
    format!("identity-secret {entry}")
}

fn random() -> Result<String, SubmitError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| no_random())?;
    Ok(Digest::from_bytes(bytes).to_string())
}

fn no_random() -> SubmitError {
    SubmitError::Unavailable("no random bytes from the system".into())
}

/// The row of a link: its end, and a hash, so that who reads the store has no links.
fn link_key(token: &str) -> Option<Vec<u8>> {
    let (until, secret) = token.split_once('.')?;
    let until: u64 = until.parse().ok()?;
    (secret.len() == 64).then(|| format!("{until:020} {}", Digest::of(secret.as_bytes())).into_bytes())
}

/// What a token says, when it is good.
fn read(token: &str, secret: &[u8], audience: &str, now: Timestamp) -> Result<Claims, IdentifyError> {
    const FORM: IdentifyError =
        IdentifyError::Bad("expected a JWT: three parts of base64url with points between them");
    if token.len() > limits::MAX_IDENTITY_TOKEN_BYTES {
        return Err(FORM);
    }
    let (signed, code) = token.rsplit_once('.').ok_or(FORM)?;
    let (header, claims) = signed.split_once('.').ok_or(FORM)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| FORM);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| FORM)?;
    if header.alg != "HS256" {
        return Err(IdentifyError::Bad("expected the algorithm HS256"));
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let code = decode(code)?;
    hmac::verify(&key, signed.as_bytes(), &code).map_err(|_| IdentifyError::Foreign)?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?)
        .map_err(|_| IdentifyError::Bad("expected the claims sub, aud, exp and jti"))?;
    if claims.aud != audience {
        return Err(IdentifyError::Foreign);
    }
    let until = claims.exp.saturating_mul(1_000);
    if until <= now.0 {
        return Err(IdentifyError::Expired);
    }
    if until > now.0 + LONGEST_MS + AHEAD_MS {
        return Err(IdentifyError::Bad("exp: expected an hour from now at most"));
    }
    if !(1..=64).contains(&claims.jti.len()) || claims.jti.chars().any(char::is_control) {
        return Err(IdentifyError::Bad("jti: expected 1 to 64 bytes"));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn token(secret: &[u8], header: &str, claims: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(claims));
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(code))
    }

    #[test]
    fn only_a_good_token_is_read() {
        const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
        let claims = |aud: &str, exp: u64| format!(r#"{{"sub":"4711","aud":"{aud}","exp":{exp},"jti":"a"}}"#);
        let ask = |token: &str| read(token, b"secret", "one/web", NOW).map(|claims| claims.sub);
        let good = token(b"secret", HEADER, &claims("one/web", 1_700_000_300));
        assert_eq!(ask(&good), Ok("4711".to_owned()));
        assert_eq!(
            ask(&token(b"other", HEADER, &claims("one/web", 1_700_000_300))),
            Err(IdentifyError::Foreign)
        );
        assert_eq!(
            ask(&token(b"secret", HEADER, &claims("two/web", 1_700_000_300))),
            Err(IdentifyError::Foreign)
        );
        assert_eq!(
            ask(&token(b"secret", HEADER, &claims("one/web", 1_700_000_000))),
            Err(IdentifyError::Expired)
        );
        for bad in [
            token(b"secret", r#"{"alg":"none"}"#, &claims("one/web", 1_700_000_300)),
            token(b"secret", HEADER, &claims("one/web", 1_700_009_000)),
            token(b"secret", HEADER, r#"{"sub":"4711"}"#),
            token(b"secret", HEADER, "nonsense"),
            good.replace('.', ""),
            String::new(),
            "a.b.c".to_owned(),
        ] {
            assert!(matches!(ask(&bad), Err(IdentifyError::Bad(_))), "{bad}");
        }
    }
}
