//! Files that people bring and take away: made and read here, without I/O.

pub mod csv;
pub mod ics;
pub mod leads;
