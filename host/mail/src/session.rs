//! One SMTP session (RFC 5321) as a state machine: lines in, replies out. It waits for nothing.

use std::sync::Arc;

use jackfield_types::limits;
use smtp_proto::{Error, MAIL_BODY_BINARYMIME, MAIL_SMTPUTF8, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lines::Line;

/// Bytes that one permit of the room for mails stands for.
pub(crate) const ROOM_UNIT: usize = 64 * 1024;

/// What follows from a line.
pub(crate) enum Step<B> {
    /// Nothing yet.
    Wait,
    /// This is answered.
    Reply(String),
    /// A mail is there in whole; the answer says what came of it.
    Take(Incoming<B>),
    /// 220, and then TLS begins.
    Secure,
    /// This is answered, and the connection ends.
    Close(String),
}

/// A mail as it came.
pub(crate) struct Incoming<B> {
    /// The reverse path; empty for reports.
    pub(crate) from: String,
    /// Whose it is, each once.
    pub(crate) to: Vec<B>,
    pub(crate) data: Vec<u8>,
    /// Room that it takes, given back with it.
    _room: Vec<OwnedSemaphorePermit>,
}

/// Why a mail is not taken, whatever it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    BareLineEnd,
    LongLine,
    TooLarge,
    NoRoom,
}

struct Data {
    bytes: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
    fault: Option<Fault>,
}

pub(crate) struct Session<B> {
    /// What this server calls itself.
    name: Arc<str>,
    /// Whether TLS is offered.
    offers_tls: bool,
    room: Arc<Semaphore>,
    greeted: bool,
    from: Option<String>,
    to: Vec<B>,
    data: Option<Data>,
    errors: u32,
}

impl<B: PartialEq> Session<B> {
    pub(crate) fn new(name: Arc<str>, offers_tls: bool, room: Arc<Semaphore>) -> Self {
        Self {
            name,
            offers_tls,
            room,
            greeted: false,
            from: None,
            to: Vec::new(),
            data: None,
            errors: 0,
        }
    }

    pub(crate) fn greeting(&self) -> String {
        reply(220, "", &format!("{} ESMTP", self.name))
    }

    /// Bytes that the next line may have.
    pub(crate) const fn longest(&self) -> usize {
        match self.data {
            Some(_) => limits::MAX_MAIL_LINE_BYTES,
            None => limits::MAX_SMTP_COMMAND_BYTES,
        }
    }

    /// TLS has begun: what was said before does not count.
    pub(crate) fn secured(&mut self) {
        self.offers_tls = false;
        self.greeted = false;
        self.reset();
    }

    /// Takes a line. `find` says whose mailbox an address is.
    pub(crate) fn line(&mut self, line: Line<'_>, find: impl Fn(&str) -> Option<B>) -> Step<B> {
        if self.data.is_some() {
            return self.data_line(line);
        }
        let step = self.command(line, find);
        match &step {
            Step::Reply(text) if text.starts_with('5') => {
                self.errors += 1;
                if self.errors >= limits::MAX_SMTP_ERRORS {
                    return Step::Close(reply(421, "4.7.0", "Too many errors"));
                }
                step
            }
            _ => step,
        }
    }

