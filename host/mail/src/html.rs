//! HTML of a mail as text. Nothing of it is run or fetched: what scripts and styles say is dropped, and so are addresses
//! of links and pictures.

/// Bytes of HTML that are read; the rest is cut off.
const MAX_HTML: usize = 512 * 1024;
/// Tags open at once, as far as they are counted; what nests deeper is read without regard to its form.
const MAX_OPEN: usize = 2_000;
/// Columns after which a line is broken.
const WIDTH: usize = 1_000;

/// The text that a page shows.
pub(crate) fn to_text(html: &str) -> String {
    let mut end = MAX_HTML.min(html.len());
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let html = &html[..end];
    let formed = if deepest(html) > MAX_OPEN {
        None
    } else {
        formed(html)
    };
    formed.unwrap_or_else(|| mail_parser::decoders::html::html_to_text(html))
}

fn formed(html: &str) -> Option<String> {
    // A rule would be as long as a line may be.
    let config = html2text::config::plain_no_decorate()
        .raw_mode(true)
        .link_footnotes(false);
    let text = config.string_from_read(html.as_bytes(), WIDTH).ok()?;
    let lines = text
        .lines()
        .filter(|line| !line.chars().all(|c| c == '─') || line.is_empty());
    let lines: Vec<&str> = lines.map(str::trim_end).collect();
    Some(lines.join("\n"))
}

/// How deep tags nest at most: those that are never closed count too.
fn deepest(html: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        match tag.as_bytes().first() {
            Some(b'/') => open = open.saturating_sub(1),
            Some(letter) if letter.is_ascii_alphabetic() && !is_void(tag) => open += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn is_void(tag: &str) -> bool {
    let name = tag
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    let voids = [
        "br", "img", "hr", "meta", "link", "input", "col", "wbr", "p", "li", "td", "tr",
    ];
    voids.iter().any(|void| name.eq_ignore_ascii_case(void))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_text() {
        for (html, text) in [
            ("<p>Hello<br>world</p><p>Bye</p>", "Hello\nworld\n\nBye"),
            (
                "<div>one</div><div>two &amp; three&nbsp;€</div>",
                "one\ntwo & three\u{a0}€",
            ),
            (
                "<head><title>t</title><style>p{}</style></head><body><script>if (a<b) alert(1)</script>hi</body>",
                "hi",
            ),
            ("<ul><li>a</li><li>b</li></ul>", "* a\n* b"),
            (
                "<a href='javascript:alert(1)'>click</a> <img src=http://evil.example/p.gif>",
                "[click]",
            ),
            ("<blockquote>said before</blockquote>", "> said before"),
            ("<table><tr><td>a</td><td>b</td></tr></table>", "a\nb"),
            ("你好<br/>世界", "你好\n世界"),
            ("<!-- <b>no</b> -->yes", "yes"),
            ("no tags at all", "no tags at all"),
            ("", ""),
        ] {
            assert_eq!(to_text(html).trim(), text, "{html}");
        }
    }

    #[test]
    fn a_page_that_is_meant_to_hurt_is_read_all_the_same() {
        for hostile in [
            "<div>".repeat(100_000),
            "<blockquote>x".repeat(30_000),
            "<table><tr><td>".repeat(20_000),
            "<ul><li>".repeat(40_000),
            "<b>".repeat(150_000),
            "<hr>".repeat(100_000),
            "<table>".repeat(70_000),
            "<".repeat(500_000),
            "&".repeat(500_000),
            "<a href=\"".repeat(50_000),
            "<p>".repeat(150_000),
            "<div><p>".repeat(1_900) + "end",
            format!(
                "<td colspan=1000000 rowspan=1000000>x{}",
                "</td><td colspan=100000>".repeat(1_000)
            ),
        ] {
            let text = to_text(&hostile);
            assert!(text.len() < 64 * 1024 * 1024, "{:.30}: {}", hostile, text.len());
        }
    }
}
