//! The lines of a backup.

use std::io::{BufRead, Write};

use prosaas_core::{Error, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupSummary, unreadable};

/// The version of this format.
const FORMAT: u32 = 1;
/// No row of ours comes near it; a longer line is no backup of ours.
const MAX_LINE: u64 = 256 << 20;
/// How much of rows is inserted at once.
const BATCH_BYTES: usize = 1 << 20;

/// A line that is not a row. A row is a JSON array: bytes as lower-case hexadecimal digits, truth as 0
/// and 1, JSON as its text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Backup {
        format: u32,
        schema: i64,
        written_at: UnixMillis,
    },
    Table(Table),
    Rows(u64),
    Seal {
        tables: u64,
        rows: u64,
        sha256: String,
    },
}

/// A table whose rows follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// Its columns, in the order of the values of each row.
    pub(crate) columns: Vec<String>,
}

/// Some rows of a table, as the text of a JSON array of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) table: Table,
    pub(crate) rows: String,
}

/// Writes a backup line by line.
pub(crate) struct BackupWriter<'o> {
    out: &'o mut (dyn Write + Send),
    hash: Sha256,
    summary: BackupSummary,
    rows_of_table: u64,
}

impl<'o> BackupWriter<'o> {
    pub(super) fn new(out: &'o mut (dyn Write + Send)) -> Self {
        let summary = BackupSummary {
            schema: 0,
            tables: 0,
            rows: 0,
        };
        Self {
            out,
            hash: Sha256::new(),
            summary,
            rows_of_table: 0,
        }
    }

    pub(crate) fn begin(&mut self, schema: i64, written_at: UnixMillis) -> Result<()> {
        self.summary.schema = schema;
        self.line(&Line::Backup {
            format: FORMAT,
            schema,
            written_at,
        })
    }

    pub(crate) fn table(&mut self, table: Table) -> Result<()> {
        self.summary.tables += 1;
        self.rows_of_table = 0;
        self.line(&Line::Table(table))
    }

    /// A row: the text of a JSON array.
    pub(crate) fn row(&mut self, values: &str) -> Result<()> {
        self.summary.rows += 1;
        self.rows_of_table += 1;
        self.text(values)
    }

    pub(crate) fn end_table(&mut self) -> Result<()> {
        self.line(&Line::Rows(self.rows_of_table))
    }

    pub(super) fn finish(mut self) -> Result<BackupSummary> {
        let seal = Line::Seal {
            tables: self.summary.tables,
            rows: self.summary.rows,
            sha256: hex(&self.hash.clone().finalize()),
        };
        self.line(&seal)?;
        self.out.flush().map_err(unreadable)?;
        Ok(self.summary)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let text = serde_json::to_string(line).map_err(|error| Error::internal("backup", error))?;
        self.text(&text)
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.hash.update(text);
        self.hash.update(b"\n");
        self.out.write_all(text.as_bytes()).map_err(unreadable)?;
        self.out.write_all(b"\n").map_err(unreadable)
    }
}

/// Reads a backup that was verified, in batches of rows.
pub(crate) struct BackupReader<'i> {
    input: &'i mut (dyn BufRead + Send),
    table: Option<Table>,
}

impl<'i> BackupReader<'i> {
    pub(super) fn new(input: &'i mut (dyn BufRead + Send)) -> Self {
        Self { input, table: None }
    }

    /// The version of the schema; the first thing to ask.
    pub(crate) fn schema(&mut self) -> Result<i64> {
        match read_line(self.input)?.as_deref().map(parse) {
            Some(Ok(Line::Backup { schema, .. })) => Ok(schema),
            _ => Err(damaged()),
        }
    }

    /// The next rows; `None` at the end.
    pub(crate) fn batch(&mut self) -> Result<Option<Batch>> {
        let mut rows = String::new();
        while let Some(line) = read_line(self.input)? {
            if line.starts_with('[') {
                rows.push(if rows.is_empty() { '[' } else { ',' });
                rows.push_str(&line);
                if rows.len() < BATCH_BYTES {
                    continue;
                }
                return self.filled(rows).map(Some);
            }
            match parse(&line)? {
                Line::Table(table) => self.table = Some(table),
                Line::Rows(_) if !rows.is_empty() => return self.filled(rows).map(Some),
                Line::Rows(_) => {}
                Line::Seal { .. } => return Ok(None),
                Line::Backup { .. } => return Err(damaged()),
            }
        }
        Err(damaged())
    }

