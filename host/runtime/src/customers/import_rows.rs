//! From the bytes of an import to rows: each is right, or says what is wrong with it.

use encoding_rs::Encoding;
use jackfield_types::{AgentId, AttributeId, limits};

use super::import::{ImportFormat, ImportLine, ImportRecord, ImportRow, ImportSettings};
use super::state::CustomerState;
use super::{Address, CustomerError, Quotes, json};

/// One row, or what is wrong with it.
pub(crate) type Parsed = Result<ImportRow, CustomerError>;

/// In these, no byte of a letter is taken for a quote, a comma or the end of a line, so that a table can be cut into fields
/// before it is read.
const ENCODINGS: [&str; 4] = ["utf-8", "gbk", "gb18030", "big5"];
/// Columns of a table.
const MAX_COLUMNS: usize = 300;
/// Bytes of what columns are said to mean, as JSON: it is kept in one row, with the columns of the table.
const MAX_COLUMNS_BYTES: usize = 32 * 1024;
/// Schemes that a column can be named by.
const SCHEMES: [&str; 5] = ["tel", "email", "wechat", "chat", "crm"];
/// The meaning of a column that is left out.
const LEFT_OUT: &str = "-";

pub(crate) fn check(settings: &ImportSettings) -> Result<(), CustomerError> {
    if !ENCODINGS.contains(&settings.encoding.as_str()) {
        return Err(CustomerError::invalid(
            "encoding",
            format!("{:.32?}: expected {}", settings.encoding, ENCODINGS.join(", ")),
        ));
    }
    if settings.columns.len() > MAX_COLUMNS {
        return Err(CustomerError::invalid(
            "columns",
            format!("expected at most {MAX_COLUMNS}"),
        ));
    }
    let bytes = json(&settings.columns)?.len();
    if bytes > MAX_COLUMNS_BYTES {
        return Err(CustomerError::invalid(
            "columns",
            format!("{bytes} bytes as JSON: expected at most {MAX_COLUMNS_BYTES}"),
        ));
    }
    Ok(())
}

/// The rows of a part, and the columns when it begins with their names.
pub(crate) fn rows_of(
    import: &ImportRecord,
    part: &[u8],
    state: &CustomerState,
) -> Result<(Option<Vec<String>>, Vec<Parsed>), CustomerError> {
    let letters = Encoding::for_label(import.settings.encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    // A mark of the byte order is no part of the first name.
    let part = part.strip_prefix(b"\xef\xbb\xbf").unwrap_or(part);
    // Each row takes far more room than the shortest line.
    if part.iter().filter(|byte| **byte == b'\n').count() > limits::MAX_IMPORT_PART_ROWS {
        return Err(CustomerError::invalid(
            "part",
            format!(
                "expected at most {} lines; send the rest as the next part",
                limits::MAX_IMPORT_PART_ROWS
            ),
        ));
    }
    match import.settings.format {
        ImportFormat::Ndjson => Ok((None, lines(part, letters, state))),
        ImportFormat::Csv => table(import, part, letters, state),
    }
}

fn read<'b>(bytes: &'b [u8], letters: &'static Encoding) -> Result<std::borrow::Cow<'b, str>, CustomerError> {
    letters
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| {
            CustomerError::invalid(
                "encoding",
                format!("not {}: declare the encoding that it has", letters.name()),
            )
        })
}

fn lines(part: &[u8], letters: &'static Encoding, state: &CustomerState) -> Vec<Parsed> {
    part.split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| {
            let text = read(line, letters)?;
            let line: ImportLine = serde_json::from_str(&text)
                .map_err(|error| CustomerError::invalid("line", error.to_string()))?;
            let identities = line.identities.iter();
            Ok(ImportRow {
                identities: identities
                    .map(|identity| Address::new(identity, state.region()))
                    .collect::<Result<_, _>>()?,
                patch: super::ProfilePatch {
                    name: line.name.map(Some),
                    language: line.language.map(Some),
                    attributes: line
                        .attributes
                        .into_iter()
                        .map(|(id, value)| (id, Some(value)))
                        .collect(),
                    ..Default::default()
                },
                account_manager: line.account_manager,
                since: line.since,
            })
        })
        .collect()
}

fn table(
    import: &ImportRecord,
    part: &[u8],
    letters: &'static Encoding,
    state: &CustomerState,
) -> Result<(Option<Vec<String>>, Vec<Parsed>), CustomerError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(part);
    let mut records = reader.byte_records();
    let mut first = None;
    let columns = match &import.header {
        Some(columns) => columns.clone(),
        None => {
            let names = records
                .next()
                .ok_or_else(|| CustomerError::invalid("columns", "expected a row of names"))?
                .map_err(|error| CustomerError::invalid("columns", error.to_string()))?;
            let columns = meanings(&import.settings, &names, letters, state)?;
            first = Some(columns.clone());
            columns
        }
    };
    let region = state.region();
    let mut last = Place::default();
    let mut rows: Vec<_> = records
        .map(|record| {
            last = Place::of(&record);
            let record = record.map_err(|error| CustomerError::invalid("row", error.to_string()))?;
            if record.len() != columns.len() {
                return Err(CustomerError::invalid(
                    "row",
                    format!("{} fields: expected {}", record.len(), columns.len()),
                ));
            }
            let mut row = ImportRow::default();
            for (column, field) in columns.iter().zip(record.iter()) {
                let text = read(field, letters).map_err(|_| {
                    CustomerError::invalid(
                        column.clone(),
                        format!("not {}: declare the encoding that it has", letters.name()),
                    )
                })?;
                let text = text.trim();
                if !text.is_empty() && column != LEFT_OUT {
                    take(&mut row, column, text, region, state)?;
                }
            }
            Ok(row)
        })
        .collect();
    if let Some(problem) = never_closed(&part[last.begins.min(part.len())..]) {
        let Some(row) = rows.last_mut() else {
            return Err(CustomerError::invalid("columns", problem));
        };
        let column = columns.get(last.fields.saturating_sub(1));
        *row = Err(CustomerError::invalid(
            column.map_or("row", String::as_str),
            problem,
        ));
    }
    Ok((first, rows))
}

