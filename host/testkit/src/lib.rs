//! The server as a process, its API, telephones that other people wrote, and small plugins (development only).
//!
//! Everything panics with what went wrong: these are parts of tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod api;
mod baresip;
mod browser;
pub mod corpus;
pub mod guest;
mod provider;
mod relay;
mod server;
mod sipp;
mod sms;
mod stand_in;
mod wechat;
mod window;

pub use api::{Api, Events};
pub use baresip::Baresip;
pub use browser::Browser;
pub use provider::{Conduct, Heard, Provider};
pub use relay::{Letter, MailRelay, Manner};
pub use server::{Server, plugins_dir};
pub use sipp::sipp;
pub use sms::SmsGateway;
pub use wechat::WeChat;
pub use window::Window;
