//! What people and programs read: aligned tables, colours on a terminal only, JSON on demand.

use std::io::{IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::failure::Failure;

/// Where the answers go.
pub(crate) struct Output {
    to: Box<dyn Write>,
    colours: bool,
}

/// One column: its heading, and where its value is in an item (a JSON pointer).
pub(crate) type Column = (&'static str, &'static str);

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const QUIET: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const PLUGIN: Style = AnsiColor::Magenta.on_default();
pub(crate) const AGENT: Style = AnsiColor::Cyan.on_default();

impl Output {
    /// Standard output.
    pub(crate) fn terminal() -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            to: Box::new(std::io::stdout()),
            colours,
        }
    }

    #[cfg(test)]
    pub(crate) fn into(to: impl Write + 'static) -> Self {
        Self {
            to: Box::new(to),
            colours: false,
        }
    }

    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.colours && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.to, "{}", text.trim_end())?;
        Ok(self.to.flush()?)
    }

    /// One JSON value to a line.
    pub(crate) fn json_line(&mut self, text: &str) -> Result<(), Failure> {
        self.line(text)
    }

    /// JSON that people can read too.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(&format!("{value:#}"))
    }

    /// A list: JSON, or a table.
    pub(crate) fn list(&mut self, json: bool, items: Vec<Value>, columns: &[Column]) -> Result<(), Failure> {
        if json {
            return self.json(&Value::Array(items));
        }
        if items.is_empty() {
            return self.line(&self.paint(QUIET, "none"));
        }
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| columns.iter().map(|(_, at)| cell(item, at)).collect())
            .collect();
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| {
                rows.iter()
                    .flat_map(|row| row[at].split('\n').map(UnicodeWidthStr::width))
                    .chain([columns[at].0.width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let headings: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        self.line(&self.paint(HEADING, aligned(&headings, &widths).trim_end()))?;
        rows.iter()
            .flat_map(|row| lines(row))
            .try_for_each(|line| self.line(&aligned(&line, &widths)))
    }

    /// One thing: JSON, or its fields one to a line.
    pub(crate) fn show(&mut self, json: bool, item: &Value, fields: &[Column]) -> Result<(), Failure> {
        if json {
            return self.json(item);
        }
        let width = fields.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        for (name, at) in fields {
            let value = cell(item, at);
            if !value.is_empty() {
                let name = self.paint(QUIET, &format!("{name:width$}"));
                let below = format!("\n{}", " ".repeat(width + 2));
                self.line(&format!("{name}  {}", value.replace('\n', &below)))?;
            }
        }
        Ok(())
    }

    /// Says that something was done; with `--json` the answer speaks for itself.
    pub(crate) fn done(&mut self, json: bool, answer: &Value, text: &str) -> Result<(), Failure> {
        match (json, answer) {
            (true, Value::Null) => Ok(()),
            (true, answer) => self.json(answer),
            (false, _) => self.line(&format!("{} {text}", self.paint(GOOD, "✓"))),
        }
    }
}

/// A row in lines, since texts may have several.
fn lines(row: &[String]) -> Vec<Vec<String>> {
    let height = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(0);
    let line = |at: usize| {
        let cells = row
            .iter()
            .map(|cell| cell.split('\n').nth(at).unwrap_or_default());
        cells.map(str::to_owned).collect()
    };
    (0..height).map(line).collect()
}

/// What somebody wrote, without what would steer a terminal.
fn shown(text: &str) -> String {
    let text = text.trim_end().replace("\r\n", "\n");
    let printed = text.chars().map(|c| match c {
        '\n' => c,
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    printed.collect()
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
    }
    line
}

/// A field as text. Fields of time end in `_at` or are `since`, `until` and `at`; lengths end in `_ms`.
fn cell(item: &Value, at: &str) -> String {
    let name = at.rsplit('/').next().unwrap_or_default();
    let value = item.pointer(at).unwrap_or(&Value::Null);
    match (value, value.as_u64()) {
        (_, Some(ms)) if name.ends_with("_at") || matches!(name, "since" | "until" | "at") => time(ms),
        (_, Some(ms)) if name.ends_with("_ms") && !name.ends_with("_mib_ms") => length(ms),
        (Value::Null, _) => String::new(),
        (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.into(),
        (Value::Number(number), _) if number.is_f64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        (Value::String(text), _) => shown(text),
        (Value::Array(items), _) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        (Value::Object(fields), _) => fields
            .iter()
            .map(|(name, value)| format!("{name}={}", short(value)))
            .collect::<Vec<_>>()
            .join(", "),
        (other, _) => other.to_string(),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Object(fields) => fields.get("name").map_or_else(|| value.to_string(), short),
        other => other.to_string(),
    }
}

/// A moment in the reader's time zone, with how far that is from UTC.
pub(crate) fn time(ms: u64) -> String {
    moment(ms, "%Y-%m-%d %H:%M:%S %:z")
}

/// A moment of a story: the hour is enough.
pub(crate) fn clock_time(ms: u64) -> String {
    let millis = ms % 1_000;
    format!("{}.{millis:03}", moment(ms, "%H:%M:%S"))
}

fn moment(ms: u64, format: &str) -> String {
    let stamp = i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(
        || format!("{ms} ms"),
        |stamp| {
            stamp
                .to_zoned(jiff::tz::TimeZone::system())
                .strftime(format)
                .to_string()
        },
    )
}

/// A length: `350 ms`, `4.2 s`, `3:07`, `1:02:09`.
pub(crate) fn length(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 if ms > 0 => format!("{ms} ms"),
        0..60 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}