    fn filled(&self, mut rows: String) -> Result<Batch> {
        rows.push(']');
        let table = self.table.clone().ok_or_else(damaged)?;
        Ok(Batch { table, rows })
    }
}

/// Reads the whole file: whether it is complete and as it was written.
pub(super) fn verify(input: &mut (impl BufRead + Send)) -> Result<BackupSummary> {
    let first = read_line(input)?.ok_or_else(damaged)?;
    let Line::Backup {
        format: FORMAT,
        schema,
        ..
    } = parse(&first)?
    else {
        return Err(damaged());
    };
    let mut hash = Sha256::new();
    let mut seen = BackupSummary {
        schema,
        tables: 0,
        rows: 0,
    };
    let mut rows_of_table = 0;
    let mut line = first;
    loop {
        let before = hash.clone();
        hash.update(&line);
        hash.update(b"\n");
        if line.starts_with('[') {
            rows_of_table += 1;
            seen.rows += 1;
        } else {
            match parse(&line)? {
                Line::Table(_) => {
                    seen.tables += 1;
                    rows_of_table = 0;
                }
                Line::Rows(rows) if rows != rows_of_table => return Err(damaged()),
                Line::Rows(_) | Line::Backup { .. } => {}
                Line::Seal {
                    tables,
                    rows,
                    sha256,
                } => {
                    let is_whole = sha256 == hex(&before.finalize())
                        && (tables, rows) == (seen.tables, seen.rows)
                        && read_line(input)?.is_none();
                    return is_whole.then_some(seen).ok_or_else(damaged);
                }
            }
        }
        line = read_line(input)?.ok_or_else(damaged)?;
    }
}

/// A line without its end; `None` at the end of the file.
fn read_line(input: &mut (dyn BufRead + Send)) -> Result<Option<String>> {
    let mut line = String::new();
    let mut limited = std::io::Read::take(&mut *input, MAX_LINE);
    match limited.read_line(&mut line) {
        Ok(0) => Ok(None),
        // A line that was cut off, by its length or by the end of the file, is no line of ours.
        Ok(_) => match line.pop() {
            Some('\n') => Ok(Some(line)),
            _ => Err(damaged()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(damaged()),
        Err(error) => Err(unreadable(error)),
    }
}

fn parse(line: &str) -> Result<Line> {
    serde_json::from_str(line).map_err(|_| damaged())
}

fn damaged() -> Error {
    let expected = "a whole, unchanged file that `prosaas backup` wrote; this one is damaged, cut off, or \
                    something else";
    Error::invalid("backup", expected)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn table() -> Table {
        Table {
            name: "leads".to_owned(),
            columns: vec!["id".to_owned(), "name".to_owned()],
        }
    }

    fn written() -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = BackupWriter::new(&mut file);
        writer.begin(2, UnixMillis(7)).unwrap();
        writer.table(table()).unwrap();
        writer.row(r#"["00ff","Dana"]"#).unwrap();
        writer.row(r#"["00fe",null]"#).unwrap();
        writer.end_table().unwrap();
        writer.finish().unwrap();
        file
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut file = Cursor::new(written());
        let summary = verify(&mut file).unwrap();
        assert_eq!((summary.schema, summary.tables, summary.rows), (2, 1, 2));
        file.set_position(0);
        let mut reader = BackupReader::new(&mut file);
        assert_eq!(reader.schema().unwrap(), 2);
        let batch = reader.batch().unwrap().unwrap();
        assert_eq!(batch.table, table());
        assert_eq!(batch.rows, r#"[["00ff","Dana"],["00fe",null]]"#);
        assert_eq!(reader.batch().unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_change_is_found(at in 0_usize..400, byte in any::<u8>()) {
            let mut file = written();
            let at = at % file.len();
            prop_assume!(file[at] != byte);
            file[at] = byte;
            prop_assert!(verify(&mut Cursor::new(file)).is_err());
        }

        #[test]
        fn any_cut_is_found(at in 0_usize..400) {
            let file = written();
            let at = at % file.len();
            prop_assert!(verify(&mut Cursor::new(&file[..at])).is_err());
        }
    }

    #[test]
    fn what_follows_the_seal_is_found() {
        let mut file = written();
        file.extend_from_slice(b"[]\n");
        assert!(verify(&mut Cursor::new(file)).is_err());
    }
}
