//! A message goes out as a mail.

use std::net::SocketAddr;

use jackfield_contact::chat::Side;
use jackfield_contact::decision::Author;
use jackfield_contact::interaction::Interaction;
use jackfield_mail::{Letter, MailPart, Relay, Relayed};
use jackfield_types::limits;

use super::super::deliver::{Delivering, Tried};
use super::thread::mail_id;
use super::{EmailSettings, PASSWORD, RelaySecurity};
use crate::chats::StoredMessage;

/// Automatic messages are counted so far back.
const LOOP_MS: u64 = 60 * 60 * 1_000;
/// Bytes of what a server said that are kept.
const MAX_WORDS: usize = 256;

fn is_automatic(message: &StoredMessage) -> bool {
    matches!(message.message.author, Author::Bot | Author::System)
}

impl Delivering {
    /// Hands the message to the relay once. It has the same Message-ID each time: one that the relay took, and of which a
    /// crash or a broken connection lost the word, is known by it.
    pub(in super::super) async fn make_mail(&self, email: &EmailSettings) -> Tried {
        let (it, messages) = match self.told().await {
            Ok(Some(told)) => told,
            Ok(None) => return Tried::Failed("erased".into()),
            Err(error) => return Tried::Later(format!("unavailable: {error}")),
        };
        let letter = match self.letter(email, &it, &messages).await {
            Ok(letter) => letter,
            Err(tried) => return tried,
        };
        let made = tokio::task::spawn_blocking(move || letter.to_bytes()).await;
        let mail = match made {
            Ok(Ok(mail)) => mail,
            Ok(Err(error)) => return Tried::Failed(format!("no-address: {error}")),
            Err(error) => return Tried::Later(format!("unavailable: {error}")),
        };
        let (relay, at) = match self.relay(email).await {
            Ok(found) => found,
            Err(problem) => {
                let (again, code) = (true, "no-connection".to_owned());
                return Tried::Said {
                    again,
                    code,
                    words: problem,
                };
            }
        };
        let Ok(_slot) = self.tenant.inner.channels.slots.acquire().await else {
            return Tried::Later("unavailable: the server is ending".into());
        };
        let account = &self.channel.settings.account;
        let (again, code, words) = match relay.send(&at, account, &it.caller, &mail).await {
            Relayed::Taken => return Tried::Sent(None),
            Relayed::Later(code, words) => (true, code, words),
            Relayed::Refused(code, words) => (false, code, words),
        };
        let words = discreet(&words, &it.caller);
        Tried::Said { again, code, words }
    }

    async fn letter(
        &self,
        email: &EmailSettings,
        it: &Interaction,
        messages: &[StoredMessage],
    ) -> Result<Letter, Tried> {
        let unavailable = |error: &dyn std::fmt::Display| Tried::Later(format!("unavailable: {error}"));
        let (settings, keys) = (&self.channel.settings, &self.tenant.inner.customers.keys);
        let Some(own) = messages.last() else {
            return Err(Tried::Failed("erased".into()));
        };
        let thread = self
            .tenant
            .thread(&self.ctx, it.id)
            .await
            .map_err(|error| unavailable(&error))?;
        // What the flow says at once goes out when the mail that it answers is kept.
        let thread =
            thread.ok_or_else(|| Tried::Later("no-thread: the customer's mail is not kept yet".into()))?;
        let automatic = is_automatic(own);
        if automatic && thread.automatic {
            return Err(Tried::Failed(
                "automatic-mail: no program answers a program".into(),
            ));
        }
        let late = messages
            .iter()
            .filter(|said| own.message.at.since(said.message.at) < LOOP_MS);
        if automatic && late.filter(|said| is_automatic(said)).count() > limits::MAX_AUTOMATIC_MAILS {
            return Err(Tried::Failed(
                "loop: too many automatic messages within an hour".into(),
            ));
        }
        let domain = settings.account.rsplit('@').next().unwrap_or_default();
        let mut references = vec![mail_id(keys, it.id, 0, domain)];
        references.extend(thread.references);
        references.extend(thread.last.clone());
        let choices = own.choices.iter().map(|choice| format!("\n- {}", choice.label));
        Ok(Letter {
            id: mail_id(keys, it.id, own.message.number, domain),
            from: (
                email.from_name.clone().unwrap_or_else(|| settings.name.clone()),
                settings.account.clone(),
            ),
            to: it.caller.to_string(),
            at: own.message.at,
            subject: match thread.subject.as_str() {
                "" => format!("Re: {}", settings.name),
                subject => format!("Re: {subject}"),
            },
            in_reply_to: thread.last,
            references,
            automatic,
            text: format!("{}{}\n", own.message.text, choices.collect::<String>()),
            parts: self.parts(it, own).await?,
        })
    }

