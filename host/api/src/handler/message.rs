//! Written conversations as agents see them: what was written, answering, taking and letting go.

use std::time::Duration;

use axum::http::StatusCode;
use jackfield_contact::chat::Side;
use jackfield_contact::decision::{Author, Choice};
use jackfield_contact::input::{Draft, Input};
use jackfield_contact::interaction::Stage;
use jackfield_runtime::{ArticleUse, DeliveryState, StoredMessage};
use jackfield_types::{AgentId, ArticleId, AttachmentId, InteractionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::attachment::AttachmentView;
use super::interaction::{InteractionView, SEES_ALL, STEERS_ALL, find};
use super::page::Page;
use super::reply_template::{TemplateUse, filled};
use super::suggestion::MAX_WAIT_MS;
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// How long the customer is shown that an agent is writing, unless it is said again.
const TYPING_MS: u64 = 5_000;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Counts up from 1 within the conversation, without gaps.
    pub number: u32,
    /// When it was accepted.
    pub at: u64,
    /// `customer`, `agent`, `bot` or `system`.
    pub author: String,
    /// The agent who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The text: plain, never markup.
    pub text: String,
    /// The choice that the customer picked with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// What came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentView>,
    /// What the customer may pick in answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceView>,
    /// The id that its sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Whether there was more of it than a message, or one request of a provider, can hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// How it went out, when it goes out through a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryView>,
}

/// How a message went out through a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// `queued`, `sent`, `delivered`, `read` or `failed`.
    #[schema(value_type = String)]
    pub state: DeliveryState,
    /// Since when.
    pub at: u64,
    /// Tries so far.
    pub attempts: u32,
    /// Why the last try failed: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the provider said about that, where it may be shown; addresses are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// What the customer may pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChoiceView {
    /// Sent back when it is picked.
    pub id: String,
    /// What the customer sees.
    pub label: String,
}

impl From<&Choice> for ChoiceView {
    fn from(choice: &Choice) -> Self {
        Self {
            id: choice.id.to_string(),
            label: choice.label.to_string(),
        }
    }
}

