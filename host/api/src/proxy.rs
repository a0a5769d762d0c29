//! Whose a request is when it came through proxies: only what proxies of one's own say is believed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};

/// Hops that are looked at; who is named further away is not believed.
const MAX_HOPS: usize = 16;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an address, or a range of which the address says no more than its first bits: 10.0.0.0/8, fd00::/8")
    }
}

impl std::error::Error for InvalidNetwork {}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            "" if !text.contains('/') => most,
            bits => bits.parse().map_err(|_| InvalidNetwork)?,
        };
        let network = Self { address, bits };
        // Of no bits, it would be everybody.
        if bits == 0 || bits > most || network.first_bits(address) != number(address) {
            return Err(InvalidNetwork);
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// An address as a number whose first bit is the address's.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Network {
    fn first_bits(self, address: IpAddr) -> u128 {
        let rest = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        number(address) & !rest
    }

    fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && self.first_bits(address) == number(self.address)
    }
}

/// Proxies whose word about whose a request is counts. By default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl From<Vec<Network>> for TrustedProxies {
    fn from(networks: Vec<Network>) -> Self {
        Self(networks)
    }
}

impl TrustedProxies {
    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }

    /// Whose a request is: who connected, or, when that is a proxy of these, the last that is none of these of all whom
    /// they name. Where `forwarded` and `x-forwarded-for` differ, somebody wrote one of them who should not: then it is the
    /// proxy's.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let by = |name: HeaderName, read: fn(&str) -> Vec<Hop>| {
            let hops = hops(headers, name, read);
            (!hops.is_empty()).then(|| self.last_stranger(peer, hops))
        };
        match (
            by(header::FORWARDED, forwarded),
            by(X_FORWARDED_FOR, x_forwarded_for),
        ) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(named), _) | (None, Some(named)) => named,
            (None, None) => peer,
        }
    }

    /// Whether a request came by https, as one of these says in `x-forwarded-proto`: of several, the nearest.
    pub(crate) fn by_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let said = headers.get_all(X_FORWARDED_PROTO).iter().next_back();
        let said = said
            .and_then(|said| said.to_str().ok())
            .and_then(|said| said.rsplit(',').next());
        self.trusts(peer) && said.is_some_and(|said| said.trim().eq_ignore_ascii_case("https"))
    }

    fn last_stranger(&self, peer: IpAddr, hops: Vec<Hop>) -> IpAddr {
        let mut client = peer;
        for hop in hops.into_iter().rev().take(MAX_HOPS) {
            // Of whoever is named beyond one that can't be read, nothing is known.
            let Some(hop) = hop else { return client };
            client = hop.to_canonical();
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }
}

/// One that a request went through; `None` when that is not said, or can't be read.
type Hop = Option<IpAddr>;

/// All lines of a header as one list, nearest last.
fn hops(headers: &HeaderMap, name: HeaderName, read: fn(&str) -> Vec<Hop>) -> Vec<Hop> {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| line.to_str().map_or_else(|_| vec![None], read))
        .collect()
}

fn x_forwarded_for(line: &str) -> Vec<Hop> {
    line.split(',').map(|hop| address(hop.trim())).collect()
}

/// RFC 7239: `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"`.
fn forwarded(line: &str) -> Vec<Hop> {
    outside_quotes(line, ',')
        .into_iter()
        .map(|element| {
            let pairs = outside_quotes(element, ';');
            let named = pairs.into_iter().find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })?;
            address(named.trim().trim_matches('"'))
        })
        .collect()
}

/// The parts of a text between a sign that stands outside of quotes.
fn outside_quotes(text: &str, sign: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        let ends = c == sign && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        ends
    })
    .collect()
}

