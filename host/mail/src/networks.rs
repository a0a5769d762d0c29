//! From where mail is taken.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Addresses from which connections are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

/// It is no list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: expected an address or a network, for example 192.0.2.25 or 10.0.0.0/8")]
pub struct NotANetwork(String);

impl Default for Networks {
    /// This machine, and networks that are not public.
    fn default() -> Self {
        let own = [
            ([127, 0, 0, 0], 8),
            ([10, 0, 0, 0], 8),
            ([172, 16, 0, 0], 12),
            ([192, 168, 0, 0], 16),
            ([169, 254, 0, 0], 16),
        ];
        let own6 = [
            (Ipv6Addr::LOCALHOST, 128),
            (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
            (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        ];
        let all = own.map(|(address, bits)| (IpAddr::from(address), bits));
        let all6 = own6.map(|(address, bits)| (IpAddr::from(address), bits));
        Self(all.into_iter().chain(all6).collect())
    }
}

impl FromStr for Networks {
    type Err = NotANetwork;

    /// Reads `ADDRESS[/BITS]` with commas between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = |part: &str| {
            let part = part.trim();
            let (address, bits) = part.split_once('/').unwrap_or((part, ""));
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = if bits.is_empty() { most } else { bits.parse().ok()? };
            (bits <= most).then_some((address, bits))
        };
        let all = text
            .split(',')
            .map(|part| one(part).ok_or_else(|| NotANetwork(part.trim().chars().take(64).collect())));
        Ok(Self(all.collect::<Result<_, _>>()?))
    }
}

impl Networks {
    /// Whether the address is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                alike(u32::from(*network).into(), u32::from(address).into(), 32 - bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                alike(u128::from(*network), u128::from(address), 128 - bits)
            }
            _ => false,
        })
    }
}

/// Whether two addresses are the same but for so many of their last bits.
fn alike(one: u128, other: u128, rest: u8) -> bool {
    let differ = one ^ other;
    differ.checked_shr(u32::from(rest)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_network_or_not() {
        let some: Networks = "192.0.2.25, 10.1.0.0/16,2001:db8::/32".parse().unwrap();
        for (address, inside) in [
            ("192.0.2.25", true),
            ("192.0.2.26", false),
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("::ffff:10.1.2.3", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(some.contain(address.parse().unwrap()), inside, "{address}");
        }
        let all: Networks = "0.0.0.0/0,::/0".parse().unwrap();
        assert!(all.contain("8.8.8.8".parse().unwrap()) && all.contain("2606::1".parse().unwrap()));
        let usual = Networks::default();
        for (address, inside) in [
            ("127.0.0.1", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("8.8.8.8", false),
            ("::1", true),
            ("fd00::1", true),
            ("2606:4700::1111", false),
        ] {
            assert_eq!(usual.contain(address.parse().unwrap()), inside, "{address}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/x", "10.0.0.0/8,"] {
            assert!(bad.parse::<Networks>().is_err(), "{bad}");
        }
    }
}
