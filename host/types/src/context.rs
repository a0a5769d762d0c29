use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{InvalidId, TenantId, Timestamp, UserId};

/// What somebody may do. `Operator` stands above tenants; all others act inside one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the deployment: makes tenants, sees no customer data by this role alone.
    Operator,
    /// Everything inside one tenant.
    Admin,
    /// Sees everything, steers agents and live calls.
    Supervisor,
    /// Listens to recordings, reads and writes scores.
    Analyst,
    /// Plans shifts and reads reports.
    Planner,
    /// Segments, campaigns and surveys.
    Marketer,
    /// Takes work.
    Agent,
    /// Uploads and binds plugins.
    Integrator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Operator,
        Self::Admin,
        Self::Supervisor,
        Self::Analyst,
        Self::Planner,
        Self::Marketer,
        Self::Agent,
        Self::Integrator,
    ];

    /// The name used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Analyst => "analyst",
            Self::Planner => "planner",
            Self::Marketer => "marketer",
            Self::Agent => "agent",
            Self::Integrator => "integrator",
        }
    }
}

impl FromStr for Role {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| InvalidId {
                kind: "role",
                value: text.chars().take(64).collect(),
                expected: "operator, admin, supervisor, analyst, planner, marketer, agent or integrator",
            })
    }
}

/// Who acts: a signed-in user, or a part of the system itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A user by an API key.
    User(UserId),
    /// The platform itself; the text names the part, for example `runtime`.
    System(std::borrow::Cow<'static, str>),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::System(part) => write!(f, "system:{part}"),
        }
    }
}

/// A 128-bit trace id, as in W3C Trace Context. Zero means "not traced".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceId(pub u128);

/// The operation context: goes into every store and registry call, so that no query is made without its tenant.
#[derive(Debug, Clone)]
pub struct OpContext {
    /// The only tenant that this operation can read or write.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: Actor,
    /// The roles of the actor inside the tenant; empty for the system.
    pub roles: Vec<Role>,
    /// The trace that the operation belongs to.
    pub trace: TraceId,
    /// When the caller stops waiting; `None` for work that must be finished.
    pub deadline: Option<Timestamp>,
}

impl OpContext {
    /// The context of the platform itself working for a tenant.
    pub fn system(tenant: TenantId, part: &'static str) -> Self {
        Self {
            tenant,
            actor: Actor::System(part.into()),
            roles: Vec::new(),
            trace: TraceId::default(),
            deadline: None,
        }
    }

    /// Whether the actor has one of these roles.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}
