//! One chat window's socket. It may break at any moment: the window comes back with the number of the last message that
//! it has, and sends again what was not acknowledged.

use std::borrow::Cow;
use std::future::pending;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use jackfield_contact::chat::Side;
use jackfield_contact::decision::Author;
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

/// What came of what a window wants.
enum Done {
    Silently,
    /// The message is durable and has this number.
    Sent(u32),
    Refused(Cow<'static, str>, Cow<'static, str>),
}

impl Done {
    fn refused(code: &'static str, message: String) -> Self {
        Self::Refused(code.into(), message.into())
    }
}

/// What a window wants and what is not done yet.
struct Doing<'a> {
    /// Of a message that is to be acknowledged: the id that its sender gave it.
    client_id: Option<Arc<str>>,
    done: Pin<Box<dyn Future<Output = Result<Done, End>> + Send + 'a>>,
}

pub(crate) struct Window {
    line: Line,
    visit: Visit,
}

/// The socket itself.
struct Line(WebSocket);

/// Whose window it is.
struct Visit {
    app: App,
    tenant: Tenant,
    entry: ChatEntryId,
    peer: IpAddr,
}

impl Window {
    pub(crate) fn new(socket: WebSocket, app: App, tenant: Tenant, entry: ChatEntryId, peer: IpAddr) -> Self {
        Self {
            line: Line(socket),
            visit: Visit {
                app,
                tenant,
                entry,
                peer: subscriber(peer),
            },
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
            let _ = self.line.show(&error).await;
        }
        let _ = self.line.0.send(Message::Close(None)).await;
    }

    async fn converse(&mut self) -> Result<(), End> {
        let Self { line, visit } = self;
        let visit = &*visit;
        let first = timeout(HELLO_WITHIN, line.hear())
            .await
            .map_err(|_| End::Gone)??;
        let Some(FromWindow::Hello { token, after }) = first else {
            return Err(End::Because(
                "hello-expected",
                "the first frame: expected hello".into(),
            ));
        };
        let visitor = visit.app.platform.visitors().recognise(&token, clock::now());
        let Some(visitor) = visitor.filter(|visitor| visitor.tenant == *visit.tenant.id()) else {
            let message = "token: it is none of this tenant, or too old; begin again without it".into();
            return Err(End::Because("unknown-visitor", message));
        };
        let known = visit
            .tenant
            .conversation(visit.entry.clone(), visitor.name.as_str().into());
        let Some(id) = known.await? else {
            let message = "there is no conversation going on; begin one".into();
            return Err(End::Because("no-conversation", message));
        };
        // Listening first, so that nothing falls between.
        let mut news = visit.tenant.listen(id)?;
        let begun = visit.tenant.read(move |centre| {
            let chat = centre.interaction(id)?.chat.as_ref()?;
            let entry = centre.chat_entry(&chat.entry)?;
            Some((chat.agent_read, entry.typing_preview))
        });
        let (agent_read, typing_preview) = begun.await?.unwrap_or_default();
        let ready = ToWindow::Ready {
            conversation: id.to_string(),
            agent_read,
            typing_preview,
            standing: standing(&visit.tenant, id).await?,
        };
        line.show(&ready).await?;
        let mut shown = visit.show_from(line, id, after).await?;
        let mut closing = visit.app.closing.clone();
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut doing = None;
        loop {
            tokio::select! {
                biased;
                Some(()) = told_to_end(&mut closing) => return Err(End::Gone),
                told = news.recv() => {
                    shown = visit.tell(line, id, told, &mut news, shown, &mut doing).await?;
                }
                done = end_of(&mut doing) => {
                    let client_id = doing.take().and_then(|doing| doing.client_id);
                    line.answer(client_id.as_deref(), done?).await?;
                }
                // One thing at a time, so that they stay in order. Meanwhile the window is told what happens.
                frame = line.hear(), if doing.is_none() => {
                    heard = Instant::now();
                    doing = frame?.map(|frame| visit.take(id, &visitor.name, frame));
                }
                _ = ping.tick() => {
                    if heard.elapsed() > GONE_AFTER {
                        return Err(End::Gone);
                    }
                    let ping = Message::Ping(Default::default());
                    line.0.send(ping).await.map_err(|_| End::Gone)?;
                }
            }
        }
    }
}

/// Waits for the end of what is being done; without end when it is nothing.
async fn end_of(doing: &mut Option<Doing<'_>>) -> Result<Done, End> {
    match doing {
        Some(doing) => doing.done.as_mut().await,
        None => pending().await,
    }
}

impl Visit {
    /// Shows the messages above a number; says the last one's.
    async fn show_from(&self, line: &mut Line, id: InteractionId, mut after: u32) -> Result<u32, End> {
        let ctx = OpContext::system(self.tenant.id().clone(), "chat");
        loop {
            let page = self
                .tenant
                .messages(&ctx, id, after, limits::MAX_MESSAGES_PAGE)
                .await?;
            let Some(last) = page.last() else { return Ok(after) };
            after = last.message.number;
            for stored in &page {
                line.show(&ToWindow::Message(MessageView::from(stored))).await?;
            }
        }
    }

