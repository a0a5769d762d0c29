//! A link that goes to the customer as a short message of its own, beside a call: through a channel whose customers are
//! known by their numbers. It takes the channel's outbox like any message, and its row says what became of it.

use std::sync::Arc;

use jackfield_contact::case::AssistanceStep;
use jackfield_contact::decision::OutgoingMessage;
use jackfield_contact::interaction::Interaction;
use jackfield_types::{ConnectorId, OpContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::assistance::{self, Assistance};
use super::token::{self, ASSISTANCE_LINK};
use super::work::{CaseDone, CaseWork};
use crate::channels::{ChannelError, OUTBOX, outbox_key};
use crate::clock;
use crate::customers::{Address, CustomerError, Ledger};
use crate::tenant::Tenant;

/// A link on its way as a message of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Through which channel.
    pub channel: ConnectorId,
    /// To which number, E.164.
    pub to: Arc<str>,
    /// Where links begin.
    pub(crate) base: Arc<str>,
    /// When the provider took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Why it will not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Arc<str>>,
}

/// What came of a message.
pub(crate) struct NoticeEnd {
    pub(crate) channel: ConnectorId,
    /// The number of its row in the outbox.
    pub(crate) seq: u64,
    /// Why it was given up.
    pub(crate) failed: Option<Arc<str>>,
}

/// In the loop: a message was sent or given up; it waits no longer, whatever became of the link.
pub(crate) async fn end(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    code: &str,
    end: NoticeEnd,
    by: &Arc<str>,
) -> Result<CaseDone, CustomerError> {
    let waited = outbox_key(&end.channel, end.seq);
    ledger.beside = std::mem::take(&mut ledger.beside).delete(OUTBOX, waited);
    let Some(mut found) = assistance::kept(ledger, code).await? else {
        return Ok(CaseDone::Nothing);
    };
    let Some(notice) = &mut found.notice else {
        return Ok(CaseDone::Nothing);
    };
    let step = match end.failed {
        None => {
            notice.sent_at = Some(now);
            AssistanceStep::Sent
        }
        Some(why) => {
            notice.failed = Some(why);
            AssistanceStep::Unsent
        }
    };
    assistance::keep(ledger, found, step, by).await
}

impl Tenant {
    /// How a link would go to the customer of a call: through a channel of numbers, to the one given or the caller's own.
    ///
    /// # Errors
    /// When the interaction is no call, there is no such channel or it can't reach a number, or nothing tells the number.
    pub fn notice(
        &self,
        interaction: &Interaction,
        channel: ConnectorId,
        to: Option<&str>,
        base: &str,
    ) -> Result<Notice, CustomerError> {
        if interaction.chat.is_some() {
            return Err(CustomerError::invalid(
                "channel",
                "a written conversation has its own: leave it out",
            ));
        }
        let found = match self.channel(&channel) {
            Err(ChannelError::Unknown(_)) => {
                return Err(CustomerError::invalid(
                    "channel",
                    format!("there is no channel {channel}: make it first, or look for another spelling"),
                ));
            }
            found => found.map_err(|error| CustomerError::invalid("channel", error.to_string()))?,
        };
        if found.settings.identity != "tel" || !found.settings.enabled {
            return Err(CustomerError::invalid(
                "channel",
                format!(
                    "{channel}: expected one that is switched on and whose customers are known by numbers"
                ),
            ));
        }
        let number = to.unwrap_or(&interaction.caller);
        let address = Address::new(&format!("tel:{number}"), self.inner.customers.region());
        let address = address.map_err(|_| {
            CustomerError::invalid(
                "to",
                "expected a telephone number; without one it is the caller's, who has withheld it",
            )
        })?;
        Ok(Notice {
            channel,
            to: address.value().into(),
            base: base.into(),
            sent_at: None,
            failed: None,
        })
    }

    /// The message of a link that waits in a channel's outbox; none when it leads nowhere any more.
    pub(crate) async fn notice_message(
        &self,
        ctx: &OpContext,
        code: &str,
        account: &str,
    ) -> Result<Option<OutgoingMessage>, CustomerError> {
        let found = self.assistance_by_code(ctx, code).await?;
        let Some(Assistance {
            notice: Some(notice),
            title,
            ..
        }) = found.filter(|found| found.is_good(clock::now()))
        else {
            return Ok(None);
        };
        let Some(token) = token::of_code(&self.inner.customers.keys, ASSISTANCE_LINK, code) else {
            return Ok(None);
        };
        Ok(Some(OutgoingMessage {
            id: format!("assist-{code}").into(),
            sender: account.into(),
            recipient: notice.to,
            text: format!(
                "{title}\n{}",
                super::assistance_url(&notice.base, self.id(), &token)
            )
            .into(),
            choices: Vec::new(),
            in_reply_to: None,
        }))
    }

    /// Keeps what came of such a message.
    pub(crate) async fn end_notice(
        &self,
        ctx: &OpContext,
        code: &Arc<str>,
        end: NoticeEnd,
    ) -> Result<(), CustomerError> {
        self.case_order(ctx, CaseWork::NoticeEnd(code.clone(), end))
            .await?;
        Ok(())
    }
}
