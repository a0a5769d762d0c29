//! A mail comes in.

use std::time::Duration;

use jackfield_contact::chat::Side;
use jackfield_contact::decision::{Delivery, ReceivedAttachment};
use jackfield_contact::input::{Draft, Input};
use jackfield_contact::interaction::{Interaction, Stage};
use jackfield_mail::{Fate, Mail, MailPart, Refusal, Report};
use jackfield_store::Tx;
use jackfield_types::{ConnectorId, InteractionId, OpContext, Timestamp, limits};

use super::super::outbox::{DELIVERIES, DeliveryState, SEEN, StoredDelivery, delivery_key, follows, json};
use super::thread::{Thread, base, message_of};
use super::{BEGUN, Channel, send};
use crate::attachments::{AttachmentError, AttachmentUpload, media_type_of};
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// A mail waits so long for the one before it.
const TURN: Duration = Duration::from_secs(30);
/// Bytes of what is said about one thing that is not kept.
const MAX_NOTE: usize = 240;

/// Not now; why is for the log.
fn later(tenant: &Tenant, channel: &ConnectorId) -> impl Fn(&dyn std::fmt::Display) -> Refusal {
    let (tenant, channel) = (tenant.id().clone(), channel.clone());
    move |error| {
        tracing::warn!(%tenant, %channel, %error, "a mail is put off");
        Refusal::Later
    }
}

fn never(code: &'static str, words: &str) -> Refusal {
    Refusal::Never(code, words.to_owned())
}

impl Tenant {
    /// Takes a mail into a conversation. `Ok`: it is durable, or was before.
    pub(super) async fn take_mail(&self, id: &ConnectorId, mail: &Mail) -> Result<(), Refusal> {
        let put_off = later(self, id);
        let channel = self.known_channel(id).map_err(|error| put_off(&error))?;
        if !channel.settings.enabled || channel.settings.email.is_none() {
            return Err(put_off(&"the channel is switched off"));
        }
        let now = clock::now();
        channel.admit(now).map_err(|error| put_off(&error))?;
        // Also so that two that are the same don't both find it new.
        let turn = tokio::time::timeout(TURN, channel.live.order.lock());
        let _turn = turn.await.map_err(|_| put_off(&"the channel is busy"))?;
        let ctx = OpContext::system(self.id().clone(), "channel");
        let keys = &self.inner.customers.keys;
        let own = |id: &str| message_of(keys, id);
        if mail.id.as_deref().and_then(own).is_some() || channel.settings.addresses().contains(&mail.from) {
            return Err(never("5.4.6", "This mail was sent from here and has come back"));
        }
        if let Some(report) = &mail.report {
            return self.take_report(&ctx, &channel, report).await;
        }
        if self.address(&format!("email:{}", mail.from)).is_err() {
            return Err(never(
                "5.1.7",
                "The address that the mail is from can't be answered",
            ));
        }
        let seen = format!("{} {}", channel.id, mail.stamp);
        let found = self.store().get(&ctx, SEEN, seen.as_bytes()).await;
        if found.map_err(|error| put_off(&error))?.is_some() {
            return Ok(());
        }
        // A conversation that ends just now is not gone on with: the second time it is another.
        for last in [false, true] {
            let done = self.write_mail(&ctx, &channel, mail, now, last).await;
            match done {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(SubmitError::Rejected(rejected)) if rejected.code == "invalid-message" => {
                    return Err(never("5.6.0", &rejected.message));
                }
                Err(error) => return Err(put_off(&error)),
            }
        }
        Err(Refusal::Later)
    }

    /// Writes the mail into its conversation; false when that took none any more.
    async fn write_mail(
        &self,
        ctx: &OpContext,
        channel: &Channel,
        mail: &Mail,
        now: Timestamp,
        last: bool,
    ) -> Result<bool, SubmitError> {
        let begun = format!("{} {}", channel.id, mail.stamp);
        let it = self
            .conversation_of(ctx, channel, mail, &begun, now, last)
            .await?;
        let before = self.thread(ctx, it.id).await?;
        let shows_subject = before
            .as_ref()
            .is_none_or(|thread| base(&thread.subject) != base(&mail.subject));
        let (attachments, notes) = match self.keep_parts(ctx, it.id, mail, shows_subject).await {
            Ok(kept) => kept,
            Err(AttachmentError::Submit(error)) => return Err(error),
            Err(error) => return Err(SubmitError::Unavailable(error.to_string())),
        };
        self.keep_thread(ctx, &it, &Thread::with(before, mail)).await?;
        let draft = Draft {
            text: text_of(mail, shows_subject, &notes, attachments.is_empty()).into(),
            attachments,
            client_id: Some(mail.stamp.as_str().into()),
            ..Draft::default()
        };
        let (interaction, message) = (it.id, draft);
        let written = match self.submit(Input::CustomerWrites { interaction, message }).await {
            Ok(()) => true,
            Err(SubmitError::Rejected(rejected)) if ["wrong-state", "too-many"].contains(&rejected.code) => {
                false
            }
            Err(error) => return Err(error),
        };
        // If it stays it is swept.
        let _ = self.store().commit(ctx, Tx::new().delete(BEGUN, begun)).await;
        Ok(written)
    }

