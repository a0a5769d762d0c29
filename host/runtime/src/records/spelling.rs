//! Telephone numbers as people and systems write them: with spaces, dashes and brackets, behind `00` or `011`, or as they
//! are dialled within their country.

use jackfield_types::E164;

/// Country codes of two digits (ITU-T E.164); 1 and 7 have one, all others three.
const TWO_DIGITS: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 \
    81 82 84 86 90 91 92 93 94 95 98";
/// Digits of a number that is known without its country; shorter ones would be found by chance.
const SHORTEST: usize = 7;
/// Digits of the longest number (E.164).
const LONGEST: usize = 15;
/// Characters between two groups of a number's digits.
const BETWEEN: usize = 3;

/// The ways to write one number, as digits alone.
#[derive(Debug, Clone)]
pub(super) struct Spellings {
    /// With the country: these hold wherever they stand.
    international: Vec<String>,
    /// Within the country: not behind another country's code.
    national: Vec<String>,
}

impl Spellings {
    pub(super) fn of(number: &E164) -> Self {
        let digits = &number.as_str()[1..];
        let (country, rest) = digits.split_at(country_digits(digits));
        let international = ["", "00", "011"]
            .map(|prefix| format!("{prefix}{digits}"))
            .into_iter()
            // "+44 (0)20 …"
            .chain(["", "00"].map(|prefix| format!("{prefix}{country}0{rest}")));
        let trunk = match country {
            "7" => "8",
            "36" => "06",
            _ => "0",
        };
        let national = if rest.len() < SHORTEST {
            Vec::new()
        } else {
            vec![rest.to_owned(), format!("{trunk}{rest}")]
        };
        Self {
            international: international.collect(),
            national,
        }
    }

    /// Whether the number stands in a text, on its own.
    pub(super) fn are_in(&self, text: &str) -> bool {
        if self.are_in_plain(text) {
            return true;
        }
        // Forms and addresses.
        text.contains("%2")
            && self.are_in_plain(&text.replace("%20", " ").replace("%2B", "+").replace("%2b", "+"))
    }

    fn are_in_plain(&self, text: &str) -> bool {
        let groups = groups(text);
        let longest = LONGEST + 3;
        (0..groups.len()).any(|first| {
            let mut written = String::new();
            for (n, group) in groups.iter().enumerate().skip(first) {
                if n > first && !group.goes_on {
                    break;
                }
                if written.len() + group.digits.len() > longest {
                    break;
                }
                written.push_str(&group.digits);
                if self.international.contains(&written)
                    || self.national.contains(&written) && !is_abroad(&groups, first, n)
                {
                    return true;
                }
            }
            false
        })
    }
}

/// How many of a number's digits are its country's.
fn country_digits(digits: &str) -> usize {
    let two = digits.get(..2).unwrap_or(digits);
    match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGITS.split_whitespace().any(|code| code == two) => 2,
        _ => 3.min(digits.len()),
    }
}

/// Digits that stand together.
struct Group {
    digits: String,
    /// Whether they stand behind a plus sign.
    plus: bool,
    /// Whether only spaces and the like stand between them and the group before.
    goes_on: bool,
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::<Group>::new();
    let (mut between, mut plus, mut inside) = (usize::MAX, false, false);
    for c in text.chars() {
        if let Some(digit) = digit(c) {
            if !inside {
                groups.push(Group {
                    digits: String::new(),
                    plus,
                    goes_on: between <= BETWEEN && !plus,
                });
            }
            if let Some(group) = groups.last_mut() {
                group.digits.push(digit);
            }
            (inside, between, plus) = (true, 0, false);
            continue;
        }
        inside = false;
        plus = c == '+' || c == '＋' || plus && c == '(';
        between = if is_separator(c) || plus {
            between.saturating_add(1)
        } else {
            usize::MAX
        };
    }
    groups
}

/// Whether these groups are the end of a number of another country, which begins with a plus sign.
fn is_abroad(groups: &[Group], first: usize, last: usize) -> bool {
    let mut digits: usize = groups[first..=last].iter().map(|group| group.digits.len()).sum();
    let mut at = first;
    loop {
        if groups[at].plus {
            return digits <= LONGEST;
        }
        if at == 0 || !groups[at].goes_on {
            return false;
        }
        at -= 1;
        digits += groups[at].digits.len();
        if digits > LONGEST {
            return false;
        }
    }
}

fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10),
        _ => None,
    }
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2007}'
            ..='\u{2014}' | '\u{202f}' | '\u{3000}' | '（' | '）'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: &str) -> Spellings {
        Spellings::of(&E164::new(number).unwrap())
    }

    #[test]
    fn a_number_is_found_in_every_common_spelling() {
        for (number, texts) in [
            (
                "+8613800138000",
                [
                    "+86 138 0013 8000",
                    "008613800138000",
                    "call 138-0013-8000 back",
                    "\"13800138000\"",
                    "+86\u{a0}(138) 0013–8000",
                    "８６ １３８ ００１３ ８０００",
                ],
            ),
            (
                "+442079460000",
                [
                    "020 7946 0000",
                    "(020) 7946-0000",
                    "+44 (0)20 7946 0000",
                    "0044 20 7946 0000",
                    "2079460000",
                    "tel:+44-20-7946-0000",
                ],
            ),
            (
                "+33612345678",
                [
                    "06 12 34 56 78",
                    "06.12.34.56.78",
                    "33612345678",
                    "To=%2B33%206%2012%2034%2056%2078",
                    "0033612345678",
                    "2 of +442079460000 0612345678",
                ],
            ),
            (
                "+12025550143",
                [
                    "(202) 555-0143",
                    "1-202-555-0143",
                    "202.555.0143",
                    "+1 (202) 555-0143",
                    "011 1 202 555 0143",
                    "2025550143 3",
                ],
            ),
            (
                "+74951234567",
                [
                    "8 (495) 123-45-67",
                    "84951234567",
                    "495 1234567",
                    "+7 495 123 45 67",
                    "0074951234567",
                    "[\"74951234567\"]",
                ],
            ),
        ] {
            for text in texts {
                assert!(of(number).are_in(text), "{number} in {text}");
            }
        }
    }

    #[test]
    fn other_numbers_are_others() {
        for (number, texts) in [
            (
                "+8613800138000",
                [
                    "+1 380 013 8000 1",
                    "138001380001",
                    "+44 13800138000",
                    "1380013,8000",
                ],
            ),
            (
                "+442079460000",
                ["+49 20 7946 0000", "79460000", "120 7946 00001", "+3302079460000"],
            ),
            // As long as its rest is short, only with its country.
            ("+29812345", ["12345", "012345", "9812345", "298 12346"]),
        ] {
            for text in texts {
                assert!(!of(number).are_in(text), "{number} in {text}");
            }
        }
        assert!(of("+29812345").are_in("+298 12345"));
    }

    #[test]
    fn odd_texts_are_searched_too() {
        let number = of("+33612345678");
        let parts = [
            "",
            "+",
            "%2",
            "(",
            "é",
            "０",
            "00",
            "33",
            "612345678",
            "6 12",
            " ",
            "+33",
            "\u{a0}",
        ];
        for one in parts {
            for two in parts {
                for three in parts {
                    let text = format!("{one}{two}{three}");
                    let digits: String = text.chars().filter_map(digit).collect();
                    let found = number.are_in(&text);
                    assert!(!found || digits.contains("612345678"), "{text}");
                }
            }
        }
        assert!(!number.are_in(&"1 ".repeat(100_000)));
    }
}
