//! Rows in.

use super::encoding::{Decoder, TextEncoding};

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// Its cells, as they are written: spaces around them and apostrophes before them included.
    pub cells: Vec<String>,
}

/// Why a file cannot be read on. What was read before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// A quote is opened and not closed, or closed in the middle of a cell.
    #[error("a quotation mark on line {line} is not closed properly")]
    BrokenQuote {
        /// Where it was opened.
        line: u64,
    },
    /// A cell or a row is longer than any that people write.
    #[error(
        "the row on line {line} is longer than {} bytes, or has more than {} cells",
        Reader::MAX_ROW_BYTES,
        Reader::MAX_CELLS
    )]
    TooLong {
        /// Where the row begins.
        line: u64,
    },
}

impl CsvError {
    /// The line it is about.
    pub const fn line(self) -> u64 {
        match self {
            Self::BrokenQuote { line } | Self::TooLong { line } => line,
        }
    }

    /// A stable word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BrokenQuote { .. } => "broken-quote",
            Self::TooLong { .. } => "row-too-long",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first character of a cell.
    Start,
    /// In a cell without quotes: a quotation mark in it is a character, as in an acronym.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote within quotes: the end of the cell, or half of a doubled one.
    Closing,
}

/// Reads rows from bytes that come piece by piece; holds one row and one piece.
///
/// The separator is found out from the first line: comma, semicolon or tab, whichever is there most.
/// Rows without any content are skipped.
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    text: String,
    /// How far `text` is read.
    at: usize,
    ended: bool,
    separator: Option<char>,
    state: State,
    line: u64,
    row_line: u64,
    quote_line: u64,
    row_bytes: usize,
    cell: String,
    cells: Vec<String>,
    after_return: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            decoder: Decoder::default(),
            text: String::new(),
            at: 0,
            ended: false,
            separator: None,
            state: State::Start,
            line: 1,
            row_line: 1,
            quote_line: 1,
            row_bytes: 0,
            cell: String::new(),
            cells: Vec::new(),
            after_return: false,
        }
    }
}

impl Reader {
    /// The most bytes of one row, as UTF-8.
    pub const MAX_ROW_BYTES: usize = 64 * 1024;
    /// The most cells of one row.
    pub const MAX_CELLS: usize = 256;

    /// Takes the next piece of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.text.drain(..self.at);
        self.at = 0;
        self.decoder.push(bytes, false, &mut self.text);
    }

    /// Says that the file is complete.
    pub fn finish(&mut self) {
        if !self.ended {
            self.decoder.push(&[], true, &mut self.text);
            self.ended = true;
        }
    }

    /// What the file is written in, as far as it is known.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.decoder.encoding()
    }

    /// The next whole row; `None` when more bytes are needed or the file is over.
    ///
    /// # Errors
    /// The file cannot be read on. The same error comes again.
    pub fn next_row(&mut self) -> Result<Option<Row>, CsvError> {
        let Some(separator) = self.separator() else {
            return Ok(None);
        };
        while let Some(c) = self.text[self.at..].chars().next() {
            if self.take(c, separator)? {
                self.at += c.len_utf8();
                if let Some(row) = self.finished_row() {
                    return Ok(Some(row));
                }
            } else {
                self.at += c.len_utf8();
            }
        }
        if !self.ended {
            return Ok(None);
        }
        if self.state == State::Quoted {
            return Err(CsvError::BrokenQuote {
                line: self.quote_line,
            });
        }
        Ok(self.finished_row())
    }

    /// Takes one character; `true` when it ended a row.
    fn take(&mut self, c: char, separator: char) -> Result<bool, CsvError> {
        if c == '\n' && self.after_return {
            self.after_return = false;
            return Ok(false);
        }
        self.after_return = false;
        self.row_bytes += c.len_utf8();
        if self.row_bytes > Self::MAX_ROW_BYTES || self.cells.len() >= Self::MAX_CELLS {
            return Err(match self.state {
                State::Quoted => CsvError::BrokenQuote {
                    line: self.quote_line,
                },
                _ => CsvError::TooLong {
                    line: self.row_line,
                },
            });
        }
        match (self.state, c) {
            (State::Quoted, '"') => self.state = State::Closing,
            (State::Quoted, _) => self.quoted(c),
            (State::Start, '"') => {
                self.state = State::Quoted;
                self.quote_line = self.line;
            }
            (State::Closing, '"') => {
                self.cell.push('"');
                self.state = State::Quoted;
            }
            (_, '\r' | '\n') => {
                self.after_return = c == '\r';
                return Ok(true);
            }
            (_, c) if c == separator => self.end_cell(),
            // Spreadsheets that were edited by hand have spaces after the closing quote.
            (State::Closing, ' ') => {}
            (State::Closing, _) => {
                return Err(CsvError::BrokenQuote {
                    line: self.quote_line,
                });
            }
            (State::Start | State::Plain, _) => {
                self.cell.push(c);
                self.state = State::Plain;
            }
        }
        Ok(false)
    }

    fn quoted(&mut self, c: char) {
        self.cell.push(c);
        // `\r\n` is one line end; a lone `\r` within quotes counts none, and no line is lost by it.
        if c == '\n' {
            self.line += 1;
        }
    }

    fn end_cell(&mut self) {
        self.cells.push(std::mem::take(&mut self.cell));
        self.state = State::Start;
    }

    /// The row that a line end, or the file's end, has just closed; `None` when it is empty.
    fn finished_row(&mut self) -> Option<Row> {
        if self.state != State::Start || !self.cells.is_empty() {
            self.end_cell();
        }
        let cells = std::mem::take(&mut self.cells);
        let line = self.row_line;
        self.line += 1;
        self.row_line = self.line;
        self.row_bytes = 0;
        cells
            .iter()
            .any(|cell| !cell.is_empty())
            .then_some(Row { line, cells })
    }

    /// The separator, once the first line is here or as much of it as decides.
    fn separator(&mut self) -> Option<char> {
        if self.separator.is_none() {
            let first = self.text.find(['\r', '\n']);
            let seen = match first {
                Some(end) => &self.text[..end],
                None if self.ended || self.text.len() > Self::MAX_ROW_BYTES => &self.text,
                None => return None,
            };
            let count = |c: char| outside_quotes(seen).filter(|found| *found == c).count();
            let candidates = [',', ';', '\t'];
            self.separator = candidates.into_iter().rev().max_by_key(|c| count(*c));
        }
        self.separator
    }
}

