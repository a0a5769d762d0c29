use std::io::Write;

use super::*;

fn judged(kind: Kind, bytes: &[u8]) -> Result<(), AttachmentError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    kind.check(&mut file)
}

fn png(width: u32) -> Vec<u8> {
    let chunk =
        |name: &[u8], data: &[u8]| [&(data.len() as u32).to_be_bytes()[..], name, data, b"\0crc"].concat();
    let head = [&width.to_be_bytes()[..], &3_u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let parts = [
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &[7; 40]),
        chunk(b"IEND", &[]),
    ];
    [&b"\x89PNG\r\n\x1a\n"[..], &parts.concat()].concat()
}

fn jpeg(side: u16) -> Vec<u8> {
    let frame = [
        &[8][..],
        &side.to_be_bytes(),
        &side.to_be_bytes(),
        &[1, 1, 0x11, 0],
    ]
    .concat();
    let segment = |marker: u8, data: &[u8]| {
        [&[0xff, marker][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
    };
    // A picture of its own inside, as cameras put it there.
    let inner = [&b"Exif\0\0"[..], &[0xff, 0xd8, 1, 2, 0xff, 0xd9]].concat();
    [
        vec![0xff, 0xd8],
        segment(0xe1, &inner),
        segment(0xc2, &frame),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![1, 2, 0xff, 0x00, 3, 0xff, 0xd0, 4],
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![5, 6, 0xff, 0xff, 0xd9],
    ]
    .concat()
}

fn gif() -> Vec<u8> {
    let mut gif = b"GIF89a\x02\0\x01\0\x80\0\0".to_vec();
    gif.extend([0; 6]);
    gif.extend(*b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x02\0\x01\0\0\x02\x02\x4c\x01\0\x3b");
    gif
}

fn webp() -> Vec<u8> {
    let mut webp = b"RIFF\x1c\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x03\0\0\x02\0\0".to_vec();
    webp.extend([0; 6]);
    webp
}

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\nstartxref\n9\n%%EOF\n";

#[test]
fn what_is_whole_and_what_it_is_said_to_be_is_taken() {
    for (kind, bytes) in [
        (Kind::Png, png(2)),
        (Kind::Jpeg, jpeg(2)),
        // What a camera writes behind the picture.
        (Kind::Jpeg, [&jpeg(2)[..], b"\0\0\0\x18ftypmp42"].concat()),
        (Kind::Gif, gif()),
        (Kind::WebP, webp()),
        (Kind::Pdf, PDF.to_vec()),
        (Kind::Text, "发票 1, 2\r\n".as_bytes().to_vec()),
        // 发票 in GBK.
        (Kind::Text, vec![0xb7, 0xa2, 0xc6, 0xb1, b'\n']),
        (Kind::Text, b"1 < 2".to_vec()),
    ] {
        judged(kind, &bytes).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
}

#[test]
fn what_is_cut_off_anywhere_is_not_taken() {
    for (kind, bytes) in [
        (Kind::Png, png(2)),
        (Kind::Jpeg, jpeg(2)),
        (Kind::Gif, gif()),
        (Kind::WebP, webp()),
    ] {
        for length in 0..bytes.len() {
            let refused = judged(kind, &bytes[..length]);
            assert!(
                refused.is_err(),
                "{kind:?} with {length} of {} bytes",
                bytes.len()
            );
        }
    }
    assert!(judged(Kind::Pdf, &PDF[..30]).is_err());
}

#[test]
fn what_is_something_else_is_named() {
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0";
    let svg = b"\xef\xbb\xbf  <?xml version=\"1.0\"?>\n<svg onload=\"alert(1)\"/>";
    for (declared, bytes, found) in [
        (Kind::Png, &jpeg(2)[..], "image/jpeg"),
        (Kind::Jpeg, b"<html><script>", "text/html"),
        (Kind::Text, b"\n<!DOCTYPE html><p>", "text/html"),
        (Kind::Text, b"<SVG onload=alert(1)>", "image/svg+xml"),
        (Kind::Text, svg, "image/svg+xml"),
        (Kind::Text, b"<?xml version=\"1.0\"?><a/>", "text/xml"),
        (Kind::Pdf, zip, "application/zip"),
        (Kind::Text, zip, "application/zip"),
        (Kind::Text, b"a\0b", "application/octet-stream"),
        (Kind::Text, b"\x1b[2J", "application/octet-stream"),
    ] {
        match judged(declared, bytes) {
            Err(AttachmentError::Mismatch { found: named, .. }) => assert_eq!(named, found, "{declared:?}"),
            other => panic!("{declared:?} of {found}: {other:?}"),
        }
    }
    for (said, expected) in [
        ("image/svg+xml", false),
        ("text/html", false),
        ("application/zip", false),
        ("", false),
    ] {
        assert_eq!(Kind::named(said).is_ok(), expected, "{said}");
    }
    assert_eq!(Kind::named("Text/Plain; charset=utf-8").unwrap(), Kind::Text);
}

#[test]
fn a_picture_that_nobody_has_memory_for_is_not_taken() {
    for (kind, bytes) in [(Kind::Png, png(u32::MAX)), (Kind::Jpeg, jpeg(u16::MAX))] {
        assert!(
            matches!(judged(kind, &bytes), Err(AttachmentError::TooManyPixels(_))),
            "{kind:?}"
        );
    }
    // Control characters further on.
    let late = [&vec![b'x'; 100_000][..], b"\0"].concat();
    assert!(matches!(
        judged(Kind::Text, &late),
        Err(AttachmentError::Damaged(..))
    ));
}