    /// The conversation that a mail goes into: one that was begun for it, that of the mail of ours that it answers while it
    /// is open, or a new one.
    async fn conversation_of(
        &self,
        ctx: &OpContext,
        channel: &Channel,
        mail: &Mail,
        begun: &str,
        now: Timestamp,
        anew: bool,
    ) -> Result<Interaction, SubmitError> {
        let keys = &self.inner.customers.keys;
        let row = self.store().get(ctx, BEGUN, begun.as_bytes()).await?;
        let row = row.and_then(|row| serde_json::from_slice::<(InteractionId, Timestamp)>(&row.value).ok());
        if let Some((id, _)) = row
            && let Some(open) = self.open_thread(channel, id).await?
        {
            return Ok(open);
        }
        let answered = mail.answers.iter().find_map(|id| message_of(keys, id));
        let mut earlier = None;
        if let Some((id, _)) = answered
            && let Some(it) = self.interaction(ctx, id).await?
            && it
                .chat
                .as_ref()
                .is_some_and(|chat| chat.entry == channel.settings.entry)
        {
            if !anew
                && self.is_same_person(ctx, &it, &mail.from).await?
                && let Some(open) = self.open_thread(channel, id).await?
            {
                return Ok(open);
            }
            earlier = Some(id);
        }
        let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
        let tx = Tx::new().put(BEGUN, begun, json(&(interaction, now)));
        self.store().commit(ctx, tx).await?;
        let unavailable = |error: super::ChannelError| SubmitError::Unavailable(error.to_string());
        let customer = self
            .customer_of(ctx, channel, &mail.from)
            .await
            .map_err(unavailable)?;
        let last_agent = match &customer {
            Some(customer) => self.customer(ctx, customer).await?.and_then(|row| row.last_agent),
            None => None,
        };
        let attributes = [
            (
                "subject",
                Some(base(&mail.subject).to_owned()).filter(|subject| !subject.is_empty()),
            ),
            ("continues", earlier.map(|id| id.to_string())),
            ("automatic", mail.automatic.then(|| "true".to_owned())),
        ];
        let attributes = attributes
            .into_iter()
            .filter_map(|(key, value)| Some((key.into(), value?.into())));
        self.submit(Input::ChatStarted {
            interaction,
            entry: channel.settings.entry.clone(),
            address: mail.from.as_str().into(),
            anew: true,
            attributes: attributes.collect(),
            name: mail.name.as_deref().map(Into::into),
            customer,
            last_agent,
            greeting: None,
        })
        .await?;
        let open = self.open_thread(channel, interaction).await?;
        open.ok_or_else(|| SubmitError::Unavailable("the conversation ended as it began".into()))
    }

    /// A conversation of the channel, when it goes on.
    async fn open_thread(
        &self,
        channel: &Channel,
        id: InteractionId,
    ) -> Result<Option<Interaction>, SubmitError> {
        let entry = channel.settings.entry.clone();
        self.read(move |centre| {
            let it = centre.interaction(id).filter(|it| it.stage != Stage::Ended)?;
            (it.chat.as_ref()?.entry == entry).then(|| it.clone())
        })
        .await
    }

    /// Whether a mail is from the customer of a conversation. A thread that was passed on to somebody else is not gone on
    /// with in the customer's name.
    async fn is_same_person(
        &self,
        ctx: &OpContext,
        it: &Interaction,
        from: &str,
    ) -> Result<bool, SubmitError> {
        if *it.caller == *from {
            return Ok(true);
        }
        let Ok(address) = self.address(&format!("email:{from}")) else {
            return Ok(false);
        };
        let (Some(writer), Some(customer)) = (address.as_customer(), &it.customer) else {
            return Ok(false);
        };
        let writer = self.resolve(ctx, &writer).await?;
        Ok(writer.is_some() && writer == self.resolve(ctx, customer).await?)
    }

