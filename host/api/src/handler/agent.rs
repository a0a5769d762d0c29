//! Agents: people who take calls.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use jackfield_contact::agent::{Agent, AgentState};
use jackfield_contact::config::AgentConfig;
use jackfield_contact::input::{Input, WantedState};
use jackfield_types::{AgentId, Channel, QueueId, Role, SkillId, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Settings of an agent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Anna", "skills": {"en": 5, "billing": 3}, "queues": ["support"]}))]
pub struct AgentBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// Level 1 to 10 of each skill, at most 64 skills.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, u8>)]
    pub skills: BTreeMap<SkillId, u8>,
    /// Queues that the agent serves. Must exist.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub queues: BTreeSet<QueueId>,
    /// Pieces of work at once, by channel (`voice`, `chat`, `sms`, `email`, `social`); voice is at most 1. One call
    /// when left out.
    #[serde(default = "one_call")]
    #[schema(value_type = BTreeMap<String, u16>)]
    pub capacity: BTreeMap<Channel, u16>,
    /// Whether a call and written conversations may be in hand together; false when left out: who has a call is offered
    /// no conversation, and who has a conversation no call.
    #[serde(default)]
    pub blended: bool,
}

fn one_call() -> BTreeMap<Channel, u16> {
    BTreeMap::from([(Channel::Voice, 1)])
}

/// An agent and what the agent is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// The agent.
    pub id: String,
    /// For people.
    pub name: String,
    /// Level of each skill.
    pub skills: BTreeMap<String, u8>,
    /// Queues that the agent serves.
    pub queues: Vec<String>,
    /// Pieces of work at once, by channel.
    pub capacity: BTreeMap<String, u16>,
    /// Whether a call and written conversations may be in hand together.
    pub blended: bool,
    /// Written conversations in hand or on offer.
    pub chats: Vec<String>,
    /// What the agent is doing.
    pub state: AgentStateView,
    /// Since when.
    pub since: u64,
    /// The interaction in hand, wrap-up included.
    pub interaction: Option<String>,
    /// What the agent asked to be when the work in hand is done.
    pub wanted: Option<WantedStateBody>,
    /// Whether the agent's phone is registered.
    pub phone: bool,
}

/// What an agent is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentStateView {
    /// `offline`, `available`, `reserved`, `talking`, `hold`, `wrap-up` or `break`.
    pub name: String,
    /// When wrap-up ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The reason of a break; the platform's own are `missed-offer` and `phone-unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A state that an agent can ask for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WantedStateBody {
    /// Ready for work.
    Available,
    /// On a break.
    Break {
        /// Shown to supervisors, at most 64 bytes.
        #[serde(default)]
        reason: String,
    },
    /// Signed out.
    Offline,
}

/// The password of an agent's phone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhonePasswordBody {
    /// 8 to 128 printable ASCII characters.
    pub password: String,
}

impl From<&Agent> for AgentView {
    fn from(agent: &Agent) -> Self {
        let config = &agent.config;
        Self {
            id: config.id.to_string(),
            name: config.name.to_string(),
            skills: config
                .skills
                .iter()
                .map(|(skill, level)| (skill.to_string(), *level))
                .collect(),
            queues: config.queues.iter().map(ToString::to_string).collect(),
            capacity: config
                .capacity
                .iter()
                .map(|(on, most)| (on.as_str().into(), *most))
                .collect(),
            blended: config.blended,
            chats: agent.chats.keys().map(ToString::to_string).collect(),
            state: (&agent.state).into(),
            since: agent.since.0,
            interaction: agent.interaction.map(|interaction| interaction.to_string()),
            wanted: agent.wanted.as_ref().map(Into::into),
            phone: agent.phone,
        }
    }
}

impl From<&AgentState> for AgentStateView {
    fn from(state: &AgentState) -> Self {
        let (until, reason) = match state {
            AgentState::WrapUp { until } => (Some(until.0), None),
            AgentState::Break { reason } => (None, Some(reason.to_string())),
            _ => (None, None),
        };
        Self {
            name: state.as_str().into(),
            until,
            reason,
        }
    }
}

impl From<&WantedState> for WantedStateBody {
    fn from(wanted: &WantedState) -> Self {
        match wanted {
            WantedState::Available => Self::Available,
            WantedState::Break(reason) => Self::Break {
                reason: reason.to_string(),
            },
            WantedState::Offline => Self::Offline,
        }
    }
}

impl TryFrom<WantedStateBody> for WantedState {
    type Error = Problem;

