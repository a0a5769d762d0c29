use jackfield_contact::leg::Cause;
use rsipstack::{
    dialog::{
        dialog::{DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle},
        invitation::InviteOption,
        invite_dialog::InviteDialog,
    },
    sip::{Header, Method, Request, Response, StatusCode, prelude::HeadersExt},
    transaction::{key::TransactionRole, transaction::Transaction},
};
use std::sync::Arc;

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    Endpoint, cause_of, extract,
    requests::{allow, sdp_type},
    timer::{SessionTimer, Wish},
};
use crate::softphone::Transport;

/// What a call reports.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The phone that was called rings.
    Ringing,
    /// The phone that was called answered; its SDP.
    Answered(Vec<u8>),
    /// The peer has our answer to its INVITE or re-INVITE. Its SDP, when the offer of the first INVITE was ours.
    Acked(Option<Vec<u8>>),
    /// A re-INVITE or UPDATE that wants an answer.
    Offer(Offer),
    /// The peer's SDP to an offer that we made in the answer of a re-INVITE.
    OfferAnswered(Vec<u8>),
    /// A digit by INFO.
    Digit(char),
    /// The call is over. Nothing follows.
    Ended { cause: Cause, status: Option<u16> },
}

/// A re-INVITE or UPDATE. Dropped without an answer, it is refused with 500.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The peer's offer; empty when it wants ours (re-INVITE) or only refreshes the session (UPDATE).
    pub(crate) sdp: Vec<u8>,
    /// Whether it is a re-INVITE.
    pub(crate) is_invite: bool,
    cseq: u32,
    timer: Option<SessionTimer>,
    handle: Option<TransactionHandle>,
}

/// One call, in either direction. Dropped before it has ended, it is hung up.
pub(crate) struct Call {
    endpoint: Endpoint,
    dialog: InviteDialog,
    states: DialogStateReceiver,
    /// Woken when the peer has shown that it no longer knows the call.
    gone: Arc<Notify>,
    /// Says that the INVITE that we sent came to nothing without a response.
    failed: Option<oneshot::Receiver<()>>,
    /// Of a call that came in: how the same request by another way is known.
    key: Option<(String, String)>,
    timer: Option<SessionTimer>,
    due: Option<Instant>,
    /// The SDP that our side last sent, for refreshing the session.
    local_sdp: String,
    /// The CSeq of the INVITE whose ACK brings the answer to our offer.
    offered: Option<u32>,
    /// The CSeq of the re-INVITE whose ACK is awaited.
    reoffered: Option<u32>,
    confirmed: bool,
    answered: bool,
    ended: bool,
}

/// Makes a call of an INVITE that came in, and the dialog that has to handle its transaction; or says with which
/// status to refuse it.
pub(super) fn take(
    endpoint: &Endpoint,
    tx: &Transaction,
    transport: Transport,
    to: &str,
    timer: Option<SessionTimer>,
) -> Result<(Call, InviteDialog), u16> {
    let request = &tx.original;
    let tag = request
        .from_header()
        .and_then(|from| from.tag())
        .ok()
        .flatten()
        .ok_or(400_u16)?;
    let call_id = request.call_id_header().map_err(|_| 400_u16)?.value().to_owned();
    let key = (call_id, tag.value().to_owned());
    let (send, states) = endpoint.inner.dialogs.new_dialog_state_channel();
    let contact = endpoint.contact(to, transport);
    if !endpoint.calls().insert(key.clone()) {
        return Err(482);
    }
    let Ok(dialog) = endpoint
        .inner
        .dialogs
        .get_or_create_server_invite(tx, send, None, Some(contact))
    else {
        endpoint.calls().remove(&key);
        return Err(400);
    };
    Ok((
        Call::new(endpoint, dialog.clone(), states, Some(key), timer),
        dialog,
    ))
}

/// Places a call.
pub(super) fn place(endpoint: &Endpoint, option: InviteOption, sdp: String) -> Result<Call, String> {
    let (send, states) = endpoint.inner.dialogs.new_dialog_state_channel();
    let (dialog, outcome) = endpoint
        .inner
        .dialogs
        .do_invite_async(option, send)
        .map_err(|e| e.to_string())?;
    let (fail, failed) = oneshot::channel();
    tokio::spawn(async move {
        // A final response is seen as a state of the dialog.
        if !matches!(outcome.await, Ok(Ok((_, Some(_))))) {
            fail.send(()).ok();
        }
    });
    let mut call = Call::new(endpoint, dialog, states, None, None);
    call.failed = Some(failed);
    call.local_sdp = sdp;
    Ok(call)
}

