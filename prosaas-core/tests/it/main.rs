//! The behaviour suites on the implementations in memory.

mod suites;
mod whole_call;
