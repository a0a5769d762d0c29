use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jackfield_types::{LegId, TenantId};
use tokio::{
    sync::{mpsc, oneshot},
    time::{interval, timeout},
};

use super::{Core, SoftphoneError, heard::Heard, tone_level};
use crate::{
    media::{
        Direction, MediaEvent, RemoteMedia, Source,
        sdp::{self, Origin},
    },
    sip::{Call, Offer, Signal},
    voice::now,
};

/// Events that nobody has taken; more are dropped.
const MAX_EVENTS: usize = 1_024;
/// How much sound [`PhoneCall::hears_tone`] looks at.
const WINDOW: usize = 1_600;

/// What happens on a [`PhoneCall`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneEvent {
    /// The other side rings.
    Ringing,
    /// There is sound.
    Answered,
    /// The other side put us on hold.
    Held,
    /// The other side took us back.
    Resumed,
    /// A digit came.
    Digit(char),
    /// What was played has come to its end, or was stopped by something else that is played.
    Played,
    /// The digits are out.
    DigitsSent,
    /// The call is over, with the final status when there was one. Nothing follows.
    Ended(Option<u16>),
}

/// One call of a [`Softphone`](super::Softphone). Dropped, it hangs up.
pub struct PhoneCall {
    peer: String,
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::Receiver<PhoneEvent>,
    heard: Arc<Heard>,
    status: Option<Option<u16>>,
}

enum Order {
    Ring,
    Answer,
    Refuse(u16),
    Play(Arc<[i16]>),
    StopPlay,
    Digits(String),
    InfoDigits(String),
    Hold(bool, oneshot::Sender<Result<(), SoftphoneError>>),
    HangUp,
}

pub(super) fn new_origin() -> Origin {
    Origin {
        id: now().0,
        version: 1,
    }
}

impl PhoneCall {
    pub(super) fn start(
        core: &Arc<Core>,
        leg: LegId,
        call: Call,
        (local, origin): (SocketAddr, Origin),
        peer: String,
        offer: Option<Vec<u8>>,
    ) -> Self {
        let (orders, order_receiver) = mpsc::unbounded_channel();
        let (events, event_receiver) = mpsc::channel(MAX_EVENTS);
        let (media, media_receiver) = mpsc::unbounded_channel();
        core.media.lock().insert(leg, media);
        let (heard, frames) = Heard::new(core.options.keep_heard);
        core.engine.listen(leg, frames);
        let task = Task {
            core: core.clone(),
            leg,
            call,
            local,
            origin,
            offer,
            events,
            is_held: false,
            holding: None,
            plays: AtomicU32::new(0),
        };
        tokio::spawn(task.run(order_receiver, media_receiver));
        Self {
            peer,
            orders,
            events: event_receiver,
            heard: Arc::new(heard),
            status: None,
        }
    }

    /// Who calls, or the number that was called.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The next event; `None` after `Ended`.
    pub async fn next(&mut self) -> Option<PhoneEvent> {
        let event = self.events.recv().await;
        if let Some(PhoneEvent::Ended(status)) = event {
            self.status = Some(status);
        }
        event
    }

    /// Waits until an event comes, passing over others.
    ///
    /// # Errors
    /// [`SoftphoneError::Ended`], or `Refused` with the final status, when the call is over before.
    pub async fn wait_for(&mut self, wanted: PhoneEvent) -> Result<(), SoftphoneError> {
        while let Some(event) = self.next().await {
            if event == wanted {
                return Ok(());
            }
        }
        match self.status.flatten() {
            Some(status) => Err(SoftphoneError::Refused {
                request: "INVITE",
                status,
            }),
            None => Err(SoftphoneError::Ended),
        }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn answered(&mut self) -> Result<(), SoftphoneError> {
        self.wait_for(PhoneEvent::Answered).await
    }

    /// Waits for the end; the final status, when there was one.
    pub async fn ended(&mut self) -> Option<u16> {
        while self.next().await.is_some() {}
        self.status.flatten()
    }

    /// Lets the caller know that the phone rings.
    pub fn ring(&self) {
        self.order(Order::Ring);
    }

    /// Answers a call that came in.
    pub fn answer(&self) {
        self.order(Order::Answer);
    }

    /// Refuses a call that came in, with 486 (busy) or 603 (declined) for example.
    pub fn refuse(&self, status: u16) {
        self.order(Order::Refuse(status));
    }

    /// Plays samples at 8 kHz, replacing what is played.
    pub fn play(&self, samples: Arc<[i16]>) {
        self.order(Order::Play(samples));
    }

    /// Stops what is played.
    pub fn stop_play(&self) {
        self.order(Order::StopPlay);
    }

    /// Presses keys: `0`-`9`, `*`, `#`, `A`-`D`, sent by RFC 4733.
    pub fn send_digits(&self, digits: &str) {
        self.order(Order::Digits(digits.to_owned()));
    }

    /// Presses keys, sent by SIP INFO.
    pub fn send_info_digits(&self, digits: &str) {
        self.order(Order::InfoDigits(digits.to_owned()));
    }

    /// Puts the other side on hold.
    ///
    /// # Errors
    /// The status, when the other side refuses, or [`SoftphoneError::Ended`].
    pub async fn hold(&self) -> Result<(), SoftphoneError> {
        self.set_hold(true).await
    }

    /// Takes the other side back.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub async fn resume(&self) -> Result<(), SoftphoneError> {
        self.set_hold(false).await
    }