impl From<&StoredMessage> for MessageView {
    fn from(stored: &StoredMessage) -> Self {
        let (author, agent) = match &stored.message.author {
            Author::Customer => ("customer", None),
            Author::Agent(agent) => ("agent", Some(agent.to_string())),
            Author::Bot => ("bot", None),
            Author::System => ("system", None),
        };
        let choices = stored.choices.iter().map(ChoiceView::from);
        Self {
            number: stored.message.number,
            at: stored.message.at.0,
            author: author.into(),
            agent,
            text: stored.message.text.to_string(),
            choice: stored.choice.as_ref().map(ToString::to_string),
            attachments: stored.attachments.iter().map(AttachmentView::from).collect(),
            choices: choices.collect(),
            client_id: stored.client_id.as_ref().map(ToString::to_string),
            cut: stored.cut,
            delivery: stored.delivery.as_ref().map(|delivery| DeliveryView {
                state: delivery.state,
                at: delivery.at.0,
                attempts: delivery.attempts,
                reason: delivery.reason.clone(),
                words: delivery.words.clone(),
            }),
        }
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// Those with a higher number; all when left out.
    after: Option<u32>,
    /// At most so many, 1 to 200; 50 when left out.
    limit: Option<usize>,
}

/// What an agent writes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Good morning, how can I help?", "client_id": "3f1c"}))]
pub struct MessageBody {
    /// 1 to 8,192 bytes; left out when a template is sent, and with attachments if there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The ids of attachments that the agent's side has uploaded to the conversation, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub attachments: Vec<AttachmentId>,
    /// The reply template that is sent in its place, filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// The id of the article that the answer is from: it counts as used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// An id of the sender's own, 1 to 64 bytes: a message with an id that was there counts as that one, whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// How far it was read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadBody {
    /// The number of the last message read.
    pub up_to: u32,
}

/// Lists the messages of a conversation, oldest first. `next` is the `after` of the next page.
#[utoipa::path(get, path = "", tag = "chat", params(("interaction" = String, Path), MessageQuery), responses((status = 200, body = Page<MessageView>)))]
pub(crate) async fn list_messages(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Query(query): Query<MessageQuery>,
) -> Answer<Page<MessageView>> {
    let limit = super::page::checked(query.limit, None)?;
    find(&who, interaction, SEES_ALL).await?;
    let after = query.after.unwrap_or(0);
    let found = who.tenant.messages(&who.ctx, interaction, after, limit).await?;
    let next = (found.len() == limit).then(|| found.last().map(|last| last.message.number.to_string()));
    Ok(Json(Page {
        items: found.iter().map(MessageView::from).collect(),
        next: next.flatten(),
    }))
}

/// The agent who acts: the own one with an agent's key, else the one who has the conversation or is offered it.
pub(crate) async fn acting(who: &InTenant, interaction: InteractionId) -> Result<AgentId, Problem> {
    let found = find(who, interaction, STEERS_ALL).await?;
    match (who.only_agent(STEERS_ALL)?, found.stage) {
        (Some(own), _) => Ok(own),
        (None, Stage::Offered { agent, .. } | Stage::Talking { agent, .. }) => Ok(agent),
        (None, _) => Err(Problem::conflict(
            "wrong-state",
            format!("no agent has interaction {interaction} in hand or on offer"),
        )),
    }
}

async fn view(who: &InTenant, interaction: InteractionId) -> Answer<InteractionView> {
    // A conversation that has been declined is no longer the agent's to see.
    let found = who.tenant.interaction(&who.ctx, interaction).await?;
    let found = found.ok_or_else(|| Problem::not_found("interaction", interaction))?;
    Ok(Json(found.into()))
}

/// Writes to the customer, in the name of the agent who has the conversation.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), request_body = MessageBody, responses((status = 201, body = MessageView)))]
pub(crate) async fn send_message(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Json(body): Json<MessageBody>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let agent = acting(&who, interaction).await?;
    let client_id = body.client_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let article = body.article.as_deref().map(ArticleId::new).transpose()?;
    let text = match body.template {
        Some(_) if !body.text.is_empty() => {
            let detail = "text: expected none beside a template";
            return Err(Problem::invalid("text", detail));
        }
        Some(template) => filled(&who, interaction, Some(agent.clone()), template).await?,
        None => body.text,
    };
    let message = Draft {
        text: text.into(),
        attachments: who
            .tenant
            .attached(&who.ctx, interaction, Side::Agent, &body.attachments)
            .await?,
        client_id: Some(client_id.as_str().into()),
        ..Draft::default()
    };
    let written = Input::AgentWrites {
        interaction,
        agent,
        message,
    };
    let number = who.tenant.submit_and(written, move |centre| {
        let chat = centre.interaction(interaction)?.chat.as_ref()?;
        chat.number_of(Side::Agent, &client_id)
    });
    let number = number.await?.unwrap_or(1);
    if let Some(article) = article {
        let used = who.tenant.count_article_use(&who.ctx, &article, ArticleUse::Used);
        // The message is sent, whatever becomes of the count.
        used.await
            .unwrap_or_else(|error| tracing::debug!(%error, "a use of an article is not counted"));
    }
    let found = who.tenant.messages(&who.ctx, interaction, number - 1, 1).await?;
    let found = found.first().map(MessageView::from);
    let found = found.ok_or_else(|| Problem::not_found("message", number))?;
    Ok((StatusCode::CREATED, Json(found)))
}

/// Takes the conversation that is on offer.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 200, body = InteractionView)))]
pub(crate) async fn accept_offer(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<InteractionView> {
    let agent = acting(&who, interaction).await?;
    who.tenant
        .submit(Input::AcceptOffer { interaction, agent })
        .await?;
    view(&who, interaction).await
}

/// Declines the conversation that is on offer: the next agent is looked for.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 200, body = InteractionView)))]
pub(crate) async fn decline_offer(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<InteractionView> {
    let agent = acting(&who, interaction).await?;
    who.tenant
        .submit(Input::DeclineOffer { interaction, agent })
        .await?;
    view(&who, interaction).await
}

/// Ends the agent's part in a written conversation; the flow may ask a survey. To end it for the customer too: `end`.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 200, body = InteractionView)))]
pub(crate) async fn leave_chat(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Answer<InteractionView> {
    let agent = acting(&who, interaction).await?;
    who.tenant.submit(Input::LeaveChat { interaction, agent }).await?;
    view(&who, interaction).await
}

/// Says how far the agent has read.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), request_body = ReadBody, responses((status = 204)))]
pub(crate) async fn read_messages(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Json(body): Json<ReadBody>,
) -> Result<StatusCode, Problem> {
    acting(&who, interaction).await?;
    let read = Input::MessagesRead {
        interaction,
        by: Side::Agent,
        up_to: body.up_to,
    };
    who.tenant.submit(read).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the customer is writing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CustomerTypingView {
    /// Another number with every change, to be sent as `known`; 0 before the first.
    pub revision: u64,
    /// Until when the customer is taken to be writing, unless it is said again; null: not.
    pub until: Option<u64>,
    /// What is written so far and not sent; null where the chat entry does not show it.
    pub text: Option<String>,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TypingQuery {
    /// The `revision` that the caller has; 0 when left out.
    known: Option<u64>,
    /// When there is nothing else, wait so long for it: 0 to 20,000 ms.
    wait_ms: Option<u64>,
}

/// Whether the customer is writing, for the agent who has the conversation. It is kept for five seconds and never journaled.
#[utoipa::path(get, path = "", tag = "chat", params(("interaction" = String, Path), TypingQuery), responses((status = 200, body = CustomerTypingView)))]
pub(crate) async fn get_typing(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Query(query): Query<TypingQuery>,
) -> Answer<CustomerTypingView> {
    let found = find(&who, interaction, STEERS_ALL).await?;
    let own = who.only_agent(STEERS_ALL)?;
    if !matches!(found.stage, Stage::Talking { agent, .. } if own.is_none_or(|own| own == agent)) {
        let detail =
            format!("only the agent who has interaction {interaction} sees that its customer is writing");
        return Err(Problem::conflict("wrong-state", detail));
    }
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0).min(MAX_WAIT_MS));
    let known = query.known.unwrap_or(0);
    let typing = who.tenant.customer_typing(interaction, known, wait).await;
    Ok(Json(CustomerTypingView {
        revision: typing.revision,
        until: typing.until.map(|until| until.0),
        text: typing.text.map(|text| text.to_string()),
    }))
}

/// Shows the customer for five seconds that the agent is writing.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 204)))]
pub(crate) async fn show_typing(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Result<StatusCode, Problem> {
    acting(&who, interaction).await?;
    who.tenant.show_typing(interaction, Side::Agent, TYPING_MS);
    Ok(StatusCode::NO_CONTENT)
}
