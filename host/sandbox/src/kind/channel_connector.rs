//! Three functions, one question each. What goes out over HTTP is checked by what HTTP allows, so that no plugin can
//! smuggle a second header, another host or a credential into a request.

use std::{fmt, sync::Arc};

use jackfield_contact::decision::{
    Conclusion, ConnectorAnswer, ConnectorQuestion, Delivery, Failure, FieldValue, IncomingMessage,
    LinkedAttachment, Method, OutgoingMessage, ProviderRequest, ProviderResponse, Receipt, Received, Reply,
    Webhook,
};
use jackfield_types::{
    Timestamp,
    limits::{
        MAX_ADDRESS_BYTES, MAX_ATTACHMENTS, MAX_CODE_BYTES, MAX_CONNECTOR_BODY_BYTES, MAX_CONNECTOR_FIELDS,
        MAX_CONNECTOR_MESSAGES, MAX_CONNECTOR_REPLY_BYTES, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, MAX_URL_BYTES,
        MAX_WEBHOOK_BODY_BYTES,
    },
};
use wasmtime::{Store, component::Instance};

use crate::{
    Ceilings,
    answer::{Checker, invalid},
    bindings::{
        cx::channel_connector::types as wit, exports::cx::channel_connector::connector::GuestIndices,
    },
    fault::{Fault, cut, failure},
    lower::Lower,
    state::State,
};

/// Headers that only the host may set, beside all that begin with `proxy-`.
const HOST_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
];

pub(super) fn ask(
    guest: &GuestIndices,
    store: &mut Store<State>,
    instance: &Instance,
    question: &ConnectorQuestion,
    ceilings: &Ceilings,
) -> Result<ConnectorAnswer, Fault> {
    let lower = Lower::question(ceilings.input_bytes);
    let mut check = Checker::new(ceilings.output_bytes);
    Ok(match question {
        ConnectorQuestion::Receive(asked) => {
            let asked = webhook(lower, asked)?;
            let found = guest.load(&mut *store, instance)?.call_receive(store, &asked)??;
            ConnectorAnswer::Received(received(&mut check, found)?)
        }
        ConnectorQuestion::Render(asked) => {
            let asked = outgoing(lower, asked)?;
            let found = guest.load(&mut *store, instance)?.call_render(store, &asked)??;
            ConnectorAnswer::Rendered(request(&mut check, found)?)
        }
        ConnectorQuestion::Conclude(asked) => {
            let asked = response(lower, asked)?;
            let found = guest
                .load(&mut *store, instance)?
                .call_conclude(store, &asked)??;
            ConnectorAnswer::Concluded(conclusion(&mut check, found)?)
        }
    })
}

fn fields(lower: &mut Lower, from: &[(Arc<str>, Arc<str>)]) -> Vec<wit::Field> {
    lower.list(from, |lower, (name, value)| wit::Field {
        name: lower.text(name),
        value: lower.text(value),
    })
}

fn body(lower: &mut Lower, from: &[u8]) -> Result<Vec<u8>, Failure> {
    if from.len() > MAX_WEBHOOK_BODY_BYTES {
        let found = from.len();
        let message = format_args!("the body has {found} bytes: expected at most {MAX_WEBHOOK_BODY_BYTES}");
        return Err(failure("oversize", message));
    }
    lower.takes(from.len());
    Ok(from.to_vec())
}

fn webhook(mut lower: Lower, from: &Webhook) -> Result<wit::Webhook, Failure> {
    let webhook = wit::Webhook {
        method: lower.text(&from.method),
        query: fields(&mut lower, &from.query),
        headers: fields(&mut lower, &from.headers),
        body: body(&mut lower, &from.body)?,
    };
    lower.asked(webhook)
}

fn outgoing(mut lower: Lower, from: &OutgoingMessage) -> Result<wit::Outgoing, Failure> {
    let message = wit::Outgoing {
        id: lower.text(&from.id),
        sender: lower.text(&from.sender),
        recipient: lower.text(&from.recipient),
        text: lower.text(&from.text),
        choices: fields(&mut lower, &from.choices),
        in_reply_to: from.in_reply_to.as_ref().map(|id| lower.text(id)),
    };
    lower.asked(message)
}

