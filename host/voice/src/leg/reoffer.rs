use jackfield_contact::leg::LegEvent;

use super::{Leg, remote_of};
use crate::{
    media::{Direction, sdp},
    sip::{Call, Offer},
};

impl Leg {
    /// A re-INVITE or UPDATE: another address or codec, hold, or nothing but a sign of life.
    pub(super) async fn reoffered(&mut self, offer: Offer) {
        if offer.sdp.is_empty() {
            let ours = offer.is_invite.then(|| {
                self.origin.version += 1;
                sdp::offer(self.local, self.origin, Direction::SendRecv)
            });
            return self.call.accept(offer, ours);
        }
        self.origin.version += 1;
        let known = remote_of(&self.shared, &offer.sdp);
        let answered = known.and_then(|_| sdp::parse(&offer.sdp)?.answer(self.local, self.origin));
        match answered {
            Ok((answer, remote)) => {
                self.connect(remote);
                // A re-INVITE is followed by an ACK; an UPDATE's tag has shown already that the peer has our answer.
                if !offer.is_invite {
                    self.shared.engine.confirm(self.id);
                }
                self.call.accept(offer, Some(answer));
                self.hold(remote.direction).await;
            }
            Err(error) => {
                tracing::debug!(leg = %self.id, %error, "re-INVITE refused");
                Call::refuse(offer, if error.is_unacceptable() { 488 } else { 400 });
            }
        }
    }

    /// The peer's answer to an offer that it asked for by a re-INVITE without one.
    pub(super) async fn reanswered(&mut self, answer: &[u8]) {
        match remote_of(&self.shared, answer) {
            Ok(remote) => {
                self.connect(remote);
                self.shared.engine.confirm(self.id);
                self.hold(remote.direction).await;
            }
            Err(error) => {
                tracing::debug!(leg = %self.id, %error, "answer ignored, the call goes on as it was")
            }
        }
    }

    /// Reports hold and its end.
    pub(super) async fn hold(&mut self, peer: Direction) {
        if self.held != peer.is_hold() {
            self.held = peer.is_hold();
            self.report(if self.held {
                LegEvent::Held
            } else {
                LegEvent::Resumed
            })
            .await;
        }
    }
}
