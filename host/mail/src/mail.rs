//! What a mail says, as far as a conversation needs it.

use std::borrow::Cow;

use jackfield_types::{Digest, limits};
use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::report::Report;
use crate::{html, quoted, report};

/// Bytes of a Message-ID; a longer one is as good as none.
const MAX_ID: usize = 250;
/// Bytes of text that are looked through; the rest is in the attachment with the whole text.
const MAX_TEXT: usize = 1024 * 1024;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// Who wrote it, as its `From` says: in lower case. Empty when it says nobody.
    pub from: String,
    /// What its writer is called; at most 128 bytes.
    pub name: Option<String>,
    /// On one line, at most [`limits::MAX_SUBJECT_BYTES`]; may be empty.
    pub subject: String,
    /// Its Message-ID, without angle brackets.
    pub id: Option<String>,
    /// The same for the same mail, however often and on whatever ways it comes: of sender and Message-ID, and where it has
    /// none, of what it says.
    pub stamp: String,
    /// Message-IDs that it answers, the nearest first, at most [`limits::MAX_MAIL_REFERENCES`].
    pub answers: Vec<String>,
    /// What is said, without what was said before and the signature; lines end with LF. May be empty.
    pub text: String,
    /// All of the text, when something was cut from it.
    pub whole: Option<String>,
    /// What came with it.
    pub parts: Vec<MailPart>,
    /// Names of what else came with it and was not looked at.
    pub left_out: Vec<String>,
    /// Whether a program wrote it, or it went to many: no program may answer.
    pub automatic: bool,
    /// The report that it is.
    pub report: Option<Report>,
}

/// Something that came with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPart {
    /// What it is called; may be empty.
    pub name: String,
    /// What it is said to be, in lower case.
    pub media_type: String,
    /// Its bytes, decoded.
    pub bytes: Vec<u8>,
}

/// Why a mail is refused without a look at whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is no header.
    #[error("The mail has no header that can be read")]
    NoHeader,
    /// It came through too many servers.
    #[error(
        "The mail goes round in circles: it came through more than {} servers",
        limits::MAX_MAIL_HOPS
    )]
    Circles,
}

/// An address in the form in which addresses are compared.
pub fn sender_address(address: &str) -> String {
    address.trim().to_lowercase()
}

impl Mail {
    /// Reads a mail. `reverse_path` is the sender on the envelope, empty for reports.
    ///
    /// # Errors
    /// When it can't be a mail, or goes round in circles.
    pub fn read(raw: &[u8], reverse_path: &str) -> Result<Self, Unreadable> {
        let raw = with_readable_header(raw);
        let message = MessageParser::default()
            .parse(raw.as_ref())
            .ok_or(Unreadable::NoHeader)?;
        if message.header_values("Received").count() > limits::MAX_MAIL_HOPS {
            return Err(Unreadable::Circles);
        }
        let from = message.from().and_then(|from| from.first());
        let address = from
            .and_then(|from| from.address())
            .map(sender_address)
            .unwrap_or_default();
        let name = from.and_then(|from| from.name()).map(|name| line_of(name, 128));
        let id = message.message_id().filter(|id| is_id(id)).map(str::to_owned);
        let report = report::of(&message);
        let text = tidy(&text_of(&message));
        let said = quoted::said(&text);
        let whole = (said != text).then_some(text);
        let (parts, left_out) = match report {
            // What it is about is known, and it is nobody's attachment.
            Some(_) => (Vec::new(), Vec::new()),
            None => parts_of(&message),
        };
        Ok(Self {
            stamp: stamp(&message, &address, id.as_deref()),
            automatic: reverse_path.is_empty() || report.is_some() || is_automatic(&message, &address),
            from: address,
            name: name.filter(|name| !name.is_empty()),
            subject: line_of(message.subject().unwrap_or_default(), limits::MAX_SUBJECT_BYTES),
            id,
            answers: ids_of(&message),
            text: said,
            whole,
            parts,
            left_out,
            report,
        })
    }
}

/// Message-IDs that a mail answers, the nearest first.
pub(crate) fn ids_of(message: &Message<'_>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let references = texts(message.references()).into_iter().rev();
    for id in texts(message.in_reply_to()).into_iter().chain(references) {
        if is_id(id) && !ids.iter().any(|known| known == id) && ids.len() < limits::MAX_MAIL_REFERENCES {
            ids.push(id.to_owned());
        }
    }
    ids
}

fn texts<'a>(value: &'a HeaderValue<'_>) -> Vec<&'a str> {
    match value {
        HeaderValue::Text(text) => vec![text],
        HeaderValue::TextList(texts) => texts.iter().map(Cow::as_ref).collect(),
        _ => Vec::new(),
    }
}

/// Whether it can stand in a header of ours.
fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))
}

