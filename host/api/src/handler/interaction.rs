//! Interactions: live and finished calls, their story, and what can be done with them.

use std::collections::BTreeMap;

use jackfield_contact::chat::Chat;
use jackfield_contact::decision::Segment;
use jackfield_contact::input::Input;
use jackfield_contact::interaction::{Interaction, Stage};
use jackfield_runtime::InteractionFilter;
use jackfield_types::{AgentId, CustomerId, InteractionId, QueueId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::OutgoingView;
use super::event::EventView;
use super::page::{Page, checked};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Roles that see all interactions; an agent sees its own.
pub(crate) const SEES_ALL: &[Role] = &[Role::Admin, Role::Supervisor, Role::Analyst];
/// Roles that steer all live calls; an agent steers its own.
pub(crate) const STEERS_ALL: &[Role] = &[Role::Admin, Role::Supervisor];

/// One customer contact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InteractionView {
    /// A UUID; also the trace id of the interaction.
    pub id: String,
    /// `voice`, `chat`, `sms`, `email` or `social`.
    pub channel: String,
    /// The caller as the network gave it; on a written channel the customer's address there; of an agent's call the number
    /// that is called.
    pub caller: String,
    /// The caller's display name.
    pub caller_name: Option<String>,
    /// The tenant's number: that was called, or that an agent calls with; null for a written conversation.
    pub number: Option<String>,
    /// What only a call has that an agent makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<OutgoingView>,
    /// What only a written conversation has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatView>,
    /// Who the customer is, when known.
    pub customer: Option<String>,
    /// When it began.
    pub started_at: u64,
    /// Where it stands.
    pub stage: StageView,
    /// What flows and agents have set.
    pub attributes: BTreeMap<String, String>,
    /// Its stretches in order; those still going on have their end at their start.
    pub segments: Vec<SegmentView>,
    /// The queue that it last waited in.
    pub queue: Option<String>,
    /// The agent who last talked with the customer.
    pub agent: Option<String>,
    /// Milliseconds waited in queues, up to now while it waits.
    pub waited_ms: u64,
    /// Milliseconds connected to agents, hold included, up to now while they talk.
    pub talked_ms: u64,
    /// Survey answers.
    pub surveys: Vec<SurveyView>,
    /// The recording, when it is stored.
    pub recording: Option<RecordingView>,
    /// How it ended, when it has.
    pub ending: Option<EndingView>,
    /// Whether the process that held the call died. It is scored only when its recording or a survey's answer was kept, or
    /// the agent had left by then.
    pub orphaned: bool,
    /// The scorecard's weighted score, 0 to 100.
    pub score: Option<f64>,
}

/// The written part of an interaction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatView {
    /// The chat entry through which the customer came.
    pub entry: String,
    /// The number of the latest message; 0 before the first.
    pub messages: u32,
    /// The number of the last message that the customer has read.
    pub customer_read: u32,
    /// The number of the last message that an agent has read.
    pub agent_read: u32,
    /// Since when the customer waits for an answer, when at all.
    pub unanswered_since: Option<u64>,
}

impl From<&Chat> for ChatView {
    fn from(chat: &Chat) -> Self {
        Self {
            entry: chat.entry.to_string(),
            messages: chat.messages,
            customer_read: chat.customer_read,
            agent_read: chat.agent_read,
            unanswered_since: chat.unanswered.map(|unanswered| unanswered.since.0),
        }
    }
}

/// Where an interaction stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StageView {
    /// `flow`, `queued`, `offered`, `dialling` (an agent calls), `talking` or `ended`.
    pub name: String,
    /// Where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// To whom it is offered, who calls, or who talks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Since when it waits, a phone is called, or they talk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Whether the agent has put the customer on hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// One stretch of an interaction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SegmentView {
    /// `ivr`, `queue`, `ringing`, `talk`, `hold`, `wrap-up` or `survey`.
    #[schema(value_type = String)]
    pub kind: jackfield_contact::decision::SegmentKind,
    /// Whose time it was.
    pub agent: Option<String>,
    /// Where it waited.
    pub queue: Option<String>,
    /// Milliseconds from the beginning.
    pub start_ms: u64,
    /// Milliseconds from the beginning.
    pub end_ms: u64,
}

/// An answered survey question.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SurveyView {
    /// The question's id, for example `csat`.
    pub question: String,
    /// The digit pressed.
    pub value: u8,
    /// The lowest digit that was an answer.
    pub lowest: u8,
    /// The highest digit that was an answer.
    pub highest: u8,
}