    /// Passes on what happened.
    async fn tell(
        &self,
        line: &mut Line,
        id: InteractionId,
        told: Option<ChatNews>,
        news: &mut mpsc::Receiver<ChatNews>,
        shown: u32,
        doing: &mut Option<Doing<'_>>,
    ) -> Result<u32, End> {
        let Some(told) = told else {
            // It fell behind: what it lacks is in the store.
            *news = self.tenant.listen(id)?;
            return self.show_from(line, id, shown).await;
        };
        let entry = match told {
            ChatNews::Typing { by, ms } => {
                if by == OTHER {
                    line.show(&ToWindow::Typing { ms }).await?;
                }
                return Ok(shown);
            }
            ChatNews::Entry(entry) => entry,
        };
        match &entry.recorded.event {
            event @ Event::MessageSent {
                message, client_id, ..
            } => {
                if message.number > shown
                    && let Some(stored) = StoredMessage::of(event)
                {
                    // The own one is durable, then: it is acknowledged before it is shown, and both go out at once.
                    if message.author == Author::Customer
                        && let Some(doing) = doing
                        && let Some(own) = doing.client_id.take_if(|own| Some(&*own) == client_id.as_ref())
                    {
                        let (client_id, number) = (&*own, message.number);
                        line.put(&ToWindow::Ack { client_id, number }).await?;
                    }
                    line.show(&ToWindow::Message(MessageView::from(&stored))).await?;
                    return Ok(message.number);
                }
            }
            Event::MessagesRead { by, up_to, .. } if *by == OTHER => {
                line.show(&ToWindow::Read { up_to: *up_to }).await?;
            }
            Event::Queued { .. }
            | Event::LeftQueue { .. }
            | Event::Connected { .. }
            | Event::AgentLeft { .. }
            | Event::InteractionEnded { .. } => {
                let standing = standing(&self.tenant, id).await?;
                let over = standing.name == StandingName::Ended;
                line.show(&ToWindow::Standing(standing)).await?;
                if over {
                    return Err(End::Gone);
                }
            }
            _ => {}
        }
        Ok(shown)
    }

    /// Begins what the window wants.
    fn take<'a>(&'a self, id: InteractionId, visitor: &'a str, frame: FromWindow) -> Doing<'a> {
        let client_id = match &frame {
            FromWindow::Send { client_id, .. } => Some(client_id.as_str().into()),
            _ => None,
        };
        Doing {
            client_id,
            done: Box::pin(self.carry_out(id, visitor, frame)),
        }
    }

    async fn carry_out(&self, id: InteractionId, visitor: &str, frame: FromWindow) -> Result<Done, End> {
        let now = clock::now();
        let flood = &self.app.flood;
        let allowed = flood
            .take(Whose::Visitor(visitor.to_owned()), now)
            .and_then(|()| flood.take(Whose::Address(self.peer), now));
        if allowed.is_err() {
            let message = "that is too much at once; wait a moment and send it again";
            return Ok(Done::Refused("too-fast".into(), message.into()));
        }
        let mut sent = None;
        let input = match frame {
            FromWindow::Hello { .. } => return Ok(Done::Silently),
            FromWindow::Typing { text } => {
                return match self.tenant.customer_types(id, text.map(Into::into)).await {
                    Ok(()) => Ok(Done::Silently),
                    Err(SubmitError::Rejected(refused)) => Ok(Done::refused(refused.code, refused.message)),
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
                        let (code, detail) = (String::from(problem.code), String::from(problem.detail));
                        return Ok(Done::Refused(code.into(), detail.into()));
                    }
                };
                let client_id: Arc<str> = client_id.into();
                sent = Some(client_id.clone());
                Input::CustomerWrites {
                    interaction: id,
                    message: Draft {
                        text: text.into(),
                        choice: choice.map(Into::into),
                        attachments,
                        client_id: Some(client_id),
                        ..Draft::default()
                    },
                }
            }
        };
        // Nobody is told of a message that was sent before: its number is looked up.
        let number = self.tenant.submit_and(input, move |centre| {
            let chat = centre.interaction(id)?.chat.as_ref()?;
            chat.number_of(Side::Customer, &sent?)
        });
        match number.await {
            Ok(Some(number)) => Ok(Done::Sent(number)),
            Ok(None) => Ok(Done::Silently),
            Err(SubmitError::Rejected(refused)) => {
                let message = refused.to_string();
                Ok(Done::refused(refused.code, message))
            }
            Err(SubmitError::Unavailable(message)) => Err(End::Because("unavailable", message)),
            Err(error) => Ok(Done::refused("overloaded", error.to_string())),
        }
    }
}

impl Line {
    /// The next frame; none when it was only a sign of life.
    async fn hear(&mut self) -> Result<Option<FromWindow>, End> {
        let frame = self.0.recv().await.ok_or(End::Gone)?.map_err(|_| End::Gone)?;
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

    /// Tells the window what came of what it wanted.
    async fn answer(&mut self, client_id: Option<&str>, done: Done) -> Result<(), End> {
        match (done, client_id) {
            (Done::Sent(number), Some(client_id)) => self.show(&ToWindow::Ack { client_id, number }).await,
            (Done::Refused(code, message), client_id) => {
                let error = ToWindow::Error {
                    code: &code,
                    message: &message,
                    client_id,
                };
                self.show(&error).await
            }
            // It is acknowledged already, or nothing is to be said.
            _ => Ok(()),
        }
    }

    async fn show(&mut self, frame: &ToWindow<'_>) -> Result<(), End> {
        let sent = timeout(GONE_AFTER, self.0.send(text(frame))).await;
        sent.map_err(|_| End::Gone)?.map_err(|_| End::Gone)
    }

    /// The same, together with the next that is shown.
    async fn put(&mut self, frame: &ToWindow<'_>) -> Result<(), End> {
        let put = timeout(GONE_AFTER, self.0.feed(text(frame))).await;
        put.map_err(|_| End::Gone)?.map_err(|_| End::Gone)
    }
}

fn text(frame: &ToWindow<'_>) -> Message {
    let text: Utf8Bytes = serde_json::to_string(frame).unwrap_or_default().into();
    Message::Text(text)
}
