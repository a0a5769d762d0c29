//! Events: what the journal tells, and the live stream of it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event as SseEvent, KeepAlive};
use futures_util::{Stream, stream};
use jackfield_contact::event::Event;
use jackfield_runtime::JournalEntry;
use jackfield_types::limits::MAX_EVENT_STREAMS;
use jackfield_types::{InteractionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::{IntoParams, ToSchema};

use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::Query;

/// Journal entries read at once while a stream catches up.
const CATCH_UP: usize = 500;
/// How often a quiet stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a stream looks whether its key still holds and its tenant still runs.
const STILL_ALLOWED: Duration = Duration::from_secs(5);

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"seq": 41, "at": 1767225600000u64, "type": "queued", "interaction": "019b76da-0000-7000-8000-000000000000", "queue": "support", "needs": [], "priority": 0}))]
pub struct EventView {
    /// Counts up from 0 in the tenant's journal, without gaps.
    pub seq: u64,
    /// When it became true.
    pub at: u64,
    /// Of agents: `agent-set`, `agent-removed`, `agent-state-requested`, `agent-state-changed`. Of settings: `queue-set`,
    /// `queue-removed`, `number-set`, `number-removed`, `chat-entry-set`, `chat-entry-removed`. Of cases: `case-changed`. Of customers:
    /// `customer-changed`, `decisions-erased`. Of plugins: `binding-noted`, `outbound-checked`. Of interactions:
    /// `interaction-started`, `customer-dialled`, `flow-decided`, `message-sent`, `messages-read`, `message-delivery`,
    /// `attachment-fetched`, `attachment-opened`, `unanswered`, `chat-decided`,
    /// `chat-continued`, `chat-skipped`,
    /// `decision-failed`, `prompt-failed`, `digits-entered`, `attribute-set`, `queued`, `left-queue`, `offered`,
    /// `offer-ringing`, `offer-failed`, `connected`, `held`, `resumed`, `agent-left`, `survey-answered`,
    /// `recording-started`, `recording-stored`, `recording-failed`, `interaction-ended`, `cut-off`, `orphaned`, `evaluated`, `tagged`,
    /// `assistance-changed`, `closed`.
    pub r#type: String,
    /// The interaction that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<String>,
    /// The rest depends on the type.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
}