    fn command(&mut self, line: Line<'_>, find: impl Fn(&str) -> Option<B>) -> Step<B> {
        let refuse = |code, enhanced: &str, text: &str| Step::Reply(reply(code, enhanced, text));
        let Line::Whole(line) = line else {
            return refuse(500, "5.5.2", "Line too long");
        };
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return refuse(500, "5.5.2", "A command is one line that ends with CR LF");
        }
        let mut whole = line.to_vec();
        whole.extend_from_slice(b"\r\n");
        let request = match Request::parse(&mut whole.iter()) {
            Ok(request) => request,
            Err(error) => return Step::Reply(unread(&error)),
        };
        match request {
            Request::Ehlo { .. } => {
                self.greeted = true;
                self.reset();
                Step::Reply(self.extensions())
            }
            Request::Helo { .. } => {
                self.greeted = true;
                self.reset();
                refuse(250, "", &self.name)
            }
            Request::Mail { .. } if !self.greeted => refuse(503, "5.5.1", "Say EHLO first"),
            Request::Mail { .. } if self.from.is_some() => {
                refuse(503, "5.5.1", "There is a mail begun already")
            }
            Request::Mail { from } if from.flags & (MAIL_SMTPUTF8 | MAIL_BODY_BINARYMIME) != 0 => {
                refuse(555, "5.5.4", "SMTPUTF8 and BINARYMIME are not offered")
            }
            Request::Mail { from } if from.size > limits::MAX_MAIL_BYTES => {
                Step::Reply(refusal(Fault::TooLarge))
            }
            Request::Mail { from } => {
                self.from = Some(from.address.into_owned());
                refuse(250, "2.1.0", "OK")
            }
            Request::Rcpt { .. } if self.from.is_none() => refuse(503, "5.5.1", "Say MAIL first"),
            Request::Rcpt { .. } if self.to.len() >= limits::MAX_MAIL_RECIPIENTS => {
                refuse(452, "4.5.3", "Too many recipients; send to the others apart")
            }
            Request::Rcpt { to } => match find(&to.address) {
                Some(found) => {
                    // Two addresses of one mailbox get one mail.
                    if !self.to.contains(&found) {
                        self.to.push(found);
                    }
                    refuse(250, "2.1.5", "OK")
                }
                None => refuse(550, "5.1.1", "There is no such mailbox here"),
            },
            Request::Data if self.to.is_empty() => refuse(503, "5.5.1", "Say MAIL and RCPT first"),
            Request::Data => {
                self.data = Some(Data {
                    bytes: Vec::new(),
                    room: Vec::new(),
                    fault: None,
                });
                refuse(354, "", "End with a dot on a line of its own")
            }
            Request::StartTls if self.offers_tls => Step::Secure,
            Request::Rset => {
                self.reset();
                refuse(250, "2.0.0", "OK")
            }
            Request::Noop { .. } => refuse(250, "2.0.0", "OK"),
            Request::Vrfy { .. } => refuse(252, "2.1.5", "Send a mail and see"),
            Request::Help { .. } => refuse(214, "2.0.0", "See RFC 5321"),
            Request::Quit => Step::Close(reply(221, "2.0.0", "Bye")),
            _ => refuse(502, "5.5.1", "Not offered here"),
        }
    }

    fn data_line(&mut self, line: Line<'_>) -> Step<B> {
        let Some(mut data) = self.data.take() else {
            return Step::Wait;
        };
        match line {
            Line::Whole(b".") => return self.data_ended(data),
            Line::TooLong => data.fail(Fault::LongLine),
            Line::Whole(line) => {
                if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
                    data.fail(Fault::BareLineEnd);
                }
                // A dot was put before a line that begins with one.
                data.take(line.strip_prefix(b".").unwrap_or(line), &self.room);
            }
        }
        self.data = Some(data);
        Step::Wait
    }

    fn data_ended(&mut self, data: Data) -> Step<B> {
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        match data.fault {
            Some(fault) => {
                self.errors += 1;
                Step::Reply(refusal(fault))
            }
            None => Step::Take(Incoming {
                from,
                to,
                data: data.bytes,
                _room: data.room,
            }),
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    fn extensions(&self) -> String {
        let tls = if self.offers_tls { "250-STARTTLS\r\n" } else { "" };
        format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE {}\r\n{tls}250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n",
            self.name,
            limits::MAX_MAIL_BYTES
        )
    }
}

impl Data {
    /// The first fault is the one that is told; what comes after it is not kept.
    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.bytes = Vec::new();
        self.room.clear();
    }

    fn take(&mut self, line: &[u8], room: &Arc<Semaphore>) {
        if self.fault.is_some() {
            return;
        }
        let wanted = self.bytes.len() + line.len() + 2;
        if wanted > limits::MAX_MAIL_BYTES {
            return self.fail(Fault::TooLarge);
        }
        while self.room.len() * ROOM_UNIT < wanted {
            match room.clone().try_acquire_owned() {
                Ok(permit) => self.room.push(permit),
                Err(_) => return self.fail(Fault::NoRoom),
            }
        }
        self.bytes.extend_from_slice(line);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

fn refusal(fault: Fault) -> String {
    match fault {
        Fault::BareLineEnd => reply(
            550,
            "5.5.2",
            "A line ends with a bare CR or LF: lines end with CR LF",
        ),
        Fault::LongLine => reply(
            554,
            "5.6.0",
            &format!("A line has more than {} bytes", limits::MAX_MAIL_LINE_BYTES),
        ),
        Fault::TooLarge => reply(
            552,
            "5.3.4",
            &format!("The mail has more than {} bytes", limits::MAX_MAIL_BYTES),
        ),
        Fault::NoRoom => reply(452, "4.3.1", "No room at the moment; send it again later"),
    }
}

fn unread(error: &Error) -> String {
    match error {
        Error::UnknownCommand => reply(500, "5.5.1", "Unknown command"),
        Error::InvalidSenderAddress => reply(501, "5.1.7", "The sender's address can't be read"),
        Error::InvalidRecipientAddress => reply(501, "5.1.3", "The recipient's address can't be read"),
        Error::SyntaxError { syntax } => reply(501, "5.5.4", &format!("Expected {syntax}")),
        Error::InvalidParameter { .. } | Error::UnsupportedParameter { .. } => {
            reply(555, "5.5.4", "A parameter is not known or wrong")
        }
        _ => reply(500, "5.5.2", "The command can't be read"),
    }
}

/// A reply of one line.
pub(crate) fn reply(code: u16, enhanced: &str, text: &str) -> String {
    match enhanced {
        "" => format!("{code} {text}\r\n"),
        _ => format!("{code} {enhanced} {text}\r\n"),
    }
}

#[cfg(test)]
mod tests;
