//! Users, their roles and their API keys.

use jackfield_store::{Error as StoreError, Scan, Space, Store, Tx};
use jackfield_types::{Digest, NAME_EXPECTED, OpContext, Role, TenantId, Timestamp, UserId, is_name, limits};
use serde::{Deserialize, Serialize};

use crate::directory;

const USERS: Space = Space::new("users");
/// Above tenants: the SHA-256 of a key leads to its tenant and user.
const KEYS: Space = Space::new("keys");
/// Of the tenant: `{user} {key id}` leads to the digest.
const USER_KEYS: Space = Space::new("user-keys");

const PREFIX: &str = "jf_";
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 32 characters of 5 bits: 160 bits.
const SECRET_LEN: usize = 32;

/// Somebody who may use the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The user.
    pub id: UserId,
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// When the user was made.
    pub created_at: Timestamp,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The first 8 digits of the secret's digest.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// What it is for, at most 128 bytes.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new key with its secret, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The record.
    pub record: KeyRecord,
    /// `jf_` and 32 characters.
    pub secret: String,
}

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant; the platform for operators.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// What the user may do.
    pub roles: Vec<Role>,
}

#[derive(Serialize, Deserialize)]
struct KeyOwner {
    /// `None`: the platform.
    tenant: Option<TenantId>,
    user: UserId,
}

/// Why accounts could not be read or changed.
///
/// Policy: `Exists`, `Unknown`, `Invalid` and `TooMany` changed nothing and name the thing; `Store` may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The user is there already.
    #[error("there is a user {0} already; choose another id")]
    Exists(UserId),
    /// No such user or key.
    #[error("there is no {0}")]
    Unknown(String),
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What was expected.
        problem: &'static str,
    },
    /// A limit is reached.
    #[error("{0}; remove one first")]
    TooMany(&'static str),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record can't be read.
    #[error("a stored account can't be read: {0}")]
    Record(#[from] serde_json::Error),
    /// The system has no randomness.
    #[error("no random bytes from the system: {0}")]
    Random(String),
}

/// The users and keys of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
}

impl Accounts {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Who a key belongs to; `None` when it is not, or no longer, a key.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Identity>, AccountError> {
        let fits = secret.len() == PREFIX.len() + SECRET_LEN && secret.starts_with(PREFIX);
        if !fits {
            return Ok(None);
        }
        let digest = Digest::of(secret.as_bytes());
        let Some(row) = self
            .store
            .get(&directory::platform(), KEYS, digest.as_bytes())
            .await?
        else {
            return Ok(None);
        };
        let owner: KeyOwner = serde_json::from_slice(&row.value)?;
        let tenant = owner.tenant.unwrap_or_else(TenantId::platform);
        let ctx = OpContext::system(tenant.clone(), "accounts");
        let user = self.user(&ctx, &owner.user).await?;
        Ok(user.map(|user| Identity {
            tenant,
            user: user.id,
            roles: user.roles,
        }))
    }

    /// Makes a user.
    pub async fn create_user(&self, ctx: &OpContext, user: UserRecord) -> Result<UserRecord, AccountError> {
        check_user(ctx, &user)?;
        if self.users(ctx).await?.len() >= limits::MAX_USERS {
            return Err(AccountError::TooMany("a tenant can have 1,000 users at most"));
        }
        let tx = Tx::new().check_absent(USERS, user.id.as_str()).put(
            USERS,
            user.id.as_str(),
            serde_json::to_vec(&user)?,
        );
        match self.store.commit(ctx, tx).await {
            Ok(_) => Ok(user),
            Err(StoreError::Conflict { .. }) => Err(AccountError::Exists(user.id)),
            Err(error) => Err(error.into()),
        }
    }

    /// One user.
    pub async fn user(&self, ctx: &OpContext, user: &UserId) -> Result<Option<UserRecord>, AccountError> {
        let row = self.store.get(ctx, USERS, user.as_str().as_bytes()).await?;
        Ok(row.map(|row| serde_json::from_slice(&row.value)).transpose()?)
    }

    /// The users of a tenant, by id.
    pub async fn users(&self, ctx: &OpContext) -> Result<Vec<UserRecord>, AccountError> {
        let page = self.store.scan(ctx, USERS, Scan::all()).await?;
        page.rows
            .iter()
            .map(|row| Ok(serde_json::from_slice(&row.value)?))
            .collect()
    }

