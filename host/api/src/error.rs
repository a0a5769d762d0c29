//! What a client is told when something goes wrong.
//!
//! Policy: every error is an RFC 9457 problem (`application/problem+json`) with a stable `code` for machines and a
//! `detail` for people that names the thing, what was expected and what to do. The status says who can mend it:
//!
//! | status | when |
//! |---|---|
//! | 400 | the request is no request: broken JSON, a wrong value, an unknown field; `field` says where |
//! | 401 | no key, or a key that is not known |
//! | 403 | the key is known and its roles don't allow this route |
//! | 404 | no such thing in the key's own tenant; things of other tenants don't exist |
//! | 409 | the request is right and the present state refuses it |
//! | 413, 415 | the body is too large, or not of the type that the route takes |
//! | 422 | the request is well formed and names things that can't be taken; `field` says where |
//! | 408 | the body did not come in whole in time; nothing was done |
//! | 429 | the tenant's inbox is full, or it has too many requests under way: try again after `Retry-After`; or a quota is, without it. Nothing was done |
//! | 503 | the store or the platform refuses; nothing was done, or the request may be sent again |
//! | 500 | a defect; the log has the cause under the same `instance` |
//!
//! Handlers return [`Problem`] by `?`; each error type of a lower floor has one `From` here and nowhere else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jackfield_contact::input::Rejected;
use jackfield_registry::RegistryError;
use jackfield_runtime::{
    AccountError, AttachmentError, CampaignError, CeilingsError, ChannelError, CustomerError, IdentifyError,
    OutboundError, QuotaExceeded, ReplayError, RolloutError, SubmitError, TenantError, UsageError,
};
use jackfield_types::limits::MAX_ATTACHMENT_BYTES;
use jackfield_types::{InvalidId, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error as RFC 9457 problem details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:jackfield:problem:` and the code.
    #[schema(value_type = String, example = "urn:jackfield:problem:unknown-queue")]
    pub r#type: Box<str>,
    /// The HTTP status in words.
    #[schema(value_type = String)]
    pub title: Box<str>,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// A stable code for machines.
    #[schema(value_type = String, example = "unknown-queue")]
    pub code: Box<str>,
    /// What happened, to which thing, and what to do, for people.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// The field of the request that was wrong, as a path such as `skills.en` or `roles[1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Box<str>>,
    /// This occurrence: the request's id, also in the answer's `x-request-id` and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<Box<str>>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:jackfield:problem:{code}").into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into().into(),
            field: None,
            instance: None,
            retry_after_s: None,
        }
    }

    pub(crate) fn field(mut self, field: &str) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-value", detail).field(field)
    }

    pub(crate) fn no_key() -> Self {
        let detail = "this route needs an API key: send it as 'Authorization: Bearer jf_…'";
        Self::new(StatusCode::UNAUTHORIZED, "no-key", detail)
    }

    pub(crate) fn unknown_key() -> Self {
        let detail = "this API key is not known, or was revoked; ask an administrator for another";
        Self::new(StatusCode::UNAUTHORIZED, "unknown-key", detail)
    }

    pub(crate) fn forbidden(needed: &[Role]) -> Self {
        let roles: Vec<_> = needed.iter().map(|role| role.as_str()).collect();
        let roles = match roles[..] {
            [only] => format!("the role {only}"),
            _ => format!("one of the roles {}", roles.join(", ")),
        };
        let detail = format!("this needs {roles}, which the key doesn't have");
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            &format!("unknown-{}", what.replace(' ', "-")),
            format!("there is no {what} {id}"),
        )
    }

    /// A thing that is not there, and is named in the body.
    pub(crate) fn unprocessable(mut self, field: &str) -> Self {
        if self.status == 404 {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            self.status = status.as_u16();
            self.title = status.canonical_reason().unwrap_or("Error").into();
        }
        self.field(field)
    }

    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes, the most that this route takes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    pub(crate) fn media_type(expected: &str) -> Self {
        let detail = format!("the body must be {expected}: set the Content-Type header");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
    }

    pub(crate) fn overloaded(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", detail);
        problem.retry_after_s = Some(1);
        problem
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after_s = Some(5);
        problem
    }

    pub(crate) fn internal() -> Self {
        let detail = "a defect of the server; its log has the cause under this instance";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if self.status == 401 {
            let scheme = HeaderValue::from_static("Bearer realm=\"jackfield\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        // The outermost layer adds the instance; only it knows the request's id.
        response.extensions_mut().insert(self);
        response
    }
}

/// A code of the lower floors: "unknown" in the path is 404, in the body 422.
fn by_code(code: &str, field: Option<&str>, detail: String) -> Problem {
    let status = match code {
        "unavailable" => return Problem::unavailable(detail),
        "overloaded" => return Problem::overloaded(detail),
        "quota" => StatusCode::TOO_MANY_REQUESTS,
        "in-use" | "wrong-state" | "too-many" | "queue-full" | "version-exists" | "exists" | "yanked"
        | "changed" => StatusCode::CONFLICT,
        _ if code.starts_with("unknown-") && field.is_none() => StatusCode::NOT_FOUND,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let problem = Problem::new(status, code, detail);
    match field {
        Some(field) => problem.field(field),
        None => problem,
    }
}

impl From<Rejected> for Problem {
    fn from(error: Rejected) -> Self {
        by_code(error.code, error.field, error.message)
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(rejected) => rejected.into(),
            SubmitError::Overloaded => {
                Self::overloaded("the tenant's inbox is full; nothing was done, try again in a second")
            }
            SubmitError::Unavailable(what) => Self::unavailable(what),
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        by_code(error.code(), error.field().as_deref(), error.to_string())
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Submit(error) => error.into(),
            ReplayError::Registry(error) => error.into(),
        }
    }
}

impl From<RolloutError> for Problem {
    fn from(error: RolloutError) -> Self {
        let detail = error.to_string();
        match error {
            RolloutError::Gate(_) | RolloutError::TooEarly(_) => Self::conflict("gate", detail),
            RolloutError::Replay(error) => error.into(),
            RolloutError::Registry(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::Exists(_) => Self::conflict("exists", detail).field("id"),
            AccountError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "unknown-account", detail),
            AccountError::Invalid { field, .. } => Self::invalid(field, detail),
            AccountError::TooMany(_) => Self::conflict("too-many", detail),
            AccountError::Store(_) | AccountError::Record(_) | AccountError::Random(_) => {
                Self::unavailable(detail)
            }
        }
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let detail = error.to_string();
        match error {
            TenantError::Exists(_) => Self::conflict("exists", detail).field("id"),
            TenantError::Invalid { field, .. } => Self::invalid(field, detail),
            TenantError::TooMany(_) => Self::conflict("too-many", detail),
            TenantError::Start(_) => Self::unavailable(detail),
        }
    }
}

impl From<QuotaExceeded> for Problem {
    fn from(error: QuotaExceeded) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "quota", error.to_string())
    }
}

