//! The agent assist of the suite: searches in the knowledge base, and every form of advice.

use jackfield_contact::decision::{
    Advice, Answer, AssistQuestion, AssistTrigger, Author, KnowledgeEntry, KnowledgeKind, KnowledgeQuery,
    Question, Suggestion,
};
use jackfield_sandbox::Reads;
use jackfield_types::{AgentId, Capability, Channel, QueueId, Timestamp};
use serde_json::json;

use super::cases::{Case, Dice, Outcome};
use super::chat::message;

pub(super) fn native(case: &Case) -> Outcome {
    let Question::Assist(question) = &case.question else {
        unreachable!()
    };
    suggestions(case, question).map(Answer::Assist).into()
}

fn suggestions(case: &Case, question: &AssistQuestion) -> Result<Vec<Suggestion>, String> {
    let mut found = Vec::new();
    let mut suggest = |advice, title: &str, confidence, reason: String, about| {
        found.push(Suggestion {
            advice,
            title: title.into(),
            confidence,
            reason: reason.into(),
            about,
        });
    };
    if question.trigger == AssistTrigger::CustomerTyping {
        let typing = question.typing.clone().filter(|text| !text.is_empty());
        let hint = Advice::Hint(typing.unwrap_or("-".into()));
        suggest(hint, "typing", 10, question.language.to_string(), None);
    }
    let mut messages = question.messages.iter().rev();
    let last = messages.find(|message| message.author == Author::Customer);
    if let Some(last) = last.filter(|last| !last.text.is_empty()) {
        case.is_granted(Capability::Knowledge)?;
        let hits = case.host.knowledge_search(&KnowledgeQuery {
            text: last.text.clone(),
            language: Some(question.language.clone()),
            kind: Some(KnowledgeKind::ReplyTemplate),
            limit: 2,
        });
        for hit in hits.unwrap() {
            let confidence = (hit.score * 40.0).min(100.0) as u8;
            let advice = if hit.score < 1.0 {
                Advice::Knowledge(hit.id)
            } else {
                Advice::Reply(hit.snippet)
            };
            suggest(
                advice,
                &hit.title,
                confidence,
                hit.language.to_string(),
                Some(last.number),
            );
        }
    }
    let mut attributes = question.attributes.iter();
    if let Some((_, id)) = attributes.find(|(key, _)| &**key == "article") {
        case.is_granted(Capability::Knowledge)?;
        let entry = case.host.knowledge_entry(id).unwrap();
        let entry = entry.ok_or("unknown-entry")?;
        let reason = format!("updated {}: {} bytes", entry.updated_at.0, entry.body.len());
        suggest(Advice::Knowledge(entry.id), &entry.title, 50, reason, None);
    }
    if question.trigger == AssistTrigger::Requested
        && let Some(queue) = &question.queue
    {
        let advice = Advice::Next {
            code: "transfer".into(),
            argument: queue.as_str().into(),
        };
        suggest(advice, "transfer", 5, question.agent.to_string(), None);
    }
    Ok(found)
}

pub(super) fn made() -> Vec<Case> {
    let dice = Dice::new();
    let entry = || KnowledgeEntry {
        id: format!("entry-{}", dice.below(4)).into(),
        kind: dice.of(&[KnowledgeKind::ReplyTemplate, KnowledgeKind::Article]),
        title: dice.of(&["Refunds", "退款说明"]).into(),
        language: dice.of(&["zh-CN", "en"]).into(),
        body: dice
            .of(&["short", "a text of some length", "退款需要三个工作日 😀"])
            .into(),
        updated_at: Timestamp(dice.below(1 << 40)),
    };
    let case = || {
        let mut attributes = dice.attributes();
        if dice.one_in(3) {
            attributes.push(("article".into(), format!("entry-{}", dice.below(5)).into()));
        }
        let question = AssistQuestion {
            interaction: dice.interaction(),
            channel: dice.of(&[Channel::Chat, Channel::Voice]),
            agent: AgentId::new("anna").unwrap(),
            queue: dice.one_in(2).then(|| QueueId::new("billing").unwrap()),
            language: dice.of(&["zh-CN", "en"]).into(),
            trigger: dice.of(&[
                AssistTrigger::Connected,
                AssistTrigger::CustomerMessage,
                AssistTrigger::CustomerTyping,
                AssistTrigger::Requested,
            ]),
            messages: (1..=dice.below(6)).map(|number| message(&dice, number)).collect(),
            typing: dice.one_in(2).then(|| dice.text()),
            attributes,
        };
        let mut case = dice.case(json!({}), Question::Assist(Box::new(question)));
        case.host.knowledge = dice.some(6, entry);
        case
    };
    (0..200).map(|_| case()).collect()
}
