//! Rows of a Parquet file as rows of a table.

use std::fs::File;
use std::path::Path;

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use parquet::basic::ConvertedType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::failure::Failure;

/// What a Parquet file holds, as the lines of a table in UTF-8 whose first names the columns.
pub(super) struct ParquetRows {
    file: String,
    names: Option<Vec<u8>>,
    rows: RowIter<'static>,
    at: u64,
}

impl ParquetRows {
    /// Opens a file. Columns of structures and maps are refused by name: no field of a table can hold them.
    pub(super) fn open(path: &Path, file: File) -> Result<Self, Failure> {
        let file_name = path.display().to_string();
        let unreadable = |error: ParquetError| Failure::Usage(format!("{file_name}: {error}"));
        let reader = SerializedFileReader::new(file).map_err(unreadable)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let mut names = Vec::new();
        for column in schema.root_schema().get_fields() {
            if column.is_group() && column.get_basic_info().converted_type() != ConvertedType::LIST {
                return Err(Failure::Usage(format!(
                    "{file_name}: column {:?} holds a structure: expected texts, numbers, dates, or lists of them; leave it out \
                     of the file or make columns of its parts",
                    column.name()
                )));
            }
            names.push(column.name().to_owned());
        }
        Ok(Self {
            names: Some(line(&names)),
            rows: RowIter::from_file_into(Box::new(reader)),
            at: 0,
            file: file_name,
        })
    }

    /// The next row, the names first.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(names) = self.names.take() {
            return Ok(Some(names));
        }
        self.at += 1;
        match self.rows.next() {
            None => Ok(None),
            Some(row) => row
                .and_then(|row| fields(&row))
                .map(|fields| Some(line(&fields)))
                .map_err(|error| Failure::Usage(format!("{}: row {}: {error}", self.file, self.at))),
        }
    }
}

fn fields(row: &Row) -> Result<Vec<String>, ParquetError> {
    row.get_column_iter()
        .map(|(name, field)| {
            text(field).ok_or_else(|| ParquetError::General(format!("column {name:?} holds what is no text")))
        })
        .collect()
}

/// A field as a table has it: nothing for null, a list with semicolons between, days and times as ISO 8601 has them, in UTC.
/// `None`: a table can't hold it.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.to_owned(),
        // Without the fraction that its own form always has: numbers of customers are often kept as these.
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Date(days) => moment(i64::from(*days).checked_mul(86_400_000_000)?)?
            .date()
            .to_string(),
        Field::TimestampMillis(ms) => day_or_moment(ms.checked_mul(1_000)?)?,
        Field::TimestampMicros(us) => day_or_moment(*us)?,
        Field::TimeMillis(ms) => time_of_day(i64::from(*ms) * 1_000)?,
        Field::TimeMicros(us) => time_of_day(*us)?,
        Field::ListInternal(list) => {
            let elements: Option<Vec<_>> = list.elements().iter().map(text).collect();
            elements?.join(";")
        }
        Field::Group(_) | Field::MapInternal(_) => return None,
        plain => plain.to_string(),
    })
}

fn moment(us: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_microsecond(us).ok()?))
}

/// Many programs have no days of their own, and write their midnight.
fn day_or_moment(us: i64) -> Option<String> {
    let moment = moment(us)?;
    Some(if moment.time() == Time::midnight() {
        moment.date().to_string()
    } else {
        format!("{moment}Z")
    })
}

fn time_of_day(us: i64) -> Option<String> {
    Some(Time::midnight().checked_add(us.microseconds()).ok()?.to_string())
}

/// Fields as a line of a table, each between quotes.
fn line(fields: &[String]) -> Vec<u8> {
    let quoted: Vec<String> = fields
        .iter()
        .map(|field| format!("\"{}\"", field.replace('"', "\"\"")))
        .collect();
    format!("{}\n", quoted.join(",")).into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn open(
        schema: &str,
        fill: impl FnOnce(&mut SerializedFileWriter<&mut Vec<u8>>),
    ) -> Result<ParquetRows, Failure> {
        let mut bytes = Vec::new();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
        fill(&mut writer);
        writer.close().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        ParquetRows::open(Path::new("customers.parquet"), file)
    }

    fn lines(mut rows: ParquetRows) -> String {
        let mut all = Vec::new();
        while let Some(line) = rows.next().unwrap() {
            all.extend(line);
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn rows_become_lines_of_a_table() {
        let schema = "message customers {
            OPTIONAL BYTE_ARRAY 姓名 (UTF8);
            REQUIRED INT64 crm;
            REQUIRED DOUBLE spent;
            REQUIRED INT32 born (DATE);
            REQUIRED INT64 since (TIMESTAMP(MICROS,true));
            OPTIONAL GROUP tel (LIST) { REPEATED GROUP list { REQUIRED BYTE_ARRAY element (UTF8); } }
        }";
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| ByteArray::from(*text))
                .collect::<Vec<_>>()
        };
        let rows = open(schema, |writer| {
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let names = texts(&["李 \"雷\"", "韩,梅"]);
            column
                .typed::<ByteArrayType>()
                .write_batch(&names, Some(&[1, 1, 0]), None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<Int64Type>()
                .write_batch(&[1, 2, 3], None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<DoubleType>()
                .write_batch(&[38.0, 0.5, -1.0], None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column
                .typed::<Int32Type>()
                .write_batch(&[0, 7_305, -1], None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let moments = [0, 86_400_000_000, 1_000_000];
            column
                .typed::<Int64Type>()
                .write_batch(&moments, None, None)
                .unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let numbers = texts(&["13800138000", "13800138001"]);
            column
                .typed::<ByteArrayType>()
                .write_batch(&numbers, Some(&[2, 2, 1, 0]), Some(&[0, 1, 0, 0]))
                .unwrap();
            column.close().unwrap();
            group.close().unwrap();
        });
        let expected = "\"姓名\",\"crm\",\"spent\",\"born\",\"since\",\"tel\"\n\
            \"李 \"\"雷\"\"\",\"1\",\"38\",\"1970-01-01\",\"1970-01-01\",\"13800138000;13800138001\"\n\
            \"韩,梅\",\"2\",\"0.5\",\"1990-01-01\",\"1970-01-02\",\"\"\n\
            \"\",\"3\",\"-1\",\"1969-12-31\",\"1970-01-01T00:00:01Z\",\"\"\n";
        assert_eq!(lines(rows.unwrap()), expected);
    }

    #[test]
    fn what_a_table_cannot_hold_is_named() {
        let schema = "message customers { OPTIONAL GROUP home { OPTIONAL BYTE_ARRAY city (UTF8); } }";
        let refused = open(schema, |_| {}).err().unwrap().to_string();
        assert!(
            refused.starts_with("customers.parquet: column \"home\" holds a structure"),
            "{refused}"
        );
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"name,tel\nLi Lei,13800138000\n").unwrap();
        let refused = ParquetRows::open(Path::new("customers.parquet"), file)
            .err()
            .unwrap();
        assert!(refused.to_string().contains("Parquet"), "{refused}");
    }
}
