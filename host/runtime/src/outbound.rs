//! May this attempt be made now? Asks a campaign's rules in order, then the tenant's; fails closed.

use std::time::Duration;

use jackfield_contact::decision::{
    Answer, AskedRule, Attempt, Consent, OutboundChecked, PastAttempt, Question, RuleOutcome, ruling_of,
};
use jackfield_contact::input::Input;
use jackfield_types::{
    CampaignId, Channel, CustomerId, E164, ExtensionPoint, OpContext, PluginKind, Timestamp, limits,
};
use tokio::time::{Instant, timeout_at};

use crate::decide::{decide_once, failure};
use crate::tenant::Tenant;
use crate::{SubmitError, clock, zones};

/// An attempt that somebody wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundCheck {
    /// The number.
    pub number: E164,
    /// The channel.
    pub channel: Channel,
    /// The purpose: `sales`, `arrears`, `survey`, `requested-callback`, `service`, or one of the tenant's own.
    pub purpose: String,
    /// The campaign that it belongs to; none: only the tenant's rule is asked.
    pub campaign: Option<CampaignId>,
    /// ISO 3166-1 alpha-2 with an optional subdivision; none: that of the calling code.
    pub jurisdiction: Option<String>,
    /// Consent for this purpose on this channel; none: what the customer's profile says.
    pub consent: Option<Consent>,
    /// IANA zones that the number may be in; empty: all those of its calling code.
    pub zones: Vec<String>,
    /// Civil dates (`YYYY-MM-DD`) that are holidays where the number is.
    pub holidays: Vec<String>,
    /// When; none: now.
    pub at: Option<Timestamp>,
    /// Earlier attempts that are not kept here (see [`Tenant::record_attempt`]), at most 200; those older than 90 days
    /// are left out.
    pub attempts: Vec<PastAttempt>,
}

/// Why a check was not made, or its answer could not be journaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Something in it can't be.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// There is no such campaign, so nobody knows which rules hold.
    #[error(
        "campaign: there is no campaign {0}; make it first (jackfield campaign set), or look for another spelling"
    )]
    UnknownCampaign(CampaignId),
    /// The answer is not in the journal, so it must not be acted on.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Tenant {
    /// Asks the rules of the campaign in their order, then the tenant's, until one does not allow. A rule that gives no
    /// valid answer defers, and without any rule the answer is `deny`. The answer is journaled before it is given.
    ///
    /// # Errors
    /// When a field is wrong, or the answer can't be journaled: then the attempt must not be made.
    pub async fn check_outbound(&self, check: OutboundCheck) -> Result<OutboundChecked, OutboundError> {
        let now = check.at.unwrap_or_else(clock::now);
        let campaign = check.campaign.clone();
        let consent = check.consent;
        self.known_purpose(&check.purpose)?;
        let mut attempt = attempt(check, now)?;
        let ctx = OpContext::system(self.id().clone(), "outbound");
        if consent.is_none()
            && let Ok(customer) = CustomerId::new(&format!("tel:{}", attempt.number))
        {
            attempt.consent = self
                .consent_of(&ctx, &customer, &attempt.purpose, attempt.channel, now)
                .await?;
        }
        if let Some(campaign) = &campaign {
            self.known_campaign(&ctx, campaign).await?;
        }
        let kept = self.attempts(&ctx, &attempt.number, &attempt.purpose).await?;
        attempt.attempts = told(attempt.attempts, kept.iter().map(PastAttempt::from), now);
        let tenant = self.clone();
        // On its own: what was begun is metered and journaled even when nobody waits for the answer any more.
        let checking = tokio::spawn(async move {
            let rules = tenant.ask_chain(campaign.as_ref(), &attempt, now).await;
            let checked = OutboundChecked {
                ruling: ruling_of(&rules, attempt.channel, now),
                number: attempt.number,
                channel: attempt.channel,
                purpose: attempt.purpose,
                campaign,
                moment: now,
                rules,
            };
            let journaled = Input::OutboundChecked(Box::new(checked.clone()));
            tenant.submit(journaled).await.map(|()| checked)
        });
        let checked = checking.await;
        let checked =
            checked.map_err(|error| SubmitError::Unavailable(format!("the check did not end: {error}")))?;
        Ok(checked?)
    }

    async fn ask_chain(
        &self,
        campaign: Option<&CampaignId>,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Vec<AskedRule> {
        let deadline = Instant::now() + Duration::from_millis(limits::OUTBOUND_PATIENCE_MS);
        let mut rules = Vec::new();
        for point in self.chain(campaign) {
            let outcome = match timeout_at(deadline, self.ask_rule(&point, attempt.clone(), now)).await {
                Ok(outcome) => outcome,
                Err(_) => RuleOutcome::Failed(failure(
                    "timeout",
                    "the rules gave no answer in time; the host may be overloaded",
                )),
            };
            let asked = AskedRule { point, outcome };
            let settled = asked.settles(attempt.channel, now).is_some();
            rules.push(asked);
            if settled {
                break;
            }
        }
        rules
    }

    /// Where rules are bound, in the order in which they are asked; also where one is that can't be loaded.
    fn chain(&self, campaign: Option<&CampaignId>) -> Vec<ExtensionPoint> {
        let registry = &self.inner.shared.registry;
        campaign
            .into_iter()
            .flat_map(|campaign| {
                (1..=limits::MAX_CAMPAIGN_RULES)
                    .map(|place| ExtensionPoint::CampaignRule(campaign.clone(), place))
            })
            .chain([ExtensionPoint::Tenant(PluginKind::OutboundRule)])
            .filter(|point| registry.is_taken(self.id(), point))
            .collect()
    }

    async fn ask_rule(&self, point: &ExtensionPoint, attempt: Attempt, now: Timestamp) -> RuleOutcome {
        let customer = CustomerId::new(&format!("tel:{}", attempt.number)).ok();
        let (tenant, at, question) = (self.clone(), point.clone(), Question::Outbound(Box::new(attempt)));
        // On its own: a rule that is given up has its receipt all the same.
        let asking = tokio::spawn(async move { decide_once(&tenant, now, &at, question, customer).await });
        match asking.await {
            Ok(Ok((Answer::Outbound(ruling), by))) => RuleOutcome::Ruled { ruling, by },
            Ok(Ok(_)) => RuleOutcome::Failed(failure(
                "invalid-answer",
                "the answer is not one of an outbound rule",
            )),
            Ok(Err(found)) if &*found.code == "no-binding" => RuleOutcome::Failed(failure(
                "unavailable",
                &format!("what is bound at {point} can't be loaded; bind it again"),
            )),
            Ok(Err(found)) => RuleOutcome::Failed(found),
            Err(error) => {
                RuleOutcome::Failed(failure("unavailable", &format!("the rule did not run: {error}")))
            }
        }
    }
}

