//! What the CRM stores, as types: no SQL, no I/O, no clock.

pub mod business;
pub mod call;
pub mod id;
pub mod job;
pub mod lead;
pub mod money;
pub mod page;
pub mod patch;
pub mod token;
