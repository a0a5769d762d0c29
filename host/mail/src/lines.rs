//! Lines of a connection. A line ends with CR LF and with nothing else: whoever takes a bare LF for an end can be made to see
//! two mails where the servers before have seen one.

/// What has come and is not read yet.
#[derive(Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    start: usize,
    /// No end of a line before here.
    scanned: usize,
    /// The line at hand is longer than it may be; its beginning has been dropped.
    too_long: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

impl Lines {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing waits to be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// The next line, when all of it is there.
    pub(crate) fn next(&mut self, most: usize) -> Option<Line<'_>> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(found) = fresh.windows(2).position(|pair| pair == b"\r\n") else {
            self.buffer.drain(..self.start);
            self.start = 0;
            // The CR of an end whose LF is still to come.
            let kept = usize::from(self.buffer.last() == Some(&b'\r'));
            if self.buffer.len() - kept > most {
                self.too_long = true;
                self.buffer.drain(..self.buffer.len() - kept);
            }
            self.scanned = self.buffer.len() - kept;
            return None;
        };
        let (start, end) = (self.start, self.scanned + found);
        self.start = end + 2;
        self.scanned = self.start;
        let too_long = std::mem::take(&mut self.too_long) || end - start > most;
        match self.buffer.get(start..end) {
            Some(line) if !too_long => Some(Line::Whole(line)),
            _ => Some(Line::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]], most: usize) -> Vec<Result<String, ()>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece);
            while let Some(line) = lines.next(most) {
                found.push(match line {
                    Line::Whole(line) => Ok(String::from_utf8_lossy(line).into_owned()),
                    Line::TooLong => Err(()),
                });
            }
        }
        found
    }

    #[test]
    fn only_cr_lf_ends_a_line() {
        let text = b"one\r\ntwo\nstill two\rand still\r\n\r\n.\r\nrest";
        let expected = ["one", "two\nstill two\rand still", "", "."].map(|line| Ok(line.to_owned()));
        assert_eq!(all(&[text], 100), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(all(&bytes, 100), expected, "byte by byte");
    }

    #[test]
    fn a_line_that_is_too_long_is_one_line() {
        let long = "x".repeat(1_000);
        let text = format!("a\r\n{long}\r\nb\r\n");
        for size in [1, 2, 7, 64, 2_000] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(
                all(&pieces, 100),
                [Ok("a".into()), Err(()), Ok("b".into())],
                "{size}"
            );
        }
        let mut lines = Lines::default();
        for _ in 0..1_000 {
            lines.feed(long.as_bytes());
            assert_eq!(lines.next(100), None);
            assert!(lines.buffer.len() <= 101, "{}", lines.buffer.len());
        }
    }
}
