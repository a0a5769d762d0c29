//! What a tenant knows: articles with versions and approval, reply templates, and finding them.
//!
//! The store is the truth. The full-text index beside it is a copy: each change of the store leaves its number and the id
//! of what changed, and the index says up to which number it goes; one that is damaged, missing or of another store is
//! made anew. Whatever is found is looked up in the store again before anybody sees it.
//!
//! Errors: `Store` and `Index` mean that the answer is not known now; the others changed nothing and say what to do.

mod article;
mod index;
mod keep;
mod mark;
mod search;
mod template;
mod templates;
mod uses;
mod words;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jackfield_store::{Error as StoreError, Space};
use jackfield_types::{OpContext, limits};
use tokio::sync::Mutex;

use crate::tenant::Tenant;

pub use article::{
    ArticleRecord, ArticleState, ArticleText, ArticleVersion, Audience, KnowledgeSettings, ReplyTemplate,
    Signed,
};
pub use mark::Piece;
pub use search::{KnowledgeFound, KnowledgeSearch};
pub use templates::{Filling, Whose};
pub use uses::{ArticleUse, ArticleUses};

pub(crate) use uses::keep_counted;

/// Keys `{id}`.
const ARTICLES: Space = Space::new("articles");
/// Keys `{id} {number}`.
const VERSIONS: Space = Space::new("article-versions");
/// Keys `{number}`: the ids of what the index may not have seen.
const CHANGES: Space = Space::new("article-changes");
/// Keys `{id}`.
const USES: Space = Space::new("article-uses");
/// Keys [`STATE`] and [`SETTINGS`].
const KNOWLEDGE: Space = Space::new("knowledge");
/// Keys `{id}`.
const TEMPLATES: Space = Space::new("reply-templates");
/// Keys `{user} {id}`.
const OWN_TEMPLATES: Space = Space::new("own-reply-templates");
const STATE: &[u8] = b"state";
const SETTINGS: &[u8] = b"settings";

/// A tenant's knowledge, but for what is in the store.
pub(crate) struct Knowledge {
    /// Where the index lies.
    folder: PathBuf,
    /// Held by who writes: one at a time.
    writing: Mutex<()>,
    /// Held by who brings the index up to date.
    indexing: Mutex<()>,
    /// The index as it was last brought up to date.
    ready: ArcSwapOption<index::Index>,
    uses: uses::Pending,
}

impl Knowledge {
    pub(crate) fn new(root: &std::path::Path, tenant: &jackfield_types::TenantId) -> Self {
        Self {
            folder: index::folder(root, tenant.as_str()),
            writing: Mutex::default(),
            indexing: Mutex::default(),
            ready: ArcSwapOption::empty(),
            uses: uses::Pending::default(),
        }
    }
}

/// Why knowledge was not kept, found or shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnowledgeError {
    /// There is none of that id or number.
    #[error("there is no {what} {id}")]
    Unknown {
        /// `article`, `article-version` or `reply-template`.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// Something in it can't be.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// Another thing has that id; ids of articles and of shared templates are one set.
    #[error("{0} is taken; choose another id")]
    InUse(String),
    /// It stands in another state.
    #[error("{0}")]
    State(String),
    /// The tenant wants somebody else to do it.
    #[error("who wrote a version does not review or approve it here (four_eyes); ask somebody else")]
    OwnWork,
    /// There are too many.
    #[error("a tenant can have {most} {what} at most; remove one first")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// A variable of a template has no value.
    #[error("variables.{0}: the template needs it, and nothing is known of it; give it with the request")]
    Missing(String),
    /// The store refuses.
    #[error("{0}")]
    Store(String),
    /// The index can't be read or written.
    #[error("the full-text index is not available: {0}")]
    Index(String),
}

impl From<StoreError> for KnowledgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl KnowledgeError {
    fn too_many_articles() -> Self {
        Self::TooMany {
            what: "articles",
            most: limits::MAX_ARTICLES,
        }
    }
}

impl Tenant {
    /// A row of the knowledge base, where it is kept.
    async fn kept<T: serde::de::DeserializeOwned>(
        &self,
        ctx: &OpContext,
        space: Space,
        key: impl AsRef<[u8]>,
    ) -> Result<Option<T>, KnowledgeError> {
        let row = self.store().get(ctx, space, key.as_ref()).await?;
        row.map(|row| decode(&row.value)).transpose()
    }
}

fn decode<T: serde::de::DeserializeOwned>(row: &[u8]) -> Result<T, KnowledgeError> {
    serde_json::from_slice(row)
        .map_err(|error| KnowledgeError::Store(format!("a row of the knowledge base can't be read: {error}")))
}

fn encode(value: &impl serde::Serialize) -> Result<Vec<u8>, KnowledgeError> {
    serde_json::to_vec(value).map_err(|error| KnowledgeError::Store(error.to_string()))
}

/// Work of the index, which reads and writes files.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> tantivy::Result<T> + Send + 'static,
) -> Result<T, KnowledgeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(KnowledgeError::Index(error.to_string())),
        Err(error) => Err(KnowledgeError::Index(error.to_string())),
    }
}

type Opened = Arc<index::Index>;
