//! Reports about mails that were sent (RFC 3464): what became of them, and which ones they were.

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use crate::mail::{ids_of, line_of};

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It will not arrive.
    Failed,
    /// It is in the recipient's mailbox.
    Delivered,
    /// It is still under way, or was handed on.
    UnderWay,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Message-IDs of the mails that it may be about, without angle brackets.
    pub originals: Vec<String>,
    /// What became of them.
    pub fate: Fate,
    /// The code of RFC 3463, for example `5.1.1`; empty when none is told.
    pub status: String,
    /// What the last server said, on one line; may be empty.
    pub words: String,
}

/// The report that a mail is, if it is one.
pub(crate) fn of(message: &Message<'_>) -> Option<Report> {
    let root = message.content_type()?;
    let is_report = root.c_type.eq_ignore_ascii_case("multipart")
        && root
            .subtype()
            .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    let part = message.parts.iter().find(|part| {
        part.is_content_type("message", "delivery-status")
            || part.is_content_type("message", "global-delivery-status")
    });
    let part = part.filter(|_| is_report)?;
    let mut originals = Vec::new();
    for part in &message.parts {
        match &part.body {
            PartType::Message(original) => originals.extend(original.message_id().map(str::to_owned)),
            _ if part.is_content_type("text", "rfc822-headers") => {
                // The last line's end belongs to the boundary behind it.
                let whole = [part.contents(), b"\r\n\r\n"].concat();
                let headers = MessageParser::default().parse_headers(&whole);
                originals.extend(headers.and_then(|headers| headers.message_id().map(str::to_owned)));
            }
            _ => {}
        }
    }
    originals.extend(ids_of(message));
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    // One group for each recipient; ours have one.
    let groups = text.split("\n\n").map(fields);
    let told = groups.filter(|group| value(group, "action").is_some());
    let told: Vec<_> = told.collect();
    let failed = told.iter().find(|group| value(group, "action") == Some("failed"));
    let group = failed.or(told.first())?;
    let fate = match value(group, "action") {
        Some("failed") => Fate::Failed,
        Some("delivered") => Fate::Delivered,
        _ => Fate::UnderWay,
    };
    let words = value(group, "diagnostic-code").unwrap_or_default();
    let words = words.split_once(';').map_or(words, |(_, words)| words);
    let status = value(group, "status").unwrap_or_default();
    let status = status.split_whitespace().next().unwrap_or_default();
    Some(Report {
        originals,
        fate,
        status: status
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .take(12)
            .collect(),
        words: line_of(words, 512),
    })
}

/// Names in lower case, values unfolded; the value of an action in lower case.
fn fields(group: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in group.lines().take(64) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim();
            let value = if name == "action" {
                value.to_ascii_lowercase()
            } else {
                value.to_owned()
            };
            fields.push((name, value));
        }
    }
    fields
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}