fn response(mut lower: Lower, from: &ProviderResponse) -> Result<wit::Response, Failure> {
    let response = wit::Response {
        message: lower.text(&from.message),
        status: from.status,
        headers: fields(&mut lower, &from.headers),
        body: body(&mut lower, &from.body)?,
    };
    lower.asked(response)
}

fn received(check: &mut Checker, found: wit::Received) -> Result<Received, Failure> {
    check.list("messages", &found.messages, MAX_CONNECTOR_MESSAGES)?;
    check.list("receipts", &found.receipts, MAX_CONNECTOR_MESSAGES)?;
    let mut receipts = Vec::with_capacity(found.receipts.len());
    for (n, found) in found.receipts.into_iter().enumerate() {
        let at = format_args!("receipts[{n}]");
        receipts.push(Receipt {
            id: check.filled(format_args!("{at}.id"), found.id, MAX_ADDRESS_BYTES)?,
            delivery: match found.delivery {
                wit::Delivery::Sent => Delivery::Sent,
                wit::Delivery::Delivered => Delivery::Delivered,
                wit::Delivery::Read => Delivery::Read,
                wit::Delivery::Failed => Delivery::Failed,
            },
            at: found.at.map(Timestamp),
            reason: found
                .reason
                .map(|mut reason| {
                    shorten(&mut reason, MAX_CODE_BYTES);
                    reason
                })
                .map(|reason| check.text(format_args!("{at}.reason"), reason, MAX_CODE_BYTES))
                .transpose()?,
        });
    }
    let reply = found.reply.map(|found| reply(check, found)).transpose()?;
    let written = found
        .messages
        .into_iter()
        .enumerate()
        .map(|(n, message)| Written {
            n,
            message,
            cut: false,
        });
    let mut written: Vec<_> = written.filter_map(Written::fitted).collect();
    fit_together(&mut written, check.left());
    let messages = written.into_iter().map(|written| message(check, written));
    Ok(Received {
        messages: messages.collect::<Result<_, _>>()?,
        receipts,
        reply,
    })
}

/// What a customer wrote, which is no fault of the connector's: it is cut rather than refused.
struct Written {
    /// Which of the connector's messages.
    n: usize,
    message: wit::Message,
    cut: bool,
}

/// What ends a text that was cut so that all fits.
const MORE: &str = "…";

impl Written {
    /// With no more than a message can hold; none when there is nothing in it.
    fn fitted(mut self) -> Option<Self> {
        let message = &mut self.message;
        self.cut = message.text.len() > MAX_MESSAGE_BYTES || message.attachments.len() > MAX_ATTACHMENTS;
        shorten(&mut message.text, MAX_MESSAGE_BYTES);
        if let Some(name) = &mut message.sender_name {
            shorten(name, MAX_ADDRESS_BYTES);
        }
        message.attachments.truncate(MAX_ATTACHMENTS);
        (!message.text.is_empty() || !message.attachments.is_empty()).then_some(self)
    }

    /// Bytes that count.
    fn size(&self) -> usize {
        let it = &self.message;
        let attached = it.attachments.iter();
        let attached = attached.map(|it| it.name.len() + it.media_type.len() + it.url.len());
        let name = it.sender_name.as_ref().map_or(0, String::len);
        it.id.len() + it.sender.len() + it.recipient.len() + name + it.text.len() + attached.sum::<usize>()
    }

    /// Cuts it to so many bytes: what came with it goes first, then the end of the text.
    fn cut_to(&mut self, most: usize) {
        self.cut = true;
        while self.size() > most && self.message.attachments.pop().is_some() {}
        let over = self.size().saturating_sub(most);
        let text = &mut self.message.text;
        if over > 0 {
            let kept = text.len().saturating_sub(over + MORE.len());
            shorten(text, kept);
            text.push_str(MORE);
        } else if text.is_empty() && self.message.attachments.is_empty() {
            text.push_str(MORE);
        }
    }
}

