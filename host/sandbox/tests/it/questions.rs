//! One question to each kind of plugin.

use std::sync::Arc;

use jackfield_contact::decision::{
    AssistQuestion, AssistTrigger, Author, ChatEvent, ChatInfo, ChatQuestion, Compliance, ConnectorQuestion,
    Message, OutgoingMessage, PacingQuestion, ProviderResponse, Question, RecentAttempts, Webhook,
};
use jackfield_types::{AgentId, CampaignId, Channel, ChatEntryId, PluginKind, QueueId, Timestamp};

use crate::{attempt, finished, interaction, occasion, queue, step};

/// What can be asked of a kind: every function of its world once.
pub(crate) fn questions(kind: PluginKind) -> Vec<Arc<Question>> {
    match kind {
        PluginKind::VoiceFlow => vec![step()],
        PluginKind::ChatFlow => vec![chat()],
        PluginKind::RoutingStrategy => vec![queue(3, 10)],
        PluginKind::OutboundRule => vec![attempt()],
        PluginKind::PacingStrategy => vec![pacing()],
        PluginKind::TagGenerator => vec![occasion()],
        PluginKind::QaScorecard => vec![finished()],
        PluginKind::ChannelConnector => vec![webhook(), outgoing(), response()],
        PluginKind::AgentAssist => vec![conversation()],
    }
}

fn message() -> Message {
    Message {
        number: 1,
        at: Timestamp(1),
        author: Author::Customer,
        text: "请问怎么退款？".into(),
    }
}

fn chat() -> Arc<Question> {
    Arc::new(Question::Chat(Box::new(ChatQuestion {
        state: vec![],
        event: ChatEvent::Started,
        chat: ChatInfo {
            interaction: interaction(),
            channel: Channel::Chat,
            entry: ChatEntryId::new("website").unwrap(),
            address: "visitor-1".into(),
            started_at: Timestamp(1),
            language: "zh-CN".into(),
            attributes: vec![],
        },
    })))
}

fn pacing() -> Arc<Question> {
    Arc::new(Question::Pacing(Box::new(PacingQuestion {
        campaign: CampaignId::new("spring").unwrap(),
        free: 4,
        busy: vec![],
        ringing: 1,
        waiting: 0,
        lines: 30,
        callable: 1_000,
        recent: RecentAttempts {
            period_ms: 1_800_000,
            attempts: 400,
            answered: 160,
            mean_ring_ms: 12_000,
            mean_talk_ms: 180_000,
            mean_wrap_up_ms: 30_000,
        },
        compliance: Compliance {
            answered: 5_000,
            abandoned: 50,
            allowed_ppm: 30_000,
        },
    })))
}

fn webhook() -> Arc<Question> {
    Arc::new(Question::Connector(Box::new(ConnectorQuestion::Receive(
        Webhook {
            method: "POST".into(),
            query: vec![],
            headers: vec![("content-type".into(), "application/json".into())],
            body: br#"{"messages": [{"id": "m1", "from": "u1", "text": "hi"}]}"#.to_vec(),
        },
    ))))
}

fn outgoing() -> Arc<Question> {
    Arc::new(Question::Connector(Box::new(ConnectorQuestion::Render(
        OutgoingMessage {
            id: "0198f000-1".into(),
            sender: "shop".into(),
            recipient: "u1".into(),
            text: "Hello".into(),
            choices: vec![],
            in_reply_to: None,
        },
    ))))
}

fn response() -> Arc<Question> {
    Arc::new(Question::Connector(Box::new(ConnectorQuestion::Conclude(
        ProviderResponse {
            message: "0198f000-1".into(),
            status: 200,
            headers: vec![],
            body: br#"{"id": "p1"}"#.to_vec(),
        },
    ))))
}

fn conversation() -> Arc<Question> {
    Arc::new(Question::Assist(Box::new(AssistQuestion {
        interaction: interaction(),
        channel: Channel::Chat,
        agent: AgentId::new("anna").unwrap(),
        queue: Some(QueueId::new("support").unwrap()),
        language: "zh-CN".into(),
        trigger: AssistTrigger::CustomerMessage,
        messages: vec![message()],
        typing: None,
        attributes: vec![],
    })))
}
