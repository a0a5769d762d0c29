//! `jackfield customer import …`: a file, sent in parts of whole rows.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use jackfield_types::Digest;
use serde_json::{Value, json};

use super::client::{Client, Sent, path, with_query};
use super::failure::Failure;
use super::output::Output;
use super::parquet_rows::ParquetRows;

/// Bytes after which a part is sent, and lines.
const PART: usize = 1024 * 1024;
const PART_LINES: usize = 20_000;

/// What to import, and how it is written.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The first row of a table names its columns: tel, email, wechat, chat, crm, name, language,
account-manager, since, an attribute's id, or - for one that is left out; --map says so of another name.
A file that was stopped goes on where it stopped when the same command is given again; one that says something else is another
import.

Examples:
  jackfield customer import customers.csv --encoding gbk --map 姓名=name --map 手机=tel --errors errors.csv --dry-run
  jackfield customer import customers.parquet --map id=crm"
)]
pub(super) struct Import {
    /// The file: a table (.csv, .parquet), or JSON objects, one to a line (.ndjson, .jsonl).
    file: PathBuf,
    /// The import's id; by default the file's name and eight digits that follow from what is in it.
    #[arg(long)]
    id: Option<String>,
    /// utf-8, gbk, gb18030 or big5; of a Parquet file utf-8.
    #[arg(long, default_value = "utf-8")]
    encoding: String,
    /// What a column means; may be repeated.
    #[arg(long = "map", value_name = "COLUMN=MEANING", value_parser = meaning)]
    columns: Vec<(String, String)>,
    /// Only say what would come of it.
    #[arg(long)]
    dry_run: bool,
    /// Write what is wrong with rows into this file, as a table.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

fn meaning(text: &str) -> Result<(String, String), String> {
    let expected = "expected COLUMN=MEANING, for example 手机=tel";
    let (column, meaning) = text.split_once('=').ok_or(expected)?;
    Ok((column.to_owned(), meaning.to_owned()))
}

pub(super) fn run(import: Import, client: &Client, json: bool, out: &mut Output) -> Result<(), Failure> {
    let extension = import.file.extension().and_then(|extension| extension.to_str());
    let format = match extension {
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("parquet") => Format::Parquet,
        _ => Format::Csv,
    };
    if format == Format::Parquet && import.encoding != "utf-8" {
        return Err(Failure::Usage(
            "--encoding: texts of a Parquet file are utf-8; leave it out".to_owned(),
        ));
    }
    let unreadable = |error| Failure::Usage(format!("{}: {error}", import.file.display()));
    let id = match &import.id {
        Some(id) => id.clone(),
        None => {
            let contents = digest(&import.file).map_err(unreadable)?;
            slug(&import.file, &contents, import.dry_run)
        }
    };
    let file = File::open(&import.file).map_err(unreadable)?;
    let at = path(&["customer-imports", &id]);
    let mut state = match client.find(&at)? {
        Some(known) => known,
        None => {
            let columns: serde_json::Map<_, _> = import
                .columns
                .iter()
                .map(|(column, meaning)| (column.clone(), meaning.as_str().into()))
                .collect();
            let sent_as = if format == Format::Ndjson { "ndjson" } else { "csv" };
            let body = json!({
                "format": sent_as, "encoding": import.encoding, "columns": columns, "dry_run": import.dry_run,
            });
            client.put(&at, body)?
        }
    };
    let done = state["rows"].as_u64().unwrap_or_default();
    let table = format != Format::Ndjson;
    let mut rows = match format {
        Format::Parquet => Rows::Parquet(ParquetRows::open(&import.file, file)?),
        _ => Rows::Text(TextRows {
            from: BufReader::new(file),
            table,
        }),
    };
    let (mut part, mut lines) = (Vec::new(), 0);
    if table {
        // The names count as no row; they go with the first.
        let names = rows.next()?.unwrap_or_default();
        if done == 0 {
            part = names;
        }
    }
    for _ in 0..done {
        rows.next()?;
    }
    loop {
        let row = rows.next()?;
        let last = row.is_none();
        let row = row.unwrap_or_default();
        lines += row.iter().filter(|byte| **byte == b'\n').count();
        part.extend(row);
        if part.len() >= PART || lines >= PART_LINES || (last && !part.is_empty()) {
            lines = 0;
            let row = state["rows"].as_u64().unwrap_or_default();
            let to = path(&["customer-imports", &id, "parts"]);
            let to = with_query(&to, &[("row", row.to_string())]);
            state = client.post(&to, Sent::Bytes(std::mem::take(&mut part)))?;
            if !json {
                out.line(&told(&state))?;
            }
        }
        if last {
            break;
        }
    }
    if let Some(errors) = &import.errors {
        write_errors(client, &id, errors)?;
    }
    out.done(json, &state, &format!("import {id}: {}", told(&state)))
}

fn told(state: &Value) -> String {
    let would = if state["dry_run"] == true { "would be " } else { "" };
    format!(
        "{} rows: {would}made {}, {would}changed {}, refused {}",
        state["rows"], state["made"], state["changed"], state["failed"]
    )
}

/// What tells a file from another one of the same name: eight digits of a digest of all its parts.
fn digest(file: &Path) -> std::io::Result<String> {
    let (mut from, mut so_far, mut part) = (File::open(file)?, String::new(), Vec::new());
    loop {
        part.clear();
        if Read::by_ref(&mut from).take(PART as u64).read_to_end(&mut part)? == 0 {
            break;
        }
        so_far = Digest::of(&[so_far.as_bytes(), &part].concat()).to_string();
    }
    Ok(so_far.chars().take(8).collect())
}

/// The name of a file and what is in it as an id; a dry run is an import of its own.
fn slug(file: &Path, contents: &str, dry_run: bool) -> String {
    let name = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let plain = plain.trim_start_matches(['-', '_']);
    let plain = if plain.is_empty() { "import" } else { plain };
    let contents = if contents.is_empty() { "empty" } else { contents };
    format!("{plain}-{contents}{}", if dry_run { "-dry-run" } else { "" })
}

fn write_errors(client: &Client, id: &str, file: &Path) -> Result<(), Failure> {
    let failures = client.all(&["customer-imports", id, "failures"])?;
    let mut to = std::io::BufWriter::new(File::create(file)?);
    let quoted = |value: &Value| format!("\"{}\"", value.as_str().unwrap_or_default().replace('"', "\"\""));
    writeln!(to, "row,field,problem")?;
    for failure in failures {
        writeln!(
            to,
            "{},{},{}",
            failure["row"],
            quoted(&failure["field"]),
            quoted(&failure["problem"])
        )?;
    }
    Ok(to.flush()?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Ndjson,
    /// Sent as the table that it is.
    Parquet,
}

/// Rows of a file as they are sent, their ends included.
enum Rows {
    Text(TextRows<BufReader<File>>),
    Parquet(ParquetRows),
}

impl Rows {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Text(rows) => rows.next(),
            Self::Parquet(rows) => rows.next(),
        }
    }
}

