use hmac::{Hmac, KeyInit, Mac};
use jackfield_types::{Timestamp, limits::MAX_PHONE_NONCES};
use sha2::Sha256;

/// How long a nonce may be used.
const LIFETIME_MS: u64 = 5 * 60 * 1_000;
/// Bytes of the signature that a nonce carries.
const SIGNATURE: usize = 16;

/// Makes nonces that say by themselves when they expire, signed so that nobody else can make one.
pub(super) struct Nonces {
    secret: [u8; 32],
}

/// How often one phone used each of its nonces, so that no request can be sent twice.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// The nonce, its highest count and when it expires.
    nonces: Vec<(String, u32, Timestamp)>,
    /// Nonces that expire until then are known no more, unless they stand above.
    forgotten: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Ours, and too old.
    Expired,
    /// Not ours.
    Forged,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A new nonce: its end of life, `salt` and the signature of both, in hexadecimal digits.
    pub(super) fn issue(&self, salt: u64, now: Timestamp) -> String {
        let body = format!("{:016x}{salt:016x}", (now + LIFETIME_MS).0);
        let signature = self.mac(&body).finalize().into_bytes();
        signature
            .iter()
            .take(SIGNATURE)
            .fold(body, |text, byte| text + &format!("{byte:02x}"))
    }

    /// Whether a nonce is one of ours that still lives.
    pub(super) fn check(&self, nonce: &str, now: Timestamp) -> Verdict {
        let Some((body, signature)) = nonce.split_at_checked(32) else {
            return Verdict::Forged;
        };
        let Some(signature) = unhex(signature) else {
            return Verdict::Forged;
        };
        if self.mac(body).verify_truncated_left(&signature).is_err() {
            return Verdict::Forged;
        }
        match expiry(body) {
            Some(expires) if expires > now => Verdict::Good,
            _ => Verdict::Expired,
        }
    }

    fn mac(&self, body: &str) -> Hmac<Sha256> {
        let key: &[u8; 32] = &self.secret;
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        Hmac::<Sha256>::new(&block.into()).chain_update(body)
    }
}

impl Uses {
    /// Counts a use of a nonce of ours that lives; `false` when this count or a higher one was there before, or can't be known.
    pub(super) fn count(&mut self, nonce: &str, nc: u32) -> bool {
        if let Some((_, last, _)) = self.nonces.iter_mut().find(|(known, ..)| known == nonce) {
            let is_new = nc > *last;
            *last = nc.max(*last);
            return is_new;
        }
        let Some(expires) = expiry(nonce) else {
            return false;
        };
        if nc == 0 || expires <= self.forgotten {
            return false;
        }
        self.nonces.push((nonce.to_owned(), nc, expires));
        if self.nonces.len() > MAX_PHONE_NONCES {
            self.nonces.sort_by_key(|(_, _, expires)| *expires);
            let (_, _, expires) = self.nonces.remove(0);
            self.forgotten = expires;
        }
        true
    }

    /// Whether none of them lives.
    pub(super) fn are_over(&self, now: Timestamp) -> bool {
        self.forgotten <= now && self.nonces.iter().all(|(_, _, expires)| *expires <= now)
    }
}

fn expiry(body: &str) -> Option<Timestamp> {
    u64::from_str_radix(body.get(..16)?, 16).ok().map(Timestamp)
}

fn unhex(text: &str) -> Option<[u8; SIGNATURE]> {
    if text.len() != 2 * SIGNATURE || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn a_nonce_lives_five_minutes_and_cannot_be_made_by_others() {
        let nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(1, NOW);
        assert_eq!(nonces.check(&nonce, NOW), Verdict::Good);
        assert_eq!(nonces.check(&nonce, NOW + (LIFETIME_MS - 1)), Verdict::Good);
        assert_eq!(nonces.check(&nonce, NOW + LIFETIME_MS), Verdict::Expired);
        assert_eq!(Nonces::new([8; 32]).check(&nonce, NOW), Verdict::Forged);
        for at in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(
                nonces.check(&String::from_utf8(forged).unwrap(), NOW),
                Verdict::Forged,
                "digit {at}"
            );
        }
        for bad in ["", "x", "ü", &"ü".repeat(40), &nonce[1..], &format!("{nonce}0")] {
            assert_eq!(nonces.check(bad, NOW), Verdict::Forged, "{bad}");
        }
    }

    #[test]
    fn a_count_serves_once() {
        let (nonces, mut uses) = (Nonces::new([7; 32]), Uses::default());
        let nonce = nonces.issue(1, NOW);
        assert!(!uses.count(&nonce, 0));
        assert!(uses.count(&nonce, 1));
        assert!(!uses.count(&nonce, 1));
        assert!(uses.count(&nonce, 5));
        assert!(!uses.count(&nonce, 4));
    }

    #[test]
    fn a_phone_that_always_takes_a_new_nonce_is_never_refused_and_never_replayed() {
        let (nonces, mut uses) = (Nonces::new([7; 32]), Uses::default());
        let all: Vec<_> = (0..1_000).map(|n| nonces.issue(n, NOW + n)).collect();
        for nonce in &all {
            assert!(uses.count(nonce, 1));
            assert!(uses.nonces.len() <= MAX_PHONE_NONCES);
        }
        assert!(!all.iter().any(|nonce| uses.count(nonce, 1)), "a replay");
        assert!(!uses.count(&all[0], 2), "forgotten");
        assert!(uses.count(&all[999], 2));
        assert!(!uses.are_over(NOW + LIFETIME_MS));
        assert!(uses.are_over(NOW + 1_000 + LIFETIME_MS));
    }

    #[test]
    fn nonces_of_one_moment_are_counted_or_refused_and_never_replayed() {
        let (nonces, mut uses) = (Nonces::new([7; 32]), Uses::default());
        let all: Vec<_> = (0..20).map(|salt| nonces.issue(salt, NOW)).collect();
        let counted = all.iter().filter(|nonce| uses.count(nonce, 1)).count();
        assert_eq!(counted, MAX_PHONE_NONCES + 1);
        assert!(!all.iter().any(|nonce| uses.count(nonce, 1)), "a replay");
        assert!(uses.count(&nonces.issue(20, NOW + 1), 1));
    }
}
