use rsipstack::{
    sip::{
        Header, Host, Method, SipMessage,
        headers::Contact,
        prelude::{HasHeaders, HeadersExt},
        typed,
    },
    transaction::endpoint::MessageInspector,
    transport::SipAddr,
};

/// Puts the address that a message came from into its Contact when the Contact names a private address that it
/// did not come from: the peer sits behind NAT and can only be reached there.
///
/// Left alone: messages that came through proxies (their Record-Route says the way) and REGISTER, whose answer
/// has to repeat the Contact; the registrar keeps the source itself.
pub(super) struct ContactFix;

impl MessageInspector for ContactFix {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        message
    }

    fn after_received(&self, mut message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        if let Some(contact) = from.and_then(|from| fixed(&message, from)) {
            let headers = match &mut message {
                SipMessage::Request(request) => request.headers_mut(),
                SipMessage::Response(response) => response.headers_mut(),
            };
            headers.unique_push(Header::Contact(Contact::new(contact.to_string())));
        }
        message
    }
}

fn fixed(message: &SipMessage, from: &SipAddr) -> Option<typed::Contact> {
    let is_register = matches!(message, SipMessage::Request(request) if request.method == Method::Register);
    if is_register || message.record_route_header().is_some() {
        return None;
    }
    let mut contact = message.typed_contact_headers().ok()?.into_iter().next()?;
    match contact.uri.host_with_port.host {
        Host::IpAddr(ip) if is_private(ip) && Host::IpAddr(ip) != from.addr.host => {
            contact.uri.host_with_port = from.addr.clone();
            Some(contact)
        }
        _ => None,
    }
}

fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
        }
        std::net::IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact_after(contact: &str, route: &str, from: &str) -> String {
        let text = format!(
            "INVITE sip:1000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:1000@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{route}Contact: {contact}\r\nContent-Length: 0\r\n\r\n"
        );
        let message = SipMessage::try_from(text.as_str()).unwrap();
        let from = SipAddr::from(from.parse::<std::net::SocketAddr>().unwrap());
        ContactFix
            .after_received(message, Some(&from))
            .contact_header()
            .unwrap()
            .value()
            .to_owned()
    }

    #[test]
    fn a_private_contact_from_elsewhere_is_replaced() {
        assert_eq!(
            contact_after("<sip:a@10.0.0.9:5062>", "", "198.51.100.7:40000"),
            "<sip:a@198.51.100.7:40000>"
        );
    }

    #[test]
    fn public_equal_and_proxied_contacts_are_left() {
        for (contact, route, from) in [
            ("<sip:a@203.0.113.4:5062>", "", "198.51.100.7:40000"),
            ("<sip:a@127.0.0.1:5062>", "", "127.0.0.1:40000"),
            (
                "<sip:a@10.0.0.9:5062>",
                "Record-Route: <sip:198.51.100.7;lr>\r\n",
                "198.51.100.7:5060",
            ),
        ] {
            assert_eq!(contact_after(contact, route, from), contact);
        }
    }
}
