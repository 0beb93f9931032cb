//! Times as a model writes and reads them: the CRM's, under the name that calls know them by.

pub use prosaas_crm::agent::when::{moment, read, written};
