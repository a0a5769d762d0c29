use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::MediaError;

/// The two sockets of a leg, non-blocking.
pub(crate) struct PortPair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) addr: SocketAddr,
    open: Open,
}

/// The RTP ports that are open.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Mutex<HashSet<u16>>>);

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PortPair {
    fn drop(&mut self) {
        self.open.lock().remove(&self.addr.port());
    }
}

/// Hands out port pairs, round robin, so that a port rests as long as possible before it is used again.
pub(crate) struct Ports {
    ip: IpAddr,
    /// First even port and number of pairs; no pairs: the system chooses.
    first: u16,
    pairs: usize,
    next: AtomicUsize,
    open: Open,
}

/// Tries to find an even/odd pair when the system chooses.
const SYSTEM_TRIES: usize = 64;

/// The first even port of a range, and how many pairs it has; `None`: the system chooses.
fn pairs_of(range: &RangeInclusive<u16>) -> Option<(u32, usize)> {
    let (start, end) = (u32::from(*range.start()), u32::from(*range.end()));
    let first = start.next_multiple_of(2).max(2);
    let pairs = (end + 1).saturating_sub(first) / 2;
    ((start, end) != (0, 0)).then_some((first, pairs as usize))
}

/// How many pairs a range has; `None`: as many as the system gives.
pub(crate) fn port_pairs(range: &RangeInclusive<u16>) -> Option<usize> {
    pairs_of(range).map(|(_, pairs)| pairs)
}

impl Ports {
    pub(crate) fn new(ip: IpAddr, range: RangeInclusive<u16>) -> Result<Self, MediaError> {
        let Some((first, pairs)) = pairs_of(&range) else {
            return Ok(Self {
                ip,
                first: 0,
                pairs: 0,
                next: AtomicUsize::new(0),
                open: Open::default(),
            });
        };
        match u16::try_from(first) {
            Ok(first) if pairs > 0 => Ok(Self {
                ip,
                first,
                pairs,
                next: AtomicUsize::new(0),
                open: Open::default(),
            }),
            _ => Err(MediaError::Options {
                field: "rtp_ports",
                value: format!("{}-{}", range.start(), range.end()),
                expected: "a range with an even port and the odd one after it, or 0-0",
            }),
        }
    }

    pub(crate) fn open(&self) -> Result<PortPair, MediaError> {
        if self.pairs == 0 {
            return self.open_any();
        }
        for _ in 0..self.pairs {
            let n = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs;
            let port = self.first + u16::try_from(2 * n).unwrap_or(0);
            match self.pair(port) {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
                Err(source) => {
                    return Err(MediaError::Socket {
                        addr: SocketAddr::new(self.ip, port),
                        source,
                    });
                }
                Ok(pair) => return Ok(pair),
            }
        }
        Err(MediaError::PortsUsedUp { pairs: self.pairs })
    }

    fn open_any(&self) -> Result<PortPair, MediaError> {
        let socket = |source| MediaError::Socket {
            addr: SocketAddr::new(self.ip, 0),
            source,
        };
        for _ in 0..SYSTEM_TRIES {
            let probe = UdpSocket::bind((self.ip, 0)).map_err(socket)?;
            let port = probe.local_addr().map_err(socket)?.port() & !1;
            drop(probe);
            if let Ok(pair) = self.pair(port) {
                return Ok(pair);
            }
        }
        Err(MediaError::PortsUsedUp { pairs: SYSTEM_TRIES })
    }

    fn pair(&self, port: u16) -> io::Result<PortPair> {
        let rtp = UdpSocket::bind((self.ip, port))?;
        let rtcp = UdpSocket::bind((self.ip, port + 1))?;
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        let addr = rtp.local_addr()?;
        self.open.lock().insert(port);
        Ok(PortPair {
            rtp,
            rtcp,
            addr,
            open: self.open.clone(),
        })
    }

    /// The local address.
    pub(crate) const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Whether a leg has this port, for RTP or RTCP.
    pub(crate) fn is_open(&self, port: u16) -> bool {
        self.open.lock().contains(&(port & !1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_range_without_a_pair_is_refused_by_name() {
        for range in [5001..=5001, 5000..=5000, 5001..=5002, 65535..=65535] {
            let error = Ports::new(LOOPBACK, range).err().unwrap().to_string();
            assert!(error.starts_with("rtp_ports is "), "{error}");
        }
    }

    #[test]
    fn pairs_are_even_and_given_back_when_dropped() {
        let any = Ports::new(LOOPBACK, 0..=0).unwrap().open().unwrap();
        assert_eq!(any.addr.port() % 2, 0);
        assert_eq!(any.rtcp.local_addr().unwrap().port(), any.addr.port() + 1);
        let port = any.addr.port();
        let one = Ports::new(LOOPBACK, port..=port + 1).unwrap();
        let error = one.open().err().unwrap().to_string();
        assert_eq!(
            error,
            "all 1 port pairs of rtp_ports are in use: widen the range or answer 503"
        );
        drop(any);
        assert_eq!(one.open().unwrap().addr.port(), port);
    }
}
