//! What happens in written conversations.

use jackfield_contact::chat::Side;
use jackfield_contact::config::UnansweredAction;
use jackfield_contact::decision::{Author, ChatAction, ChatEvent, Delivery};
use jackfield_contact::event::Event;

use super::{Tone, cost, seconds, short};

/// Tells an event of a conversation, or of where they begin.
pub(super) fn line(event: &Event) -> (Tone, &'static str, String) {
    use Tone::{Agent, Customer, Plugin, Quiet, Trouble};
    match event {
        Event::MessageSent {
            message,
            response_ms,
            cut,
            ..
        } => {
            let cut = if *cut { " (cut)" } else { "" };
            let text = format!("{}{cut}", short(&message.text));
            match &message.author {
                Author::Customer => (Customer, "customer", text),
                Author::Agent(agent) => {
                    let after = response_ms.map_or_else(String::new, |ms| format!(" after {}", seconds(ms)));
                    (Agent, "agent", format!("{agent}{after}: {text}"))
                }
                Author::Bot => (Plugin, "bot", text),
                Author::System => (Quiet, "system", text),
            }
        }
        Event::MessagesRead { by, up_to, .. } => {
            let who = match by {
                Side::Customer => "the customer",
                Side::Agent => "the agent",
            };
            (Quiet, "read", format!("{who} has read up to message {up_to}"))
        }
        Event::MessageDelivery {
            number,
            delivery,
            reason,
            words,
            ..
        } => {
            let told = match delivery {
                Delivery::Sent => "sent",
                Delivery::Delivered => "delivered",
                Delivery::Read => "read",
                Delivery::Failed => "failed",
            };
            let why: String = [reason, words]
                .into_iter()
                .flatten()
                .map(|why| format!(": {why}"))
                .collect();
            let tone = if *delivery == Delivery::Failed {
                Trouble
            } else {
                Quiet
            };
            (tone, "delivery", format!("message {number} {told}{why}"))
        }
        Event::AttachmentFetched {
            number,
            refused: Some(code),
            ..
        } => (
            Trouble,
            "attachment",
            format!("of message {number} refused: {code}"),
        ),
        Event::AttachmentFetched { number, .. } => {
            (Quiet, "attachment", format!("of message {number} is there"))
        }
        Event::AttachmentOpened { number, .. } => {
            (Customer, "attachment", format!("of message {number} opened"))
        }
        Event::Unanswered {
            agent,
            waited_ms,
            action,
            ..
        } => {
            let then = match action {
                UnansweredAction::Warn => "warning".to_owned(),
                UnansweredAction::Reply(text) => format!("reply {}", short(text)),
                UnansweredAction::ReplyTemplate(template) => format!("reply {template}"),
                UnansweredAction::Cover => "the bot may cover".to_owned(),
                UnansweredAction::Escalate(queue) => format!("escalated to {queue}"),
            };
            let by = agent
                .as_ref()
                .map_or_else(String::new, |agent| format!(" by {agent}"));
            let text = format!(
                "the customer waits for an answer{by} for {} → {then}",
                seconds(*waited_ms)
            );
            (Trouble, "unanswered", text)
        }
        Event::ChatDecided { on, actions, by, .. } => {
            let actions = if actions.is_empty() {
                "wait".to_owned()
            } else {
                let told: Vec<_> = actions.iter().map(action).collect();
                told.join(", ")
            };
            (Plugin, "flow", format!("{} → {actions}  {}", named(on), cost(by)))
        }
        Event::ChatContinued { .. } => (Quiet, "flow", "goes on".to_owned()),
        Event::ChatSkipped { on, .. } => (Trouble, "flow", format!("is not told again: {}", named(on))),
        Event::ChatEntrySet { config } => (Quiet, "chat entry", format!("{} set", config.id)),
        Event::ChatEntryRemoved { entry } => (Quiet, "chat entry", format!("{entry} removed")),
        _ => (Quiet, "event", String::new()),
    }
}

fn named(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Started => "begun".to_owned(),
        ChatEvent::Received { message, .. } => format!("message {}", message.number),
        ChatEvent::Chosen(choice) => format!("chosen {choice}"),
        ChatEvent::NoReply => "no reply".to_owned(),
        ChatEvent::QueueProgress(progress) => format!("place {} in {}", progress.position, progress.queue),
        ChatEvent::QueueLeft(exit) => format!("queue gave back ({exit:?})"),
        ChatEvent::Answered(agent) => format!("{agent} answered"),
        ChatEvent::Unanswered { waited_ms, .. } => format!("unanswered for {}", seconds(*waited_ms)),
        ChatEvent::AgentLeft { agent, .. } => format!("{agent} left"),
        ChatEvent::SurveyAnswered { question, value } => format!("{question} = {value}"),
        ChatEvent::Timer(name) => format!("timer {name}"),
        ChatEvent::Ended => "over".to_owned(),
        ChatEvent::Migrated(schema) => format!("takes over from state schema {schema}"),
    }
}

fn action(action: &ChatAction) -> String {
    match action {
        ChatAction::Send(message) => format!("send {}", short(&message.text)),
        ChatAction::Typing(ms) => format!("typing {}", seconds(*ms)),
        ChatAction::AwaitReply(ms) => format!("await {}", seconds(*ms)),
        ChatAction::Enqueue { enqueue, .. } => format!("enqueue {}", enqueue.queue),
        ChatAction::Set(key, value) => format!("set {key}={value}"),
        ChatAction::AskSurvey(question) => format!("survey {}", question.id),
        ChatAction::SetTimer(name, ms) => format!("timer {name} {}", seconds(*ms)),
        ChatAction::End => "close".to_owned(),
    }
}
