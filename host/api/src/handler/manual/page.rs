//! From Markdown to a page.

use std::fmt::Write as _;

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

use super::{CASES, GROUPS, OVERVIEW, Source};

/// Where the pages are.
const BASE: &str = "/docs/plugins";

/// A heading of a page.
pub(super) struct Heading {
    level: HeadingLevel,
    pub(super) text: String,
    pub(super) id: String,
}

/// A page's text as HTML.
pub(super) struct Told {
    html: String,
    pub(super) headings: Vec<Heading>,
}

/// The address of a page.
pub(super) fn address(name: &str) -> String {
    if name.is_empty() {
        BASE.to_owned()
    } else {
        format!("{BASE}/{name}")
    }
}

/// A link between Markdown files as one between pages; none when it leads into the repository.
fn target(link: &str) -> Option<String> {
    if link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (file, anchor) = link
        .split_once('#')
        .map_or((link, ""), |(file, anchor)| (file, anchor));
    let name = file.trim_start_matches("../").strip_suffix(".md")?;
    let name = if name == "README" { "" } else { name };
    let hash = if anchor.is_empty() { "" } else { "#" };
    (!name.contains('/')).then(|| format!("{}{hash}{anchor}", address(name)))
}

/// The anchor of a heading, as Markdown renderers make it.
fn slug(text: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    text.to_lowercase()
        .chars()
        .filter(kept)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

impl Told {
    pub(super) fn of(source: &Source) -> Self {
        let mut events: Vec<_> = Parser::new_ext(source.text, Options::ENABLE_TABLES)
            .filter(|event| {
                !matches!(
                    event,
                    Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock)
                )
            })
            .collect();
        let mut headings = Vec::new();
        let mut linked = Vec::new();
        for n in 0..events.len() {
            let text = || -> String {
                let within = events.iter().skip(n + 1);
                let within = within.take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
                within
                    .filter_map(|event| match event {
                        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
                        _ => None,
                    })
                    .collect()
            };
            let changed = match &events[n] {
                Event::Start(Tag::Heading { level, .. }) => {
                    let (level, text) = (*level, text());
                    let id = slug(&text);
                    headings.push(Heading {
                        level,
                        text,
                        id: id.clone(),
                    });
                    Event::Start(Tag::Heading {
                        level,
                        id: Some(id.into()),
                        classes: Vec::new(),
                        attrs: Vec::new(),
                    })
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let target = target(dest_url);
                    linked.push(target.is_some());
                    target.map_or(Event::Text(CowStr::Borrowed("")), |target| {
                        Event::Start(Tag::Link {
                            link_type: LinkType::Inline,
                            dest_url: target.into(),
                            title: CowStr::Borrowed(""),
                            id: CowStr::Borrowed(""),
                        })
                    })
                }
                Event::End(TagEnd::Link) if linked.pop() == Some(false) => Event::Text(CowStr::Borrowed("")),
                _ => continue,
            };
            events[n] = changed;
        }
        let mut text = String::new();
        html::push_html(&mut text, events.into_iter());
        // A wide table scrolls by itself.
        let text = text
            .replace("<table>", "<div class=\"table\"><table>")
            .replace("</table>", "</table></div>");
        Self { html: text, headings }
    }
}

/// The page with its surroundings.
pub(super) fn html(source: &Source, told: &Told) -> String {
    let mut nav = String::new();
    link(&mut nav, source, &OVERVIEW, told);
    link(&mut nav, source, &CASES, told);
    for (title, pages) in GROUPS {
        let _ = write!(nav, "<h2>{title}</h2>");
        for page in pages {
            link(&mut nav, source, page, told);
        }
    }
    include_str!("../../../assets/manual.html")
        .replace("{{title}}", source.title)
        .replace("{{nav}}", &nav)
        .replace("{{text}}", &told.html)
}

/// A page in the navigation; the one that is shown with what stands in it.
fn link(nav: &mut String, shown: &Source, page: &Source, told: &Told) {
    let here = shown.name == page.name;
    let current = if here { " aria-current=\"page\"" } else { "" };
    let _ = write!(
        nav,
        "<a href=\"{}\"{current}>{}</a>",
        address(page.name),
        page.title
    );
    if !here {
        return;
    }
    nav.push_str("<ul>");
    for heading in told
        .headings
        .iter()
        .filter(|heading| heading.level >= HeadingLevel::H2)
    {
        let text = heading.text.replace('&', "&amp;").replace('<', "&lt;");
        let class = if heading.level == HeadingLevel::H2 {
            "part"
        } else {
            "thing"
        };
        let (word, name) = match text.split_once(' ') {
            Some((word @ ("function" | "record" | "variant" | "enum" | "type"), name)) => (word, name),
            _ => ("", text.as_str()),
        };
        let word = match word {
            "" => String::new(),
            word => format!("<i title=\"{word}\">{}</i>", &word[..1]),
        };
        let _ = write!(
            nav,
            "<li class=\"{class}\"><a href=\"#{}\">{word}{name}</a></li>",
            heading.id
        );
    }
    nav.push_str("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_between_files_are_links_between_pages() {
        assert_eq!(
            target("call.md#record-gather").as_deref(),
            Some("/docs/plugins/call#record-gather")
        );
        assert_eq!(target("README.md").as_deref(), Some("/docs/plugins"));
        assert_eq!(target("../cases.md").as_deref(), Some("/docs/plugins/cases"));
        assert_eq!(target("#here").as_deref(), Some("#here"));
        assert_eq!(target("../rust/templates"), None);
        assert_eq!(slug("cx:call/calls@0.1.0"), "cxcallcalls010");
    }
}
