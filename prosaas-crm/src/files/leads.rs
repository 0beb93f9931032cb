//! A file of leads, read as it comes: rows out of bytes, a bounded number at a time.

use prosaas_core::{Error, Result};

use super::csv::{Column, Columns, CsvError, Reader, Row};
use crate::model::import::FileRow;

/// Reads leads from a CSV file whose first row names its columns.
///
/// Feed it with [`LeadFile::push`] and take rows out with [`LeadFile::part`] before the next piece: then it
/// holds one piece and one part, whatever the length of the file.
#[derive(Debug, Default)]
pub struct LeadFile {
    reader: Reader,
    columns: Option<Columns>,
    rows: Vec<FileRow>,
    size: usize,
    bytes: u64,
    ended: bool,
}

impl LeadFile {
    /// The most bytes of one file: about three million leads.
    pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
    /// The most rows of a part.
    pub const PART_ROWS: usize = 1_000;
    /// The size of a part, in bytes of text, with which it is full; the last row may go beyond it.
    pub const PART_BYTES: usize = 256 * 1024;

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// `Invalid` when the file is too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > Self::MAX_BYTES {
            let most = format!(
                "expected at most {} MiB: import it in several files",
                Self::MAX_BYTES / (1024 * 1024)
            );
            return Err(Error::invalid("file", most));
        }
        self.reader.push(bytes);
        Ok(())
    }

    /// Says that the file is complete.
    pub fn finish(&mut self) {
        self.reader.finish();
        self.ended = true;
    }

    /// The next full part, or the last one; `None` when more bytes are needed or the file is over.
    ///
    /// # Errors
    /// `Invalid` when it is no file of leads: no row names the columns, or the file cannot be read on. The
    /// text says on which line.
    pub fn part(&mut self) -> Result<Option<Vec<FileRow>>> {
        while self.rows.len() < Self::PART_ROWS && self.size < Self::PART_BYTES {
            let Some(row) = self.reader.next_row().map_err(unreadable)? else {
                return self.rest();
            };
            match &self.columns {
                None => self.columns = Some(Columns::of_heading(&row.cells)?),
                Some(columns) => {
                    self.size += row.cells.iter().map(String::len).sum::<usize>();
                    self.rows.push(file_row(columns, &row));
                }
            }
        }
        Ok(Some(self.take()))
    }

    /// What is there when the bytes are used up.
    fn rest(&mut self) -> Result<Option<Vec<FileRow>>> {
        if !self.ended {
            return Ok(None);
        }
        if self.columns.is_none() {
            let expected = "expected a CSV file whose first row names its columns";
            return Err(Error::invalid("file", expected));
        }
        Ok(Some(self.take()).filter(|rows| !rows.is_empty()))
    }

    fn take(&mut self) -> Vec<FileRow> {
        self.size = 0;
        std::mem::take(&mut self.rows)
    }
}

fn unreadable(error: CsvError) -> Error {
    let advice = match error {
        CsvError::BrokenQuote { .. } => "close it, or write two for one that is meant",
        CsvError::TooLong { .. } => "look whether a quotation mark before it is not closed",
    };
    Error::invalid("file", format!("{error}: {advice}"))
}