    fn try_from(body: WantedStateBody) -> Result<Self, Problem> {
        Ok(match body {
            WantedStateBody::Available => Self::Available,
            WantedStateBody::Offline => Self::Offline,
            WantedStateBody::Break { reason } if reason.len() <= limits::MAX_CODE_BYTES => {
                Self::Break(reason.into())
            }
            WantedStateBody::Break { .. } => {
                let detail = format!("reason: expected at most {} bytes", limits::MAX_CODE_BYTES);
                return Err(Problem::invalid("reason", detail));
            }
        })
    }
}

/// Lists the agents, by id.
#[utoipa::path(get, path = "", tag = "agents", params(Paging), responses((status = 200, body = Page<AgentView>)))]
pub(crate) async fn list_agents(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<AgentView>> {
    let page = who.tenant.read(move |centre| {
        paging.cut(
            centre.agents(),
            |agent| agent.config.id.to_string(),
            AgentView::from,
        )
    });
    Ok(Json(page.await??))
}

/// Shows one agent.
#[utoipa::path(get, path = "", tag = "agents", params(("agent" = String, Path)), responses((status = 200, body = AgentView)))]
pub(crate) async fn get_agent(who: InTenant, Path(agent): Path<AgentId>) -> Answer<AgentView> {
    view(&who, agent).await
}

async fn view(who: &InTenant, agent: AgentId) -> Answer<AgentView> {
    let id = agent.clone();
    let found = who
        .tenant
        .read(move |centre| centre.agent(&agent).map(AgentView::from))
        .await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("agent", id))?))
}

/// Makes an agent, or changes its settings. What the agent is doing stays as it is.
#[utoipa::path(put, path = "", tag = "agents", params(("agent" = String, Path)), request_body = AgentBody, responses((status = 200, body = AgentView)))]
pub(crate) async fn put_agent(
    who: InTenant,
    Path(agent): Path<AgentId>,
    Json(body): Json<AgentBody>,
) -> Answer<AgentView> {
    let AgentBody {
        name,
        skills,
        queues,
        capacity,
        blended,
    } = body;
    let config = AgentConfig {
        id: agent.clone(),
        name: name.into(),
        skills,
        queues,
        capacity,
        blended,
    };
    who.tenant.submit(Input::SetAgent(config)).await?;
    view(&who, agent).await
}

/// Removes an agent, who must have no work in hand.
#[utoipa::path(delete, path = "", tag = "agents", params(("agent" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_agent(who: InTenant, Path(agent): Path<AgentId>) -> Result<StatusCode, Problem> {
    who.tenant.submit(Input::RemoveAgent(agent)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a state: at once, or when the work in hand is done. An agent's own key may change its own state only.
#[utoipa::path(put, path = "", tag = "agents", params(("agent" = String, Path)), request_body = WantedStateBody, responses((status = 200, body = AgentView)))]
pub(crate) async fn put_agent_state(
    who: InTenant,
    Path(agent): Path<AgentId>,
    Json(body): Json<WantedStateBody>,
) -> Answer<AgentView> {
    if who
        .only_agent(&[Role::Admin, Role::Supervisor])?
        .is_some_and(|own| own != agent)
    {
        return Err(Problem::forbidden(&[Role::Admin, Role::Supervisor]));
    }
    let wanted = body.try_into()?;
    who.tenant
        .submit(Input::RequestState {
            agent: agent.clone(),
            wanted,
        })
        .await?;
    view(&who, agent).await
}

/// Sets the password with which the agent's phone registers, as user `{agent}.{tenant}`. It is never shown again.
#[utoipa::path(put, path = "", tag = "agents", params(("agent" = String, Path)), request_body = PhonePasswordBody, responses((status = 204)))]
pub(crate) async fn put_phone_password(
    who: InTenant,
    Path(agent): Path<AgentId>,
    Json(body): Json<PhonePasswordBody>,
) -> Result<StatusCode, Problem> {
    let password = body.password;
    if !(8..=128).contains(&password.len()) || !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = "password: expected 8 to 128 printable ASCII characters without spaces";
        return Err(Problem::invalid("password", detail));
    }
    let id = agent.clone();
    if !who.tenant.read(move |centre| centre.agent(&id).is_some()).await? {
        return Err(Problem::not_found("agent", agent));
    }
    who.tenant.set_phone_secret(&who.ctx, &agent, &password).await?;
    Ok(StatusCode::NO_CONTENT)
}
