//! One task for each leg: it takes what the call, the media and the core say, one after the other.

mod place;
mod reoffer;
mod table;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jackfield_contact::leg::{ActionId, Cause, LegCommand, LegEvent};
use jackfield_types::{InteractionId, LegId, TenantId, limits::MAX_LEG_ACTIONS};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

pub(crate) use self::table::LegTable;
use self::table::{Mail, Sent};
use crate::{
    VoiceEvent,
    media::{
        Direction, MediaEvent, RemoteMedia, Source,
        sdp::{self, Origin, SdpError},
    },
    sip::{Call, Invite, Signal, status_of},
    voice::{Shared, now},
};

/// How long a leg that has ended waits for its recording.
/// Why a recording failed that was ordered when its call was over.
const TOO_LATE: &str = "the call had ended before its recording began";
const RECORDING_WAIT: Duration = Duration::from_secs(10);

/// A live leg.
struct Leg {
    shared: Arc<Shared>,
    tenant: TenantId,
    id: LegId,
    call: Call,
    mail: Mail,
    /// The orders that have been carried out.
    done: BTreeSet<ActionId>,
    /// Our description: where we listen, and its identity.
    local: SocketAddr,
    origin: Origin,
    /// Whether the peer called us.
    is_incoming: bool,
    /// The caller's offer, until it is answered.
    offer: Option<Vec<u8>>,
    stage: Stage,
    held: bool,
    /// Recordings that are open or not yet reported.
    recordings: usize,
    /// Until when a phone that was dialled may ring.
    ring_until: Option<Instant>,
}

/// How far a leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A call that came in and has not been answered, or one that we placed and does not ring yet.
    New,
    /// The phone that we called rings.
    Ringing,
    /// Answered by us with our offer; the caller's answer comes with its ACK.
    Offered,
    /// Has sound.
    Talking,
}

/// Takes a call that came in, or refuses it.
pub(crate) fn incoming(shared: &Arc<Shared>, invite: Invite) {
    shared.counters.calls_in.fetch_add(1, Ordering::Relaxed);
    if let Err(status) = take(shared, invite) {
        tracing::debug!(status, "call refused");
    }
}

fn take(shared: &Arc<Shared>, invite: Invite) -> Result<(), u16> {
    let count = || shared.counters.refused.fetch_add(1, Ordering::Relaxed);
    let refuse = |invite: Invite, status| {
        // Whoever has the answer finds it counted.
        count();
        invite.refuse(status);
        Err(status)
    };
    let Some(tenant) = shared.directory.tenant_of_number(&invite.to) else {
        return refuse(invite, 404);
    };
    if !shared.directory.may_take_call(&tenant) {
        return refuse(invite, 503);
    }
    if !invite.sdp.is_empty()
        && let Err(error) = remote_of(shared, &invite.sdp)
    {
        tracing::debug!(%error, "offer refused");
        return refuse(invite, if error.is_unacceptable() { 488 } else { 400 });
    }
    let id = LegId::customer(InteractionId::from_uuid(Uuid::now_v7()));
    // The place in the runtime's queue is taken first: without one, the call must not begin.
    let (Ok(place), Some(mail)) = (
        shared.events.clone().try_reserve_owned(),
        shared.legs.insert_caller(&tenant, id),
    ) else {
        shared.legs.remove(id);
        return refuse(invite, 503);
    };
    let media = match shared.engine.open(id) {
        Ok(media) => media,
        Err(error) => {
            tracing::warn!(%error, "call refused");
            shared.legs.remove(id);
            return refuse(invite, 503);
        }
    };
    let event = VoiceEvent::Incoming {
        tenant: tenant.clone(),
        leg: id,
        from: invite.from.as_str().into(),
        from_name: invite.from_name.as_deref().map(Into::into),
        to: invite.to.as_str().into(),
        at: now(),
    };
    let offer = (!invite.sdp.is_empty()).then(|| invite.sdp.clone());
    let Some(call) = invite.accept() else {
        shared.engine.close(id);
        shared.legs.remove(id);
        count();
        return Err(400);
    };
    place.send(event);
    let mut leg = Leg::new(shared, tenant, id, call, mail, (media.addr, new_origin()));
    leg.is_incoming = true;
    leg.offer = offer;
    supervise(leg);
    Ok(())
}

/// What an SDP says about its sender's sound.
fn remote_of(shared: &Shared, sdp: &[u8]) -> Result<RemoteMedia, SdpError> {
    let remote = sdp::parse(sdp)?.remote()?;
    if shared.engine.is_own(remote.addr) {
        return Err(SdpError::Own(remote.addr));
    }
    Ok(remote)
}

/// The identity of a leg's descriptions.
fn new_origin() -> Origin {
    Origin {
        id: now().0,
        version: 1,
    }
}