fn file_row(columns: &Columns, row: &Row) -> FileRow {
    let is_garbled = |cell: &String| cell.contains(['\u{fffd}', '\0']);
    if row.cells.iter().any(is_garbled) {
        return FileRow {
            line: row.line,
            is_garbled: true,
            ..FileRow::default()
        };
    }
    let cell = |column| columns.cell(&row.cells, column);
    let owned = |column| cell(column).map(str::to_owned);
    let name = owned(Column::Name).or_else(|| {
        let parts = [cell(Column::FirstName), cell(Column::LastName)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    });
    FileRow {
        line: row.line,
        is_garbled: false,
        name,
        phone: owned(Column::Phone),
        email: owned(Column::Email),
        intent: owned(Column::Intent),
        notes: owned(Column::Notes),
        stage: owned(Column::Stage),
        tags: cell(Column::Tags).map(tags).unwrap_or_default(),
    }
}

/// The names in a cell of tags.
fn tags(cell: &str) -> Vec<String> {
    let names = cell.split([';', '|']).map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::phone::PhoneRegion;

    /// Everything of a file that comes in pieces.
    fn parts(file: &[u8], piece: usize) -> Result<Vec<Vec<FileRow>>> {
        let mut leads = LeadFile::default();
        let mut parts = Vec::new();
        for bytes in file.chunks(piece) {
            leads.push(bytes)?;
            while let Some(part) = leads.part()? {
                parts.push(part);
            }
        }
        leads.finish();
        while let Some(part) = leads.part()? {
            parts.push(part);
        }
        Ok(parts)
    }

    fn refusal(file: &str) -> String {
        match parts(file.as_bytes(), 7) {
            Err(Error::Invalid { expected, .. }) => expected,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_come_in_bounded_parts_whatever_the_pieces() {
        let row = |n: usize| format!("Dana {n},050-{n:07}\n");
        let file = format!("name,phone\n{}", (0..2_500).map(row).collect::<String>());
        for piece in [13, 4_096, file.len()] {
            let parts = parts(file.as_bytes(), piece).unwrap();
            let sizes: Vec<_> = parts.iter().map(Vec::len).collect();
            assert_eq!(sizes, [1_000, 1_000, 500]);
            let last = parts[2].last().unwrap();
            assert_eq!(last.line, 2_501);
            assert_eq!(last.name.as_deref(), Some("Dana 2499"));
        }
        let notes = "x".repeat(60_000);
        let wide = format!("name,notes\n{}", format!("Noa,{notes}\n").repeat(20));
        let parts = parts(wide.as_bytes(), 64 * 1024).unwrap();
        assert!(parts.iter().all(|part| part.len() <= 5), "{}", parts.len());
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 20);
    }

    #[test]
    fn what_is_no_file_of_leads_is_refused_with_its_line() {
        assert!(refusal("").contains("names its columns"));
        assert!(refusal("\n\n\n").contains("names its columns"));
        assert!(refusal("a,b\n1,2\n").contains("`phone`"));
        let broken = refusal("name,phone\nDana,1\n\"Noa,2\nYael,3\n");
        assert!(broken.contains("line 3"), "{broken}");
        let long = format!("name\nDana\n{}\n", "x".repeat(70_000));
        assert!(refusal(&long).contains("line 3"));
        assert!(parts(b"name,phone\n", 5).unwrap().is_empty());
    }

    #[test]
    fn tags_are_parted_as_an_export_joins_them() {
        let file = "name,stage,tags\nDana, won ,vip; regulars|\nNoa,,;\n";
        let rows = parts(file.as_bytes(), 64).unwrap().remove(0);
        assert_eq!(rows[0].stage.as_deref(), Some("won"));
        assert_eq!(rows[0].tags, ["vip", "regulars"]);
        assert_eq!((rows[1].stage.as_deref(), rows[1].tags.len()), (None, 0));
    }

    #[test]
    fn garbled_rows_are_marked_and_their_cells_left_out() {
        let file = b"name,phone,x\nDana,050-1234567,\nNoa,\0,\nYael,050-1234568,\0\n";
        let rows = parts(file, 64).unwrap().remove(0);
        let garbled: Vec<_> = rows.iter().map(|row| row.is_garbled).collect();
        assert_eq!(garbled, [false, true, true]);
        let refused = rows[1].clone().person(PhoneRegion::IL).unwrap_err();
        assert_eq!((refused.line, refused.code), (3, "encoding-invalid"));
        assert!(rows[2].name.is_none());
        let dana = rows[0].clone().person(PhoneRegion::IL).unwrap();
        assert_eq!(dana.identities[0].expose(), "+972501234567");
    }
}