impl From<CeilingsError> for Problem {
    fn from(error: CeilingsError) -> Self {
        let detail = error.to_string();
        match error {
            CeilingsError::Invalid { kind, field, .. } => {
                Self::invalid(&format!("/kinds/{kind}/{field}"), detail)
            }
            CeilingsError::Store(_) => Self::unavailable(detail),
        }
    }
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        let detail = error.to_string();
        match error {
            UsageError::Invalid { field, .. } => Self::invalid(field, detail),
            UsageError::Store(_) => Self::unavailable(detail),
        }
    }
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        let detail = error.to_string();
        match error {
            AttachmentError::NotAllowed { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "type-not-allowed", detail)
            }
            AttachmentError::Mismatch { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-type", detail)
            }
            AttachmentError::Damaged(..) => by_code("damaged-file", None, detail),
            AttachmentError::TooManyPixels(_) => by_code("too-many-pixels", None, detail),
            AttachmentError::TooLarge => Self::too_large(MAX_ATTACHMENT_BYTES as usize),
            AttachmentError::Empty => Self::new(StatusCode::BAD_REQUEST, "empty-file", detail),
            AttachmentError::TooMany { .. } => Self::conflict("too-many", detail),
            AttachmentError::Quota(error) => error.into(),
            AttachmentError::Upload => Self::invalid("client_id", detail),
            AttachmentError::OtherFile => by_code("idempotency-key-reused", None, detail),
            AttachmentError::WrongState(_) => Self::conflict("wrong-state", detail),
            AttachmentError::Unknown { index, .. } => by_code(
                "unknown-attachment",
                Some(&format!("attachments[{index}]")),
                detail,
            ),
            AttachmentError::Twice { index, .. } => by_code(
                "duplicate-attachment",
                Some(&format!("attachments[{index}]")),
                detail,
            ),
            AttachmentError::Submit(error) => error.into(),
        }
    }
}

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        let detail = error.to_string();
        match error {
            CampaignError::Unknown(_) => by_code("unknown-campaign", None, detail),
            CampaignError::Name => Self::invalid("name", detail),
            CampaignError::Segment(_) => Self::invalid("segment", detail),
            CampaignError::InUse(_) => Self::conflict("in-use", detail),
            CampaignError::TooMany => Self::conflict("too-many", detail),
            CampaignError::Store(_) => Self::unavailable(detail),
        }
    }
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        let detail = error.to_string();
        match error {
            ChannelError::Unknown(_) => by_code("unknown-channel", None, detail),
            ChannelError::Invalid { field, .. } => Self::invalid(&field, detail),
            ChannelError::UnknownEntry(_) => by_code("unknown-chat-entry", Some("entry"), detail),
            ChannelError::EntryTaken(..) => Self::conflict("in-use", detail).field("entry"),
            ChannelError::InUse(_) => Self::conflict("in-use", detail),
            ChannelError::TooMany(..) => Self::conflict("too-many", detail),
            ChannelError::NotVerified => Self::new(StatusCode::UNAUTHORIZED, "not-verified", detail),
            ChannelError::TooLarge(most) => Self::too_large(most),
            ChannelError::Overloaded => Self::overloaded(detail),
            ChannelError::Disabled(_) | ChannelError::Unavailable(_) => Self::unavailable(detail),
        }
    }
}