/// Carries out an order of the core.
pub(crate) fn order(
    shared: &Arc<Shared>,
    tenant: &TenantId,
    leg: LegId,
    action: ActionId,
    command: LegCommand,
) {
    let records = matches!(command, LegCommand::StartRecording);
    match shared.legs.order(tenant, leg, action, command) {
        Sent::Taken => {}
        Sent::Gone | Sent::Unknown(_) if records => not_recorded(shared, tenant, leg),
        Sent::Gone => {}
        Sent::Unknown(LegCommand::DialAgent { agent, caller }) => {
            place::dial(shared, tenant, leg, action, agent, caller)
        }
        Sent::Unknown(LegCommand::DialNumber { number, caller }) => {
            place::dial_number(shared, tenant, leg, action, &number, &caller)
        }
        Sent::Unknown(command) => tracing::debug!(%leg, ?command, "order to a leg that never was"),
    }
}

/// Tells of a recording that was wanted of a leg after its end.
fn not_recorded(shared: &Arc<Shared>, tenant: &TenantId, leg: LegId) {
    let (shared, tenant) = (shared.clone(), tenant.clone());
    tokio::spawn(async move {
        let problem = LegEvent::RecordingFailed(TOO_LATE.into());
        report(&shared, &tenant, leg, problem).await;
    });
}

/// Runs a leg; whatever becomes of its task, its media and its place are given back and its end is reported.
fn supervise(leg: Leg) {
    let (shared, tenant, id) = (leg.shared.clone(), leg.tenant.clone(), leg.id);
    tokio::spawn(async move {
        if let Err(error) = tokio::spawn(leg.run()).await {
            tracing::error!(leg = %id, %error, "a leg's task failed");
            shared.engine.close(id);
            report(
                &shared,
                &tenant,
                id,
                LegEvent::Ended {
                    cause: Cause::Unreachable,
                    sip_status: Some(500),
                },
            )
            .await;
        }
        shared.legs.remove(id);
    });
}

async fn report(shared: &Shared, tenant: &TenantId, leg: LegId, event: LegEvent) {
    let event = VoiceEvent::Leg {
        tenant: tenant.clone(),
        leg,
        at: now(),
        event,
    };
    // Fails only when nobody listens any more.
    shared.events.send(event).await.ok();
}

impl Leg {
    fn new(
        shared: &Arc<Shared>,
        tenant: TenantId,
        id: LegId,
        call: Call,
        mail: Mail,
        (local, origin): (SocketAddr, Origin),
    ) -> Self {
        Self {
            shared: shared.clone(),
            tenant,
            id,
            call,
            mail,
            done: BTreeSet::new(),
            local,
            origin,
            is_incoming: false,
            offer: None,
            stage: Stage::New,
            held: false,
            recordings: 0,
            ring_until: None,
        }
    }

    async fn run(mut self) {
        let (cause, sip_status) = loop {
            let end = tokio::select! {
                signal = self.call.next() => self.signal(signal).await,
                order = self.mail.orders.recv() => match order {
                    Some((action, command)) => self.order(action, command).await,
                    None => Some(self.hang_up(Cause::Overloaded)),
                },
                Some(event) = self.mail.media.recv() => self.media(event).await,
                () = ring_over(self.ring_until) => Some(self.hang_up(Cause::NoAnswer)),
            };
            if let Some(end) = end {
                break end;
            }
        };
        self.shared.engine.close(self.id);
        self.report(LegEvent::Ended { cause, sip_status }).await;
        self.refuse_recordings().await;
        self.await_recordings().await;
    }

    async fn report(&self, event: LegEvent) {
        report(&self.shared, &self.tenant, self.id, event).await;
    }

    /// Recordings that were ordered, and that the leg did not come to.
    async fn refuse_recordings(&mut self) {
        self.mail.orders.close();
        while let Some((action, command)) = self.mail.orders.recv().await {
            if command == LegCommand::StartRecording && self.done.insert(action) {
                self.report(LegEvent::RecordingFailed(TOO_LATE.into())).await;
            }
        }
    }

