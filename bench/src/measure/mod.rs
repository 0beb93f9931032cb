//! What is measured and with which instrument.

pub mod histogram;
pub mod machine;
pub mod process;
