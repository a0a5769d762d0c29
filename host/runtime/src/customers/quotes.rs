//! Where a table's quotes stand: whether its bytes end within a quoted field.

/// What has been read of the bytes of a table (CSV) from the beginning of a row on, as far as its quotes go. In none of the
/// encodings of an import is a byte of a letter a quote, a comma or the end of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotes {
    open: bool,
    field_begins: bool,
    read: usize,
    opened_at: usize,
    closed_at: Option<usize>,
}

impl Default for Quotes {
    fn default() -> Self {
        Self {
            open: false,
            field_begins: true,
            read: 0,
            opened_at: 0,
            closed_at: None,
        }
    }
}

impl Quotes {
    /// Reads on.
    pub fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'"' if self.open => {
                    self.open = false;
                    self.closed_at = Some(self.read);
                }
                b'"' if self.field_begins => {
                    self.open = true;
                    // After a quote that seemed to end the field, another one is a quote within it.
                    if self.read == 0 || self.closed_at != Some(self.read - 1) {
                        self.opened_at = self.read;
                    }
                }
                _ => {}
            }
            self.field_begins = !self.open && matches!(byte, b',' | b'\n' | b'\r' | b'"');
            self.read += 1;
        }
    }

    /// Where the quote was opened that is not closed yet, in bytes from the beginning; none, when all are closed.
    pub fn opened_at(&self) -> Option<usize> {
        self.open.then_some(self.opened_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_quote_is_found_where_it_was_opened() {
        for (text, opened_at) in [
            ("a,b\n", None),
            ("\"a\",\"b\n\"\n", None),
            ("\"Li \"\"the new\"\" Lei\",1\n", None),
            ("Han 5\" Meimei,2\n", None),
            ("\"\",\"\"\n", None),
            ("a,\"b\n", Some(2)),
            ("\"a\nb\",\"c\nd\n", Some(6)),
            ("a,\"b \"\"c\"\" d\n", Some(2)),
            ("\"\"\"a\n", Some(0)),
        ] {
            let mut quotes = Quotes::default();
            text.as_bytes().chunks(1).for_each(|byte| quotes.read(byte));
            assert_eq!(quotes.opened_at(), opened_at, "{text:?}");
        }
    }
}