    /// Takes a user and the user's keys away.
    pub async fn remove_user(&self, ctx: &OpContext, user: &UserId) -> Result<(), AccountError> {
        if self.user(ctx, user).await?.is_none() {
            return Err(AccountError::Unknown(format!("user {user}")));
        }
        for key in self.keys(ctx, user).await? {
            self.revoke_key(ctx, user, &key.id).await?;
        }
        self.store
            .commit(ctx, Tx::new().delete(USERS, user.as_str()))
            .await?;
        Ok(())
    }

    /// Makes a key. Its secret is not kept.
    pub async fn create_key(
        &self,
        ctx: &OpContext,
        user: &UserId,
        label: &str,
        now: Timestamp,
    ) -> Result<NewKey, AccountError> {
        if label.len() > 128 {
            return Err(AccountError::Invalid {
                field: "label",
                problem: "expected at most 128 bytes",
            });
        }
        if self.user(ctx, user).await?.is_none() {
            return Err(AccountError::Unknown(format!("user {user}")));
        }
        if self.keys(ctx, user).await?.len() >= limits::MAX_KEYS_PER_USER {
            return Err(AccountError::TooMany("a user can have 20 keys at most"));
        }
        let secret = new_secret()?;
        let digest = Digest::of(secret.as_bytes());
        let id = digest.to_string()[..8].to_owned();
        let record = KeyRecord {
            id,
            user: user.clone(),
            label: label.to_owned(),
            created_at: now,
        };
        let tenant = Some(ctx.tenant.clone()).filter(|tenant| !tenant.is_platform());
        let owner = serde_json::to_vec(&KeyOwner {
            tenant,
            user: user.clone(),
        })?;
        // First the list by which it can be revoked, then what makes it work.
        let listed = serde_json::to_vec(&(&record, digest))?;
        self.store
            .commit(ctx, Tx::new().put(USER_KEYS, key_row(user, &record.id), listed))
            .await?;
        self.store
            .commit(
                &directory::platform(),
                Tx::new().put(KEYS, *digest.as_bytes(), owner),
            )
            .await?;
        Ok(NewKey { record, secret })
    }

    /// The keys of a user.
    pub async fn keys(&self, ctx: &OpContext, user: &UserId) -> Result<Vec<KeyRecord>, AccountError> {
        let page = self
            .store
            .scan(ctx, USER_KEYS, Scan::prefix(format!("{user} ")))
            .await?;
        let record =
            |row: &jackfield_store::Row| Ok(serde_json::from_slice::<(KeyRecord, Digest)>(&row.value)?.0);
        page.rows.iter().map(record).collect()
    }

    /// Takes a key away; it is refused from then on.
    pub async fn revoke_key(&self, ctx: &OpContext, user: &UserId, key: &str) -> Result<(), AccountError> {
        let row = key_row(user, key);
        let known = self.store.get(ctx, USER_KEYS, row.as_bytes()).await?;
        let known = known.ok_or_else(|| AccountError::Unknown(format!("key {key} of user {user}")))?;
        let (_, digest): (KeyRecord, Digest) = serde_json::from_slice(&known.value)?;
        self.store
            .commit(&directory::platform(), Tx::new().delete(KEYS, *digest.as_bytes()))
            .await?;
        self.store.commit(ctx, Tx::new().delete(USER_KEYS, row)).await?;
        Ok(())
    }
}

fn key_row(user: &UserId, key: &str) -> String {
    format!("{user} {key}")
}

fn check_user(ctx: &OpContext, user: &UserRecord) -> Result<(), AccountError> {
    if !is_name(&user.name) {
        return Err(AccountError::Invalid {
            field: "name",
            problem: NAME_EXPECTED,
        });
    }
    let platform = ctx.tenant.is_platform();
    if user.roles.is_empty()
        || user
            .roles
            .iter()
            .any(|role| (*role == Role::Operator) != platform)
    {
        let problem = "expected at least one role; operator for users of the platform only";
        return Err(AccountError::Invalid {
            field: "roles",
            problem,
        });
    }
    Ok(())
}

fn new_secret() -> Result<String, AccountError> {
    let mut bytes = [0; SECRET_LEN];
    getrandom::fill(&mut bytes).map_err(|error| AccountError::Random(error.to_string()))?;
    let letters = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(PREFIX.chars().chain(letters).collect())
}