/// Cuts the largest of messages that have no room together, to a size of which there is room, and no others.
fn fit_together(written: &mut [Written], room: usize) {
    let mut sizes: Vec<_> = written.iter().map(Written::size).collect();
    sizes.sort_unstable();
    let mut left = room;
    let most = sizes.iter().enumerate().find_map(|(n, size)| {
        let each = left / (sizes.len() - n);
        left = left.saturating_sub(*size);
        (*size > each).then_some(each)
    });
    if let Some(most) = most {
        let large = written.iter_mut().filter(|written| written.size() > most);
        large.for_each(|written| written.cut_to(most));
    }
}

/// Keeps whole letters of at most so many bytes.
fn shorten(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}

fn message(
    check: &mut Checker,
    Written {
        n,
        message: found,
        cut,
    }: Written,
) -> Result<IncomingMessage, Failure> {
    let at = format_args!("messages[{n}]");
    let mut attachments = Vec::with_capacity(found.attachments.len());
    for (n, found) in found.attachments.into_iter().enumerate() {
        let at = format_args!("{at}.attachments[{n}]");
        attachments.push(LinkedAttachment {
            name: check.text(format_args!("{at}.name"), found.name, MAX_ADDRESS_BYTES)?,
            media_type: media_type(check, format_args!("{at}.media-type"), found.media_type, 1)?,
            url: url(check, format_args!("{at}.url"), found.url, Part::Query)?,
        });
    }
    Ok(IncomingMessage {
        id: check.filled(format_args!("{at}.id"), found.id, MAX_ADDRESS_BYTES)?,
        sender: check.filled(format_args!("{at}.sender"), found.sender, MAX_ADDRESS_BYTES)?,
        recipient: check.text(format_args!("{at}.recipient"), found.recipient, MAX_ADDRESS_BYTES)?,
        sender_name: found
            .sender_name
            .map(|name| check.text(format_args!("{at}.sender-name"), name, MAX_ADDRESS_BYTES))
            .transpose()?,
        at: found.at.map(Timestamp),
        text: check.text(format_args!("{at}.text"), found.text, MAX_MESSAGE_BYTES)?,
        attachments,
        cut,
    })
}

fn reply(check: &mut Checker, found: wit::Reply) -> Result<Reply, Failure> {
    check.list("reply.body", &found.body, MAX_CONNECTOR_REPLY_BYTES)?;
    Ok(Reply {
        status: check.number("reply.status", found.status, 200..=599)?,
        content_type: media_type(check, "reply.content-type", found.content_type, 0)?,
        body: found.body,
    })
}

fn request(check: &mut Checker, found: wit::Request) -> Result<ProviderRequest, Failure> {
    check.list("body", &found.body, MAX_CONNECTOR_BODY_BYTES)?;
    let method = match found.method {
        wit::Method::Get => Method::Get,
        wit::Method::Post => Method::Post,
        wit::Method::Put => Method::Put,
    };
    if method == Method::Get && !found.body.is_empty() {
        let bytes = found.body.len();
        return Err(invalid("body", format_args!("{bytes} bytes"), "none for get"));
    }
    let url = url(check, "url", found.url, Part::Path)?;
    check.list("query", &found.query, MAX_CONNECTOR_FIELDS)?;
    check.list("headers", &found.headers, MAX_CONNECTOR_FIELDS)?;
    let mut query = Vec::with_capacity(found.query.len());
    for (n, found) in found.query.into_iter().enumerate() {
        let at = format_args!("query[{n}]");
        let name = check.name(format_args!("{at}.name"), found.name)?;
        query.push((name, value(check, at, found.value)?));
    }
    let mut headers: Vec<(Arc<str>, FieldValue)> = Vec::with_capacity(found.headers.len());
    for (n, found) in found.headers.into_iter().enumerate() {
        let at = format_args!("headers[{n}]");
        let name = header(check, at, found.name)?;
        if headers.iter().any(|(known, _)| *known == name) {
            return Err(invalid(
                format_args!("{at}.name"),
                format_args!("{name} again"),
                "each header once",
            ));
        }
        headers.push((name, value(check, at, found.value)?));
    }
    Ok(ProviderRequest {
        method,
        url,
        query,
        headers,
        body: found.body,
    })
}