impl From<&JournalEntry> for EventView {
    fn from(entry: &JournalEntry) -> Self {
        let mut detail = match serde_json::to_value(&entry.recorded.event) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut text = |name| match detail.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (kind, interaction) = (text("type").unwrap_or_default(), text("interaction"));
        Self {
            seq: entry.seq,
            at: entry.recorded.at.0,
            r#type: kind,
            interaction,
            detail,
        }
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The first `seq` wanted: 0 for the whole journal; only what happens from now on when left out.
    from: Option<u64>,
    /// False: end when the journal is told to its end, instead of going on with what happens.
    follow: Option<bool>,
    /// These types only, joined by commas; 400 for one that there is not.
    r#type: Option<String>,
    /// This interaction only.
    #[param(value_type = Option<String>)]
    interaction: Option<InteractionId>,
}

struct Filter {
    types: Option<Vec<&'static str>>,
    interaction: Option<InteractionId>,
}

impl Filter {
    fn fits(&self, entry: &JournalEntry, view: &EventView) -> bool {
        self.interaction
            .is_none_or(|wanted| entry.recorded.event.interaction() == Some(wanted))
            && self
                .types
                .as_ref()
                .is_none_or(|types| types.contains(&view.r#type.as_str()))
    }
}

/// The types that were asked for.
fn types(joined: &str) -> Result<Vec<&'static str>, Problem> {
    let known = |wanted: &str| Event::TYPES.into_iter().find(|known| *known == wanted);
    joined
        .split(',')
        .map(str::trim)
        .map(|wanted| {
            known(wanted).ok_or_else(|| {
                let expected = Event::TYPES.join(", ");
                Problem::invalid(
                    "type",
                    format!("type: there is no {wanted:?}; expected some of {expected}"),
                )
            })
        })
        .collect()
}

/// Streams events as they happen (Server-Sent Events): `id` is the `seq`, `event` the type, `data` the event as JSON.
/// After a break, `Last-Event-ID` (or `from`) goes on where the stream ended, from the journal and then live, without
/// gap or double. A slow reader is served from the journal too.
#[utoipa::path(get, path = "", tag = "events", params(EventQuery, ("Last-Event-ID" = Option<u64>, Header, description = "The last `seq` seen; goes before `from`.")), responses((status = 200, content_type = "text/event-stream", body = EventView)))]
pub(crate) async fn stream_events(
    axum::extract::State(app): axum::extract::State<crate::App>,
    who: InTenant,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Problem> {
    let from = match headers.get("last-event-id") {
        Some(last) => {
            let seen: Option<u64> = last.to_str().ok().and_then(|last| last.parse().ok());
            let seen =
                seen.ok_or_else(|| Problem::invalid("Last-Event-ID", "Last-Event-ID: expected a number"))?;
            Some(seen.saturating_add(1))
        }
        None => query.from,
    };
    let live = who.tenant.subscribe();
    let next = match from {
        Some(from) => from,
        None => who.tenant.journal_len(&who.ctx).await?,
    };
    let types = query.r#type.as_deref().map(types).transpose()?;
    let place = app.streams.enter(&who.ctx.tenant).ok_or_else(|| {
        Problem::overloaded(format!(
            "the tenant has {MAX_EVENT_STREAMS} event streams open, the most there may be"
        ))
    })?;
    let mut still_allowed = interval(STILL_ALLOWED);
    still_allowed.set_missed_tick_behavior(MissedTickBehavior::Delay);
    still_allowed.reset();
    let feed = Feed {
        live,
        who,
        filter: Filter {
            types,
            interaction: query.interaction,
        },
        next,
        behind: true,
        follow: query.follow.unwrap_or(true),
        closing: app.closing.clone(),
        backlog: VecDeque::new(),
        still_allowed,
        _place: place,
    };
    let events = stream::unfold(feed, |mut feed| async {
        let view = feed.next().await?;
        let data = serde_json::to_string(&view).unwrap_or_default();
        let event = SseEvent::default()
            .id(view.seq.to_string())
            .event(&view.r#type)
            .data(data);
        Some((Ok(event), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One reader of the journal. It listens from before it reads, so nothing falls between reading and listening.
struct Feed {
    who: InTenant,
    live: Receiver<Arc<JournalEntry>>,
    filter: Filter,
    /// The next `seq` wanted.
    next: u64,
    /// Whether the journal has to be read before what comes live.
    behind: bool,
    follow: bool,
    /// Becomes true when the server is to end.
    closing: watch::Receiver<bool>,
    backlog: VecDeque<Arc<JournalEntry>>,
    still_allowed: Interval,
    _place: Place,
}

impl Feed {
    /// The next event that fits; `None` ends the stream, and the client comes back with its last id.
    async fn next(&mut self) -> Option<EventView> {
        loop {
            while let Some(entry) = self.backlog.pop_front() {
                self.next = entry.seq + 1;
                let view = EventView::from(&*entry);
                if self.filter.fits(&entry, &view) {
                    return Some(view);
                }
            }
            if self.behind {
                self.read_journal().await?;
            } else if !self.follow {
                return None;
            } else {
                self.listen().await?;
            }
        }
    }

    async fn read_journal(&mut self) -> Option<()> {
        match self.who.tenant.journal(&self.who.ctx, self.next, CATCH_UP).await {
            Ok(entries) => {
                self.behind = !entries.is_empty();
                self.backlog = entries.into_iter().map(Arc::new).collect();
                Some(())
            }
            Err(error) => {
                tracing::warn!(%error, "an event stream ends: the journal can't be read");
                None
            }
        }
    }

    async fn listen(&mut self) -> Option<()> {
        tokio::select! {
            entry = self.live.recv() => match entry {
                Ok(entry) => match entry.seq.cmp(&self.next) {
                    Ordering::Less => {}
                    Ordering::Equal => self.backlog.push_back(entry),
                    Ordering::Greater => self.behind = true,
                },
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            },
            Some(()) = told_to_end(&mut self.closing) => return None,
            _ = self.still_allowed.tick() => {
                let known = self.who.platform.accounts().authenticate(&self.who.key).await.ok()??;
                let runs = self.who.platform.tenant(&self.who.ctx.tenant).is_some();
                if !runs || known.roles != self.who.ctx.roles {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Waits for the end of the server; `None` when nobody will tell.
pub(crate) async fn told_to_end(closing: &mut watch::Receiver<bool>) -> Option<()> {
    closing.wait_for(|closing| *closing).await.ok().map(drop)
}

/// How many streams each tenant has open.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<BTreeMap<TenantId, usize>>>,
}

struct Place {
    streams: Streams,
    tenant: TenantId,
}

impl Streams {
    fn enter(&self, tenant: &TenantId) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(tenant.clone()).or_default();
        if *count >= MAX_EVENT_STREAMS {
            return None;
        }
        *count += 1;
        Some(Place {
            streams: self.clone(),
            tenant: tenant.clone(),
        })
    }

    /// How many are open in the deployment.
    pub(crate) fn total(&self) -> usize {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}
