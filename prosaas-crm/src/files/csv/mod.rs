//! Comma-separated values as spreadsheets write and read them.
//!
//! Reading is strict where leniency loses rows: the `csv` crate reads an unclosed quote to the end of
//! the file, into one field, without a bound and without a word. Here it is an error with the line
//! where it was opened. Everything is fed piece by piece and holds one row at a time.

pub mod columns;
pub mod encoding;
pub mod guard;
pub mod reader;
pub mod writer;

pub use columns::{Column, Columns};
pub use encoding::{Decoder, TextEncoding};
pub use guard::{guarded, unguarded};
pub use reader::{CsvError, Reader, Row};
pub use writer::Writer;
