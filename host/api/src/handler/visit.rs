//! The chat window's side: beginning a conversation, its messages with and without a socket, and the window itself.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jackfield_contact::chat::Side;
use jackfield_contact::decision::ChatMessage;
use jackfield_contact::event::Event;
use jackfield_contact::input::{Draft, Input};
use jackfield_runtime::{ChatNews, Tenant, Visitor};
use jackfield_types::{AttachmentId, ChatEntryId, InteractionId, OpContext, TenantId, is_name, limits};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::message::{ChoiceView, MessageView, ReadBody};
use crate::auth::bearer;
use crate::chat::flood::{Whose, address_of};
use crate::chat::frame::Standing;
use crate::chat::socket::Window;
use crate::chat::standing;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};
use crate::link_page::escaped;
use crate::{App, clock};

/// The longest that a request for news waits.
const MAX_WAIT_MS: u64 = 20_000;
/// Bytes of one frame of a socket: a message of the longest text, with its escapes.
const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Bytes read from a socket at once. Each window has room for so many, which is cleared whenever the socket is looked at: with
/// the 128 KiB that are usual that was most of the memory, and of the work, of a server with many windows.
const READ_AT_ONCE: usize = 4 * 1024;

/// One script, as sites include it, with its style in its place.
static WIDGET: LazyLock<String> = LazyLock::new(|| {
    let style = include_str!("../../assets/chat.css");
    include_str!("../../assets/chat.js").replace("/* chat.css */", style)
});
const PAGE: &str = include_str!("../../assets/chat.html");

/// Whose a request is: who connected, or whom proxies name that are trusted. [`serve`](crate::serve) puts it among the
/// request's extensions; requests without it count as those of one address.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Where: which tenant, which entry, and from which address.
pub(crate) struct Door {
    app: App,
    pub(super) tenant: Tenant,
    pub(super) entry: ChatEntryId,
    pub(super) peer: IpAddr,
}

/// What begins a conversation, or goes on with one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBody {
    /// The visitor's token of an earlier session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What the visitor wants to be called, 1 to 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A session of a chat window.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The window's secret: whoever has it is this visitor. Good for 180 days.
    pub token: String,
    /// The conversation.
    pub conversation: String,
    /// What the window is called.
    pub title: String,
    /// The entry's language (BCP 47).
    pub language: String,
}

/// What a window shows before anybody has written.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VisitView {
    /// The window's secret: whoever has it is this visitor. Good for 180 days.
    pub token: String,
    /// The visitor's conversation, when one is going on at the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What the window is called.
    pub title: String,
    /// The entry's language (BCP 47).
    pub language: String,
    /// What the bot says first, when there is one and no conversation is going on. A conversation that begins within an hour
    /// begins with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub greeting: Vec<GreetingView>,
}

/// A message of a greeting.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GreetingView {
    /// The text: plain, never markup.
    pub text: String,
    /// What the visitor may pick in answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceView>,
}

/// Which news.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewsQuery {
    /// The number of the last message that the window has; 0 when left out.
    after: Option<u32>,
    /// When there is nothing new, wait so long for it: 0 to 20,000 ms.
    wait_ms: Option<u64>,
}

/// What is new in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewsView {
    /// Messages above `after`, oldest first, at most 200.
    pub messages: Vec<MessageView>,
    /// How the conversation stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// The number of the last message that the agent has read.
    pub agent_read: u32,
}

/// What a visitor writes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteBody {
    /// An id of the window's own, 1 to 64 bytes: a message with an id that was there counts as that one, whatever it says.
    pub client_id: String,
    /// At most 8,192 bytes; may be empty when a choice is picked or something is attached.
    #[serde(default)]
    pub text: String,
    /// The ids of attachments that the visitor has uploaded to the conversation, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub attachments: Vec<AttachmentId>,
    /// The id of a choice that was offered with the last message that offered any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

impl From<&ChatMessage> for GreetingView {
    fn from(message: &ChatMessage) -> Self {
        Self {
            text: message.text.to_string(),
            choices: message.choices.iter().map(ChoiceView::from).collect(),
        }
    }
}

/// The number that a message got.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WrittenView {
    /// Counts up from 1 within the conversation.
    pub number: u32,
}

pub(super) async fn door(
    app: App,
    peer: Option<Extension<Peer>>,
    (tenant, entry): (TenantId, ChatEntryId),
) -> Result<(Door, SessionView), Problem> {
    let missing = || Problem::not_found("chat entry", format!("{tenant}/{entry}"));
    let found = app.platform.tenant(&tenant).ok_or_else(missing)?;
    let wanted = entry.clone();
    let config = found
        .read(move |centre| centre.chat_entry(&wanted).cloned())
        .await?;
    let config = config.ok_or_else(missing)?;
    let peer = address_of(peer);
    let view = SessionView {
        token: String::new(),
        conversation: String::new(),
        title: config.name.to_string(),
        language: config.language.to_string(),
    };
    Ok((
        Door {
            app,
            tenant: found,
            entry,
            peer,
        },
        view,
    ))
}