    /// What comes with the message.
    async fn parts(&self, it: &Interaction, own: &StoredMessage) -> Result<Vec<MailPart>, Tried> {
        let unavailable = |error: &dyn std::fmt::Display| Tried::Later(format!("unavailable: {error}"));
        let size: u64 = own
            .attachments
            .iter()
            .filter_map(|attachment| attachment.size)
            .sum();
        if size > limits::MAX_SENT_ATTACHMENT_BYTES {
            let most = limits::MAX_SENT_ATTACHMENT_BYTES;
            return Err(Tried::Failed(format!(
                "too-large: {size} bytes of attachments, at most {most}"
            )));
        }
        let mut parts = Vec::with_capacity(own.attachments.len());
        for attachment in &own.attachments {
            let Some(id) = attachment.id else { continue };
            let opened = self
                .tenant
                .open_attachment(&self.ctx, it.id, id, Side::Agent)
                .await;
            let opened = opened.map_err(|error| unavailable(&error))?;
            let Some(mut opened) = opened else {
                return Err(Tried::Failed("erased".into()));
            };
            let mut bytes = Vec::new();
            while let Some(more) = opened.next().await.map_err(|error| unavailable(&error))? {
                bytes.extend(more);
            }
            parts.push(MailPart {
                name: attachment.name.to_string(),
                media_type: attachment.media_type.to_string(),
                bytes,
            });
        }
        Ok(parts)
    }

    /// The relay, and where it is.
    async fn relay(&self, email: &EmailSettings) -> Result<(Relay, Vec<SocketAddr>), String> {
        let (settings, relay) = (&self.channel.settings, &email.relay);
        let providers = &self.tenant.inner.shared.providers;
        let at = providers.resolve(&relay.host, relay.port).await?;
        let security = match relay.security {
            RelaySecurity::Tls => jackfield_mail::RelaySecurity::Tls,
            RelaySecurity::Starttls => jackfield_mail::RelaySecurity::StartTls,
            RelaySecurity::None if at.iter().all(|address| address.ip().is_loopback()) => {
                jackfield_mail::RelaySecurity::Plain
            }
            RelaySecurity::None => return Err("without TLS a relay must be on this machine".into()),
        };
        let login = match &relay.user {
            Some(user) => Some((user.clone(), self.channel.secret(PASSWORD, providers).await?)),
            None => None,
        };
        let relay = Relay {
            host: relay.host.clone(),
            security,
            login,
            authority: relay.authority.clone(),
            hello: settings.account.rsplit('@').next().unwrap_or_default().to_owned(),
        };
        Ok((relay, at))
    }
}

/// What a server said without addresses, and without what may be the recipient's name.
pub(super) fn discreet(words: &str, recipient: &str) -> String {
    let lower = recipient.to_lowercase();
    let name = lower.split('@').next().unwrap_or_default();
    let shown = words.split_whitespace().filter(|word| {
        let word = word.to_lowercase();
        let names = name.len() >= 2 && word.contains(name);
        !(word.contains('@') || word.contains("://") || names)
    });
    let mut words = shown.collect::<Vec<_>>().join(" ");
    let mut end = MAX_WORDS.min(words.len());
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.truncate(end);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_name_nobody() {
        for (words, shown) in [
            (
                "5.1.1 <li.lei@example.com>: Recipient rejected",
                "5.1.1 Recipient rejected",
            ),
            ("550 mailbox li.lei unavailable", "550 mailbox unavailable"),
            ("Blocked, see https://x.example/?u=li", "Blocked, see"),
            ("Li.Lei? No such user here", "No such user here"),
            ("", ""),
        ] {
            assert_eq!(discreet(words, "li.lei@example.com"), shown);
        }
        assert!(discreet(&"很 ".repeat(1_000), "a@b.c").len() <= MAX_WORDS);
    }
}
