//! What is wrong with the configuration, all of it at once.

use std::fmt;

/// One variable that cannot be used as it is. Never holds the variable's value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong and what to do, one sentence.
    pub problem: String,
}

/// Everything that is wrong with the configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        for error in &self.0 {
            write!(f, "\n  {}: {}", error.name, error.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
