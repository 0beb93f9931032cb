//! What is measured and with which instrument.

pub mod allocations;
pub mod histogram;
pub mod machine;
pub mod process;
