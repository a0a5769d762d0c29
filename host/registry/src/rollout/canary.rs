use jackfield_types::{Digest, InteractionId};

/// Whether an interaction is decided by the candidate, when so many per cent of all are.
///
/// The same interaction always gets the same answer, and one that is in stays in when `percent` grows. `salt` is the
/// extension point with the digest of the candidate, so that it is not always the same customers who get what is new.
///
/// The rule, stable over versions and machines: SHA-256 over the 16 bytes of the interaction's id followed by the salt in
/// UTF-8; its first 8 bytes as a big-endian number *h*; in when ⌊*h* × 100 ÷ 2⁶⁴⌋ < `percent`.
pub fn in_canary(interaction: InteractionId, percent: u8, salt: &str) -> bool {
    in_share(interaction.as_u128(), percent, salt)
}

/// [`in_canary`] for any id of 128 bits.
pub(crate) fn in_share(id: u128, percent: u8, salt: &str) -> bool {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(salt.as_bytes());
    let digest = Digest::of(&bytes);
    let hash = digest.as_bytes()[..8]
        .iter()
        .fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
    (u128::from(hash) * 100) >> 64 < u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interaction(id: u128) -> InteractionId {
        let digits = format!("{id:032x}");
        digits.parse().unwrap()
    }

    #[test]
    fn vectors() {
        let salt = "queue:support sha256:ab";
        for (id, salt, first_in) in [
            (0, "", 22),
            (1, salt, 1),
            (0x0192_f7f0_c3a1_7b2e_8a4d_5c6b_7a8f_9e0d, salt, 30),
        ] {
            let first = (0..=100u8).find(|&percent| in_canary(interaction(id), percent, salt));
            assert_eq!(first, Some(first_in), "{id:#x}");
        }
    }

    #[test]
    fn who_is_in_stays_in_and_the_share_is_right() {
        // As version 7 UUIDs are: a common time, then a counter.
        let ids: Vec<_> = (0..10_000)
            .map(|n| interaction(0x0192_f7f0_c3a1_7000_8000_0000_0000_0000 + n))
            .collect();
        for salt in ["queue:a 1", "queue:a 2", "number:+864001234567 1"] {
            let mut before = vec![false; ids.len()];
            for percent in 0..=100u8 {
                let now: Vec<_> = ids.iter().map(|id| in_canary(*id, percent, salt)).collect();
                assert!(before.iter().zip(&now).all(|(was, is)| !was || *is));
                let share = now.iter().filter(|is| **is).count() as f64 / ids.len() as f64;
                // Four standard errors of a share of 10,000.
                assert!(
                    (share - f64::from(percent) / 100.0).abs() < 0.02,
                    "{percent}: {share}"
                );
                before = now;
            }
            assert!(before.iter().all(|is| *is));
        }
    }

    #[test]
    fn another_salt_draws_others() {
        let ids: Vec<_> = (0..10_000).map(interaction).collect();
        let both = ids
            .iter()
            .filter(|id| in_canary(**id, 50, "a") && in_canary(**id, 50, "b"))
            .count();
        assert!((2_300..2_700).contains(&both), "{both}");
    }
}
