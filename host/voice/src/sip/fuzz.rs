//! Messages of strangers, for [`crate::fuzz`].

use rsipstack::sip::{SipMessage, prelude::HeadersExt};

use super::{
    extract,
    timer::{SessionTimer, Wish},
};

/// A datagram: what is read out of it is short and without control characters.
pub(crate) fn message(datagram: &[u8]) {
    let Ok(SipMessage::Request(request)) = SipMessage::try_from(datagram) else {
        return;
    };
    let (caller, name) = extract::caller(&request);
    let dialled = extract::dialled(&request);
    for text in [&caller, &dialled, &name.unwrap_or_default()] {
        assert!(
            text.len() <= 4_096 && !text.chars().any(char::is_control),
            "{text:?}"
        );
    }
    assert!(!caller.is_empty());
    extract::address_of_record(&request);
    let kind = request.header_value("Content-Type").unwrap_or_default();
    extract::info(&kind, &request.body);
    if let Wish::Timer(timer) = SessionTimer::wish(&request) {
        timer.due();
        assert!(!timer.answer().is_empty() && !timer.refresh().is_empty());
    }
    if let Some(authorization) = request.authorization_header() {
        crate::registrar::read_credentials(authorization.value());
    }
}
