//! May somebody be contacted now? The bound rule decides; without a valid answer the answer is no.

use jackfield_contact::decision::{Consent, Outcome, PastAttempt, Verdict};
use jackfield_runtime::{OutboundAnswer, OutboundCheck};
use jackfield_types::{Channel, E164, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json};

/// Holidays in one check.
const MAX_HOLIDAYS: usize = 100;

/// An attempt to be judged.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+33612345678", "purpose": "sales", "jurisdiction": "FR", "consent": "given"}))]
pub struct OutboundBody {
    /// The number to be called, E.164.
    #[schema(value_type = String)]
    pub number: E164,
    /// `voice` when left out.
    #[serde(default = "voice")]
    #[schema(value_type = String)]
    pub channel: Channel,
    /// For example `sales`, `arrears`, `survey`, `requested-callback` or `service`; 1 to 64 bytes.
    pub purpose: String,
    /// ISO 3166-1 alpha-2, with a subdivision where one matters: `FR`, `US-FL`; by the number's prefix when left out.
    pub jurisdiction: Option<String>,
    /// `given`, `refused` or `unknown`, which it is when left out.
    #[serde(default = "unknown")]
    #[schema(value_type = String)]
    pub consent: Consent,
    /// IANA names of the time zones that the customer may be in, at most 40; by the number's prefix when left out.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Civil dates (`YYYY-MM-DD`) that are holidays where the customer is, at most 100.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// The moment of the attempt; now when left out.
    pub at: Option<u64>,
    /// Earlier attempts, at most 200.
    #[serde(default)]
    pub attempts: Vec<AttemptBody>,
}

/// An earlier attempt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptBody {
    /// When.
    pub at: u64,
    /// On which channel; `voice` when left out.
    #[serde(default = "voice")]
    #[schema(value_type = String)]
    pub channel: Channel,
    /// `unanswered`, `conversation`, `abandoned` or `failed`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
}

fn voice() -> Channel {
    Channel::Voice
}

fn unknown() -> Consent {
    Consent::Unknown
}

/// The ruling.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OutboundView {
    /// `allow`, `defer`, `substitute` or `deny`.
    pub verdict: String,
    /// Deferred until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The channel to be used instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A stable code, for example `quiet-hours`.
    pub reason: String,
    /// When it would be allowed, when there is such a moment.
    pub next_permitted_at: Option<u64>,
    /// The plugin that decided; null when none gave a valid answer.
    pub by: Option<DecidedBy>,
    /// Why no plugin gave a valid answer.
    pub failure: Option<FailureView>,
}

/// Which version of which plugin decided, and what it cost.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DecidedBy {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Fuel used.
    pub fuel: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
}

/// Why no plugin gave a valid answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    /// A stable code, for example `no-binding`, `trap` or `timeout`.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl TryFrom<OutboundBody> for OutboundCheck {
    type Error = Problem;

    fn try_from(body: OutboundBody) -> Result<Self, Problem> {
        let refuse =
            |field: &str, expected: &str| Err(Problem::invalid(field, format!("{field}: {expected}")));
        if !body.jurisdiction.as_deref().is_none_or(is_jurisdiction) {
            return refuse("jurisdiction", "expected ISO 3166, for example FR or US-FL");
        }
        if body.holidays.len() > MAX_HOLIDAYS {
            return refuse("holidays", "expected at most 100");
        }
        let mut attempts: Vec<_> = body
            .attempts
            .into_iter()
            .map(|attempt| PastAttempt {
                at: Timestamp(attempt.at),
                channel: attempt.channel,
                outcome: attempt.outcome,
            })
            .collect();
        // Rules are told of the newest first.
        attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.at));
        Ok(Self {
            number: body.number,
            channel: body.channel,
            purpose: body.purpose,
            jurisdiction: body.jurisdiction,
            consent: body.consent,
            zones: body.zones,
            holidays: body.holidays,
            at: body.at.map(Timestamp),
            attempts,
        })
    }
}

fn is_jurisdiction(text: &str) -> bool {
    let (country, part) = text
        .split_once('-')
        .map_or((text, None), |(country, part)| (country, Some(part)));
    let capital = |byte: u8| byte.is_ascii_uppercase();
    country.len() == 2
        && country.bytes().all(capital)
        && part.is_none_or(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| capital(byte) || byte.is_ascii_digit())
        })
}

impl From<OutboundAnswer> for OutboundView {
    fn from(answer: OutboundAnswer) -> Self {
        let (verdict, until, channel) = match answer.ruling.verdict {
            Verdict::Allow => ("allow", None, None),
            Verdict::Defer(until) => ("defer", Some(until.0), None),
            Verdict::Substitute(channel) => ("substitute", None, Some(channel.as_str().into())),
            Verdict::Deny => ("deny", None, None),
        };
        Self {
            verdict: verdict.into(),
            until,
            channel,
            reason: answer.ruling.reason.to_string(),
            next_permitted_at: answer.ruling.next_permitted_at.map(|at| at.0),
            by: answer.by.map(|by| DecidedBy {
                plugin: by.plugin.to_string(),
                version: by.version.to_string(),
                fuel: by.fuel,
                wall_us: by.wall_us,
            }),
            failure: answer.failure.map(|failure| FailureView {
                code: failure.code.to_string(),
                message: failure.message.to_string(),
            }),
        }
    }
}

/// Asks the tenant's outbound rule about an attempt. It must hold in every time zone that the number may be in; when
/// no rule is bound, or it gives no valid answer, the verdict is `deny`.
#[utoipa::path(post, path = "", tag = "outbound", request_body = OutboundBody, responses((status = 200, body = OutboundView)))]
pub(crate) async fn check_outbound(who: InTenant, Json(body): Json<OutboundBody>) -> Answer<OutboundView> {
    let answer = who.tenant.check_outbound(body.try_into()?).await?;
    Ok(Json(answer.into()))
}