    async fn await_recordings(&mut self) {
        let all = async {
            while self.recordings > 0 {
                match self.mail.media.recv().await {
                    Some(event @ (MediaEvent::Recorded(_) | MediaEvent::RecordingFailed(_))) => {
                        self.media(event).await;
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(RECORDING_WAIT, all).await.is_err() {
            tracing::error!(leg = %self.id, "the recording was not completed in time");
            let problem = format!(
                "a recording was not completed {RECORDING_WAIT:?} after the call; its file is taken at the next start"
            );
            for _ in 0..self.recordings {
                self.report(LegEvent::RecordingFailed(problem.as_str().into()))
                    .await;
            }
        }
    }

    /// Ends the call; how it ended.
    fn hang_up(&mut self, cause: Cause) -> (Cause, Option<u16>) {
        let refuses = self.is_incoming && self.stage == Stage::New;
        let status = status_of(cause);
        self.call.hang_up(status);
        (cause, refuses.then_some(status))
    }

    async fn signal(&mut self, signal: Signal) -> Option<(Cause, Option<u16>)> {
        match signal {
            Signal::Ringing if self.stage == Stage::New => {
                self.stage = Stage::Ringing;
                self.report(LegEvent::Ringing).await;
            }
            Signal::Ringing => {}
            Signal::Answered(sdp) | Signal::Acked(Some(sdp)) => return self.answered(&sdp).await,
            Signal::Acked(None) if self.stage == Stage::Offered => {
                return Some(self.hang_up(Cause::MediaFailed));
            }
            Signal::Acked(None) => self.shared.engine.confirm(self.id),
            Signal::Offer(offer) => self.reoffered(offer).await,
            Signal::OfferAnswered(sdp) => self.reanswered(&sdp).await,
            Signal::Digit(digit) => self.shared.engine.info_digit(self.id, digit),
            Signal::Ended { cause, status } => return Some((cause, status)),
        }
        None
    }

    /// The peer's answer to our first offer.
    async fn answered(&mut self, sdp: &[u8]) -> Option<(Cause, Option<u16>)> {
        self.ring_until = None;
        match remote_of(&self.shared, sdp) {
            Ok(remote) => {
                self.connect(remote);
                self.shared.engine.confirm(self.id);
                self.report(LegEvent::Answered).await;
                self.hold(remote.direction).await;
                None
            }
            Err(error) => {
                tracing::warn!(leg = %self.id, %error, "the answer is of no use");
                Some(self.hang_up(Cause::MediaFailed))
            }
        }
    }

    fn connect(&mut self, remote: RemoteMedia) {
        self.stage = Stage::Talking;
        self.shared.engine.connect(self.id, remote);
    }

    async fn order(&mut self, action: ActionId, command: LegCommand) -> Option<(Cause, Option<u16>)> {
        if !self.done.insert(action) {
            return None;
        }
        if self.done.len() > MAX_LEG_ACTIONS {
            self.done.pop_first();
        }
        let engine = &self.shared.engine;
        match command {
            LegCommand::Answer => return self.answer().await,
            // Done when the leg was made.
            LegCommand::DialAgent { .. } | LegCommand::DialNumber { .. } => {}
            LegCommand::Play { prompts, barge_in } => {
                let sources = prompts.into_iter().map(Source::Prompt).collect();
                engine.play(self.id, action, &self.tenant, sources, barge_in);
            }
            LegCommand::StopPlay => engine.stop_play(self.id),
            LegCommand::Bridge { with } => {
                if let Err(error) = engine.bridge(self.id, with) {
                    tracing::error!(leg = %self.id, %with, %error, "bridge refused");
                }
            }
            LegCommand::Unbridge => engine.unbridge(self.id),
            LegCommand::StartRecording => {
                let LegId { interaction, number } = self.id;
                let name = format!("{}_{interaction}_{number}_{action}.wav", self.tenant);
                engine.start_recording(self.id, self.shared.options.recordings_dir.join(name));
                self.recordings += 1;
            }
            LegCommand::StopRecording => engine.stop_recording(self.id),
            LegCommand::HangUp { cause } => return Some(self.hang_up(cause)),
        }
        None
    }

    /// Answers a call that came in.
    async fn answer(&mut self) -> Option<(Cause, Option<u16>)> {
        if self.stage != Stage::New || !self.is_incoming {
            return None;
        }
        let Some(offer) = self.offer.take() else {
            let ours = sdp::offer(self.local, self.origin, Direction::SendRecv);
            self.call.answer(ours, true);
            self.stage = Stage::Offered;
            return None;
        };
        match sdp::parse(&offer).and_then(|offer| offer.answer(self.local, self.origin)) {
            Ok((answer, remote)) => {
                // First the sound, so that a digit right behind the answer is heard.
                self.connect(remote);
                self.call.answer(answer, false);
                self.report(LegEvent::Answered).await;
                self.hold(remote.direction).await;
                None
            }
            Err(_) => Some(self.hang_up(Cause::MediaFailed)),
        }
    }

    async fn media(&mut self, event: MediaEvent) -> Option<(Cause, Option<u16>)> {
        match event {
            MediaEvent::Digit(digit) => self.report(LegEvent::Digit(digit)).await,
            MediaEvent::PlayFinished {
                action,
                interrupted,
                failed,
            } => {
                self.report(LegEvent::PlayFinished {
                    action,
                    interrupted,
                    failed,
                })
                .await;
            }
            // Nothing to hear is no sign that the peer is there.
            MediaEvent::Quiet => self.call.probe(),
            MediaEvent::TimedOut => return Some(self.hang_up(Cause::MediaFailed)),
            MediaEvent::Recorded(recording) => {
                self.recordings = self.recordings.saturating_sub(1);
                self.report(LegEvent::Recorded(recording)).await;
            }
            MediaEvent::RecordingFailed(reason) => {
                self.recordings = self.recordings.saturating_sub(1);
                tracing::error!(leg = %self.id, %reason, "recording lost");
                self.report(LegEvent::RecordingFailed(reason)).await;
            }
            MediaEvent::DigitsSent => {}
        }
        None
    }
}

async fn ring_over(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
