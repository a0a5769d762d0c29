use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use jackfield_types::{Timestamp, limits::MAX_NONCES};
use sha2::Sha256;

/// How long a nonce may be used.
const LIFETIME_MS: u64 = 5 * 60 * 1_000;
/// Bytes of the signature that a nonce carries.
const SIGNATURE: usize = 16;

/// Makes nonces that say by themselves when they expire, signed so that nobody else can make one, and counts how
/// often each was used, so that no request can be sent twice.
pub(super) struct Nonces {
    secret: [u8; 32],
    /// The highest count of each nonce in use, and when the nonce expires.
    used: HashMap<String, (u32, Timestamp)>,
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
        Self {
            secret,
            used: HashMap::new(),
        }
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

    /// Counts a use; `false` when this count or a higher one was there before.
    pub(super) fn count(&mut self, nonce: &str, nc: u32, now: Timestamp) -> bool {
        if let Some((last, _)) = self.used.get_mut(nonce) {
            let is_new = nc > *last;
            *last = nc.max(*last);
            return is_new;
        }
        if self.used.len() >= MAX_NONCES {
            self.used.retain(|_, (_, expires)| *expires > now);
        }
        // Every place is taken by a nonce that lives: this one must not be used uncounted.
        if self.used.len() >= MAX_NONCES || nc == 0 {
            return false;
        }
        let Some(expires) = nonce.get(..16).and_then(expiry) else {
            return false;
        };
        self.used.insert(nonce.to_owned(), (nc, expires));
        true
    }

    fn mac(&self, body: &str) -> Hmac<Sha256> {
        let key: &[u8; 32] = &self.secret;
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        Hmac::<Sha256>::new(&block.into()).chain_update(body)
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
        let mut nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(1, NOW);
        assert!(!nonces.count(&nonce, 0, NOW));
        assert!(nonces.count(&nonce, 1, NOW));
        assert!(!nonces.count(&nonce, 1, NOW));
        assert!(nonces.count(&nonce, 5, NOW));
        assert!(!nonces.count(&nonce, 4, NOW));
    }

    #[test]
    fn what_is_counted_is_limited_and_makes_room_when_it_expires() {
        let mut nonces = Nonces::new([7; 32]);
        for salt in 0..MAX_NONCES as u64 {
            let nonce = nonces.issue(salt, NOW);
            assert!(nonces.count(&nonce, 1, NOW));
        }
        let late = nonces.issue(u64::MAX, NOW);
        assert!(!nonces.count(&late, 1, NOW));
        assert!(nonces.count(&late, 1, NOW + LIFETIME_MS));
    }
}
