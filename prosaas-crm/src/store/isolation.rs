//! What keeps businesses apart in the database itself.

use std::fmt;

/// The findings of [`super::CrmStore::audit_isolation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// How many tables row-level security guards; none in SQLite, which has no such thing: there the
    /// statements and the keys keep businesses apart.
    pub guarded_tables: usize,
    /// What is wrong, one sentence each. A server in production does not start with any.
    pub problems: Vec<String>,
}

impl Isolation {
    /// Whether everything is as it has to be.
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            return match self.guarded_tables {
                0 => f.write_str("statements and keys keep businesses apart"),
                tables => write!(f, "row-level security guards {tables} tables"),
            };
        }
        f.write_str(&self.problems.join("; "))
    }
}
