use jackfield_contact::decision::{KnowledgeKind, KnowledgeQuery};
use jackfield_types::{Capability, limits::MAX_QUERY_BYTES};

use crate::{
    bindings::cx::{
        knowledge::entries::{Entry, EntryKind, Hit, Host, Query},
        types::types::Error,
    },
    capability::checked_limit,
    fault::cut,
    lower::{Lower, refuse},
    state::State,
};

impl Host for State {
    fn search(&mut self, query: Query) -> Result<Vec<Hit>, Error> {
        self.granted(Capability::Knowledge)?;
        let limit = checked_limit(query.limit, 1..=20)?;
        let bytes = query.text.len();
        if !(1..=MAX_QUERY_BYTES).contains(&bytes) {
            let message = format!("text: found {bytes} bytes, expected 1 to {MAX_QUERY_BYTES}");
            return Err(refuse("bad-query", message));
        }
        let query = KnowledgeQuery {
            text: query.text.into(),
            language: query.language.map(Into::into),
            kind: query.kind.map(Into::into),
            limit,
        };
        let mut hits = self.told(self.env.reads.knowledge_search(&query))?;
        hits.truncate(limit);
        let mut lower = Lower::reply();
        let hits = lower.list(&hits, |lower, hit| Hit {
            id: lower.text(&hit.id),
            kind: hit.kind.into(),
            title: lower.text(&hit.title),
            language: lower.text(&hit.language),
            snippet: lower.text(&hit.snippet),
            score: hit.score,
        });
        lower.replied(hits)
    }

    fn get(&mut self, id: String) -> Result<Entry, Error> {
        self.granted(Capability::Knowledge)?;
        let Some(entry) = self.told(self.env.reads.knowledge_entry(&id))? else {
            return Err(refuse(
                "unknown-entry",
                format!("there is no entry {:?}", cut(&id, 64)),
            ));
        };
        let mut lower = Lower::reply();
        let entry = Entry {
            id: lower.text(&entry.id),
            kind: entry.kind.into(),
            title: lower.text(&entry.title),
            language: lower.text(&entry.language),
            body: lower.text(&entry.body),
            updated_at: entry.updated_at.0,
        };
        lower.replied(entry)
    }
}

impl From<EntryKind> for KnowledgeKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Article => Self::Article,
            EntryKind::ReplyTemplate => Self::ReplyTemplate,
        }
    }
}

impl From<KnowledgeKind> for EntryKind {
    fn from(kind: KnowledgeKind) -> Self {
        match kind {
            KnowledgeKind::Article => Self::Article,
            KnowledgeKind::ReplyTemplate => Self::ReplyTemplate,
        }
    }
}
