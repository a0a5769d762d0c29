//! One journal entry as one line that people read.

mod chat;

use std::fmt::Write;

use jackfield_contact::agent::AgentState;
use jackfield_contact::decision::{FlowAction, FlowEvent, OutboundChecked, Provenance, TagChange, Verdict};
use jackfield_contact::event::{BindingNote, EndedBy, Event, LeftReason, OfferFailure};
use jackfield_contact::leg::Prompt;
use jackfield_runtime::JournalEntry;
use jackfield_types::{ExtensionPoint, PluginId, Version};

/// What kind of thing a line tells; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The customer's way.
    Customer,
    /// A plugin decided.
    Plugin,
    /// What agents do.
    Agent,
    /// Something went wrong and was dealt with.
    Trouble,
    /// Settings and other background.
    Quiet,
}

/// A line of the story.
pub(crate) struct Line {
    pub(crate) tone: Tone,
    /// One word, at most 10 columns.
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// Tells an entry.
pub(crate) fn line(entry: &JournalEntry) -> Line {
    use Tone::{Agent, Customer, Plugin, Quiet, Trouble};
    let (tone, what, text) = match &entry.recorded.event {
        Event::InteractionStarted {
            caller,
            caller_name,
            number,
            entry,
            outgoing,
            ..
        } => {
            if let Some(outgoing) = outgoing {
                let text = format!("{} calls {caller}: {}", outgoing.agent, outgoing.purpose);
                return Line {
                    tone: Agent,
                    what: "call",
                    text,
                };
            }
            let name = caller_name
                .as_ref()
                .map(|name| format!(" “{name}”"))
                .unwrap_or_default();
            match (number, entry) {
                (_, Some(entry)) => (Customer, "chat", format!("{caller}{name} writes at {entry}")),
                (Some(number), None) => (Customer, "call", format!("{caller}{name} calls {number}")),
                (None, None) => (Customer, "call", format!("{caller}{name} calls")),
            }
        }
        Event::FlowDecided { on, actions, by, .. } => (
            Plugin,
            "flow",
            format!("{} → {}  {}", flow_event(on), flow_actions(actions), cost(by)),
        ),
        Event::DigitsEntered { digits, .. } => (Customer, "keypad", format!("the caller presses {digits}")),
        Event::AttributeSet { key, value, .. } => (Quiet, "set", format!("{key} = {value}")),
        Event::PromptFailed { problem, .. } => (Trouble, "prompt", problem.to_string()),
        Event::Queued {
            queue,
            needs,
            priority,
            ..
        } => {
            let mut text = format!("waits in {queue}");
            for need in needs {
                let _ = write!(text, ", needs {}≥{}", need.skill, need.level);
            }
            if *priority != 0 {
                let _ = write!(text, ", priority {priority}");
            }
            (Customer, "queue", text)
        }
        Event::LeftQueue { queue, reason, .. } => {
            let why = match reason {
                LeftReason::Abandoned => "the caller gave up".to_owned(),
                LeftReason::Overflow(to) => format!("overflow to {to}"),
                LeftReason::MaxWait => "the longest wait was reached".to_owned(),
                LeftReason::Flow => "by the flow".to_owned(),
                LeftReason::Orphaned => "the server was restarted".to_owned(),
            };
            (Customer, "queue", format!("leaves {queue}: {why}"))
        }
        Event::Offered { queue, agent, by, .. } => match by {
            Some(by) => (
                Plugin,
                "routing",
                format!("{queue}: offer to {agent}  {}", cost(by)),
            ),
            None => (
                Agent,
                "routing",
                format!("{queue}: offer to {agent} (built-in longest idle)"),
            ),
        },
        Event::CustomerDialled { agent, .. } => {
            let text = format!("{agent} has picked up; the customer's phone is called");
            (Agent, "call", text)
        }
        Event::OfferRinging { agent, .. } => (Agent, "ringing", format!("{agent}'s phone rings")),
        Event::OfferFailed { agent, reason, .. } => {
            let why = match reason {
                OfferFailure::Declined => "declined",
                OfferFailure::NoAnswer => "did not answer",
                OfferFailure::Unreachable => "can't be reached",
                OfferFailure::CustomerLeft => "is let go: the customer has left",
                OfferFailure::Orphaned => "is let go: the server was restarted",
            };
            (Trouble, "offer", format!("{agent} {why}"))
        }
        Event::Connected { agent, waited_ms, .. } => (
            Agent,
            "connected",
            format!(
                "{agent} talks with the customer, who waited {}",
                seconds(*waited_ms)
            ),
        ),
        Event::Held { agent, .. } => (Agent, "hold", format!("{agent} puts the customer on hold")),
        Event::Resumed { agent, .. } => (Agent, "resume", format!("{agent} takes the customer back")),
        Event::AgentLeft {
            agent,
            talked_ms,
            transferred_to,
            ..
        } => {
            let then = transferred_to
                .as_ref()
                .map(|queue| format!(", transferred to {queue}"))
                .unwrap_or_default();
            (
                Agent,
                "left",
                format!("{agent} leaves after {}{then}", seconds(*talked_ms)),
            )
        }
        Event::SurveyAnswered { answer, .. } => (
            Customer,
            "survey",
            format!(
                "{} = {} ({}–{})",
                answer.question, answer.value, answer.lowest, answer.highest
            ),
        ),
        Event::RecordingStarted { .. } => (Quiet, "recording", "begins".to_owned()),
        Event::RecordingFailed { problem, .. } => (Trouble, "recording", problem.to_string()),
        Event::RecordingStored {
            length_ms, speech, ..
        } => (
            Quiet,
            "recording",
            format!(
                "{} stored; customer spoke {}, agent {}, both at once {}",
                seconds(*length_ms),
                seconds(speech.customer_ms),
                seconds(speech.agent_ms),
                seconds(speech.talk_over_ms)
            ),
        ),
        Event::InteractionEnded { by, abandoned, .. } => {
            let who = match by {
                EndedBy::Customer => "the customer hangs up",
                EndedBy::Agent => "the call ends",
                EndedBy::Flow => "the flow ends the call",
                EndedBy::System => "the call is ended by the system",
                EndedBy::Restart => "the call is ended by a restart of the server",
            };
            let tone = if abandoned.is_some() { Trouble } else { Customer };
            let stage = abandoned
                .map(|stage| format!(" (abandoned: {stage:?})").to_lowercase())
                .unwrap_or_default();
            (tone, "ended", format!("{who}{stage}"))
        }
        Event::CutOff { .. } => (Quiet, "cut off", "the process that held the call died".to_owned()),
        Event::Orphaned { .. } => (
            Trouble,
            "orphaned",
            "the process that held the call died".to_owned(),
        ),
        Event::Evaluated {
            score,
            evaluation,
            by,
            ..
        } => {
            let score = score.map_or_else(
                || "no item applies".to_owned(),
                |score| format!("{score:.0} of 100"),
            );
            (
                Plugin,
                "score",
                format!("{score}, {} items  {}", evaluation.items.len(), cost(by)),
            )
        }
        Event::Tagged { changes, by, .. } => {
            let changes: Vec<_> = changes.iter().map(tag_change).collect();
            let changes = if changes.is_empty() {
                "no change".to_owned()
            } else {
                changes.join(", ")
            };
            (Plugin, "tags", format!("{changes}  {}", cost(by)))
        }
        Event::BindingNoted {
            point,
            plugin,
            version,
            note,
        } => binding_note(point, plugin, version, note),
        Event::DecisionsErased {
            customer,
            records,
            by,
        } => (
            Quiet,
            "erased",
            format!("{records} recorded decisions about {customer}, for {by}"),
        ),
        Event::CustomerChanged { customer, change, by } => {
            let what = serde_json::to_value(change).unwrap_or_default();
            (Quiet, "customer", format!("{customer} {what}, by {by}"))
        }
        Event::CaseChanged {
            number, change, by, ..
        } => (Quiet, "case", format!("{number} {change}, by {by}")),
        Event::AssistanceChanged {
            assistance,
            step,
            by,
            through,
            ..
        } => {
            let through = through.as_ref().map(|channel| format!(" through {channel}"));
            let text = format!(
                "link {assistance} {}{}, by {by}",
                step.as_str(),
                through.unwrap_or_default()
            );
            (Quiet, "assist", text)
        }
        Event::OutboundChecked { check } => outbound(check),
        Event::Closed { .. } => (Quiet, "closed", "nothing more to do".to_owned()),
        Event::DecisionFailed {
            kind,
            failure,
            fallback,
            ..
        } => (
            Trouble,
            "fallback",
            format!("{kind}: {} ({}) → {fallback}", failure.code, failure.message),
        ),
        Event::AgentStateChanged { agent, state, .. } => {
            let text = match state {
                AgentState::Break { reason } => format!("{agent} is on a break ({reason})"),
                state => format!("{agent} is {}", state.as_said()),
            };
            (Quiet, "agent", text)
        }
        Event::AgentStateRequested { agent, .. } => {
            (Quiet, "agent", format!("{agent} wants another state afterwards"))
        }
        Event::QueueSet { config } => (Quiet, "queue", format!("{} set", config.id)),
        Event::QueueRemoved { queue } => (Quiet, "queue", format!("{queue} removed")),
        Event::NumberSet { config } => (Quiet, "number", format!("{} set", config.number)),
        Event::NumberRemoved { number } => (Quiet, "number", format!("{number} removed")),
        Event::AgentSet { config } => (Quiet, "agent", format!("{} set", config.id)),
        Event::AgentRemoved { agent } => (Quiet, "agent", format!("{agent} removed")),
        written @ (Event::MessageSent { .. }
        | Event::MessagesRead { .. }
        | Event::MessageDelivery { .. }
        | Event::AttachmentFetched { .. }
        | Event::AttachmentOpened { .. }
        | Event::Unanswered { .. }
        | Event::ChatDecided { .. }
        | Event::ChatContinued { .. }
        | Event::ChatSkipped { .. }
        | Event::ChatEntrySet { .. }
        | Event::ChatEntryRemoved { .. }) => chat::line(written),
    };
    Line { tone, what, text }
}

fn cost(by: &Provenance) -> String {
    format!(
        "[{} {}, {} fuel, {} µs]",
        by.plugin, by.version, by.fuel, by.wall_us
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn flow_event(event: &FlowEvent) -> String {
    match event {
        FlowEvent::Started => "call answered".to_owned(),
        FlowEvent::Digits(digits) => format!("digits {digits}"),
        FlowEvent::NoInput => "no input".to_owned(),
        FlowEvent::PromptFinished => "prompt finished".to_owned(),
        FlowEvent::QueueProgress(progress) => format!("place {} in {}", progress.position, progress.queue),
        FlowEvent::QueueLeft(exit) => format!("queue gave back ({exit:?})"),
        FlowEvent::Answered(agent) => format!("{agent} answered"),
        FlowEvent::AgentLeft { agent, .. } => format!("{agent} left"),
        FlowEvent::SurveyAnswered { question, value } => format!("{question} = {value}"),
        FlowEvent::Timer(name) => format!("timer {name}"),
        FlowEvent::Ended => "call over".to_owned(),
        FlowEvent::Migrated(schema) => format!("takes over from state schema {schema}"),
    }
}

fn flow_actions(actions: &[FlowAction]) -> String {
    if actions.is_empty() {
        return "wait".to_owned();
    }
    let told: Vec<_> = actions
        .iter()
        .map(|action| match action {
            FlowAction::Play(prompts) => format!("play {}", said(prompts)),
            FlowAction::Gather(gather) => format!("ask {}", said(&gather.prompts)),
            FlowAction::Enqueue(enqueue) => format!("enqueue {}", enqueue.queue),
            FlowAction::Record(on) => format!("record {}", if *on { "on" } else { "off" }),
            FlowAction::Set(key, value) => format!("set {key}={value}"),
            FlowAction::AskSurvey(question) => format!("survey {}", question.id),
            FlowAction::SetTimer(name, ms) => format!("timer {name} {}", seconds(*ms)),
            FlowAction::End => "hang up".to_owned(),
        })
        .collect();
    told.join(", ")
}

/// The beginning of what is said.
fn said(prompts: &[Prompt]) -> String {
    let first = prompts.iter().find_map(|prompt| match prompt {
        Prompt::Speech { text, .. } => Some(text.clone()),
        Prompt::File(name) => Some(name.clone()),
        Prompt::Silence(_) | Prompt::HoldMusic => None,
    });
    short(&first.unwrap_or_else(|| "nothing".into()))
}

/// The beginning of a text.
fn short(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(32)
        .map(|c| if c == '\n' { ' ' } else { c })
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("“{short}”")
}

fn outbound(check: &OutboundChecked) -> (Tone, &'static str, String) {
    let verdict = match check.ruling.verdict {
        Verdict::Allow => "allowed".to_owned(),
        Verdict::Defer(until) => format!("deferred until {until}"),
        Verdict::Substitute(channel) => format!("by {} instead", channel.as_str()),
        Verdict::Deny => "denied".to_owned(),
    };
    let (number, purpose, reason) = (&check.number, &check.purpose, &check.ruling.reason);
    let asked = check.rules.len();
    (
        Tone::Plugin,
        "outbound",
        format!("{number} for {purpose}: {verdict} ({reason}), {asked} rules asked"),
    )
}

fn binding_note(
    point: &ExtensionPoint,
    plugin: &PluginId,
    version: &Version,
    note: &BindingNote,
) -> (Tone, &'static str, String) {
    match note {
        BindingNote::BreakerOpened { for_ms, failure } => (
            Tone::Trouble,
            "breaker",
            format!(
                "{plugin} {version} at {point} is not asked for {}: {}",
                seconds(*for_ms),
                failure.code
            ),
        ),
        BindingNote::BreakerClosed => (
            Tone::Plugin,
            "breaker",
            format!("{plugin} {version} at {point} works again"),
        ),
        BindingNote::RolloutMoved { to, by, why, .. } => (
            if &**to == "rolled-back" {
                Tone::Trouble
            } else {
                Tone::Plugin
            },
            "rollout",
            format!("{plugin} {version} at {point} → {to}, by {by}: {why}"),
        ),
    }
}

fn tag_change(change: &TagChange) -> String {
    match change {
        TagChange::Add(tag) => format!("+{} {}%", tag.name, tag.confidence),
        TagChange::Refresh(tag) => format!("~{} {}%", tag.name, tag.confidence),
        TagChange::Expire(name) => format!("-{name}"),
    }
}