impl Door {
    fn visitor(&self, token: &str) -> Option<Visitor> {
        let known = self.app.platform.visitors().recognise(token, clock::now());
        known.filter(|visitor| visitor.tenant == *self.tenant.id())
    }

    /// The visitor whose token a window has, or a new one; takes one out of a bucket.
    fn welcome(&self, body: &SessionBody, whose: Whose) -> Result<(Visitor, String), Problem> {
        if let Some(channel) = self.tenant.channel_of(&self.entry) {
            let detail =
                format!("conversations at this entry come through channel {channel}, not from a chat window");
            return Err(Problem::conflict("fed-by-channel", detail));
        }
        let now = clock::now();
        self.app.flood.take(whose, now)?;
        if body.name.as_deref().is_some_and(|name| !is_name(name)) {
            return Err(Problem::invalid(
                "name",
                format!("name: {}", jackfield_types::NAME_EXPECTED),
            ));
        }
        let known = body.token.as_ref();
        if let Some((visitor, token)) = known.and_then(|token| Some((self.visitor(token)?, token))) {
            return Ok((visitor, token.clone()));
        }
        let visitors = self.app.platform.visitors();
        let new = visitors.welcome(self.tenant.id(), now);
        new.map_err(|error| Problem::unavailable(format!("no random bytes from the system: {error}")))
    }

    /// The visitor whose token the request carries.
    pub(super) fn known_visitor(&self, headers: &HeaderMap) -> Result<Visitor, Problem> {
        let token = bearer(headers).ok_or_else(Problem::no_key)?;
        let visitor = self.visitor(token).ok_or_else(Problem::unknown_key)?;
        let flood = &self.app.flood;
        let now = clock::now();
        flood.take(Whose::Visitor(visitor.name.clone()), now)?;
        flood.take(Whose::Address(self.peer), now)?;
        Ok(visitor)
    }

    /// The visitor whose token the request carries, and the conversation.
    pub(super) async fn conversation(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Visitor, InteractionId), Problem> {
        let visitor = self.known_visitor(headers)?;
        let known = self
            .tenant
            .conversation(self.entry.clone(), visitor.name.as_str().into());
        let id = known.await?.ok_or_else(|| {
            Problem::conflict("no-conversation", "there is no conversation going on; begin one")
        })?;
        Ok((visitor, id))
    }

    pub(super) fn ctx(&self) -> OpContext {
        OpContext::system(self.tenant.id().clone(), "chat")
    }
}

/// Somebody opens the window: says who the visitor is, and what the bot greets with. No conversation begins, so nothing is
/// queued or counted before the visitor writes. Without a token the visitor is new.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), request_body = SessionBody, responses((status = 200, body = VisitView)))]
pub(crate) async fn begin_visit(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    Json(body): Json<SessionBody>,
) -> Answer<VisitView> {
    let (door, view) = door(app, peer, place).await?;
    let (visitor, token) = door.welcome(&body, Whose::Visits(door.peer))?;
    let name: Arc<str> = visitor.name.into();
    let conversation = door.tenant.conversation(door.entry.clone(), name.clone()).await?;
    let greeting = match conversation {
        Some(_) => Vec::new(),
        None => door.tenant.greet(&door.ctx(), &door.entry, &name).await?,
    };
    Ok(Json(VisitView {
        token,
        conversation: conversation.map(|id| id.to_string()),
        title: view.title,
        language: view.language,
        greeting: greeting.iter().map(GreetingView::from).collect(),
    }))
}

/// Begins a conversation, or goes on with the visitor's own. Without a token the visitor is new.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), request_body = SessionBody, responses((status = 200, body = SessionView)))]
pub(crate) async fn begin_session(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    Json(body): Json<SessionBody>,
) -> Answer<SessionView> {
    let (door, view) = door(app, peer, place).await?;
    let (visitor, token) = door.welcome(&body, Whose::Beginnings(door.peer))?;
    let name = body.name.map(Into::into);
    let id = door
        .tenant
        .begin_chat(&door.ctx(), door.entry.clone(), visitor.name.into(), name)
        .await?;
    Ok(Json(SessionView {
        token,
        conversation: id.to_string(),
        ..view
    }))
}