/// Where a row of a table stands, and how many fields were found in it.
#[derive(Default)]
struct Place {
    begins: usize,
    fields: usize,
}

impl Place {
    fn of(record: &csv::Result<csv::ByteRecord>) -> Self {
        let Ok(record) = record else {
            return Self::default();
        };
        let begins = record.position().map_or(0, csv::Position::byte);
        Self {
            begins: usize::try_from(begins).unwrap_or(usize::MAX),
            fields: record.len(),
        }
    }
}

/// What is wrong with the last row of a part when the part ends within its quotes.
fn never_closed(row: &[u8]) -> Option<String> {
    let mut quotes = Quotes::default();
    quotes.read(row);
    let field = &row[quotes.opened_at()?..];
    let lines = field
        .trim_ascii_end()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    let swallowed = match lines {
        0 => String::new(),
        1 => "; the line after it was taken into it".to_owned(),
        lines => format!("; the {lines} lines after it were taken into it"),
    };
    Some(format!(
        "a quote (\") is opened here and never closed{swallowed}: close it, or leave it out; one that belongs to a quoted text is \
         written twice (\"\")"
    ))
}

/// What the columns mean; one that means nothing is refused, so that nothing is left out by a slip of the pen.
fn meanings(
    settings: &ImportSettings,
    names: &csv::ByteRecord,
    letters: &'static Encoding,
    state: &CustomerState,
) -> Result<Vec<String>, CustomerError> {
    if names.len() > MAX_COLUMNS {
        return Err(CustomerError::invalid(
            "columns",
            format!("expected at most {MAX_COLUMNS}"),
        ));
    }
    let definitions = state.definitions.load();
    names
        .iter()
        .map(|name| {
            let name = read(name, letters)?.trim().to_owned();
            let meaning = settings.columns.get(&name).cloned().unwrap_or_else(|| name.clone());
            let known = SCHEMES.contains(&meaning.as_str())
                || matches!(&*meaning, "name" | "language" | "account-manager" | "since" | LEFT_OUT)
                || AttributeId::new(&meaning).is_ok_and(|id| definitions.contains_key(&id));
            if known {
                return Ok(meaning);
            }
            Err(CustomerError::invalid(
                "columns",
                format!(
                    "{name:.64?} means nothing: expected {}, name, language, account-manager, since, an attribute's id, or - \
                     to leave it out",
                    SCHEMES.join(", ")
                ),
            ))
        })
        .collect()
}

fn take(
    row: &mut ImportRow,
    column: &str,
    text: &str,
    region: Option<super::Region>,
    state: &CustomerState,
) -> Result<(), CustomerError> {
    let in_column = |error| match error {
        CustomerError::Invalid { problem, .. } => CustomerError::invalid(column, problem),
        error => error,
    };
    match column {
        scheme if SCHEMES.contains(&scheme) => {
            // Several addresses of a kind stand in one field.
            for value in text
                .split([';', '；'])
                .map(str::trim)
                .filter(|value| !value.is_empty())
            {
                let address = Address::new(&format!("{scheme}:{value}"), region);
                row.identities.push(address.map_err(in_column)?);
            }
        }
        "name" => row.patch.name = Some(Some(text.into())),
        "language" => row.patch.language = Some(Some(text.into())),
        "account-manager" => {
            let agent =
                AgentId::new(text).map_err(|error| CustomerError::invalid(column, error.to_string()))?;
            row.account_manager = Some(agent);
        }
        "since" => row.since = Some(text.into()),
        attribute => {
            let definitions = state.definitions.load();
            let found = AttributeId::new(attribute)
                .ok()
                .and_then(|id| definitions.get(&id));
            let Some(definition) = found else {
                return Err(CustomerError::invalid(
                    column,
                    "the attribute is no longer defined",
                ));
            };
            if text.len() > limits::MAX_TEXT_BYTES {
                return Err(CustomerError::invalid(column, "expected at most 2048 bytes"));
            }
            let value = definition.read(text).map_err(in_column)?;
            row.patch.attributes.insert(definition.id.clone(), Some(value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_what_it_took_in() {
        assert_eq!(never_closed(b"1,a\n"), None);
        let told = |row: &str| never_closed(row.as_bytes()).unwrap();
        assert!(told("1,\"a\n").contains("never closed: close it"));
        assert!(told("1,\"a\n2,b\n").contains("; the line after it was taken into it: "));
        assert!(told("\"1\n2\",\"a\n2,b\r\n3,c\r\n").contains("; the 2 lines after it were taken"));
    }
}
