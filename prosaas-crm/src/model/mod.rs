//! What the CRM stores, as types: no SQL, no I/O, no clock.

pub mod business;
pub mod call;
pub mod check;
pub mod email;
pub mod hours;
pub mod id;
pub mod job;
pub mod lead;
pub mod moment;
pub mod money;
pub mod page;
pub mod patch;
pub mod phone;
pub mod token;
pub mod wall;
