//! What an attachment is: found out from its bytes, never from what its sender says; and whether all of it is there.
//!
//! Nothing is decoded or unpacked. What is read is where the parts of the file end, so a file that ends early, or a picture
//! that would need more memory than there is, is found without doing what it asks for.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use jackfield_types::limits::MAX_ATTACHMENT_PIXELS;

use super::AttachmentError;

/// What may be sent, in words.
pub(super) const EXPECTED: &str =
    "image/jpeg, image/png, image/gif, image/webp, application/pdf or text/plain";
/// Bytes from which a type is known.
const HEAD: usize = 8 * 1024;
/// Bytes at the end of a PDF within which its end is marked.
const TAIL: u64 = 2 * 1024;

/// A type that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    Gif,
    WebP,
    Pdf,
    Text,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::WebP,
        Self::Pdf,
        Self::Text,
    ];

    /// The type of that name; parameters such as `charset` say nothing here.
    pub(super) fn named(media_type: &str) -> Result<Self, AttachmentError> {
        let name = media_type.split(';').next().unwrap_or_default().trim();
        let known = Self::ALL
            .into_iter()
            .find(|kind| kind.media_type().eq_ignore_ascii_case(name));
        known.ok_or_else(|| AttachmentError::NotAllowed {
            found: name.chars().take(128).collect(),
        })
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain",
        }
    }

    const fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::WebP)
    }

    /// Endings of names that systems take for nothing else; the first is given to a name that has none of them.
    pub(super) const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jfif"],
            Self::Png => &["png"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Pdf => &["pdf"],
            Self::Text => &["txt", "csv", "log", "md"],
        }
    }

    /// Checks that a file is what its sender says, and that all of it is there.
    pub(super) fn check(self, file: &mut File) -> Result<(), AttachmentError> {
        let head = head_of(file)?;
        let found = found_in(&head);
        if found != Some(self.media_type()) {
            return Err(AttachmentError::Mismatch {
                declared: self.media_type(),
                found: found.unwrap_or("application/octet-stream"),
            });
        }
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::with_capacity(64 * 1024, file);
        let pixels = match self {
            Self::Jpeg => jpeg(&mut file),
            Self::Png => png(&mut file),
            Self::Gif => gif(&mut file),
            Self::WebP => webp(&head, size),
            Self::Pdf => pdf(&mut file, size).map(|()| 0),
            Self::Text => text(&mut file).map(|()| 0),
        };
        match pixels {
            Ok(pixels) if pixels > MAX_ATTACHMENT_PIXELS => Err(AttachmentError::TooManyPixels(pixels)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(AttachmentError::Damaged(
                self.media_type(),
                "it ends before its end",
            )),
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(AttachmentError::Damaged(
                self.media_type(),
                "its parts do not fit together",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a sender says that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// This and nothing else.
    Exactly(Kind),
    /// Something of the sort: providers say that all pictures are JPEG, or say nothing. `None` for anything that is taken.
    Like(Option<Kind>),
}

impl Said {
    /// What a whole file is, when it is what was said.
    pub(super) fn judge(self, file: &mut File) -> Result<Kind, AttachmentError> {
        let kind = match self {
            Self::Exactly(kind) => kind,
            Self::Like(said) => {
                let found = found_in(&head_of(file)?).unwrap_or("application/octet-stream");
                let kind = Kind::named(found)?;
                if let Some(said) = said
                    && said != kind
                    && !(said.is_picture() && kind.is_picture())
                {
                    return Err(AttachmentError::Mismatch {
                        declared: said.media_type(),
                        found,
                    });
                }
                kind
            }
        };
        kind.check(file)?;
        Ok(kind)
    }
}

fn head_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The type of a file that may be sent.
pub(super) fn found(bytes: &[u8]) -> Option<&'static str> {
    let found = found_in(bytes.get(..HEAD).unwrap_or(bytes))?;
    Kind::named(found).is_ok().then_some(found)
}

/// The type of what begins so; `None` for bytes that are no text and of no type that is known.
fn found_in(head: &[u8]) -> Option<&'static str> {
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = start.trim_ascii_start();
    let begins = |with: &[u8]| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if begins(b"<svg") || begins(b"<!doctype svg") {
        return Some("image/svg+xml");
    }
    if begins(b"<?xml") {
        let svg = head.windows(4).any(|part| part.eq_ignore_ascii_case(b"<svg"));
        return Some(if svg { "image/svg+xml" } else { "text/xml" });
    }
    if begins(b"<!doctype") || begins(b"<html") || begins(b"<script") {
        return Some("text/html");
    }
    let known = infer::get(head).or_else(|| infer::get(start));
    match known {
        Some(known) => Some(known.mime_type()),
        None if head.iter().all(|byte| is_text(*byte)) => Some("text/plain"),
        None => None,
    }
}

/// Whether the byte can be of a text: in UTF-8 as in GBK, Big5 or Latin-1 only control characters can't.
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x20..=0x7e | 0x80..)
}

fn broken() -> io::Error {
    ErrorKind::InvalidData.into()
}

fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Passes over so many bytes, which have to be there.
fn pass(file: &mut impl Read, count: u64) -> io::Result<()> {
    if io::copy(&mut file.take(count), &mut io::sink())? == count {
        Ok(())
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

/// Segment by segment to the end of the image. What cameras write behind it is not looked at.
fn jpeg(file: &mut impl BufRead) -> io::Result<u64> {
    pass(file, 2)?;
    let (mut pixels, mut scanned) = (0, false);
    let mut marker = marker_of(file, false)?;
    loop {
        match marker {
            0xd9 if scanned => return Ok(pixels),
            0x01 | 0xd0..=0xd7 => marker = marker_of(file, false)?,
            0x00 | 0xd8 | 0xd9 | 0xff => return Err(broken()),
            _ => {
                let length = u64::from(u16::from_be_bytes(bytes(file)?));
                let mut rest = length.checked_sub(2).ok_or_else(broken)?;
                // A frame's head: of all markers C0 to CF but three.
                if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    let [_, h1, h2, w1, w2] = bytes(file)?;
                    rest = rest.checked_sub(5).ok_or_else(broken)?;
                    let [height, width] = [[h1, h2], [w1, w2]].map(u16::from_be_bytes);
                    pixels = pixels.max(u64::from(height) * u64::from(width));
                }
                pass(file, rest)?;
                let scan = marker == 0xda;
                scanned |= scan;
                marker = marker_of(file, scan)?;
            }
        }
    }
}

/// The next marker; after the head of a scan, what the scan holds is passed over.
fn marker_of(file: &mut impl BufRead, in_scan: bool) -> io::Result<u8> {
    loop {
        if in_scan {
            file.skip_until(0xff)?;
        } else if bytes(file)? != [0xff] {
            return Err(broken());
        }
        let mut marker = bytes(file)?;
        while marker == [0xff] {
            marker = bytes(file)?;
        }
        let [marker] = marker;
        if !in_scan || !matches!(marker, 0x00 | 0xd0..=0xd7) {
            return Ok(marker);
        }
    }
}

fn png(file: &mut impl Read) -> io::Result<u64> {
    pass(file, 8)?;
    let mut pixels = None;
    loop {
        let length = u64::from(u32::from_be_bytes(bytes(file)?));
        let name = bytes::<4>(file)?;
        match (&name, pixels) {
            (b"IHDR", None) if length == 13 => {
                let [width, height] = [bytes(file)?, bytes(file)?].map(u32::from_be_bytes);
                pixels = Some(u64::from(width) * u64::from(height));
                pass(file, 5 + 4)?;
            }
            (b"IEND", Some(pixels)) => {
                pass(file, length + 4)?;
                return Ok(pixels);
            }
            (_, Some(_)) => pass(file, length + 4)?,
            (_, None) => return Err(broken()),
        }
    }
}

fn gif(file: &mut impl Read) -> io::Result<u64> {
    pass(file, 6)?;
    let [w1, w2, h1, h2, flags, _, _] = bytes(file)?;
    let [width, height] = [[w1, w2], [h1, h2]].map(u16::from_le_bytes);
    colours(file, flags)?;
    loop {
        match bytes(file)? {
            [0x3b] => return Ok(u64::from(width) * u64::from(height)),
            [0x21] => pass(file, 1)?,
            [0x2c] => {
                let [.., flags] = bytes::<9>(file)?;
                colours(file, flags)?;
                pass(file, 1)?;
            }
            _ => return Err(broken()),
        }
        loop {
            match bytes(file)? {
                [0] => break,
                [length] => pass(file, u64::from(length))?,
            }
        }
    }
}

/// Passes over a table of colours, when there is one.
fn colours(file: &mut impl Read, flags: u8) -> io::Result<()> {
    if flags & 0x80 == 0 {
        return Ok(());
    }
    pass(file, 3 << ((flags & 7) + 1))
}

/// The container says how long it is, and of an extended picture how large. Plain pictures have 14 bits for a side.
fn webp(head: &[u8], size: u64) -> io::Result<u64> {
    let at = |from: usize, count: usize| {
        let found = head.get(from..from + count);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        found
            .map(number)
            .ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))
    };
    if at(4, 4)? + 8 > size {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match head.get(12..16) {
        Some(b"VP8X") => Ok((at(24, 3)? + 1) * (at(27, 3)? + 1)),
        Some(b"VP8L") => {
            let sides = at(21, 4)?;
            Ok(((sides & 0x3fff) + 1) * ((sides >> 14 & 0x3fff) + 1))
        }
        Some(b"VP8 ") => Ok((at(26, 2)? & 0x3fff) * (at(28, 2)? & 0x3fff)),
        _ => Err(broken()),
    }
}

fn pdf(file: &mut (impl Read + Seek), size: u64) -> io::Result<()> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    file.read_to_end(&mut tail)?;
    if tail.windows(5).any(|part| part == b"%%EOF") {
        Ok(())
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

fn text(file: &mut impl BufRead) -> io::Result<()> {
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            return Ok(());
        }
        if !read.iter().all(|byte| is_text(*byte)) {
            return Err(broken());
        }
        let count = read.len();
        file.consume(count);
    }
}