fn outside_quotes(text: &str) -> impl Iterator<Item = char> {
    let mut quoted = false;
    text.chars().filter(move |c| {
        quoted ^= *c == '"';
        !quoted
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8], piece: usize) -> (Vec<Row>, Option<CsvError>) {
        let mut reader = Reader::default();
        let mut rows = Vec::new();
        let mut pieces = text.chunks(piece.max(1));
        loop {
            match reader.next_row() {
                Ok(Some(row)) => rows.push(row),
                Err(error) => return (rows, Some(error)),
                Ok(None) => match pieces.next() {
                    Some(piece) => reader.push(piece),
                    None if reader.ended => return (rows, None),
                    None => reader.finish(),
                },
            }
        }
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        let (rows, error) = read(text.as_bytes(), 5);
        assert_eq!(error, None, "{text:?}");
        rows.into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn rows_and_cells() {
        assert_eq!(cells("a,b\r\nc,d\r\n"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("a,b\nc,d"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("a,b\rc,d\r"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("a,\n,b\n"), [["a", ""], ["", "b"]]);
        assert_eq!(cells("\n\na,b\n\n,\n"), [["a", "b"]]);
        assert_eq!(
            cells("a,b\n\"x, \"\"y\"\"\r\nz\",\"\"\n"),
            [["a", "b"], ["x, \"y\"\r\nz", ""]]
        );
        assert_eq!(cells("a;b\n1,5;2\n"), [["a", "b"], ["1,5", "2"]]);
        assert_eq!(cells("a\tb\n1\t2\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(cells("\"a;\";b\n1;2\n"), [["a;", "b"], ["1", "2"]]);
        assert_eq!(cells("name\nצה\"ל\n"), [["name"], ["צה\"ל"]]);
        assert_eq!(cells("\"a\" ,b\n"), [["a", "b"]]);
        assert_eq!(cells(""), Vec::<Vec<String>>::new());
    }

    #[test]
    fn rows_know_their_lines() {
        let (rows, _) = read(b"a,b\r\n\r\n\"x\r\ny\",1\r\nz,2\r\n", 3);
        let lines: Vec<_> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn a_broken_quote_is_an_error_with_its_line() {
        let open = "a,b\n1,2\n3,\"4\n5,6\n";
        let (rows, error) = read(open.as_bytes(), 4);
        assert_eq!(rows.len(), 2);
        assert_eq!(error, Some(CsvError::BrokenQuote { line: 3 }));
        let (_, error) = read(b"a\n\"x\"y\n", 4);
        assert_eq!(error, Some(CsvError::BrokenQuote { line: 2 }));
        let endless = format!("a\n1\n\"{}", "5,6\n".repeat(1_000_000));
        let (_, error) = read(endless.as_bytes(), 8192);
        assert_eq!(error, Some(CsvError::BrokenQuote { line: 3 }));
    }

    #[test]
    fn rows_are_bounded() {
        let long = format!("a\n{}\n", "x".repeat(Reader::MAX_ROW_BYTES + 1));
        assert_eq!(
            read(long.as_bytes(), 999).1,
            Some(CsvError::TooLong { line: 2 })
        );
        let wide = format!("a\n{}\n", ",".repeat(Reader::MAX_CELLS + 1));
        assert_eq!(
            read(wide.as_bytes(), 999).1,
            Some(CsvError::TooLong { line: 2 })
        );
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[a-c,;\"\r\nא-ג ]{0,60}", piece in 1_usize..20) {
            prop_assert_eq!(read(text.as_bytes(), piece), read(text.as_bytes(), usize::MAX));
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (rows, _) = read(&bytes, 17);
            prop_assert!(rows.iter().all(|row| row.cells.len() <= Reader::MAX_CELLS));
            prop_assert!(rows.is_sorted_by(|a, b| a.line < b.line));
        }
    }
}