/// A stored recording; the sound is at `…/recording`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordingView {
    /// SHA-256 of the WAV, 64 hex digits.
    pub digest: String,
    /// When it began.
    pub started_at: u64,
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// Milliseconds in which the customer spoke.
    pub customer_ms: u64,
    /// Milliseconds in which the agent spoke.
    pub agent_ms: u64,
    /// Milliseconds in which both spoke at once.
    pub talk_over_ms: u64,
    /// Milliseconds of dead air.
    pub silence_ms: u64,
    /// How often the agent cut the customer short.
    pub interruptions: u32,
}

/// How an interaction ended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EndingView {
    /// When. Of an orphaned call the last moment of which the server knows that it was there.
    pub at: u64,
    /// `customer`, `agent`, `flow`, `system`, or `restart` of an orphaned call; null in those of before.
    #[schema(value_type = Option<String>)]
    pub by: Option<jackfield_contact::event::EndedBy>,
    /// `ivr`, `queue` or `ringing`, when the customer gave up before an agent answered.
    #[schema(value_type = Option<String>)]
    pub abandoned: Option<jackfield_contact::event::AbandonStage>,
}

/// As it stands now: what goes on counts up to this moment.
impl From<Interaction> for InteractionView {
    fn from(interaction: Interaction) -> Self {
        let now = clock::now();
        let surveys = interaction.surveys.iter().map(|answer| SurveyView {
            question: answer.question.to_string(),
            value: answer.value,
            lowest: answer.lowest,
            highest: answer.highest,
        });
        let recording = interaction.recording.as_ref().map(|recording| RecordingView {
            digest: recording.digest.to_string(),
            started_at: recording.started_at.0,
            length_ms: recording.length_ms,
            customer_ms: recording.speech.customer_ms,
            agent_ms: recording.speech.agent_ms,
            talk_over_ms: recording.speech.talk_over_ms,
            silence_ms: recording.speech.silence_ms,
            interruptions: recording.speech.interruptions,
        });
        let ending = interaction.ending.as_ref().map(|ending| EndingView {
            at: ending.at.0,
            by: ending.by,
            abandoned: ending.abandoned,
        });
        let attributes = interaction.attributes.iter();
        Self {
            id: interaction.id.to_string(),
            channel: interaction.channel.as_str().into(),
            caller: interaction.caller.to_string(),
            caller_name: interaction.caller_name.as_ref().map(ToString::to_string),
            number: interaction.number.as_ref().map(ToString::to_string),
            outgoing: interaction.outgoing.as_deref().map(OutgoingView::from),
            chat: interaction.chat.as_deref().map(ChatView::from),
            customer: interaction.customer.as_ref().map(ToString::to_string),
            started_at: interaction.started_at.0,
            stage: (&interaction.stage).into(),
            attributes: attributes
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            segments: interaction.segments.iter().map(SegmentView::from).collect(),
            queue: interaction.queue.as_ref().map(ToString::to_string),
            agent: interaction.agent.as_ref().map(ToString::to_string),
            waited_ms: interaction.waited_ms_by(now),
            talked_ms: interaction.talked_ms_by(now),
            surveys: surveys.collect(),
            recording,
            ending,
            orphaned: interaction.orphaned,
            score: interaction.score,
        }
    }
}

impl From<&Segment> for SegmentView {
    fn from(segment: &Segment) -> Self {
        Self {
            kind: segment.kind,
            agent: segment.agent.as_ref().map(ToString::to_string),
            queue: segment.queue.as_ref().map(ToString::to_string),
            start_ms: segment.start_ms,
            end_ms: segment.end_ms,
        }
    }
}

impl From<&Stage> for StageView {
    fn from(stage: &Stage) -> Self {
        let named = |name: &str| Self {
            name: name.into(),
            queue: None,
            agent: None,
            since: None,
            held: None,
        };
        match stage {
            Stage::Flow => named("flow"),
            Stage::Queued(work) => Self {
                queue: Some(work.queue.to_string()),
                since: Some(work.since.0),
                ..named("queued")
            },
            Stage::Offered { work, agent, .. } => Self {
                queue: Some(work.queue.to_string()),
                agent: Some(agent.to_string()),
                since: Some(work.since.0),
                ..named("offered")
            },
            Stage::Dialling { agent, since, .. } => Self {
                agent: Some(agent.to_string()),
                since: Some(since.0),
                ..named("dialling")
            },
            Stage::Talking { agent, since, held } => Self {
                agent: Some(agent.to_string()),
                since: Some(since.0),
                held: Some(*held),
                ..named("talking")
            },
            Stage::Ended => named("ended"),
        }
    }
}