    async fn set_hold(&self, hold: bool) -> Result<(), SoftphoneError> {
        let (send, receive) = oneshot::channel();
        self.order(Order::Hold(hold, send));
        receive.await.unwrap_or(Err(SoftphoneError::Ended))
    }

    /// Ends the call in whatever state it is.
    pub fn hang_up(&self) {
        self.order(Order::HangUp);
    }

    /// What was heard since the answer, at 8 kHz, at most `keep_heard` of it.
    pub fn heard(&self) -> Vec<i16> {
        self.heard.from(0)
    }

    /// Whether a tone is heard within a time, for at least 200 ms, from now on.
    pub async fn hears_tone(&self, hz: f64, within: Duration) -> bool {
        let mut start = self.heard.from(0).len();
        // Sound comes frame by frame, so it is looked at frame by frame.
        let mut frames = interval(Duration::from_millis(20));
        let heard = async {
            loop {
                frames.tick().await;
                let sound = self.heard.from(start);
                if let Some(last) = sound.len().checked_sub(WINDOW) {
                    if tone_level(&sound[last..], hz) > 0.7 {
                        return;
                    }
                    start += last;
                }
            }
        };
        timeout(within, heard).await.is_ok()
    }

    fn order(&self, order: Order) {
        // The task is gone when the call is over: there is nothing left to do then.
        self.orders.send(order).ok();
    }
}

struct Task {
    core: Arc<Core>,
    leg: LegId,
    call: Call,
    local: SocketAddr,
    origin: Origin,
    /// The offer of a call that came in, until it is answered.
    offer: Option<Vec<u8>>,
    events: mpsc::Sender<PhoneEvent>,
    is_held: bool,
    holding: Option<Holding>,
    plays: AtomicU32,
}

/// A re-INVITE of ours that is under way.
struct Holding {
    outcome: oneshot::Receiver<Result<Vec<u8>, u16>>,
    done: oneshot::Sender<Result<(), SoftphoneError>>,
}

