//! Files that people bring and take away: made and read here, without I/O.

pub mod csv;
pub mod ics;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod lead_sheet;
pub mod leads;
