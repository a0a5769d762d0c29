//! Replays the seeds of a fuzz target, and mutants of them that are the same on every run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Repeatable numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

/// Gives every seed of `host/fuzz/corpus/TARGET` to `check`, and then so many mutants of them.
///
/// # Panics
/// When there are no seeds, and when `check` panics: with the input, which belongs into the corpus once it is mended.
pub fn replay(target: &str, mutants: usize, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "{} holds no seeds", folder.display());
    for (file, seed) in files.iter().zip(&seeds) {
        give(&check, seed, &file.display().to_string());
    }
    let mut dice = Dice(0x6a61_636b);
    for n in 0..mutants {
        let mutant = mutated(&seeds, &mut dice);
        give(&check, &mutant, &format!("mutant {n} of {target}"));
    }
}

fn give(check: &impl Fn(&[u8]), input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| check(input))).is_err() {
        panic!("{what} fails, as text {:?}", String::from_utf8_lossy(input));
    }
}

/// A seed that is changed in one to six places.
fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b' '];
    const PIECES: [&[u8]; 12] = [
        b"\r\n",
        b"\r\n\r\n",
        b";",
        b"=",
        b"<",
        b"%00",
        b"-1",
        b"4294967296",
        b"99999999999999999999",
        "呼".as_bytes(),
        &[0xc3, 0x28],
        &[0xff, 0xff, 0xff, 0xff],
    ];
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let until = (at + 1 + dice.below(32)).min(bytes.len()).max(at);
        match dice.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => bytes
                .splice(at..until, PIECES[dice.below(PIECES.len())].to_vec())
                .for_each(drop),
            3 => bytes
                .splice(at..at, PIECES[dice.below(PIECES.len())].to_vec())
                .for_each(drop),
            4 => {
                let part = bytes[at..until].to_vec();
                let times = 1 + dice.below(64);
                bytes.splice(at..at, part.repeat(times)).for_each(drop);
            }
            5 => {
                // A stretch of another seed.
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(256)).min(other.len());
                bytes.splice(at..until, other[from..to].to_vec()).for_each(drop);
            }
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            7 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = EDGES[dice.below(EDGES.len())];
                }
            }
            _ => {
                let noise = (0..8).map(|_| dice.below(256) as u8);
                bytes.splice(at..until, noise).for_each(drop);
            }
        }
    }
    bytes
}
