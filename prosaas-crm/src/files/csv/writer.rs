//! Rows out.

use super::guard::guarded;

/// Writes rows as Excel opens them right: UTF-8 with its mark, `\r\n`, quotes where they are needed,
/// nothing that is taken for a formula. The text is taken out piece by piece ([`Writer::take`]).
#[derive(Debug)]
pub struct Writer {
    text: String,
}

impl Default for Writer {
    fn default() -> Self {
        // Without the mark Excel reads UTF-8 as the machine's old code page.
        Self {
            text: String::from("\u{feff}"),
        }
    }
}

impl Writer {
    /// Adds a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        for (position, cell) in cells.into_iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            self.cell(cell);
        }
        self.text.push_str("\r\n");
    }

    /// How many bytes wait to be taken.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn cell(&mut self, cell: &str) {
        let cell = guarded(cell);
        // Separators of other locales are quoted as well, or one cell becomes two there.
        let special = |c: char| matches!(c, ',' | ';' | '\t' | '"' | '\r' | '\n');
        if cell.contains(special) || cell.starts_with(' ') || cell.ends_with(' ') {
            self.text.push('"');
            self.text.push_str(&cell.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(&cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::csv::{Reader, unguarded};

    #[test]
    fn a_file_for_excel() {
        let mut writer = Writer::default();
        writer.row(["שם", "phone"]);
        writer.row(["דנה, \"לוי\"", "+972501234567"]);
        assert_eq!(
            writer.take(),
            "\u{feff}שם,phone\r\n\"דנה, \"\"לוי\"\"\",'+972501234567\r\n"
        );
        assert!(writer.is_empty());
    }

    proptest! {
        #[test]
        fn a_round_trip_loses_nothing(
            rows in proptest::collection::vec(
                proptest::collection::vec("[-=+@'\",;\t\r\n א-תa-z]{0,12}", 3), 1..8),
        ) {
            let mut writer = Writer::default();
            for row in &rows {
                writer.row(row.iter().map(String::as_str));
            }
            let mut reader = Reader::default();
            reader.push(writer.take().as_bytes());
            reader.finish();
            let mut read = Vec::new();
            while let Some(row) = reader.next_row().unwrap() {
                read.push(row.cells.iter().map(|cell| unguarded(cell).to_owned()).collect::<Vec<_>>());
            }
            // A row of nothing but empty cells is no row to a reader of spreadsheets.
            let kept: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
            prop_assert_eq!(read, kept);
        }
    }
}