    /// Keeps what came with a mail, and its whole text where only a part of it is shown; what was kept, and words about what
    /// was not.
    async fn keep_parts(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        mail: &Mail,
        shows_subject: bool,
    ) -> Result<(Vec<ReceivedAttachment>, Vec<String>), AttachmentError> {
        let (mut kept, mut notes) = (Vec::new(), Vec::new());
        let subject = if shows_subject { mail.subject.len() + 2 } else { 0 };
        let is_long = mail.text.len() + subject > limits::MAX_MESSAGE_BYTES;
        let whole = mail.whole.as_ref().or(is_long.then_some(&mail.text));
        let whole = whole.map(|text| MailPart {
            name: "whole-message.txt".into(),
            media_type: "text/plain".into(),
            bytes: text.clone().into_bytes(),
        });
        for (index, part) in mail.parts.iter().chain(&whole).enumerate() {
            if kept.len() >= limits::MAX_ATTACHMENTS {
                notes.push(note(
                    &part.name,
                    &format!("a message carries {} at most", limits::MAX_ATTACHMENTS),
                ));
                continue;
            }
            match self
                .keep_part(ctx, interaction, &format!("{}-{index}", mail.stamp), part)
                .await
            {
                Ok(attachment) => kept.push(attachment),
                Err(AttachmentError::Submit(error)) => return Err(error.into()),
                Err(error) => notes.push(note(&part.name, &error.to_string())),
            }
        }
        notes.extend(mail.left_out.iter().map(|name| note(name, "too many parts")));
        Ok((kept, notes))
    }

    async fn keep_part(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        upload: &str,
        part: &MailPart,
    ) -> Result<ReceivedAttachment, AttachmentError> {
        let upload = AttachmentUpload {
            interaction,
            by: Side::Customer,
            upload,
            name: &part.name,
            media_type: media_type_of(&part.media_type, &part.bytes),
        };
        let mut attaching = self.begin_attachment(ctx, upload).await?;
        attaching.write(&part.bytes).await?;
        Ok(attaching.finish().await?.into())
    }

    /// What a report says about a message of ours.
    async fn take_report(&self, ctx: &OpContext, channel: &Channel, report: &Report) -> Result<(), Refusal> {
        let put_off = later(self, &channel.id);
        let keys = &self.inner.customers.keys;
        let found = report.originals.iter().find_map(|id| message_of(keys, id));
        let Some((interaction, number)) = found else {
            return Err(never(
                "5.7.1",
                "This reports about nothing that was sent from here",
            ));
        };
        let (delivery, told) = match report.fate {
            Fate::Failed => (Delivery::Failed, DeliveryState::Failed),
            Fate::Delivered => (Delivery::Delivered, DeliveryState::Delivered),
            Fate::UnderWay => return Ok(()),
        };
        let key = delivery_key(interaction, number);
        let row = self.store().get(ctx, DELIVERIES, key.as_bytes()).await;
        let row = row.map_err(|error| put_off(&error))?;
        let known = row.and_then(|row| serde_json::from_slice::<StoredDelivery>(&row.value).ok());
        if known.is_none_or(|known| known.channel != channel.id || !follows(known.shown.state, told)) {
            return Ok(());
        }
        let it = self
            .interaction(ctx, interaction)
            .await
            .map_err(|error| put_off(&error))?;
        let recipient = it.map(|it| it.caller).unwrap_or_default();
        let words = Some(send::discreet(&report.words, &recipient)).filter(|words| !words.is_empty());
        let told = self.submit(Input::MessageDelivery {
            interaction,
            number,
            delivery,
            attempts: None,
            reason: (told == DeliveryState::Failed).then(|| format!("status-{}", report.status).into()),
            words: words.map(Into::into),
            provider_id: None,
        });
        told.await.map_err(|error| put_off(&error))
    }
}

fn note(name: &str, why: &str) -> String {
    let name = if name.is_empty() { "attachment" } else { name };
    let mut note = format!("[not kept: {name}: {why}");
    cut(&mut note, MAX_NOTE);
    note.push(']');
    note
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}

/// What is shown of a mail: what it is about where that is new, what is said, and what was not kept.
fn text_of(mail: &Mail, shows_subject: bool, notes: &[String], must_say: bool) -> String {
    let mut text = String::new();
    if shows_subject {
        text.push_str(&mail.subject);
    }
    if !text.is_empty() && !mail.text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(&mail.text);
    let mut about = String::new();
    for note in notes {
        if about.len() + note.len() + 1 < limits::MAX_MESSAGE_BYTES / 2 {
            about.push('\n');
            about.push_str(note);
        }
    }
    if text.trim().is_empty() && about.is_empty() && must_say {
        return "(empty)".into();
    }
    cut(&mut text, limits::MAX_MESSAGE_BYTES - about.len());
    text.push_str(&about);
    text.trim().to_owned()
}