/// Rows of a text as bytes. In none of the encodings that can be declared is a byte of a letter a quote or the end of a line.
struct TextRows<R> {
    from: R,
    table: bool,
}

impl<R: BufRead> TextRows<R> {
    /// The next row that is not empty.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let mut row = Vec::new();
            if self.from.read_until(b'\n', &mut row)? == 0 {
                return Ok(None);
            }
            // A field between quotes may go over several lines.
            while self.table && is_open(&row) {
                if self.from.read_until(b'\n', &mut row)? == 0 {
                    break;
                }
            }
            if !row.trim_ascii().is_empty() {
                if !row.ends_with(b"\n") {
                    row.push(b'\n');
                }
                return Ok(Some(row));
            }
        }
    }
}

/// Whether a row ends within quotes.
fn is_open(row: &[u8]) -> bool {
    let (mut quoted, mut field_begins) = (false, true);
    for byte in row {
        match byte {
            b'"' if quoted || field_begins => quoted = !quoted,
            _ => {}
        }
        // After a quote that ends a field, another one is a quote within it.
        field_begins = !quoted && matches!(byte, b',' | b'\n' | b'"');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_where_they_end() {
        let text = "name,tel\r\n\r\n\"Li \"\"the\nnew\"\" Lei\",1\nHan 5\" Meimei,2\n\n\"a\",3";
        let mut rows = TextRows {
            from: text.as_bytes(),
            table: true,
        };
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(String::from_utf8(row).unwrap());
        }
        assert_eq!(
            found,
            [
                "name,tel\r\n",
                "\"Li \"\"the\nnew\"\" Lei\",1\n",
                "Han 5\" Meimei,2\n",
                "\"a\",3\n"
            ]
        );
    }

    #[test]
    fn a_file_gives_its_import_a_name() {
        assert_eq!(
            slug(Path::new("/x/Kunden 2026.csv"), "0a1b2c3d", false),
            "kunden-2026-0a1b2c3d"
        );
        assert_eq!(slug(Path::new("客户.csv"), "", true), "import-empty-dry-run");
    }
}
