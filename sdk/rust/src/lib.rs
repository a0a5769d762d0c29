//! Write Jackfield plugins in Rust.
//!
//! A plugin is a crate of type `cdylib` that implements one trait and registers it. Each kind of plugin has a module:
//!
//! | kind | module | decides |
//! |---|---|---|
//! | `voice-flow` | [`voice_flow`] | the next actions of a call |
//! | `chat-flow` | [`chat_flow`] | the next actions of a written conversation |
//! | `routing-strategy` | [`routing_strategy`] | which waiting work goes to which agent |
//! | `outbound-rule` | [`outbound_rule`] | whether a contact attempt may be made now |
//! | `pacing-strategy` | [`pacing_strategy`] | how many calls a campaign launches now |
//! | `tag-generator` | [`tag_generator`] | which tags a customer gets, keeps or loses |
//! | `qa-scorecard` | [`qa_scorecard`] | the evaluation of a finished interaction |
//! | `channel-connector` | [`channel_connector`] | between a provider's HTTP interface and messages |
//! | `agent-assist` | [`agent_assist`] | suggestions to the agent during a conversation |
//!
//! What a plugin may ask of the host is in [`host`], [`call`], [`chat`], [`customer`], [`knowledge`] and, for routing,
//! [`routing_strategy`].
//! Nothing acts: effects are returned, and the host checks them before it carries them out.
//!
//! # A whole plugin
//!
//! ```
//! use jackfield_plugin::routing_strategy::{Assignment, Error, Plan, RoutingStrategy, Snapshot};
//!
//! /// Offers the work that has waited longest to the agents who have been idle longest.
//! struct FirstComeFirstServed;
//!
//! #[derive(Default, serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Config {
//!     /// Offer at most so many pieces of work at once.
//!     at_once: Option<usize>,
//! }
//!
//! impl RoutingStrategy for FirstComeFirstServed {
//!     type Config = Config;
//!
//!     fn assign(config: &Config, snapshot: &Snapshot) -> Result<Plan, Error> {
//!         let most = config.at_once.unwrap_or(usize::MAX).min(snapshot.work.len()).min(snapshot.agents.len());
//!         let assignments = (0..most as u32).map(|n| Assignment { work: n, agent: n }).collect();
//!         Ok(Plan { assignments, ..Plan::default() })
//!     }
//! }
//!
//! jackfield_plugin::routing_strategy::register!(FirstComeFirstServed);
//!
//! # use jackfield_plugin::routing_strategy::{Agent, Work};
//! // In the plugin's unit tests the host is played by `testing::Host`.
//! let mut host = jackfield_plugin::testing::Host::new().with_config(r#"{"at_once": 1}"#);
//! let snapshot = Snapshot { work: vec![Work::default(); 2], agents: vec![Agent::default(); 2] };
//! let plan = host.assign::<FirstComeFirstServed>(snapshot).unwrap();
//! assert_eq!(plan.assignments, [Assignment { work: 0, agent: 0 }]);
//! ```
//!
//! Beside `Cargo.toml` a `plugin.toml` says what the plugin is; `jackfield plugin build` builds the component and puts
//! that manifest into it. Build with `panic = "abort"`: a panic is written to the plugin's log, ends the decision and
//! lets the host's fail policy decide; it never loses a customer.
//!
//! # Conversations as one function
//!
//! A flow decides step by step. [`straight`] lets it be written as one `async fn` instead, from the greeting to the
//! good-bye.
//!
//! # Memory
//!
//! Every decision runs in a fresh instance, so by default memory is handed out and never taken back (feature
//! `bump-allocator`). A plugin that allocates more in one decision than its ceiling switches the feature off.

pub mod agent_assist;
#[cfg(all(target_arch = "wasm32", feature = "bump-allocator"))]
mod allocator;
#[doc(hidden)]
pub mod bindings;
pub mod call;
pub mod channel_connector;
pub mod chat;
pub mod chat_flow;
pub mod customer;
mod error;
pub mod host;
#[cfg(target_arch = "wasm32")]
#[path = "imports.rs"]
mod imports;
pub mod knowledge;
pub mod outbound_rule;
pub mod pacing_strategy;
pub mod qa_scorecard;
pub mod routing_strategy;
mod state;
pub mod straight;
pub mod tag_generator;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod voice_flow;

#[cfg(not(target_arch = "wasm32"))]
use testing::imports;

pub use bindings::host::cx::types::types::{
    Attribute, Channel, Emotion, Error, Milliseconds, Need, Phase, Tag, Timestamp,
};

/// A day, in milliseconds.
pub const DAY_MS: Milliseconds = 24 * 60 * 60 * 1_000;

/// Sends panics to the plugin's log: without it the host would only see a trap.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let mut line = host::Line;
        // Appending never fails.
        let _ = std::fmt::Write::write_fmt(&mut line, format_args!("{panic}"));
        line.end(host::Level::Error);
    }));
}