impl Task {
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut media: mpsc::UnboundedReceiver<MediaEvent>,
    ) {
        let status = loop {
            let end = tokio::select! {
                signal = self.call.next() => self.signal(signal),
                order = orders.recv() => self.order(order.unwrap_or(Order::HangUp)),
                Some(event) = media.recv() => {
                    self.media(&event);
                    None
                }
                outcome = held(&mut self.holding) => {
                    self.held(outcome);
                    None
                }
            };
            if let Some(status) = end {
                break status;
            }
        };
        self.core.engine.close(self.leg);
        self.core.media.lock().remove(&self.leg);
        self.tell(PhoneEvent::Ended(status));
    }

    fn tell(&self, event: PhoneEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!(leg = %self.leg, "nobody takes the phone's events");
        }
    }

    fn signal(&mut self, signal: Signal) -> Option<Option<u16>> {
        match signal {
            Signal::Ringing => self.tell(PhoneEvent::Ringing),
            Signal::Answered(sdp) | Signal::Acked(Some(sdp)) => {
                match sdp::parse(&sdp).and_then(|sdp| sdp.remote()) {
                    Ok(remote) => {
                        self.connect(remote, true);
                        self.core.engine.confirm(self.leg);
                    }
                    Err(_) => {
                        self.call.hang_up(488);
                        return Some(Some(488));
                    }
                }
            }
            Signal::Acked(None) => self.core.engine.confirm(self.leg),
            Signal::Offer(offer) => self.offered(offer),
            Signal::OfferAnswered(sdp) => {
                if let Ok(remote) = sdp::parse(&sdp).and_then(|sdp| sdp.remote()) {
                    self.connect(remote, false);
                    self.core.engine.confirm(self.leg);
                }
            }
            Signal::Digit(digit) => self.core.engine.info_digit(self.leg, digit),
            Signal::Ended { status, .. } => return Some(status),
        }
        None
    }

    fn connect(&mut self, remote: RemoteMedia, first: bool) {
        self.core.engine.connect(self.leg, remote);
        if first {
            self.tell(PhoneEvent::Answered);
        }
        if self.is_held != remote.direction.is_hold() {
            self.is_held = remote.direction.is_hold();
            self.tell(if self.is_held {
                PhoneEvent::Held
            } else {
                PhoneEvent::Resumed
            });
        }
    }

    fn offered(&mut self, offer: Offer) {
        self.origin.version += 1;
        if offer.sdp.is_empty() {
            let ours = offer
                .is_invite
                .then(|| sdp::offer(self.local, self.origin, Direction::SendRecv));
            return self.call.accept(offer, ours);
        }
        match sdp::parse(&offer.sdp).and_then(|offer| offer.answer(self.local, self.origin)) {
            Ok((answer, remote)) => {
                self.connect(remote, false);
                if !offer.is_invite {
                    self.core.engine.confirm(self.leg);
                }
                self.call.accept(offer, Some(answer));
            }
            Err(_) => Call::refuse(offer, 488),
        }
    }

    fn order(&mut self, order: Order) -> Option<Option<u16>> {
        let engine = &self.core.engine;
        match order {
            Order::Ring => self.call.ring(),
            Order::Answer => self.answer(),
            Order::Refuse(status) => {
                self.call.hang_up(status);
                return Some(Some(status));
            }
            Order::Play(samples) => {
                let action = self.plays.fetch_add(1, Ordering::Relaxed);
                if let Ok(tenant) = TenantId::new("softphone") {
                    engine.play(self.leg, action, &tenant, vec![Source::Sound(samples)], false);
                }
            }
            Order::StopPlay => engine.stop_play(self.leg),
            Order::Digits(digits) => engine.send_digits(self.leg, &digits),
            Order::InfoDigits(digits) => self.call.send_info(digits),
            Order::Hold(hold, done) => {
                self.origin.version += 1;
                let direction = if hold {
                    Direction::SendOnly
                } else {
                    Direction::SendRecv
                };
                let outcome = self.call.reoffer(sdp::offer(self.local, self.origin, direction));
                self.holding = Some(Holding { outcome, done });
            }
            Order::HangUp => {
                self.call.hang_up(480);
                return Some(None);
            }
        }
        None
    }

    fn answer(&mut self) {
        let Some(offer) = self.offer.take() else { return };
        if offer.is_empty() {
            self.call
                .answer(sdp::offer(self.local, self.origin, Direction::SendRecv), true);
            return;
        }
        match sdp::parse(&offer).and_then(|offer| offer.answer(self.local, self.origin)) {
            Ok((answer, remote)) => {
                self.call.answer(answer, false);
                self.connect(remote, true);
            }
            Err(error) => tracing::debug!(leg = %self.leg, %error, "offer of no use"),
        }
    }

    fn media(&self, event: &MediaEvent) {
        match event {
            MediaEvent::Digit(digit) => self.tell(PhoneEvent::Digit(*digit)),
            MediaEvent::PlayFinished { .. } => self.tell(PhoneEvent::Played),
            MediaEvent::DigitsSent => self.tell(PhoneEvent::DigitsSent),
            MediaEvent::TimedOut
            | MediaEvent::Quiet
            | MediaEvent::Recorded(_)
            | MediaEvent::RecordingFailed(_) => {}
        }
    }

    fn held(&mut self, outcome: Result<Vec<u8>, u16>) {
        let Some(Holding { done, .. }) = self.holding.take() else {
            return;
        };
        let result = match outcome {
            Ok(sdp) => {
                if let Ok(remote) = sdp::parse(&sdp).and_then(|sdp| sdp.remote()) {
                    self.core.engine.connect(self.leg, remote);
                    self.core.engine.confirm(self.leg);
                }
                Ok(())
            }
            Err(status) => Err(SoftphoneError::Refused {
                request: "re-INVITE",
                status,
            }),
        };
        done.send(result).ok();
    }
}

async fn held(holding: &mut Option<Holding>) -> Result<Vec<u8>, u16> {
    match holding {
        Some(holding) => (&mut holding.outcome).await.unwrap_or(Err(408)),
        None => std::future::pending().await,
    }
}