impl Call {
    fn new(
        endpoint: &Endpoint,
        dialog: InviteDialog,
        states: DialogStateReceiver,
        key: Option<(String, String)>,
        timer: Option<SessionTimer>,
    ) -> Self {
        Self {
            endpoint: endpoint.clone(),
            dialog,
            states,
            gone: Arc::default(),
            failed: None,
            key,
            timer,
            due: None,
            local_sdp: String::new(),
            offered: None,
            reoffered: None,
            confirmed: false,
            answered: false,
            ended: false,
        }
    }

    /// The next thing that happens. Cancel-safe. After `Ended` it never resolves.
    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            if self.ended {
                std::future::pending::<()>().await;
            }
            let state = tokio::select! {
                biased;
                state = self.states.recv() => state,
                () = self.gone.notified() => return self.lost(),
                () = failure(&mut self.failed) => return self.ended(Cause::Unreachable, None),
                () = at(self.due) => {
                    if let Some(signal) = self.timer_due() {
                        return signal;
                    }
                    continue;
                }
            };
            let Some(state) = state else {
                return self.ended(Cause::Unreachable, None);
            };
            if let Some(signal) = self.signal(state) {
                return signal;
            }
        }
    }

    /// Sends 180. Only for a call that came in.
    pub(crate) fn ring(&self) {
        self.dialog.ringing(None, None).ok();
    }

    /// Answers a call that came in. `is_offer` when the caller sent none: its answer comes with the ACK.
    pub(crate) fn answer(&mut self, sdp: String, is_offer: bool) {
        let mut headers = vec![sdp_type(), allow()];
        headers.extend(self.timer.map(SessionTimer::answer).unwrap_or_default());
        self.due = self.timer.map(SessionTimer::due);
        if is_offer {
            self.offered = cseq(&self.dialog.initial_request());
        }
        self.answered = true;
        self.local_sdp.clone_from(&sdp);
        if let Err(error) = self.dialog.accept(Some(headers), Some(sdp.into_bytes())) {
            tracing::debug!(%error, "INVITE could not be answered");
        }
    }

    /// Answers a re-INVITE or UPDATE. `sdp` is our answer, or our offer when the peer wanted it; `None` for an
    /// UPDATE without one.
    pub(crate) fn accept(&mut self, mut offer: Offer, sdp: Option<String>) {
        let Some(handle) = offer.handle.take() else { return };
        if offer.is_invite {
            self.reoffered = Some(offer.cseq);
            self.offered = offer.sdp.is_empty().then_some(offer.cseq).or(self.offered);
        }
        let mut headers = vec![allow()];
        if let Some(timer) = offer.timer {
            headers.extend(timer.answer());
            self.timer = Some(timer);
        }
        self.due = self.timer.map(SessionTimer::due);
        if let Some(sdp) = &sdp {
            headers.push(sdp_type());
            self.local_sdp.clone_from(sdp);
        }
        respond(handle, 200, headers, sdp.map(String::into_bytes));
    }

    /// Refuses a re-INVITE or UPDATE; the call goes on as it was.
    pub(crate) fn refuse(mut offer: Offer, status: u16) {
        if let Some(handle) = offer.handle.take() {
            respond(handle, status, vec![], None);
        }
    }

    /// Sends a re-INVITE with an offer; the final status and the peer's SDP come when they do.
    pub(crate) fn reoffer(&mut self, sdp: String) -> oneshot::Receiver<Result<Vec<u8>, u16>> {
        let (send, receive) = oneshot::channel();
        self.local_sdp.clone_from(&sdp);
        let dialog = self.dialog.clone();
        tokio::spawn(async move {
            let response = dialog
                .reinvite(Some(vec![sdp_type(), allow()]), Some(sdp.into_bytes()))
                .await;
            let outcome = match response {
                Ok(Some(response)) if response.status_code.code() / 100 == 2 => Ok(response.body),
                Ok(Some(response)) => Err(response.status_code.code()),
                _ => Err(408),
            };
            send.send(outcome).ok();
        });
        receive
    }

    /// Sends digits by INFO (`application/dtmf-relay`), one after the other.
    pub(crate) fn send_info(&self, digits: String) {
        let dialog = self.dialog.clone();
        tokio::spawn(async move {
            for digit in digits.chars() {
                let kind = Header::ContentType("application/dtmf-relay".into());
                let body = format!("Signal={digit}\r\nDuration=160\r\n").into_bytes();
                dialog.info(Some(vec![kind]), Some(body)).await.ok();
            }
        });
    }

    /// Ends the call in whatever state it is: BYE, CANCEL, or `status` for one that came in and was not answered.
    /// Nothing is reported after it.
    pub(crate) fn hang_up(&mut self, status: u16) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.dialog.role() == TransactionRole::Server && !self.answered {
            self.dialog.reject(Some(StatusCode::from(status)), None).ok();
            return;
        }
        let (dialog, endpoint) = (self.dialog.clone(), self.endpoint.clone());
        tokio::spawn(async move {
            if let Err(error) = dialog.hangup().await {
                tracing::debug!(%error, "hanging up failed");
            }
            endpoint.inner.dialogs.remove_dialog(&dialog.id());
        });
    }

    fn ended(&mut self, cause: Cause, status: Option<u16>) -> Signal {
        self.ended = true;
        Signal::Ended { cause, status }
    }

    /// Our refresh is due, or the peer has not refreshed the session.
    fn timer_due(&mut self) -> Option<Signal> {
        let timer = self.timer?;
        self.due = Some(timer.due());
        if !timer.is_ours() {
            return Some(self.lost());
        }
        let (dialog, gone, sdp) = (self.dialog.clone(), self.gone.clone(), self.local_sdp.clone());
        tokio::spawn(async move {
            let mut headers = timer.refresh();
            headers.extend([sdp_type(), allow()]);
            let response = dialog.reinvite(Some(headers), Some(sdp.into_bytes())).await;
            if is_gone(&response) {
                gone.notify_one();
            }
        });
        None
    }

    /// Asks the peer whether it still knows the call (OPTIONS in the dialog); when not, the call ends.
    pub(crate) fn probe(&self) {
        let (dialog, gone) = (self.dialog.clone(), self.gone.clone());
        tokio::spawn(async move {
            if is_gone(&dialog.request(Method::Options, Some(vec![allow()]), None).await) {
                gone.notify_one();
            }
        });
    }

    fn lost(&mut self) -> Signal {
        self.hang_up(408);
        Signal::Ended {
            cause: Cause::Unreachable,
            status: Some(408),
        }
    }

    fn signal(&mut self, state: DialogState) -> Option<Signal> {
        let is_ours = self.dialog.role() == TransactionRole::Client;
        match state {
            DialogState::Early(_, response)
                if is_ours && !self.confirmed && response.status_code.code() > 100 =>
            {
                Some(Signal::Ringing)
            }
            DialogState::Confirmed(_, response) => self.confirmed(is_ours, response.body),
            DialogState::Updated(_, request, handle) => self.offer(&request, handle),
            DialogState::Info(_, request, handle) => {
                let kind = request.header_value("Content-Type").unwrap_or_default();
                let info = extract::info(&kind, &request.body);
                let status = match info {
                    extract::Info::Digit(_) | extract::Info::Nothing => 200,
                    extract::Info::Malformed => 400,
                    extract::Info::Unsupported => 415,
                };
                respond(handle, status, vec![], None);
                match info {
                    extract::Info::Digit(digit) => Some(Signal::Digit(digit)),
                    _ => None,
                }
            }
            DialogState::Options(_, _, handle) => {
                respond(handle, 200, vec![allow()], None);
                None
            }
            DialogState::Publish(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Refer(_, _, handle)
            | DialogState::Message(_, _, handle) => {
                respond(handle, 405, vec![allow()], None);
                None
            }
            DialogState::Terminated(_, reason) => {
                let (cause, status) = self.end_of(is_ours, &reason);
                Some(self.ended(cause, status))
            }
            DialogState::Calling(_)
            | DialogState::Trying(_)
            | DialogState::Early(..)
            | DialogState::WaitAck(..) => None,
        }
    }

    fn confirmed(&mut self, is_ours: bool, body: Vec<u8>) -> Option<Signal> {
        let first = !std::mem::replace(&mut self.confirmed, true);
        if first && is_ours {
            self.answered = true;
            return Some(Signal::Answered(body));
        }
        let ack = self.dialog.last_remote_ack();
        let acked = ack.as_ref().and_then(cseq);
        let again = acked.is_some() && self.reoffered.take_if(|cseq| acked == Some(*cseq)).is_some();
        // An answer to our own offer comes with the ACK of that very INVITE.
        let sdp = ack
            .filter(|_| acked.is_some() && acked == self.offered)
            .map(|ack| ack.body);
        if sdp.is_some() {
            self.offered = None;
        }
        match (first, sdp) {
            (true, sdp) => Some(Signal::Acked(sdp)),
            (false, Some(sdp)) => Some(Signal::OfferAnswered(sdp)),
            (false, None) => again.then_some(Signal::Acked(None)),
        }
    }

    fn offer(&mut self, request: &Request, handle: TransactionHandle) -> Option<Signal> {
        let timer = match SessionTimer::wish(request) {
            Wish::Timer(timer) => Some(timer),
            Wish::None => None,
            Wish::TooSmall => {
                let min = rsipstack::sip::headers::MinSE::new(super::timer::MIN_SE.to_string());
                respond(handle, 422, vec![Header::MinSE(min)], None);
                return None;
            }
        };
        Some(Signal::Offer(Offer {
            sdp: request.body.clone(),
            is_invite: request.method == Method::Invite,
            cseq: cseq(request).unwrap_or_default(),
            timer,
            handle: Some(handle),
        }))
    }

    fn end_of(&self, is_ours: bool, reason: &TerminatedReason) -> (Cause, Option<u16>) {
        match reason {
            TerminatedReason::UacCancel => (Cause::Cancelled, Some(487)),
            TerminatedReason::UacBye | TerminatedReason::UasBye => (Cause::Normal, None),
            TerminatedReason::Timeout => (Cause::Unreachable, Some(408)),
            TerminatedReason::UacBusy | TerminatedReason::UasBusy => (Cause::Busy, Some(486)),
            TerminatedReason::UasDecline => (Cause::Declined, Some(603)),
            TerminatedReason::ProxyAuthRequired => (Cause::Declined, Some(407)),
            TerminatedReason::ProxyError(status)
            | TerminatedReason::UacOther(status)
            | TerminatedReason::UasOther(status) => {
                let status = status.code();
                (
                    if is_ours && !self.confirmed {
                        cause_of(status)
                    } else {
                        Cause::Unreachable
                    },
                    Some(status),
                )
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.endpoint.calls().remove(key);
        }
        if self.ended {
            // hang_up removes the dialog when its BYE is through; every other end leaves that to us.
            if self.dialog.state().is_terminated() {
                self.endpoint.inner.dialogs.remove_dialog(&self.dialog.id());
            }
        } else {
            self.hang_up(500);
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            respond(handle, 500, vec![], None);
        }
    }
}

/// Answers a request in the dialog. In a task of its own, so that whoever calls stays cancel-safe.
fn respond(handle: TransactionHandle, status: u16, headers: Vec<Header>, body: Option<Vec<u8>>) {
    tokio::spawn(async move {
        handle
            .respond(StatusCode::from(status), Some(headers), body)
            .await
            .ok();
    });
}

/// Whether the answer to a request in the dialog shows that the peer has lost it (RFC 3261, 12.2.1.2).
fn is_gone(response: &rsipstack::Result<Option<Response>>) -> bool {
    match response {
        Ok(Some(response)) => matches!(response.status_code.code(), 408 | 481),
        Ok(None) => false,
        Err(_) => true,
    }
}

fn cseq(request: &Request) -> Option<u32> {
    request.cseq_header().ok()?.seq().ok()
}

async fn failure(failed: &mut Option<oneshot::Receiver<()>>) {
    match failed {
        Some(receiver) => match receiver.await {
            Ok(()) => *failed = None,
            // There was a response; the dialog's state tells.
            Err(_) => {
                *failed = None;
                std::future::pending().await
            }
        },
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