/// Which interactions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InteractionQuery {
    /// True: those that go on; false: those that are over.
    live: Option<bool>,
    /// Those that last waited in this queue.
    #[param(value_type = Option<String>)]
    queue: Option<QueueId>,
    /// Those that this agent handled. An agent's own key sees its own in any case.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Those of this customer.
    #[param(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// Those that began at this time or later.
    since: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 when left out.
    limit: Option<usize>,
}

/// Where to send a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// The queue.
    #[schema(value_type = String)]
    pub queue: QueueId,
}

/// Lists interactions, newest first.
#[utoipa::path(get, path = "", tag = "calls", params(InteractionQuery), responses((status = 200, body = Page<InteractionView>)))]
pub(crate) async fn list_interactions(
    who: InTenant,
    Query(query): Query<InteractionQuery>,
) -> Answer<Page<InteractionView>> {
    let limit = checked(query.limit, query.cursor.as_deref())?;
    let own = who.only_agent(SEES_ALL)?;
    if let (Some(own), Some(agent)) = (&own, &query.agent)
        && own != agent
    {
        return Err(Problem::forbidden(SEES_ALL));
    }
    let filter = InteractionFilter {
        live: query.live,
        queue: query.queue,
        agent: own.or(query.agent),
        customer: query.customer,
        since: query.since.map(Timestamp),
    };
    Ok(Json(
        who.tenant
            .interactions(&who.ctx, &filter, query.cursor, limit)
            .await?
            .into(),
    ))
}

/// The interaction, unless it is an agent's key and none of the agent's.
pub(crate) async fn find(
    who: &InTenant,
    id: InteractionId,
    lifted_by: &[Role],
) -> Result<Interaction, Problem> {
    let own = who.only_agent(lifted_by)?;
    let found = who.tenant.interaction(&who.ctx, id).await?.filter(|found| {
        let Some(own) = &own else { return true };
        let at_hand = match &found.stage {
            Stage::Offered { agent, .. } | Stage::Dialling { agent, .. } | Stage::Talking { agent, .. } => {
                agent == own
            }
            _ => false,
        };
        at_hand || found.agent.as_ref() == Some(own)
    });
    found.ok_or_else(|| Problem::not_found("interaction", id))
}

/// Shows one interaction.
#[utoipa::path(get, path = "", tag = "calls", params(("interaction" = String, Path)), responses((status = 200, body = InteractionView)))]
pub(crate) async fn get_interaction(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<InteractionView> {
    Ok(Json(find(&who, interaction, SEES_ALL).await?.into()))
}

/// Tells the story of one interaction: all its events in order.
#[utoipa::path(get, path = "", tag = "calls", params(("interaction" = String, Path)), responses((status = 200, body = Page<EventView>)))]
pub(crate) async fn list_interaction_events(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<Page<EventView>> {
    find(&who, interaction, SEES_ALL).await?;
    let events = who.tenant.interaction_events(&who.ctx, interaction).await?;
    Ok(Json(Page {
        items: events.iter().map(EventView::from).collect(),
        next: None,
    }))
}

/// Sends a customer who talks with an agent to a queue. An agent's own key may do it with its own call.
#[utoipa::path(post, path = "", tag = "calls", params(("interaction" = String, Path)), request_body = TransferBody, responses((status = 200, body = InteractionView)))]
pub(crate) async fn transfer_interaction(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Json(body): Json<TransferBody>,
) -> Answer<InteractionView> {
    find(&who, interaction, STEERS_ALL).await?;
    who.tenant
        .submit(Input::TransferToQueue {
            interaction,
            queue: body.queue,
        })
        .await?;
    Ok(Json(find(&who, interaction, STEERS_ALL).await?.into()))
}

/// Ends a live interaction: hangs up. An agent's own key may do it with its own call.
#[utoipa::path(post, path = "", tag = "calls", params(("interaction" = String, Path)), responses((status = 200, body = InteractionView)))]
pub(crate) async fn end_interaction(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<InteractionView> {
    find(&who, interaction, STEERS_ALL).await?;
    who.tenant.submit(Input::EndInteraction(interaction)).await?;
    Ok(Json(find(&who, interaction, STEERS_ALL).await?.into()))
}
