//! `jackfield customer import …`: a file, sent in parts of whole rows.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use jackfield_runtime::Quotes;
use jackfield_types::Digest;
use jackfield_types::limits::MAX_IMPORT_PART_BYTES;
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
import. A row may have 4 MiB. What is wrong with a row is kept, and the others go on; of a quote that is never closed, only
the line that it stands in is the row.

A line of JSON has addresses as identities, and of the rest what is known:
{\"identities\": [\"tel:+8613800138000\"], \"name\": \"Li Lei\", \"attributes\": {\"tier\": \"gold\"}}
language, account_manager and since may be there, too.

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
        _ => Rows::Text(TextRows::of(BufReader::new(file), table)),
    };
    let mut send = |part: &mut Vec<u8>, out: &mut Output| -> Result<(), Failure> {
        let row = state["rows"].as_u64().unwrap_or_default();
        let to = path(&["customer-imports", &id, "parts"]);
        let to = with_query(&to, &[("row", row.to_string())]);
        state = client.post(&to, Sent::Bytes(std::mem::take(part)))?;
        if !json {
            out.line(&told(&state))?;
        }
        Ok(())
    };
    let (mut part, mut lines, mut number) = (Vec::new(), 0, done);
    if table {
        // The names count as no row; they go with the first.
        let names = rows.next()?.unwrap_or_default();
        if done == 0 {
            part = names.bytes;
        }
    }
    for _ in 0..done {
        rows.next()?;
    }
    while let Some(row) = rows.next()? {
        number += 1;
        let names = if number == 1 { part.len() } else { 0 };
        if names + row.bytes.len() > MAX_IMPORT_PART_BYTES {
            if number > 1 && !part.is_empty() {
                send(&mut part, out)?;
            }
            return Err(too_long(&import.file, number));
        }
        if part.len() + row.bytes.len() > MAX_IMPORT_PART_BYTES {
            send(&mut part, out)?;
            lines = 0;
        }
        lines += row.bytes.iter().filter(|byte| **byte == b'\n').count();
        part.extend(row.bytes);
        if part.len() >= PART || lines >= PART_LINES || row.is_open {
            send(&mut part, out)?;
            lines = 0;
        }
    }
    if !part.is_empty() {
        send(&mut part, out)?;
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

fn too_long(file: &Path, number: u64) -> Failure {
    let before = match number {
        1 => String::new(),
        2 => "; the row before it is done".to_owned(),
        _ => format!("; the {} rows before it are done", number - 1),
    };
    Failure::Work(format!(
        "{}: row {number} is longer than {MAX_IMPORT_PART_BYTES} bytes (4 MiB), which is the most that the server takes at \
         once{before}.\n  Shorten that row or take it out, and import the file again: rows that are done are known by their addresses.",
        file.display()
    ))
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

/// A row as it is sent, its end included.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    bytes: Vec<u8>,
    /// Whether a quote is opened in it that is never closed: the server says so of a part that ends with it.
    is_open: bool,
}

/// Rows of a file.
enum Rows {
    Text(TextRows<BufReader<File>>),
    Parquet(ParquetRows),
}

impl Rows {
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        match self {
            Self::Text(rows) => rows.next(),
            Self::Parquet(rows) => {
                let row = rows.next()?;
                Ok(row.map(|bytes| Row {
                    bytes,
                    is_open: false,
                }))
            }
        }
    }
}

/// Rows of a text.
struct TextRows<R> {
    /// What has been read in search of the end of a quote and is read again, before the rest.
    again: Cursor<Vec<u8>>,
    from: R,
    table: bool,
}

impl<R: BufRead> TextRows<R> {
    fn of(from: R, table: bool) -> Self {
        Self {
            again: Cursor::default(),
            from,
            table,
        }
    }

    /// The next row that is not empty. One that is longer than a part may be is cut a byte behind that.
    fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            let (mut bytes, mut quotes) = (Vec::new(), Quotes::default());
            loop {
                let before = bytes.len();
                if self.line(&mut bytes)? == 0 {
                    break;
                }
                quotes.read(&bytes[before..]);
                // A field between quotes may go over several lines.
                if !self.table || quotes.opened_at().is_none() {
                    break;
                }
            }
            let open = quotes.opened_at().filter(|_| self.table);
            if let Some(opened_at) = open {
                self.give_back(&mut bytes, opened_at);
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            if !bytes.trim_ascii().is_empty() {
                if !bytes.ends_with(b"\n") {
                    bytes.push(b'\n');
                }
                let is_open = open.is_some();
                return Ok(Some(Row { bytes, is_open }));
            }
        }
    }

    /// Reads a line, as far as the row may go on; how many bytes it has.
    fn line(&mut self, row: &mut Vec<u8>) -> std::io::Result<usize> {
        let room = (MAX_IMPORT_PART_BYTES + 1).saturating_sub(row.len());
        let rest = (&mut self.again).chain(&mut self.from);
        rest.take(room as u64).read_until(b'\n', row)
    }

    /// Leaves of a row what ends with the line of the quote that is never closed; what comes after it is read again.
    fn give_back(&mut self, row: &mut Vec<u8>, opened_at: usize) {
        let line = row[opened_at..].iter().position(|byte| *byte == b'\n');
        let mut again = line.map_or_else(Vec::new, |line| row.split_off(opened_at + line + 1));
        let unread = usize::try_from(self.again.position()).unwrap_or(usize::MAX);
        again.extend(self.again.get_ref().get(unread..).unwrap_or_default());
        self.again = Cursor::new(again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(String, bool)> {
        let mut rows = TextRows::of(text.as_bytes(), true);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push((String::from_utf8(row.bytes).unwrap(), row.is_open));
        }
        found
    }

    #[test]
    fn rows_are_cut_where_they_end() {
        let text = "name,tel\r\n\r\n\"Li \"\"the\nnew\"\" Lei\",1\nHan 5\" Meimei,2\n\n\"a\",3";
        let expected = [
            "name,tel\r\n",
            "\"Li \"\"the\nnew\"\" Lei\",1\n",
            "Han 5\" Meimei,2\n",
            "\"a\",3\n",
        ];
        assert_eq!(rows(text), expected.map(|row| (row.to_owned(), false)));
    }

    #[test]
    fn of_a_quote_that_is_never_closed_only_its_line_is_the_row() {
        let text = "name,tel\n\"a\nb\",\"1\nc,2\nd,3";
        let expected = [
            ("name,tel\n", false),
            ("\"a\nb\",\"1\n", true),
            ("c,2\n", false),
            ("d,3\n", false),
        ];
        assert_eq!(rows(text), expected.map(|(row, open)| (row.to_owned(), open)));
        // Beyond what a row may have it is looked for no longer.
        let long = format!("\"a,1\n{}\"b\",2\n", "c,3\n".repeat(MAX_IMPORT_PART_BYTES / 4));
        let found = rows(&long);
        assert_eq!(found[0], ("\"a,1\n".to_owned(), true));
        assert_eq!(found.last().unwrap(), &("\"b\",2\n".to_owned(), false));
        assert_eq!(found.len(), MAX_IMPORT_PART_BYTES / 4 + 2);
    }

    #[test]
    fn a_row_that_is_too_long_is_not_read_to_its_end() {
        let text = format!("a{}\n", "b".repeat(2 * MAX_IMPORT_PART_BYTES));
        let mut rows = TextRows::of(text.as_bytes(), true);
        let row = rows.next().unwrap().unwrap();
        assert!(row.bytes.len() > MAX_IMPORT_PART_BYTES && row.bytes.len() < MAX_IMPORT_PART_BYTES + 8);
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
