//! Measures the voice path against a bare relay, the CRM against its bars and against pgbench, and calls under
//! faults. The methods are in `docs/BENCHMARKS.md` and `docs/RELIABILITY.md`.

pub mod calls;
pub mod crm;
pub mod faults;
pub mod frame_path;
pub mod generator;
pub mod measure;
pub mod relay;
pub mod report;
pub mod scenario;
pub mod subject;

use std::io::Write as _;

/// Progress goes to standard error: standard output holds the report alone.
fn progress(what: std::fmt::Arguments<'_>) {
    let line = format!("bench: {what} ...\n");
    // A closed standard error must not stop a measurement.
    drop(std::io::stderr().write_all(line.as_bytes()));
}
