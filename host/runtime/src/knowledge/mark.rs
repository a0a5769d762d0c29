//! Which passage of a text is shown, and which words of it are marked.

use std::ops::Range;

use super::index::Meant;
use super::words::{self, is_han};

/// Bytes of a passage, about.
const PASSAGE_BYTES: usize = 320;

/// A piece of a text; the pieces in their order are the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Plain text, never markup.
    pub text: String,
    /// Whether it is what was looked for.
    pub hit: bool,
}

/// A text with what was meant marked.
pub(super) fn marked(text: &str, meant: &Meant) -> Vec<Piece> {
    let mut places: Vec<Range<usize>> = words::words(text)
        .into_iter()
        .filter(|(word, _)| is_meant(word, meant))
        .map(|(_, place)| place)
        .collect();
    if !meant.characters.is_empty() {
        let characters = text.char_indices().filter(|(_, c)| meant.characters.contains(c));
        places.extend(characters.map(|(at, c)| at..at + c.len_utf8()));
    }
    places.sort_unstable_by_key(|place| (place.start, place.end));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |part: Option<&str>, hit: bool| match (part, pieces.last_mut()) {
        (None | Some(""), _) => {}
        (Some(part), Some(last)) if last.hit == hit => last.text.push_str(part),
        (Some(part), _) => pieces.push(Piece {
            text: part.to_owned(),
            hit,
        }),
    };
    let mut told = 0;
    for place in places {
        push(text.get(told..place.start.max(told)), false);
        push(text.get(place.start.max(told)..place.end.max(told)), true);
        told = told.max(place.end);
    }
    push(text.get(told..), false);
    pieces
}

/// The passage that has most of what was meant; the beginning, when none of it stands there as it was asked.
pub(super) fn passage<'a>(text: &'a str, meant: &Meant) -> &'a str {
    let folded = text.to_lowercase();
    // Lower case may be of another length; then places are about right, which is enough for a passage.
    let mut places: Vec<usize> = Vec::new();
    for word in &meant.words {
        places.extend(folded.match_indices(word.as_str()).take(64).map(|(at, _)| at));
    }
    places.sort_unstable();
    let near = |from: usize| {
        places
            .iter()
            .filter(|at| (from..from + PASSAGE_BYTES).contains(*at))
            .count()
    };
    let best = places
        .iter()
        .copied()
        .rev()
        .max_by_key(|at| near(*at))
        .unwrap_or(0);
    // A little of what stands before, and from the beginning of a line or a sentence where that is near.
    let lead = floor(text, best.saturating_sub(PASSAGE_BYTES / 5));
    let before = text.get(lead..floor(text, best)).unwrap_or_default();
    let start = match before.rfind(['\n', '。', '！', '？', '.']) {
        Some(at) => {
            lead + at
                + before
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(0, char::len_utf8)
        }
        None => lead,
    };
    let end = floor(text, start + PASSAGE_BYTES);
    text.get(start..end).unwrap_or_default().trim()
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn is_meant(word: &str, meant: &Meant) -> bool {
    meant.words.iter().any(|known| known == word)
        || !word.chars().any(is_han)
            && meant
                .nearly
                .iter()
                .any(|(known, distance)| apart(known, word, usize::from(*distance)))
}

/// Whether two words are at most so many letters apart: one more, one less, another, or two neighbours swapped.
fn apart(a: &str, b: &str, most: usize) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let (up, left, across) = (rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + usize::from(x != y));
            let mut cost = up.min(left).min(across);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(rows[i - 1][j - 1] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()] <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(words: &[&str], nearly: &[&str], characters: &str) -> Meant {
        Meant {
            words: words.iter().map(ToString::to_string).collect(),
            nearly: nearly.iter().map(|word| (word.to_string(), 1)).collect(),
            characters: characters.chars().collect(),
        }
    }

    fn shown(text: &str, meant: &Meant) -> String {
        let pieces = marked(text, meant);
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, text);
        let mark = |piece: Piece| {
            if piece.hit {
                format!("[{}]", piece.text)
            } else {
                piece.text
            }
        };
        pieces.into_iter().map(mark).collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_and_markup_stays_text() {
        assert_eq!(
            shown("Refunds & <b>fees</b>", &meant(&["refund"], &[], "")),
            "[Refunds] & <b>fees</b>"
        );
        assert_eq!(
            shown("办理退款的流程", &meant(&["退款", "流程"], &[], "")),
            "办理[退款]的[流程]"
        );
        assert_eq!(
            shown("信用卡年费", &meant(&["信用", "信用卡"], &[], "")),
            "[信用卡]年费"
        );
        assert_eq!(shown("a refund", &meant(&[], &["refnud"], "")), "a [refund]");
        assert_eq!(shown("退货", &meant(&[], &[], "退")), "[退]货");
        assert_eq!(shown("", &meant(&["x"], &[], "")), "");
    }

    #[test]
    fn the_passage_is_where_most_of_it_stands() {
        let text = format!("{}。退款需要三天。{}", "前文".repeat(400), "后文".repeat(400));
        let found = passage(&text, &meant(&["退款"], &[], ""));
        assert!(
            found.starts_with("退款需要三天") && found.len() <= PASSAGE_BYTES,
            "{found}"
        );
        assert_eq!(passage("short", &meant(&["none"], &[], "")), "short");
        assert_eq!(passage("", &Meant::default()), "");
    }

    #[test]
    fn letters_apart_are_counted_with_swaps() {
        for (a, b, most, near) in [
            ("refund", "refnud", 1, true),
            ("refund", "refun", 1, true),
            ("refund", "rfnd", 1, false),
            ("kitten", "sitting", 2, false),
            ("", "a", 1, true),
        ] {
            assert_eq!(apart(a, b, most), near, "{a} {b}");
        }
    }
}
