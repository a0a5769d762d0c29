/// Bytes of a name at most.
const MAX_NAME_BYTES: usize = 128;

/// What [`is_name`] takes, for error messages.
pub const NAME_EXPECTED: &str = "expected 1 to 128 bytes of text without control characters";

/// Whether a text can be what people call something: 1 to 128 bytes, not only blanks, and nothing that moves a
/// terminal's cursor.
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_for_people_and_not_for_terminals() {
        assert!(is_name("客户服务") && is_name(&"n".repeat(128)));
        for none in ["", " \t", "a\u{1b}[2J", "a\nb", &"n".repeat(129)] {
            assert!(!is_name(none), "{none:?}");
        }
    }
}
