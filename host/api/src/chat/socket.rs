//! One chat window's socket. It may break at any moment: the window comes back with the number of the last message that
//! it has, and sends again what was not acknowledged.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use jackfield_contact::chat::Side;
use jackfield_contact::event::Event;
use jackfield_contact::input::{Draft, Input};
use jackfield_runtime::{ChatNews, StoredMessage, SubmitError, Tenant};
use jackfield_types::{ChatEntryId, InteractionId, OpContext, limits};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::flood::{Whose, subscriber};
use super::frame::{FromWindow, OTHER, StandingName, ToWindow};
use super::standing;
use crate::error::Problem;
use crate::handler::event::told_to_end;
use crate::handler::message::MessageView;
use crate::{App, clock};

/// How long a window may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// So often it is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Without a sign of life for so long it is gone.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// Why a socket ends.
enum End {
    /// The peer is gone, or the server ends.
    Gone,
    /// The window is told why.
    Because(&'static str, String),
}

impl From<SubmitError> for End {
    fn from(error: SubmitError) -> Self {
        Self::Because("unavailable", error.to_string())
    }
}

pub(crate) struct Window {
    socket: WebSocket,
    app: App,
    tenant: Tenant,
    entry: ChatEntryId,
    peer: IpAddr,
}

impl Window {
    pub(crate) fn new(socket: WebSocket, app: App, tenant: Tenant, entry: ChatEntryId, peer: IpAddr) -> Self {
        Self {
            socket,
            app,
            tenant,
            entry,
            peer: subscriber(peer),
        }
    }

    /// Serves the window until it goes, or the conversation is over.
    pub(crate) async fn serve(mut self) {
        if let Err(End::Because(code, message)) = self.converse().await {
            let error = ToWindow::Error {
                code,
                message: &message,
                client_id: None,
            };
            let _ = self.show(&error).await;
        }
        let _ = self.socket.send(Message::Close(None)).await;
    }

