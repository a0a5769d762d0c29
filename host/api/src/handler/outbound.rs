//! May somebody be contacted now? The bound rules decide; without a valid answer the answer is not now.

use jackfield_contact::decision::{
    AskedRule, Consent, Failure, OutboundChecked, Outcome, PastAttempt, Provenance, RuleOutcome, Ruling,
    Verdict,
};
use jackfield_runtime::OutboundCheck;
use jackfield_types::{CampaignId, Channel, E164, Timestamp};
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
#[schema(example = json!({"number": "+33612345678", "purpose": "sales", "campaign": "spring", "jurisdiction": "FR", "consent": "given"}))]
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
    /// The campaign that the attempt belongs to: its rules are asked before the tenant's. One that is not known is refused.
    #[schema(value_type = Option<String>)]
    pub campaign: Option<CampaignId>,
    /// ISO 3166-1 alpha-2, with a subdivision where one matters: `FR`, `US-FL`; by the number's prefix when left out.
    pub jurisdiction: Option<String>,
    /// `given`, `refused` or `unknown`; what the customer's profile says when left out.
    #[schema(value_type = Option<String>)]
    pub consent: Option<Consent>,
    /// IANA names of the time zones that the customer may be in, at most 40; by the number's prefix when left out.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Civil dates (`YYYY-MM-DD`) that are holidays where the customer is, at most 100.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// The moment of the attempt; now when left out.
    pub at: Option<u64>,
    /// Earlier attempts for the same purpose that were not reported to `/v1/outbound/attempts`, at most 200; those older
    /// than 90 days are left out. Rules are told of both.
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

pub(super) fn voice() -> Channel {
    Channel::Voice
}

/// The ruling, of the first rule that does not allow; `allow` when all allow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OutboundView {
    #[serde(flatten)]
    ruling: RulingView,
    /// The plugin that settled it; null when it gave no valid answer, or none is bound.
    pub by: Option<DecidedBy>,
    /// Why the rule that was asked last gave no valid answer.
    pub failure: Option<FailureView>,
    /// Every rule that was asked, in its order: the campaign's, then the tenant's.
    pub rules: Vec<AskedRuleView>,
}

/// One rule that was asked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AskedRuleView {
    /// Where it is bound: `campaign:ID:outbound-rule:N` or `tenant:outbound-rule`.
    pub point: String,
    /// What it said; null when it gave no valid answer.
    pub ruling: Option<RulingView>,
    /// The plugin; null when it gave no valid answer.
    pub by: Option<DecidedBy>,
    /// Why it gave no valid answer.
    pub failure: Option<FailureView>,
}

/// May the attempt be made?
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RulingView {
    /// `allow`, `defer`, `substitute` or `deny`.
    pub verdict: String,
    /// Deferred until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The channel to be used instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// A stable code, for example `quiet-hours`; `rule-failed`: ask again then; `no-rule`: none is bound.
    pub reason: String,
    /// When it would be allowed, or may be asked again, when there is such a moment.
    pub next_permitted_at: Option<u64>,
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
    /// The record of the decision, when one was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
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
        let attempts = body
            .attempts
            .into_iter()
            .map(|attempt| PastAttempt {
                at: Timestamp(attempt.at),
                channel: attempt.channel,
                outcome: attempt.outcome,
            })
            .collect();
        Ok(Self {
            number: body.number,
            channel: body.channel,
            purpose: body.purpose,
            campaign: body.campaign,
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

impl From<Ruling> for RulingView {
    fn from(ruling: Ruling) -> Self {
        let (verdict, until, channel) = match ruling.verdict {
            Verdict::Allow => ("allow", None, None),
            Verdict::Defer(until) => ("defer", Some(until.0), None),
            Verdict::Substitute(channel) => ("substitute", None, Some(channel.as_str().into())),
            Verdict::Deny => ("deny", None, None),
        };
        Self {
            verdict: verdict.into(),
            until,
            channel,
            reason: ruling.reason.to_string(),
            next_permitted_at: ruling.next_permitted_at.map(|at| at.0),
        }
    }
}

impl From<Provenance> for DecidedBy {
    fn from(by: Provenance) -> Self {
        Self {
            plugin: by.plugin.to_string(),
            version: by.version.to_string(),
            fuel: by.fuel,
            wall_us: by.wall_us,
            decision: by.decision.map(|decision| decision.to_string()),
        }
    }
}

impl From<Failure> for FailureView {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code.to_string(),
            message: failure.message.to_string(),
        }
    }
}

impl From<AskedRule> for AskedRuleView {
    fn from(asked: AskedRule) -> Self {
        let (ruling, by, failure) = match asked.outcome {
            RuleOutcome::Ruled { ruling, by } => (Some(ruling.into()), Some(by.into()), None),
            RuleOutcome::Failed(failure) => (None, None, Some(failure.into())),
        };
        Self {
            point: asked.point.to_string(),
            ruling,
            by,
            failure,
        }
    }
}

impl From<OutboundChecked> for OutboundView {
    fn from(checked: OutboundChecked) -> Self {
        let rules: Vec<AskedRuleView> = checked.rules.into_iter().map(AskedRuleView::from).collect();
        let (by, failure) = rules
            .last()
            .map_or((None, None), |last| (last.by.clone(), last.failure.clone()));
        Self {
            ruling: checked.ruling.into(),
            by,
            failure,
            rules,
        }
    }
}

/// Asks the campaign's outbound rules about an attempt in their order, then the tenant's. The first that does not allow
/// settles it. They must hold in every time zone that the number may be in. A rule that gives no valid answer defers for
/// five minutes; when none is bound, the verdict is `deny`. Each check is an event `outbound-checked`.
#[utoipa::path(post, path = "", tag = "outbound", request_body = OutboundBody, responses((status = 200, body = OutboundView)))]
pub(crate) async fn check_outbound(who: InTenant, Json(body): Json<OutboundBody>) -> Answer<OutboundView> {
    let answer = who.tenant.check_outbound(body.try_into()?).await?;
    Ok(Json(answer.into()))
}
