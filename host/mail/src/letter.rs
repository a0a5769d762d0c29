//! A mail to be sent.

use std::time::{Duration, SystemTime};

use jackfield_types::{Timestamp, limits};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

use crate::mail::{MailPart, line_of};

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its Message-ID, without angle brackets.
    pub id: String,
    /// The name and the address that it comes from.
    pub from: (String, String),
    /// To whom.
    pub to: String,
    /// When it was written.
    pub at: Timestamp,
    /// What it is about.
    pub subject: String,
    /// The Message-ID of the mail that it answers.
    pub in_reply_to: Option<String>,
    /// Message-IDs of its thread, oldest first.
    pub references: Vec<String>,
    /// Whether a program wrote it, so that no other program answers (RFC 3834).
    pub automatic: bool,
    /// What it says.
    pub text: String,
    /// What comes with it.
    pub parts: Vec<MailPart>,
}

/// A letter of which no mail can be made.
#[derive(Debug, thiserror::Error)]
#[error("no mail can be made of it: {0}")]
pub struct LetterError(String);

impl Letter {
    /// The mail as it goes out.
    ///
    /// # Errors
    /// When an address is none.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LetterError> {
        let wrong = |error: &dyn std::fmt::Display| LetterError(error.to_string());
        let (name, from) = &self.from;
        let name = line_of(name, limits::MAX_ADDRESS_BYTES);
        let from = from.parse().map_err(|error| wrong(&error))?;
        let to = self.to.parse().map_err(|error| wrong(&error))?;
        let bracketed = |id: &String| format!("<{id}>");
        let mut mail = Message::builder()
            .message_id(Some(bracketed(&self.id)))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(self.at.0))
            .from(Mailbox::new(Some(name).filter(|name| !name.is_empty()), from))
            .to(Mailbox::new(None, to))
            .subject(line_of(&self.subject, 2 * limits::MAX_SUBJECT_BYTES));
        if let Some(id) = &self.in_reply_to {
            mail = mail.in_reply_to(bracketed(id));
        }
        if !self.references.is_empty() {
            let ids: Vec<String> = self.references.iter().map(bracketed).collect();
            mail = mail.references(ids.join(" "));
        }
        let text = SinglePart::plain(self.text.clone());
        let made = if self.parts.is_empty() {
            mail.singlepart(text)
        } else {
            let mut parts = MultiPart::mixed().singlepart(text);
            for part in &self.parts {
                let kind = ContentType::parse(&part.media_type).map_err(|error| wrong(&error))?;
                parts = parts.singlepart(Attachment::new(part.name.clone()).body(part.bytes.clone(), kind));
            }
            mail.multipart(parts)
        };
        let mut made = made.map_err(|error| wrong(&error))?;
        if self.automatic {
            for (name, value) in [
                (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-replied"),
                (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
            ] {
                made.headers_mut()
                    .insert_raw(HeaderValue::new(name, value.into()));
            }
        }
        Ok(made.formatted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mail;

    fn letter() -> Letter {
        Letter {
            id: "abc@shop.example".into(),
            from: ("客服 \"Shop\"".into(), "support@shop.example".into()),
            to: "li@example.com".into(),
            at: Timestamp(1_800_000_000_000),
            subject: "Re: 我的订单 1234 还没有到，请问什么时候可以送到我家里来".into(),
            in_reply_to: Some("q1@example.com".into()),
            references: vec!["q0@example.com".into(), "q1@example.com".into()],
            automatic: false,
            text: "您好，\n.\n..\nFrom here on\n明天到。".into(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_letter_says_what_it_was_given() {
        let mut letter = letter();
        letter.parts = vec![MailPart {
            name: "收据 2026.pdf".into(),
            media_type: "application/pdf".into(),
            bytes: (0..=255).collect(),
        }];
        let bytes = letter.to_bytes().unwrap();
        assert!(bytes.is_ascii() && bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998));
        let text = String::from_utf8(bytes.clone()).unwrap();
        for line in [
            "Message-ID: <abc@shop.example>\r\n",
            "In-Reply-To: <q1@example.com>\r\n",
            "References: <q0@example.com> <q1@example.com>\r\n",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
            "MIME-Version: 1.0\r\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("Auto-Submitted"));
        let mail = Mail::read(&bytes, "support@shop.example").unwrap();
        assert_eq!(mail.from, "support@shop.example");
        assert_eq!(mail.name.as_deref(), Some("客服 \"Shop\""));
        assert_eq!((mail.subject, mail.text), (letter.subject, letter.text));
        assert_eq!(mail.answers, ["q1@example.com", "q0@example.com"]);
        assert_eq!(mail.parts, letter.parts);
        assert!(!mail.automatic);
    }

    #[test]
    fn what_a_program_writes_says_so() {
        let mut letter = letter();
        letter.automatic = true;
        assert!(
            Mail::read(&letter.to_bytes().unwrap(), "x@y.z")
                .unwrap()
                .automatic
        );
    }

    #[test]
    fn nothing_gets_into_the_header() {
        let mut letter = letter();
        letter.subject = "x\r\nBcc: all@example.com\r\n\r\nbody".into();
        letter.from.0 = "Shop\r\nBcc: all@example.com".into();
        let text = String::from_utf8(letter.to_bytes().unwrap()).unwrap();
        assert!(!text.to_lowercase().contains("\nbcc:"), "{text}");
        letter.to = "li@example.com>\r\nRCPT TO:<x@y.z".into();
        assert!(letter.to_bytes().is_err());
    }
}
