//! The command line: a client of the HTTP interface, a file per resource.
//!
//! Exit codes: 0 done; 1 the server refused (or answered what makes no sense); 2 wrong usage; 3 the server can't be
//! reached. Tables are for people; `--json` gives the server's answers as they are, events one to a line.

mod agent;
mod attachment;
mod author;
mod binding;
mod calls;
mod campaign;
mod case;
mod ceilings;
mod channel;
mod chat;
mod client;
mod customer;
mod customer_import;
mod customer_settings;
mod decision;
mod events;
mod failure;
mod grant;
mod key;
mod knowledge;
mod knowledge_import;
mod number;
mod outbound;
mod outlet;
mod output;
mod parquet_rows;
mod plugin;
mod queue;
mod replay;
mod rollout;
mod segment;
mod settings;
mod sign;
mod store;
mod tag;
mod tag_run;
mod template;
mod tenant;
#[cfg(test)]
mod tests;
mod trust;
mod usage;
mod user;
mod whoami;

use std::process::ExitCode;

use failure::Failure;
use output::Output;

/// What the client can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Tenants of the deployment (operator's key).
    Tenant(tenant::Arguments),
    /// Users of the tenant.
    User(user::Arguments),
    /// API keys of users.
    Key(key::Arguments),
    /// Agents: settings, states, phone passwords.
    Agent(agent::Arguments),
    /// Queues: settings, and how they stand.
    Queue(queue::Arguments),
    /// Numbers that customers call.
    Number(number::Arguments),
    /// Written conversations: where they begin, and taking part in them.
    Chat(chat::Arguments),
    /// Channels: accounts with providers through which customers write.
    Channel(channel::Arguments),
    /// Plugins: write, test, upload, list, sign, grant, yank.
    Plugin(plugin::Arguments),
    /// Bindings: plug plugins in, swap them, take them out.
    Binding(binding::Arguments),
    /// Recorded plugin decisions: what stood behind each.
    Decision(decision::Arguments),
    /// Calls: list, tell their story, watch, transfer, end, recordings.
    Calls(calls::Arguments),
    /// Everything that happens in the tenant.
    Events(events::Arguments),
    /// Customers: who they are on every channel, and what is known of them.
    Customer(customer::Arguments),
    /// Tags: the library, those that people set by hand, and runs over all customers.
    Tag(tag::Arguments),
    /// Segments: which customers are meant, how many they are, and who.
    Segment(segment::Arguments),
    /// Cases: what was promised to customers, who sees to it, and by when.
    Case(case::Arguments),
    /// Outlets: shops, branches and workshops to which cases are handed.
    Outlet(outlet::Arguments),
    /// The knowledge base: articles, their approval, and finding them.
    Knowledge(knowledge::Arguments),
    /// Reply templates: what agents write often.
    Template(template::Arguments),
    /// Campaigns: what outbound rules and pacing are bound to.
    Campaign(campaign::Arguments),
    /// May somebody be contacted now? And what was tried.
    Outbound(outbound::Arguments),
    /// What plugins used, to bill from.
    Usage(usage::Arguments),
    /// Whom the key belongs to.
    Whoami(whoami::Arguments),
    /// The database of a server that does not run: its engine.
    Store(store::Arguments),
}

/// Runs a command of the client to its end.
pub(crate) fn run(command: Command) -> ExitCode {
    let mut out = Output::terminal();
    match execute(command, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.explain();
            ExitCode::from(failure.code())
        }
    }
}

fn execute(command: Command, out: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Tenant(arguments) => tenant::run(arguments, out),
        Command::User(arguments) => user::run(arguments, out),
        Command::Key(arguments) => key::run(arguments, out),
        Command::Agent(arguments) => agent::run(arguments, out),
        Command::Queue(arguments) => queue::run(arguments, out),
        Command::Number(arguments) => number::run(arguments, out),
        Command::Chat(arguments) => chat::run(arguments, out),
        Command::Channel(arguments) => channel::run(arguments, out),
        Command::Plugin(arguments) => plugin::run(arguments, out),
        Command::Binding(arguments) => binding::run(arguments, out),
        Command::Decision(arguments) => decision::run(arguments, out),
        Command::Calls(arguments) => calls::run(arguments, out),
        Command::Events(arguments) => events::run(&arguments, out),
        Command::Customer(arguments) => customer::run(arguments, out),
        Command::Tag(arguments) => tag::run(arguments, out),
        Command::Segment(arguments) => segment::run(arguments, out),
        Command::Case(arguments) => case::run(arguments, out),
        Command::Outlet(arguments) => outlet::run(arguments, out),
        Command::Knowledge(arguments) => knowledge::run(arguments, out),
        Command::Template(arguments) => template::run(arguments, out),
        Command::Campaign(arguments) => campaign::run(arguments, out),
        Command::Outbound(arguments) => outbound::run(arguments, out),
        Command::Usage(arguments) => usage::run(&arguments, out),
        Command::Whoami(arguments) => whoami::run(&arguments, out),
        Command::Store(arguments) => store::run(arguments, out),
    }
}