/// An address, perhaps with a port, of IPv6 perhaps in brackets.
fn address(text: &str) -> Hop {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let plain = bare.unwrap_or(text).parse().ok();
    plain.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(networks: &[&str]) -> TrustedProxies {
        let networks: Vec<Network> = networks.iter().map(|network| network.parse().unwrap()).collect();
        networks.into()
    }

    #[test]
    fn a_range_is_read_and_holds_what_it_says() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("128.0.0.0/1", "200.0.0.1", "8000::1"),
        ] {
            let range: Network = range.parse().unwrap();
            assert!(range.holds(ip(inside)) && !range.holds(ip(outside)), "{range}");
        }
        for bad in [
            "",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/0",
            "::/0",
            "10.1.0.0/8",
            "all",
            "10/8",
            "::1/129",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_believed_but_ones_own_proxies() {
        let trusted = proxies(&["10.0.0.0/8", "fd00::/8"]);
        let (x, f) = ("x-forwarded-for", "forwarded");
        for (peer, headers, client) in [
            // Nobody asked a proxy of ours.
            ("192.0.2.1", vec![(x, "198.51.100.1")], "192.0.2.1"),
            ("192.0.2.1", vec![(f, "for=198.51.100.1")], "192.0.2.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec![(x, "198.51.100.1")], "198.51.100.1"),
            ("::ffff:10.0.0.1", vec![(x, "198.51.100.1")], "198.51.100.1"),
            (
                "fd00::1",
                vec![(f, "for=\"[2001:db8::1]:4711\";proto=https")],
                "2001:db8::1",
            ),
            (
                "10.0.0.1",
                vec![(f, "proto=https;For=198.51.100.1;by=10.0.0.1")],
                "198.51.100.1",
            ),
            // What the client wrote stands further left.
            ("10.0.0.1", vec![(x, "203.0.113.9, 198.51.100.1")], "198.51.100.1"),
            (
                "10.0.0.1",
                vec![(x, "203.0.113.9"), (x, "198.51.100.1")],
                "198.51.100.1",
            ),
            ("10.0.0.1", vec![(x, "198.51.100.1, 10.0.0.7")], "198.51.100.1"),
            (
                "10.0.0.1",
                vec![(x, "203.0.113.9, 198.51.100.1, 10.0.0.7, 10.0.0.8")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                vec![(f, "for=203.0.113.9, for=198.51.100.1;by=10.0.0.7, for=10.0.0.7")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                vec![(f, "for=\"a, for=203.0.113.9\", for=198.51.100.1")],
                "198.51.100.1",
            ),
            // All of them ours: the first of them asked.
            ("10.0.0.1", vec![(x, "10.0.0.9, 10.0.0.8")], "10.0.0.9"),
            // Beyond what can't be read, nothing is known.
            ("10.0.0.1", vec![(x, "198.51.100.1, nonsense")], "10.0.0.1"),
            (
                "10.0.0.1",
                vec![(x, "198.51.100.1, unknown, 10.0.0.8")],
                "10.0.0.8",
            ),
            ("10.0.0.1", vec![(f, "for=_hidden")], "10.0.0.1"),
            ("10.0.0.1", vec![(f, "by=10.0.0.1")], "10.0.0.1"),
            ("10.0.0.1", vec![(x, "198.51.100.1,")], "10.0.0.1"),
            // A client wrote the header that the proxy does not.
            (
                "10.0.0.1",
                vec![(f, "for=203.0.113.9"), (x, "198.51.100.1")],
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                vec![(f, "for=198.51.100.1"), (x, "198.51.100.1")],
                "198.51.100.1",
            ),
            ("10.0.0.1", vec![(x, "198.51.100.1:4711")], "198.51.100.1"),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(trusted.client(ip(peer), &map), ip(client), "{peer} {headers:?}");
            let nobody = TrustedProxies::default();
            assert_eq!(nobody.client(ip(peer), &map), ip(peer));
        }
        let many = vec!["10.0.0.9"; 1_000].join(", ");
        let mut map = HeaderMap::new();
        map.append(x, format!("198.51.100.1, {many}").parse().unwrap());
        assert_eq!(trusted.client(ip("10.0.0.1"), &map), ip("10.0.0.9"));
    }

    #[test]
    fn a_proxy_of_ones_own_says_whether_it_was_https() {
        let trusted = proxies(&["10.0.0.0/8"]);
        for (peer, said, https) in [
            ("10.0.0.1", vec!["https"], true),
            ("10.0.0.1", vec!["HTTPS"], true),
            ("10.0.0.1", vec!["http"], false),
            ("10.0.0.1", vec![], false),
            ("192.0.2.1", vec!["https"], false),
            // What the client wrote stands further left.
            ("10.0.0.1", vec!["https, http"], false),
            ("10.0.0.1", vec!["http", "https"], true),
        ] {
            let mut map = HeaderMap::new();
            for said in &said {
                map.append("x-forwarded-proto", said.parse().unwrap());
            }
            assert_eq!(trusted.by_https(ip(peer), &map), https, "{peer} {said:?}");
            assert!(!TrustedProxies::default().by_https(ip(peer), &map));
        }
    }
}