fn attempt(check: OutboundCheck, now: Timestamp) -> Result<Attempt, OutboundError> {
    let invalid = |field, problem: &str| {
        Err(OutboundError::Invalid {
            field,
            problem: problem.to_owned(),
        })
    };
    let (given, most) = (check.attempts.len(), limits::MAX_PAST_ATTEMPTS);
    if given > most {
        return invalid("attempts", &format!("{given}: expected at most {most}"));
    }
    if check.zones.len() > 40 {
        return invalid("zones", "expected at most 40");
    }
    let by_code = zones::of_number(&check.number);
    let jurisdiction = match (check.jurisdiction, &by_code) {
        (Some(given), _) if !(2..=6).contains(&given.len()) => {
            return invalid(
                "jurisdiction",
                "expected ISO 3166-1 alpha-2 with an optional subdivision, for example CN or US-FL",
            );
        }
        (Some(given), _) => given,
        (None, Some((jurisdiction, _))) => (*jurisdiction).to_owned(),
        (None, None) => String::new(),
    };
    let wanted: Vec<String> = if check.zones.is_empty() {
        by_code.map_or_else(Vec::new, |(_, zones)| {
            zones.into_iter().map(str::to_owned).collect()
        })
    } else {
        check.zones
    };
    let mut local_times = Vec::with_capacity(wanted.len());
    for zone in &wanted {
        match zones::local_time(zone, now, &check.holidays) {
            Some(time) => local_times.push(time),
            None => {
                return invalid(
                    "zones",
                    &format!(
                        "there is no time zone {zone:?}: expected an IANA name, for example Asia/Shanghai"
                    ),
                );
            }
        }
    }
    Ok(Attempt {
        number: check.number,
        channel: check.channel,
        purpose: check.purpose.into(),
        jurisdiction: jurisdiction.into(),
        local_times,
        consent: check.consent.unwrap_or(Consent::Unknown),
        attempts: check.attempts,
    })
}

/// What rules are told: the asker's attempts and those that are kept, each once, newest first, at most 200.
fn told(
    mut asked: Vec<PastAttempt>,
    kept: impl IntoIterator<Item = PastAttempt>,
    now: Timestamp,
) -> Vec<PastAttempt> {
    // One that both know of is one.
    let kept: Vec<_> = kept.into_iter().filter(|one| !asked.contains(one)).collect();
    asked.extend(kept.into_iter().filter(|past| past.at <= now));
    asked.retain(|past| now.since(past.at) <= limits::MAX_ATTEMPT_AGE_MS);
    asked.sort_by_key(|past| std::cmp::Reverse(past.at));
    asked.truncate(limits::MAX_PAST_ATTEMPTS);
    asked
}
