//! Decisions without I/O: values in, a verdict out.

pub mod answering;
pub mod budget;
pub mod chat;
pub mod consent;
pub mod duplicates;
pub mod full;
pub mod holidays;
pub mod hours;
pub mod lookup;
pub mod missed_call;
pub mod promises;
pub mod quality;
pub mod reconcile;
pub mod removal;
pub mod slots;
pub mod without_agent;
