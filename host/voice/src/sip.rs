//! The only module that names the SIP stack.
//!
//! [`Endpoint`] owns sockets and transactions, [`Call`] is one INVITE dialog of either role. Both speak of
//! SDP bodies, status numbers and users; nothing of the stack leaves this module.

mod call;
mod endpoint;
mod extract;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod nat;
mod requests;
mod screen;
mod timer;

pub(crate) use call::{Call, Offer, Signal};
pub(crate) use endpoint::{Endpoint, EndpointOptions, Outgoing, Registering};
pub(crate) use requests::{Incoming, Invite, Register};

use jackfield_contact::leg::Cause;

/// What a final status of a call that we placed says.
pub(crate) fn cause_of(status: u16) -> Cause {
    match status {
        486 | 600 => Cause::Busy,
        401 | 403 | 407 | 603 | 607 | 608 => Cause::Declined,
        408 | 480 | 487 => Cause::NoAnswer,
        415 | 488 | 606 => Cause::MediaFailed,
        _ => Cause::Unreachable,
    }
}

/// The final status that refuses a call for a cause.
pub(crate) fn status_of(cause: Cause) -> u16 {
    match cause {
        Cause::Normal | Cause::Declined => 603,
        Cause::Cancelled => 487,
        Cause::Busy => 486,
        Cause::NoAnswer | Cause::Unreachable => 480,
        Cause::UnknownNumber => 404,
        Cause::Overloaded => 503,
        Cause::MediaFailed => 488,
    }
}
