//! What a chat window shows before anybody has written: the flow's first answer, asked for in advance.
//!
//! Opening a window begins no conversation: nothing is journaled, queued or counted until the visitor writes. Then the
//! conversation begins with what was shown, and the flow is not asked again. Greetings are in memory alone; one that is lost,
//! too old, or of a version that is no longer bound, is asked for anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_contact::chat::Greeting;
use jackfield_contact::decision::{
    Answer, ChatAction, ChatEvent, ChatInfo, ChatMessage, ChatQuestion, Question,
};
use jackfield_types::{ChatEntryId, CustomerId, Digest, ExtensionPoint, InteractionId, OpContext, Timestamp};

use crate::decide::decide_once;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// Greetings of one tenant that are kept; for one more the oldest are forgotten.
const MAX_GREETINGS: usize = 4_096;
/// How long one is good: what it says may depend on the hour.
const GOOD_FOR_MS: u64 = 60 * 60 * 1_000;

struct Kept {
    interaction: InteractionId,
    greeting: Greeting,
    /// The binding that answered.
    revision: u64,
    at: Timestamp,
}

type Table = BTreeMap<(ChatEntryId, Arc<str>), Kept>;

/// Greetings of a tenant's windows in which nobody has written yet.
#[derive(Default)]
pub(crate) struct Greetings(Mutex<Table>);

impl Greetings {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, whose: (ChatEntryId, Arc<str>), kept: Kept) {
        let mut table = self.table();
        if table.len() >= MAX_GREETINGS && !table.contains_key(&whose) {
            let mut times: Vec<_> = table.values().map(|kept| kept.at).collect();
            let (_, middle, _) = times.select_nth_unstable(MAX_GREETINGS / 2);
            let middle = *middle;
            table.retain(|_, kept| kept.at > middle);
        }
        table.insert(whose, kept);
    }
}

impl Kept {
    fn is_good(&self, now: Timestamp, bound: Option<(u64, Digest)>) -> bool {
        now.since(self.at) < GOOD_FOR_MS && bound == Some((self.revision, self.greeting.by.digest))
    }

    /// What the visitor sees at once, without what comes after a pause.
    fn shown(&self) -> Vec<ChatMessage> {
        let actions = self.greeting.answer.actions.iter();
        let sent = actions.filter_map(|action| match action {
            ChatAction::Send(message) => Some(message.clone()),
            _ => None,
        });
        sent.collect()
    }
}

impl Tenant {
    /// What a visitor who has opened a window is greeted with. Nothing when no flow is bound at the entry, or it fails: then it
    /// is asked when the conversation begins, and its fail policy holds.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn greet(
        &self,
        ctx: &OpContext,
        entry: &ChatEntryId,
        visitor: &Arc<str>,
    ) -> Result<Vec<ChatMessage>, SubmitError> {
        let now = clock::now();
        let whose = (entry.clone(), visitor.clone());
        let bound = self.bound_flow(entry);
        if let Some(kept) = self.inner.greetings.table().get(&whose)
            && kept.is_good(now, bound)
        {
            return Ok(kept.shown());
        }
        let wanted = entry.clone();
        let config = self
            .read(move |centre| centre.chat_entry(&wanted).cloned())
            .await?;
        let (Some(config), Some((revision, _))) = (config, bound) else {
            return Ok(Vec::new());
        };
        let customer = match CustomerId::new(&format!("chat:{visitor}")) {
            Ok(address) => {
                let known = self.resolve(ctx, &address).await;
                known.map_err(|error| SubmitError::Unavailable(error.to_string()))?
            }
            Err(_) => None,
        };
        let interaction = InteractionId::from_uuid(uuid::Uuid::now_v7());
        let question = Question::Chat(Box::new(ChatQuestion {
            state: Vec::new(),
            event: ChatEvent::Started,
            chat: ChatInfo {
                interaction,
                channel: config.channel,
                entry: entry.clone(),
                address: visitor.clone(),
                started_at: now,
                language: config.language,
                attributes: Vec::new(),
            },
        }));
        let point = ExtensionPoint::Chat(entry.clone());
        let Ok((Answer::Chat(answer), by)) = decide_once(self, now, &point, question, customer).await else {
            return Ok(Vec::new());
        };
        let kept = Kept {
            interaction,
            greeting: Greeting { answer, by },
            revision,
            at: now,
        };
        let shown = kept.shown();
        self.inner.greetings.keep(whose, kept);
        Ok(shown)
    }

    /// The greeting that a visitor was shown, with the id of the conversation that begins with it; it is good once.
    pub(crate) fn shown_greeting(
        &self,
        entry: &ChatEntryId,
        visitor: &Arc<str>,
    ) -> Option<(InteractionId, Greeting)> {
        let kept = self
            .inner
            .greetings
            .table()
            .remove(&(entry.clone(), visitor.clone()))?;
        let good = kept.is_good(clock::now(), self.bound_flow(entry));
        good.then_some((kept.interaction, kept.greeting))
    }

    /// Revision and version of what is bound at an entry.
    fn bound_flow(&self, entry: &ChatEntryId) -> Option<(u64, Digest)> {
        let point = ExtensionPoint::Chat(entry.clone());
        let bound = self.inner.shared.registry.bound(self.id(), &point)?;
        Some((bound.record.revision, bound.record.digest))
    }
}
