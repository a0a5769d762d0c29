//! E-mail (floor 2): SMTP in ([`SmtpListener`]) and out ([`Relay`]), what a mail says ([`Mail`]), and mails to be sent
//! ([`Letter`]). It knows nothing of tenants: whose a mailbox is, and what becomes of a mail, is asked of [`Mailboxes`].
//!
//! What strangers send is read by libraries that are made for it (`smtp-proto`, `mail-parser`, `html2text`); nothing of a
//! mail is executed, fetched or unpacked.

#![forbid(unsafe_code)]

mod html;
mod letter;
mod lines;
mod mail;
mod networks;
mod quoted;
mod relay;
mod report;
mod server;
mod session;

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;

pub use letter::{Letter, LetterError};
pub use mail::{Mail, MailPart, Unreadable, sender_address};
pub use networks::{Networks, NotANetwork};
pub use relay::{Relay, RelaySecurity, Relayed};
pub use report::{Fate, Report};
pub use server::{ListenError, Mailboxes, Refusal, SmtpListener, SmtpOptions, tls_from_pem};
