//! `jackfield knowledge import`: a folder of Markdown files, each an article.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, Sent, path};
use super::failure::Failure;
use super::knowledge::Meant;
use super::output::Output;

pub(super) const HELP: &str = "The first heading of a file is the title, else its name. The id is the name in a-z, 0-9 and '-'. A file may
begin with lines between two lines of ---: id, title, language, category, keywords, audience and queues, the last
three with commas; what stands there goes before the options.

Example:
  jackfield knowledge import ./handbook --language zh-CN --audience agents --audience bots --approve";

/// Files that one import takes.
const MAX_FILES: usize = 100_000;
/// Bytes of an id.
const ID_BYTES: usize = 64;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    id: Option<String>,
    title: Option<String>,
    text: String,
    language: Option<String>,
    category: Option<String>,
    keywords: Option<Vec<String>>,
    audience: Option<Vec<String>>,
    queues: Option<Vec<String>>,
}

pub(super) fn run(
    client: &Client,
    folder: &Path,
    meant: &Meant,
    approve: bool,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort_unstable();
    if files.is_empty() {
        return Err(Failure::Usage(format!("{}: no .md file there", folder.display())));
    }
    let (mut written, mut same) = (Vec::new(), 0_u64);
    for file in &files {
        let page = parsed(&read(file)?);
        let name = file.strip_prefix(folder).unwrap_or(file).with_extension("");
        let id = page.id.clone().unwrap_or_else(|| slug(&name.to_string_lossy()));
        let body = article(&page, meant, &name);
        let at = path(&["articles", &id]);
        let known = client.find(&at)?;
        let unchanged = known.as_ref().is_some_and(|known| says(&known["version"], &body));
        let latest = if unchanged {
            known.unwrap_or_default()
        } else {
            let told = |failure: Failure| Failure::Work(format!("{}: {failure}", file.display()));
            client.put(&at, body).map_err(told)?
        };
        let number = latest["version"]["number"].as_u64().unwrap_or_default();
        let in_force = latest["live"].as_u64() == Some(number);
        if approve && !in_force {
            if latest["version"]["state"] == "draft" {
                judge(client, &id, number, "review")?;
            }
            judge(client, &id, number, "approve")?;
        }
        if unchanged && (in_force || !approve) {
            same += 1;
        } else {
            written.push(json!({"id": id, "version": number}));
        }
    }
    let text = format!("{} articles are written, {same} were the same", written.len());
    out.done(json, &json!({"written": written, "same": same}), &text)
}

pub(super) fn judge(client: &Client, article: &str, number: u64, verdict: &str) -> Result<Value, Failure> {
    let at = path(&["articles", article, "versions", &number.to_string(), verdict]);
    client.post(&at, Sent::Json(json!({})))
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (kind, file) = (entry.file_type().map_err(failed)?, entry.path());
        // What a link leads to may be anywhere.
        if kind.is_dir() {
            find(&file, files)?;
        } else if kind.is_file() && file.extension().is_some_and(|extension| extension == "md") {
            files.push(file);
        }
        if files.len() > MAX_FILES {
            return Err(Failure::Usage(format!(
                "more than {MAX_FILES} files: import a part at a time"
            )));
        }
    }
    Ok(())
}

fn parsed(text: &str) -> Page {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut page = Page::default();
    let mut rest = text.as_str();
    if let Some((head, after)) = text
        .strip_prefix("---\n")
        .and_then(|text| text.split_once("\n---\n"))
    {
        rest = after;
        for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim().trim_matches('"').to_owned();
            let listed = || {
                let value = value.trim_start_matches('[').trim_end_matches(']');
                let parts = value.split([',', '，']).map(|part| part.trim().to_owned());
                Some(parts.filter(|part| !part.is_empty()).collect())
            };
            match name.trim() {
                "id" => page.id = Some(value),
                "title" => page.title = Some(value),
                "language" => page.language = Some(value),
                "category" => page.category = Some(value),
                "keywords" => page.keywords = listed(),
                "audience" => page.audience = listed(),
                "queues" => page.queues = listed(),
                _ => {}
            }
        }
    }
    let rest = rest.trim();
    page.text = rest.to_owned();
    if page.title.is_none()
        && let Some((heading, after)) = rest
            .strip_prefix("# ")
            .map(|rest| rest.split_once('\n').unwrap_or((rest, "")))
        && !after.trim().is_empty()
    {
        page.title = Some(heading.trim().to_owned());
        page.text = after.trim().to_owned();
    }
    page
}

fn article(page: &Page, meant: &Meant, name: &Path) -> Value {
    let stem = name
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let meant = Meant {
        language: page.language.clone().unwrap_or_else(|| meant.language.clone()),
        audience: page.audience.clone().unwrap_or_else(|| meant.audience.clone()),
        queues: page.queues.clone().unwrap_or_else(|| meant.queues.clone()),
        category: page.category.clone().or_else(|| meant.category.clone()),
        keywords: page.keywords.clone().unwrap_or_else(|| meant.keywords.clone()),
    };
    meant.article(page.title.as_deref().unwrap_or(&stem), &page.text)
}

/// Whether a version says this already. Lists that are empty are left out of it, and an audience has an order of its own.
fn says(version: &Value, body: &Value) -> bool {
    let list = |of: &Value, name: &str| {
        let mut items: Vec<String> = of[name]
            .as_array()
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        items.sort_unstable();
        items
    };
    ["title", "body", "language", "category"]
        .iter()
        .all(|name| version[name] == body[name])
        && ["audience", "queues", "keywords"]
            .iter()
            .all(|name| list(version, name) == list(body, name))
}

/// An id out of a name. A name that such ids can't spell gets the sum of its letters, so that it is another one's only by
/// chance.
fn slug(name: &str) -> String {
    let mut plain = String::new();
    let mut lost = false;
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => plain.push(c),
            '-' | ' ' | '/' | '\\' | '.' => plain.push('-'),
            _ => lost = true,
        }
    }
    let plain = plain.trim_matches(['-', '_']);
    if !lost && !plain.is_empty() && plain.len() <= ID_BYTES {
        return plain.to_owned();
    }
    // FNV-1a: the same on every machine and for good.
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let short: String = plain.chars().take(ID_BYTES - 17).collect();
    let short = short.trim_end_matches(['-', '_']);
    if short.is_empty() {
        return format!("{sum:016x}");
    }
    format!("{short}-{sum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is_about() {
        let page = parsed(
            "\u{feff}---\r\nlanguage: zh-CN\r\nkeywords: [钱, 退钱]\r\naudience: agents, bots\r\n---\r\n# 退款\r\n\r\n三天。\r\n",
        );
        assert_eq!(
            (page.title.as_deref(), page.text.as_str()),
            (Some("退款"), "三天。")
        );
        assert_eq!(page.keywords.unwrap(), ["钱", "退钱"]);
        assert_eq!(page.audience.unwrap(), ["agents", "bots"]);
        let plain = parsed("No heading --- here");
        assert_eq!((plain.title, plain.text.as_str()), (None, "No heading --- here"));
        assert_eq!(parsed("# Alone").text, "# Alone");
    }

    #[test]
    fn ids_are_plain_and_different() {
        assert_eq!(slug("billing/Refund policy"), "billing-refund-policy");
        let (a, b) = (slug("退款"), slug("退货"));
        assert!(a != b && a.len() == 16, "{a} {b}");
        let long = slug(&"x".repeat(100));
        assert_eq!(long.len(), ID_BYTES);
        assert!(slug("faq-退款").starts_with("faq-"));
    }
}