impl From<IdentifyError> for Problem {
    fn from(error: IdentifyError) -> Self {
        let detail = error.to_string();
        match error {
            IdentifyError::Bad(_) => Self::invalid("token", detail),
            IdentifyError::Foreign => {
                Self::new(StatusCode::FORBIDDEN, "foreign-token", detail).field("token")
            }
            IdentifyError::Expired => {
                Self::new(StatusCode::FORBIDDEN, "expired-token", detail).field("token")
            }
            IdentifyError::Used => Self::conflict("used-token", detail).field("token"),
            IdentifyError::NoSecret(_) => Self::conflict("no-identity-secret", detail),
            IdentifyError::UnknownLink => by_code("unknown-identity-link", None, detail),
            IdentifyError::SomebodyElse => Self::conflict("another-customer", detail),
            IdentifyError::NoAddress(_) => Self::conflict("wrong-state", detail),
            IdentifyError::Customer(error) => error.into(),
        }
    }
}

impl From<CustomerError> for Problem {
    fn from(error: CustomerError) -> Self {
        let detail = error.to_string();
        match error {
            CustomerError::Unknown { kind, .. } => {
                Self::new(StatusCode::NOT_FOUND, &format!("unknown-{kind}"), detail)
            }
            CustomerError::Invalid { field, .. } => Self::invalid(&field, detail),
            CustomerError::InUse { .. } => Self::conflict("in-use", detail),
            CustomerError::Conflict(_) => Self::conflict("wrong-state", detail),
            CustomerError::TooMany { .. } => Self::conflict("too-many", detail),
            CustomerError::Submit(error) => error.into(),
        }
    }
}

impl From<OutboundError> for Problem {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Invalid { field, .. } => Self::invalid(field, error.to_string()),
            OutboundError::UnknownCampaign(_) => {
                by_code("unknown-campaign", Some("campaign"), error.to_string())
            }
            OutboundError::Submit(error) => error.into(),
        }
    }
}

impl From<jackfield_store::Error> for Problem {
    fn from(error: jackfield_store::Error) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<InvalidId> for Problem {
    fn from(error: InvalidId) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-value", error.to_string())
    }
}