/// Text on one line, without what can't be seen, of so many bytes at most.
pub(crate) fn line_of(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(&mut line, most);
    line
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

fn stamp(message: &Message<'_>, from: &str, id: Option<&str>) -> String {
    let of = match id {
        Some(id) => Digest::of(format!("id\n{from}\n{id}").as_bytes()),
        None => {
            // What servers on the way add stands above; date, subject and body are its writer's.
            let body = message
                .raw_message()
                .get(message.root_part().offset_body as usize..);
            let date = message.date().map(ToString::to_string).unwrap_or_default();
            let head = format!(
                "text\n{from}\n{date}\n{}\n",
                message.subject().unwrap_or_default()
            );
            Digest::of(&[head.as_bytes(), body.unwrap_or_default()].concat())
        }
    };
    format!("sha256:{}", of.to_string().get(..48).unwrap_or_default())
}

/// Whether no program may answer (RFC 3834, and what others have become used to).
fn is_automatic(message: &Message<'_>, from: &str) -> bool {
    let raw = |name: &'static str| {
        let value = message.header_raw(name);
        value.map(|value| value.trim().to_ascii_lowercase())
    };
    let submitted = raw("Auto-Submitted").is_some_and(|value| !value.starts_with("no"));
    let precedence = raw("Precedence");
    let bulk = precedence
        .is_some_and(|value| ["bulk", "list", "junk", "auto_reply", "auto-reply"].contains(&value.as_str()));
    let others = [
        "X-Auto-Response-Suppress",
        "X-Autoreply",
        "X-Autorespond",
        "Feedback-ID",
    ];
    let list = [
        HeaderName::ListId,
        HeaderName::ListUnsubscribe,
        HeaderName::ListPost,
    ];
    let name = from.split('@').next().unwrap_or_default();
    let machine = [
        "mailer-daemon",
        "postmaster",
        "no-reply",
        "noreply",
        "do-not-reply",
        "donotreply",
    ];
    submitted
        || bulk
        || machine.contains(&name)
        || others.into_iter().any(|name| raw(name).is_some())
        || list.into_iter().any(|name| message.header(name).is_some())
}

/// A header in another charset that does not say so: that of China is the one that is met.
fn with_readable_header(raw: &[u8]) -> Cow<'_, [u8]> {
    let end = raw
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(raw.len());
    let (header, rest) = raw.split_at(end);
    if std::str::from_utf8(header).is_ok() {
        return Cow::Borrowed(raw);
    }
    match chinese(header) {
        Some(header) => Cow::Owned([header.as_bytes(), rest].concat()),
        None => Cow::Borrowed(raw),
    }
}

fn chinese(bytes: &[u8]) -> Option<String> {
    let (text, faulty) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    (!faulty).then(|| text.into_owned())
}

/// The text that is meant to be read.
fn text_of(message: &Message<'_>) -> String {
    let read = |ids: &[u32]| {
        let texts = ids
            .iter()
            .filter_map(|id| message.parts.get(*id as usize))
            .map(|part| match &part.body {
                PartType::Text(text) => with_charset(message, part, text),
                PartType::Html(page) => Cow::Owned(html::to_text(&with_charset(message, part, page))),
                _ => Cow::Borrowed(""),
            });
        let texts: Vec<_> = texts.filter(|text| !text.trim().is_empty()).collect();
        texts.join("\n\n")
    };
    let text = read(&message.text_body);
    if text.is_empty() {
        read(&message.html_body)
    } else {
        text
    }
}

/// A text that says nothing of its charset, and is not in UTF-8.
fn with_charset<'a>(message: &Message<'_>, part: &MessagePart<'_>, text: &'a str) -> Cow<'a, str> {
    let said = part.content_type().and_then(|kind| kind.attribute("charset"));
    let plain = part.encoding == mail_parser::Encoding::None;
    if said.is_some() || !plain || !text.contains('\u{fffd}') {
        return Cow::Borrowed(text);
    }
    let raw = message
        .raw_message()
        .get(part.offset_body as usize..part.offset_end as usize);
    raw.and_then(chinese).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Lines that end with LF, at most one empty one between two, without what can't be seen.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len().min(MAX_TEXT));
    let mut empty = 0;
    for line in text.lines() {
        let line: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        // The mark of a signature is told by its space.
        let line = if line == "-- " { &line } else { line.trim_end() };
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
        if tidy.len() > MAX_TEXT {
            break;
        }
    }
    cut(&mut tidy, MAX_TEXT);
    tidy.trim().to_owned()
}

fn parts_of(message: &Message<'_>) -> (Vec<MailPart>, Vec<String>) {
    let (mut parts, mut left_out) = (Vec::new(), Vec::new());
    for (index, part) in message.parts.iter().enumerate() {
        let is_body = |ids: &[u32]| ids.iter().any(|id| *id as usize == index);
        let text = matches!(part.body, PartType::Text(_) | PartType::Html(_));
        if matches!(part.body, PartType::Multipart(_))
            || text && (is_body(&message.text_body) || is_body(&message.html_body))
        {
            continue;
        }
        let name = match &part.body {
            PartType::Message(inner) => inner.subject().unwrap_or_default(),
            _ => part.attachment_name().unwrap_or_default(),
        };
        let name = line_of(name, limits::MAX_ATTACHMENT_NAME_BYTES);
        if parts.len() >= limits::MAX_MAIL_PARTS {
            left_out.push(name);
            continue;
        }
        let kind = part.content_type();
        let media_type = match (&part.body, kind) {
            (PartType::Message(_), _) => "message/rfc822".to_owned(),
            (_, Some(kind)) => format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()),
            (_, None) => "application/octet-stream".to_owned(),
        };
        let bytes = match &part.body {
            // It is named and not kept.
            PartType::Message(_) => Vec::new(),
            _ => part.contents().to_vec(),
        };
        parts.push(MailPart {
            name,
            media_type: line_of(&media_type.to_ascii_lowercase(), 128),
            bytes,
        });
    }
    left_out.truncate(limits::MAX_MAIL_PARTS);
    (parts, left_out)
}

#[cfg(test)]
mod tests;
