//! Which conversation a mail belongs to: said by the Message-IDs of ours that it answers, and kept of each conversation.

use jackfield_contact::interaction::Interaction;
use jackfield_mail::Mail;
use jackfield_store::{Error as StoreError, Space, Tx};
use jackfield_types::{InteractionId, OpContext, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cases::token;
use crate::customers::{Keys, seal_row};
use crate::tenant::Tenant;

/// Keys: interactions.
const THREADS: Space = Space::new("mail-threads");
/// What programs put before the subject of an answer.
const PREFIXES: [&str; 12] = [
    "re:",
    "re：",
    "aw:",
    "fw:",
    "fwd:",
    "回复:",
    "回复：",
    "答复:",
    "答复：",
    "转发:",
    "转发：",
    "回覆:",
];

/// What the next mail of a conversation needs of those before; sealed under the customer's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Thread {
    /// What it is about, as the customer's first mail says.
    pub(super) subject: String,
    /// The Message-ID of the customer's latest mail.
    pub(super) last: Option<String>,
    /// Message-IDs before that one, oldest first.
    pub(super) references: Vec<String>,
    /// Whether a program wrote that mail, so that no program may answer.
    pub(super) automatic: bool,
}

impl Thread {
    /// How a mail goes on with a thread, or begins one.
    pub(super) fn with(before: Option<Self>, mail: &Mail) -> Self {
        let subject = before
            .map(|before| before.subject)
            .filter(|subject| !subject.is_empty());
        let mut references = mail.answers.clone();
        references.truncate(limits::MAX_MAIL_REFERENCES / 2);
        references.reverse();
        Self {
            subject: subject.unwrap_or_else(|| base(&mail.subject).to_owned()),
            last: mail.id.clone(),
            references,
            automatic: mail.automatic,
        }
    }

    fn personal() -> Vec<(&'static str, Value)> {
        vec![
            ("/subject", json!("")),
            ("/last", Value::Null),
            ("/references", json!([])),
        ]
    }
}

/// A subject without what programs put before those of answers.
pub(super) fn base(subject: &str) -> &str {
    let mut base = subject.trim();
    'again: loop {
        for prefix in PREFIXES {
            if let Some(start) = base.get(..prefix.len())
                && start.to_lowercase() == prefix
            {
                base = base[prefix.len()..].trim_start();
                continue 'again;
            }
        }
        return base;
    }
}

/// The Message-ID of a mail of ours: message 0 is the conversation as a whole.
pub(super) fn mail_id(keys: &Keys, interaction: InteractionId, number: u32, domain: &str) -> String {
    let mut body = interaction.as_u128().to_be_bytes().to_vec();
    body.extend_from_slice(&number.to_be_bytes());
    format!("{}@{domain}", token::make(keys, token::MAIL_ID, &body))
}

/// The message that a Message-ID is of, when this tenant has made it.
pub(super) fn message_of(keys: &Keys, id: &str) -> Option<(InteractionId, u32)> {
    let (token, _) = id.split_once('@')?;
    let body = token::open(keys, token::MAIL_ID, token)?;
    let (interaction, number) = body.split_first_chunk::<16>()?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    Some((
        InteractionId::from_uuid(uuid::Uuid::from_bytes(*interaction)),
        number,
    ))
}

impl Tenant {
    /// What is kept of a conversation's mails; nothing before the first.
    pub(super) async fn thread(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
    ) -> Result<Option<Thread>, StoreError> {
        let row = self
            .store()
            .get(ctx, THREADS, interaction.to_string().as_bytes())
            .await?;
        match row {
            Some(row) => Ok(Some(self.opener(ctx).open(&row.value).await?)),
            None => Ok(None),
        }
    }

    pub(super) async fn keep_thread(
        &self,
        ctx: &OpContext,
        it: &Interaction,
        thread: &Thread,
    ) -> Result<(), StoreError> {
        let key = match &it.customer {
            Some(customer) => self.opener(ctx).key(customer).await?,
            None => None,
        };
        let row = match it.customer.as_ref().zip(key.as_deref()) {
            Some(sealed) => seal_row(thread, Thread::personal(), sealed)?,
            None => super::super::outbox::json(thread),
        };
        let tx = Tx::new().put(THREADS, it.id.to_string(), row);
        self.store().commit(ctx, tx).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jackfield_types::TenantId;

    use super::*;

    fn keys(tenant: &str, secret: u8) -> Keys {
        Keys::new(&TenantId::new(tenant).unwrap(), &[secret; 32]).unwrap()
    }

    #[test]
    fn a_message_id_is_its_tenants_alone() {
        let (mine, theirs) = (keys("one", 1), keys("two", 2));
        let interaction =
            InteractionId::from_uuid(uuid::Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0001));
        let id = mail_id(&mine, interaction, 7, "one.example");
        assert!(id.len() < 80 && id.bytes().all(|b| b.is_ascii_graphic()), "{id}");
        assert_eq!(message_of(&mine, &id), Some((interaction, 7)));
        assert_eq!(message_of(&theirs, &id), None);
        assert_eq!(
            id,
            mail_id(&mine, interaction, 7, "one.example"),
            "the same when it is sent again"
        );
        let other = mail_id(&mine, interaction, 8, "one.example");
        let swapped = format!("{}{}", &id[..40], &other[40..]);
        for forged in ["", "@", "x@one.example", &id[1..], &swapped, "0@0"] {
            assert_eq!(message_of(&mine, forged), None, "{forged}");
        }
    }

    #[test]
    fn a_subject_is_known_behind_its_prefixes() {
        for (subject, expected) in [
            ("Re: RE: Fwd: Order", "Order"),
            ("回复：答复: 订单", "订单"),
            ("Return: Order", "Return: Order"),
            ("Re:", ""),
            ("", ""),
            ("订单", "订单"),
        ] {
            assert_eq!(base(subject), expected, "{subject}");
        }
    }

    #[test]
    fn a_thread_goes_on() {
        let first = Mail {
            subject: "Order".into(),
            id: Some("q1@x".into()),
            ..Mail::default()
        };
        let thread = Thread::with(None, &first);
        assert_eq!(
            (thread.subject.as_str(), thread.last.as_deref()),
            ("Order", Some("q1@x"))
        );
        let answer = Mail {
            subject: "Re: Something else".into(),
            id: Some("q2@x".into()),
            answers: vec!["a1@one".into(), "q1@x".into()],
            automatic: true,
            ..Mail::default()
        };
        let thread = Thread::with(Some(thread), &answer);
        assert_eq!(thread.subject, "Order");
        assert_eq!(thread.references, ["q1@x", "a1@one"]);
        assert!(thread.automatic);
    }
}
