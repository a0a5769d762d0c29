//! One module per kind of plugin: puts the question into WIT values, calls, checks the answer.

mod agent_assist;
mod channel_connector;
mod chat_flow;
mod flow;
mod outbound_rule;
mod pacing_strategy;
mod qa_scorecard;
mod routing_strategy;
mod tag_generator;
mod voice_flow;

use jackfield_contact::decision::{Answer, Question};
use jackfield_types::{PluginKind, article};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    Ceilings,
    bindings::exports::cx,
    fault::{Fault, failure},
    state::State,
};

/// The exports of one component, looked up once.
pub(crate) enum Exports {
    Flow(cx::voice_flow::flow::GuestIndices),
    Routing(cx::routing_strategy::strategy::GuestIndices),
    Outbound(cx::outbound_rule::rule::GuestIndices),
    Tags(cx::tag_generator::tagger::GuestIndices),
    Scorecard(cx::qa_scorecard::scorecard::GuestIndices),
    Chat(cx::chat_flow::flow::GuestIndices),
    Pacing(cx::pacing_strategy::strategy::GuestIndices),
    Connector(cx::channel_connector::connector::GuestIndices),
    Assist(cx::agent_assist::assist::GuestIndices),
}

impl Exports {
    pub(crate) fn new(kind: PluginKind, pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(match kind {
            PluginKind::VoiceFlow => Self::Flow(cx::voice_flow::flow::GuestIndices::new(pre)?),
            PluginKind::RoutingStrategy => {
                Self::Routing(cx::routing_strategy::strategy::GuestIndices::new(pre)?)
            }
            PluginKind::OutboundRule => Self::Outbound(cx::outbound_rule::rule::GuestIndices::new(pre)?),
            PluginKind::TagGenerator => Self::Tags(cx::tag_generator::tagger::GuestIndices::new(pre)?),
            PluginKind::QaScorecard => Self::Scorecard(cx::qa_scorecard::scorecard::GuestIndices::new(pre)?),
            PluginKind::ChatFlow => Self::Chat(cx::chat_flow::flow::GuestIndices::new(pre)?),
            PluginKind::PacingStrategy => {
                Self::Pacing(cx::pacing_strategy::strategy::GuestIndices::new(pre)?)
            }
            PluginKind::ChannelConnector => {
                Self::Connector(cx::channel_connector::connector::GuestIndices::new(pre)?)
            }
            PluginKind::AgentAssist => Self::Assist(cx::agent_assist::assist::GuestIndices::new(pre)?),
        })
    }

    /// Asks the instance. The answer has been checked.
    pub(crate) fn ask(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        question: &Question,
        ceilings: &Ceilings,
    ) -> Result<Answer, Fault> {
        match (self, question) {
            (Self::Flow(guest), Question::Flow(question)) => {
                voice_flow::ask(guest, store, instance, question, ceilings).map(Answer::Flow)
            }
            (Self::Routing(guest), Question::Routing(question)) => {
                routing_strategy::ask(guest, store, instance, question).map(Answer::Routing)
            }
            (Self::Outbound(guest), Question::Outbound(attempt)) => {
                outbound_rule::ask(guest, store, instance, attempt, ceilings).map(Answer::Outbound)
            }
            (Self::Tags(guest), Question::Tags(question)) => {
                tag_generator::ask(guest, store, instance, question, ceilings).map(Answer::Tags)
            }
            (Self::Scorecard(guest), Question::Scorecard(question)) => {
                qa_scorecard::ask(guest, store, instance, question, ceilings).map(Answer::Scorecard)
            }
            (Self::Chat(guest), Question::Chat(question)) => {
                chat_flow::ask(guest, store, instance, question, ceilings).map(Answer::Chat)
            }
            (Self::Pacing(guest), Question::Pacing(question)) => {
                pacing_strategy::ask(guest, store, instance, question, ceilings).map(Answer::Pacing)
            }
            (Self::Connector(guest), Question::Connector(question)) => {
                channel_connector::ask(guest, store, instance, question, ceilings)
                    .map(|answer| Answer::Connector(Box::new(answer)))
            }
            (Self::Assist(guest), Question::Assist(question)) => {
                agent_assist::ask(guest, store, instance, question, ceilings).map(Answer::Assist)
            }
            _ => Err(failure(
                "unavailable",
                format_args!(
                    "a plugin of another kind cannot answer {} {}",
                    article(question.kind().as_str()),
                    question.kind()
                ),
            )
            .into()),
        }
    }
}