fn header(check: &mut Checker, at: fmt::Arguments<'_>, name: String) -> Result<Arc<str>, Failure> {
    let name = name.to_ascii_lowercase();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain && !HOST_HEADERS.contains(&name.as_str()) && !name.starts_with("proxy-") {
        return check.name(format_args!("{at}.name"), name);
    }
    Err(invalid(
        format_args!("{at}.name"),
        format_args!("{:?}", cut(&name, MAX_CODE_BYTES)),
        "a header of letters, digits and '-' that is not the host's own",
    ))
}

fn value(check: &mut Checker, at: fmt::Arguments<'_>, found: wit::Value) -> Result<FieldValue, Failure> {
    Ok(match found {
        wit::Value::Text(text) => {
            FieldValue::Text(line(check, format_args!("{at}.value"), text, MAX_TEXT_BYTES)?)
        }
        wit::Value::Secret(secret) => FieldValue::Secret {
            name: check.name(format_args!("{at}.value.name"), secret.name)?,
            prefix: line(
                check,
                format_args!("{at}.value.prefix"),
                secret.prefix,
                MAX_CODE_BYTES,
            )?,
        },
    })
}

/// A text without control characters.
fn line(check: &mut Checker, at: fmt::Arguments<'_>, text: String, most: usize) -> Result<Arc<str>, Failure> {
    if text.chars().any(char::is_control) {
        return Err(invalid(at, "a control character", "a text of one line"));
    }
    check.text(at, text, most)
}

fn media_type(
    check: &mut Checker,
    at: impl fmt::Display,
    text: String,
    least: usize,
) -> Result<Arc<str>, Failure> {
    if text.len() < least || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        let found = cut(&text, MAX_CODE_BYTES);
        return Err(invalid(
            at,
            format_args!("{found:?}"),
            "a media type, such as image/jpeg",
        ));
    }
    check.text(at, text, MAX_ADDRESS_BYTES)
}

/// The last part that an address may have.
#[derive(PartialEq)]
enum Part {
    Path,
    Query,
}

/// `https`, a host by name or IPv4 address, perhaps a port, a path.
fn url(check: &mut Checker, at: impl fmt::Display, text: String, last: Part) -> Result<Arc<str>, Failure> {
    let fits = text.strip_prefix("https://").is_some_and(|rest| {
        let host = rest.find(['/', '?']).map_or(rest, |end| &rest[..end]);
        let path = &rest[host.len()..];
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        let name_fits = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            && !name.starts_with(['-', '.']);
        let path_fits = path.bytes().all(|b| {
            b.is_ascii_graphic()
                && !matches!(
                    b,
                    b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
                && (last == Part::Query || b != b'?')
        });
        name_fits && port.parse::<u16>().is_ok_and(|port| port > 0) && path_fits
    });
    if fits {
        return check.text(at, text, MAX_URL_BYTES);
    }
    let found = cut(&text, MAX_ADDRESS_BYTES);
    Err(invalid(
        at,
        format_args!("{found:?}"),
        "an https address, without user and fragment",
    ))
}

fn conclusion(check: &mut Checker, found: wit::Conclusion) -> Result<Conclusion, Failure> {
    Ok(match found {
        wit::Conclusion::Accepted(id) => {
            Conclusion::Accepted(check.filled("accepted", id, MAX_ADDRESS_BYTES)?)
        }
        wit::Conclusion::Rejected(found) => Conclusion::Rejected {
            code: check.name("rejected.code", found.code)?,
            message: check.text("rejected.message", found.message, MAX_TEXT_BYTES)?,
            retryable: found.retryable,
        },
    })
}

#[cfg(test)]
#[path = "channel_connector_tests.rs"]
mod tests;