    async fn converse(&mut self) -> Result<(), End> {
        let first = timeout(HELLO_WITHIN, self.hear())
            .await
            .map_err(|_| End::Gone)??;
        let Some(FromWindow::Hello { token, after }) = first else {
            return Err(End::Because(
                "hello-expected",
                "the first frame: expected hello".into(),
            ));
        };
        let visitor = self.app.platform.visitors().recognise(&token, clock::now());
        let Some(visitor) = visitor.filter(|visitor| visitor.tenant == *self.tenant.id()) else {
            let message = "token: it is none of this tenant, or too old; begin again without it".into();
            return Err(End::Because("unknown-visitor", message));
        };
        let known = self
            .tenant
            .conversation(self.entry.clone(), visitor.name.as_str().into());
        let Some(id) = known.await? else {
            let message = "there is no conversation going on; begin one".into();
            return Err(End::Because("no-conversation", message));
        };
        // Listening first, so that nothing falls between.
        let mut news = self.tenant.listen(id)?;
        let begun = self.tenant.read(move |centre| {
            let chat = centre.interaction(id)?.chat.as_ref()?;
            let entry = centre.chat_entry(&chat.entry)?;
            Some((chat.agent_read, entry.typing_preview))
        });
        let (agent_read, typing_preview) = begun.await?.unwrap_or_default();
        let ready = ToWindow::Ready {
            conversation: id.to_string(),
            agent_read,
            typing_preview,
            standing: standing(&self.tenant, id).await?,
        };
        self.show(&ready).await?;
        let mut shown = self.show_from(id, after).await?;
        let mut closing = self.app.closing.clone();
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                frame = self.hear() => {
                    heard = Instant::now();
                    if let Some(frame) = frame? {
                        self.take(id, &visitor.name, frame).await?;
                    }
                }
                told = news.recv() => {
                    shown = self.tell(id, told, &mut news, shown).await?;
                }
                _ = ping.tick() => {
                    if heard.elapsed() > GONE_AFTER {
                        return Err(End::Gone);
                    }
                    let ping = Message::Ping(Default::default());
                    self.socket.send(ping).await.map_err(|_| End::Gone)?;
                }
                Some(()) = told_to_end(&mut closing) => return Err(End::Gone),
            }
        }
    }

    /// Shows the messages above a number; says the last one's.
    async fn show_from(&mut self, id: InteractionId, mut after: u32) -> Result<u32, End> {
        let ctx = OpContext::system(self.tenant.id().clone(), "chat");
        loop {
            let page = self
                .tenant
                .messages(&ctx, id, after, limits::MAX_MESSAGES_PAGE)
                .await?;
            let Some(last) = page.last() else { return Ok(after) };
            after = last.message.number;
            for stored in &page {
                self.show(&ToWindow::Message(MessageView::from(stored))).await?;
            }
        }
    }

    /// Passes on what happened.
    async fn tell(
        &mut self,
        id: InteractionId,
        told: Option<ChatNews>,
        news: &mut mpsc::Receiver<ChatNews>,
        shown: u32,
    ) -> Result<u32, End> {
        let Some(told) = told else {
            // It fell behind: what it lacks is in the store.
            *news = self.tenant.listen(id)?;
            return self.show_from(id, shown).await;
        };
        let entry = match told {
            ChatNews::Typing { by, ms } => {
                if by == OTHER {
                    self.show(&ToWindow::Typing { ms }).await?;
                }
                return Ok(shown);
            }
            ChatNews::Entry(entry) => entry,
        };
        match &entry.recorded.event {
            event @ Event::MessageSent { message, .. } => {
                if message.number > shown
                    && let Some(stored) = StoredMessage::of(event)
                {
                    self.show(&ToWindow::Message(MessageView::from(&stored))).await?;
                    return Ok(message.number);
                }
            }
            Event::MessagesRead { by, up_to, .. } if *by == OTHER => {
                self.show(&ToWindow::Read { up_to: *up_to }).await?;
            }
            Event::Queued { .. }
            | Event::LeftQueue { .. }
            | Event::Connected { .. }
            | Event::AgentLeft { .. }
            | Event::InteractionEnded { .. } => {
                let standing = standing(&self.tenant, id).await?;
                let over = standing.name == StandingName::Ended;
                self.show(&ToWindow::Standing(standing)).await?;
                if over {
                    return Err(End::Gone);
                }
            }
            _ => {}
        }
        Ok(shown)
    }

    /// Does what the window wants.
    async fn take(&mut self, id: InteractionId, visitor: &str, frame: FromWindow) -> Result<(), End> {
        let now = clock::now();
        let flood = &self.app.flood;
        let allowed = flood
            .take(Whose::Visitor(visitor.to_owned()), now)
            .and_then(|()| flood.take(Whose::Address(self.peer), now));
        let client_id = match &frame {
            FromWindow::Send { client_id, .. } => Some(client_id.clone()),
            _ => None,
        };
        if allowed.is_err() {
            let error = ToWindow::Error {
                code: "too-fast",
                message: "that is too much at once; wait a moment and send it again",
                client_id: client_id.as_deref(),
            };
            return self.show(&error).await;
        }
        let input = match frame {
            FromWindow::Hello { .. } => return Ok(()),
            FromWindow::Typing { text } => {
                return match self.tenant.customer_types(id, text.map(Into::into)).await {
                    Ok(()) => Ok(()),
                    Err(SubmitError::Rejected(refused)) => {
                        let error = ToWindow::Error {
                            code: refused.code,
                            message: &refused.message,
                            client_id: None,
                        };
                        self.show(&error).await
                    }
                    Err(error) => Err(error.into()),
                };
            }
            FromWindow::Read { up_to } => Input::MessagesRead {
                interaction: id,
                by: Side::Customer,
                up_to,
            },
            FromWindow::End {} => Input::CustomerLeaves(id),
            FromWindow::Send {
                client_id,
                text,
                choice,
                attachments,
            } => {
                let ctx = OpContext::system(self.tenant.id().clone(), "chat");
                let found = self.tenant.attached(&ctx, id, Side::Customer, &attachments);
                let attachments = match found.await.map_err(Problem::from) {
                    Ok(found) => found,
                    Err(problem) => {
                        let error = ToWindow::Error {
                            code: &problem.code,
                            message: &problem.detail,
                            client_id: Some(&client_id),
                        };
                        return self.show(&error).await;
                    }
                };
                Input::CustomerWrites {
                    interaction: id,
                    message: Draft {
                        text: text.into(),
                        choice: choice.map(Into::into),
                        attachments,
                        client_id: Some(client_id.into()),
                        ..Draft::default()
                    },
                }
            }
        };
        match (self.tenant.submit(input).await, client_id) {
            (Ok(()), Some(client_id)) => self.acknowledge(id, &client_id).await,
            (Ok(()), None) => Ok(()),
            (Err(SubmitError::Unavailable(message)), _) => Err(End::Because("unavailable", message)),
            (Err(error), client_id) => {
                let code = match &error {
                    SubmitError::Rejected(rejected) => rejected.code,
                    _ => "overloaded",
                };
                let error = ToWindow::Error {
                    code,
                    message: &error.to_string(),
                    client_id: client_id.as_deref(),
                };
                self.show(&error).await
            }
        }
    }

    async fn acknowledge(&mut self, id: InteractionId, client_id: &str) -> Result<(), End> {
        let wanted = client_id.to_owned();
        let number = self.tenant.read(move |centre| {
            let chat = centre.interaction(id)?.chat.as_ref()?;
            chat.number_of(Side::Customer, &wanted)
        });
        match number.await? {
            Some(number) => self.show(&ToWindow::Ack { client_id, number }).await,
            None => Ok(()),
        }
    }

    /// The next frame; none when it was only a sign of life.
    async fn hear(&mut self) -> Result<Option<FromWindow>, End> {
        let frame = self
            .socket
            .recv()
            .await
            .ok_or(End::Gone)?
            .map_err(|_| End::Gone)?;
        match frame {
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(frame) => Ok(Some(frame)),
                Err(error) => Err(End::Because("invalid-frame", error.to_string())),
            },
            Message::Binary(_) => Err(End::Because(
                "invalid-frame",
                "expected a text frame with one JSON object".into(),
            )),
            Message::Ping(_) | Message::Pong(_) => Ok(None),
            Message::Close(_) => Err(End::Gone),
        }
    }

    async fn show(&mut self, frame: &ToWindow<'_>) -> Result<(), End> {
        let text: Utf8Bytes = serde_json::to_string(frame).unwrap_or_default().into();
        let sent = timeout(GONE_AFTER, self.socket.send(Message::Text(text))).await;
        sent.map_err(|_| End::Gone)?.map_err(|_| End::Gone)
    }
}
