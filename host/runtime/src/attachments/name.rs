//! What an attachment is called, as it may be shown and saved: no way to another folder, nothing that can't be seen, and an
//! ending that fits what it is.

use std::sync::Arc;

use jackfield_types::limits::MAX_ATTACHMENT_NAME_BYTES;

use super::kind::Kind;

/// The name that is kept of what a sender's program calls it.
pub(super) fn clean(given: &str, kind: Kind) -> Arc<str> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let seen: String = last
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if "<>:\"|?*".contains(c) { '_' } else { c })
        .collect();
    let name = seen.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = kind
        .endings()
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    // What is saved as a page or a program would be run as one.
    let (stem, ending) = if fits {
        (stem, ending)
    } else {
        (name, kind.endings()[0])
    };
    let mut room = (MAX_ATTACHMENT_NAME_BYTES - 1 - ending.len()).min(stem.len());
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    let stem = match stem[..room].trim_end() {
        "" => "file",
        stem => stem,
    };
    format!("{stem}.{ending}").into()
}

/// Control characters, and marks that turn the direction of what is written or have no width: `gpj.exe` would be seen in
/// place of `exe.jpg`. What joins the parts of an emoji is left.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_there_and_leads_nowhere() {
        for (given, kind, kept) in [
            ("收据 2026.jpg", Kind::Jpeg, "收据 2026.jpg"),
            ("IMG_1.JPEG", Kind::Jpeg, "IMG_1.JPEG"),
            ("../../etc/passwd", Kind::Text, "passwd.txt"),
            ("C:\\Users\\tom\\a.pdf", Kind::Pdf, "a.pdf"),
            ("page.html", Kind::Text, "page.html.txt"),
            ("run.bat", Kind::Text, "run.bat.txt"),
            ("photo\u{202e}gpj.exe", Kind::Png, "photogpj.exe.png"),
            ("a\r\nSet-Cookie: x=1.png", Kind::Png, "aSet-Cookie_ x=1.png"),
            ("\"><script>.gif", Kind::Gif, "___script_.gif"),
            ("", Kind::WebP, "file.webp"),
            (".png", Kind::Png, "png.png"),
            ("....", Kind::Png, "file.png"),
            ("👩\u{200d}👧.png", Kind::Png, "👩\u{200d}👧.png"),
        ] {
            assert_eq!(&*clean(given, kind), kept, "{given:?}");
        }
        let long = clean(&format!("{}.pdf", "据".repeat(200)), Kind::Pdf);
        assert!(
            long.len() <= MAX_ATTACHMENT_NAME_BYTES && long.ends_with("据.pdf"),
            "{long}"
        );
        let long = clean(&"x".repeat(500), Kind::Text);
        assert_eq!(long.len(), MAX_ATTACHMENT_NAME_BYTES);
    }
}
