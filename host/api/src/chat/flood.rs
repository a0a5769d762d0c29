//! How much one visitor, and one address of the network, may do: buckets that fill again with time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use axum::extract::Extension;
use jackfield_types::{ConnectorId, TenantId, Timestamp};

use crate::error::Problem;
use crate::handler::visit::Peer;
use crate::{App, clock};

/// Buckets that are remembered; beyond, those that are full again are forgotten, and if none is, the flood is refused.
const MAX_BUCKETS: usize = 100_000;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// A visitor, by name.
    Visitor(String),
    /// Whoever is behind an address; of IPv6 the first 64 bits.
    Address(IpAddr),
    /// Windows opened from an address.
    Visits(IpAddr),
    /// Conversations begun from an address.
    Beginnings(IpAddr),
    /// A visitor's uploads.
    Uploads(String),
    /// Uploads from an address.
    UploadsFrom(IpAddr),
    /// Requests from an address that were not the provider's of the channel that they were sent to.
    Unverified(IpAddr),
    /// The same of one channel: a provider whose secret is another there is not kept from the channels of others.
    UnverifiedAt(IpAddr, TenantId, ConnectorId),
}

impl Whose {
    /// How much at once, and how much a second.
    const fn allowance(&self) -> (f64, f64) {
        match self {
            Self::Visitor(_) => (20.0, 2.0),
            // Many people may be behind one.
            Self::Address(_) => (400.0, 100.0),
            Self::Visits(_) | Self::Beginnings(_) => (60.0, 1.0),
            Self::Uploads(_) => (16.0, 0.5),
            Self::UploadsFrom(_) => (64.0, 4.0),
            Self::Unverified(_) => (200.0, 20.0),
            Self::UnverifiedAt(..) => (20.0, 1.0),
        }
    }
}

struct Bucket {
    left: f64,
    at: Timestamp,
}

/// All buckets of a process.
#[derive(Default)]
pub(crate) struct Flood(Mutex<BTreeMap<Whose, Bucket>>);

impl Flood {
    /// Whether there is one left in a bucket, which stays there.
    pub(crate) fn has(&self, whose: &Whose, now: Timestamp) -> bool {
        let (most, a_second) = whose.allowance();
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets
            .get(whose)
            .is_none_or(|bucket| bucket.filled(most, a_second, now) >= 1.0)
    }

    /// Takes one out of a bucket.
    ///
    /// # Errors
    /// 429 when it is empty.
    pub(crate) fn take(&self, whose: Whose, now: Timestamp) -> Result<(), Problem> {
        let (most, a_second) = whose.allowance();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&whose) {
            buckets.retain(|whose, bucket| {
                let (most, a_second) = whose.allowance();
                bucket.filled(most, a_second, now) < most
            });
            if buckets.len() >= MAX_BUCKETS {
                return Err(too_fast());
            }
        }
        let bucket = buckets.entry(whose).or_insert(Bucket { left: most, at: now });
        bucket.left = bucket.filled(most, a_second, now);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(too_fast());
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

impl Bucket {
    fn filled(&self, most: f64, a_second: f64, now: Timestamp) -> f64 {
        most.min(self.left + now.since(self.at) as f64 / 1_000.0 * a_second)
    }
}

fn too_fast() -> Problem {
    Problem::overloaded("that is too much at once; wait a moment and send it again")
}

/// The part of the address that a request is from that one subscriber has.
pub(crate) fn address_of(peer: Option<Extension<Peer>>) -> IpAddr {
    subscriber(peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(Peer(peer))| peer))
}

/// Takes one out of the bucket of whoever asks for a page.
pub(crate) fn address_takes(app: &App, peer: Option<Extension<Peer>>) -> Result<(), Problem> {
    app.flood.take(Whose::Address(address_of(peer)), clock::now())
}

/// The part of an address that one subscriber has.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let flood = Flood::default();
        let ann = || Whose::Visitor("ann".into());
        let now = Timestamp(10_000);
        for _ in 0..20 {
            assert!(flood.has(&ann(), now));
            flood.take(ann(), now).unwrap();
        }
        assert!(!flood.has(&ann(), now) && flood.has(&ann(), now + 500));
        assert_eq!(flood.take(ann(), now).unwrap_err().status().as_u16(), 429);
        flood.take(Whose::Visitor("bob".into()), now).unwrap();
        flood.take(ann(), now + 500).unwrap();
        assert!(flood.take(ann(), now + 500).is_err());
    }

    #[test]
    fn a_subscriber_has_64_bits_of_ipv6() {
        let of = |text: &str| subscriber(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
