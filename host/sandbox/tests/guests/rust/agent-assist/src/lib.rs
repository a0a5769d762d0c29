//! The agent assist of the conformance suite, in Rust.

use jackfield_plugin::{
    agent_assist::{Advice, AgentAssist, Author, Conversation, Error, NextAction, Suggestion, Trigger},
    knowledge::{self, EntryKind, Hit, Query},
};

struct Rule;

impl AgentAssist for Rule {
    type Config = ();

    fn suggest((): &(), conversation: &Conversation) -> Result<Vec<Suggestion>, Error> {
        let mut found = Vec::new();
        if conversation.trigger == Trigger::CustomerTyping {
            let typing = conversation.typing.as_deref().filter(|text| !text.is_empty());
            found.push(Suggestion {
                advice: Advice::Hint(typing.unwrap_or("-").to_owned()),
                title: "typing".to_owned(),
                confidence: 10,
                reason: conversation.language.clone(),
                about: None,
            });
        }
        let mut messages = conversation.messages.iter().rev();
        if let Some(last) = messages.find(|message| message.author == Author::Customer)
            && !last.text.is_empty()
        {
            let hits = knowledge::search(&Query {
                text: last.text.clone(),
                language: Some(conversation.language.clone()),
                kind: Some(EntryKind::ReplyTemplate),
                limit: 2,
            })?;
            found.extend(hits.into_iter().map(|hit| of_hit(hit, last.number)));
        }
        let mut attributes = conversation.attributes.iter();
        if let Some(article) = attributes.find(|attribute| attribute.key == "article") {
            let entry = knowledge::get(&article.value)?;
            found.push(Suggestion {
                advice: Advice::Knowledge(entry.id),
                title: entry.title,
                confidence: 50,
                reason: format!("updated {}: {} bytes", entry.updated_at, entry.body.len()),
                about: None,
            });
        }
        if conversation.trigger == Trigger::Requested
            && let Some(queue) = &conversation.queue
        {
            found.push(Suggestion {
                advice: Advice::Next(NextAction {
                    code: "transfer".to_owned(),
                    argument: queue.clone(),
                }),
                title: "transfer".to_owned(),
                confidence: 5,
                reason: conversation.agent.clone(),
                about: None,
            });
        }
        Ok(found)
    }
}

fn of_hit(hit: Hit, about: u32) -> Suggestion {
    let advice = if hit.score < 1.0 {
        Advice::Knowledge(hit.id)
    } else {
        Advice::Reply(hit.snippet)
    };
    Suggestion {
        advice,
        title: hit.title,
        confidence: (hit.score * 40.0).min(100.0) as u8,
        reason: hit.language,
        about: Some(about),
    }
}

jackfield_plugin::agent_assist::register!(Rule);