/// What is new in the visitor's conversation, for windows that get no socket. Carries the visitor's token as bearer.
#[utoipa::path(get, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path), NewsQuery), responses((status = 200, body = NewsView)))]
pub(crate) async fn read_news(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    Query(query): Query<NewsQuery>,
    headers: HeaderMap,
) -> Answer<NewsView> {
    let (door, _) = door(app, peer, place).await?;
    let (_, id) = door.conversation(&headers).await?;
    let after = query.after.unwrap_or(0);
    let wait_ms = query.wait_ms.unwrap_or(0).min(MAX_WAIT_MS);
    let mut news = door.tenant.listen(id)?;
    let most = limits::MAX_MESSAGES_PAGE;
    let mut found = door.tenant.messages(&door.ctx(), id, after, most).await?;
    if found.is_empty() && wait_ms > 0 {
        let told = async { while news.recv().await.is_some_and(|news| !concerns_window(&news)) {} };
        // Nothing new is an answer too.
        let _ = timeout(Duration::from_millis(wait_ms), told).await;
        found = door.tenant.messages(&door.ctx(), id, after, most).await?;
    }
    let agent_read = door.tenant.read(move |centre| {
        let chat = centre.interaction(id).and_then(|it| it.chat.as_ref());
        chat.map_or(0, |chat| chat.agent_read)
    });
    Ok(Json(NewsView {
        messages: found.iter().map(MessageView::from).collect(),
        agent_read: agent_read.await?,
        standing: standing(&door.tenant, id).await?,
    }))
}

/// Whether the window shows something else then.
fn concerns_window(news: &ChatNews) -> bool {
    let ChatNews::Entry(entry) = news else {
        return false;
    };
    matches!(
        entry.recorded.event,
        Event::MessageSent { .. }
            | Event::MessagesRead { by: Side::Agent, .. }
            | Event::Queued { .. }
            | Event::LeftQueue { .. }
            | Event::Connected { .. }
            | Event::AgentLeft { .. }
            | Event::InteractionEnded { .. }
    )
}

/// Writes as the visitor. Answered when the message is durable.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), request_body = WriteBody, responses((status = 201, body = WrittenView)))]
pub(crate) async fn write_message(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    headers: HeaderMap,
    Json(body): Json<WriteBody>,
) -> Result<(StatusCode, Json<WrittenView>), Problem> {
    let (door, _) = door(app, peer, place).await?;
    let (_, interaction) = door.conversation(&headers).await?;
    let client_id = body.client_id;
    let message = Draft {
        text: body.text.into(),
        choice: body.choice.map(Into::into),
        attachments: door
            .tenant
            .attached(&door.ctx(), interaction, Side::Customer, &body.attachments)
            .await?,
        client_id: Some(client_id.as_str().into()),
        ..Draft::default()
    };
    let written = Input::CustomerWrites { interaction, message };
    let number = door.tenant.submit_and(written, move |centre| {
        let chat = centre.interaction(interaction)?.chat.as_ref()?;
        chat.number_of(Side::Customer, &client_id)
    });
    let number = number.await?.unwrap_or(0);
    Ok((StatusCode::CREATED, Json(WrittenView { number })))
}

/// Says how far the visitor has read.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), request_body = ReadBody, responses((status = 204)))]
pub(crate) async fn read_so_far(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    headers: HeaderMap,
    Json(body): Json<ReadBody>,
) -> Result<StatusCode, Problem> {
    let (door, _) = door(app, peer, place).await?;
    let (_, interaction) = door.conversation(&headers).await?;
    let read = Input::MessagesRead {
        interaction,
        by: Side::Customer,
        up_to: body.up_to,
    };
    door.tenant.submit(read).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes the visitor's conversation.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), responses((status = 204)))]
pub(crate) async fn end_conversation(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (door, _) = door(app, peer, place).await?;
    let (_, interaction) = door.conversation(&headers).await?;
    door.tenant.submit(Input::CustomerLeaves(interaction)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The window's socket (WebSocket). Its frames are JSON objects; the first says `hello` with the visitor's token and the
/// number of the last message that the window has.
#[utoipa::path(get, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), responses((status = 101)))]
pub(crate) async fn open_socket(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let (door, _) = door(app, peer, place).await?;
    door.app.flood.take(Whose::Address(door.peer), clock::now())?;
    let place = door.app.sockets.take(door.peer, door.tenant.id())?;
    let Door {
        app,
        tenant,
        entry,
        peer,
    } = door;
    Ok(upgrade
        .read_buffer_size(READ_AT_ONCE)
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .on_upgrade(async move |socket| {
            let _place = place;
            Window::new(socket, app, tenant, entry, peer).serve().await;
        }))
}

/// The chat window as one script, to be embedded in any page that the entry allows.
#[utoipa::path(get, path = "", tag = "chat", responses((status = 200, content_type = "text/javascript")))]
pub(crate) async fn get_widget() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        // A script of another host is taken by its page only when this says so.
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    (headers, WIDGET.as_str())
}

/// A page with nothing but the chat window, for links and for trying it out.
#[utoipa::path(get, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), responses((status = 200, content_type = "text/html")))]
pub(crate) async fn get_chat_page(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
) -> Result<Response, Problem> {
    let (tenant, entry) = place.clone();
    let (_, view) = door(app, peer, place).await?;
    let page = PAGE
        .replace("{{title}}", &escaped(&view.title))
        .replace("{{language}}", &escaped(&view.language))
        .replace("{{tenant}}", tenant.as_str())
        .replace("{{entry}}", entry.as_str());
    let mut response = Html(page).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self' data: blob:",
        ),
    );
    Ok(response)
}
