//! Reads variables one by one and remembers every problem, so that all are reported at once.

use secrecy::SecretString;

use super::error::ConfigError;

/// Looks variables up and collects what is wrong with them.
pub(super) struct Reader<F> {
    lookup: F,
    errors: Vec<ConfigError>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(super) fn new(lookup: F) -> Self {
        Self {
            lookup,
            errors: Vec::new(),
        }
    }

    /// The variable without surrounding blanks; an empty one counts as unset, since compose files
    /// pass `NAME=` for what their user left out.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// A secret, kept from being printed from here on.
    pub(super) fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// Remembers a problem.
    pub(super) fn problem(&mut self, name: &'static str, problem: impl Into<String>) {
        self.errors.push(ConfigError {
            name,
            problem: problem.into(),
        });
    }

    /// The variable through `parse`, or `default` when unset; a problem is remembered.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match self.text(name).map(|text| parse(&text)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                self.problem(name, problem);
                default
            }
        }
    }

    /// The variable through `parse`, or `None` when unset; a problem is remembered.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed(name, None, |text| parse(text).map(Some))
    }

    /// A switch: `true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off` in any case.
    pub(super) fn switch(&mut self, name: &'static str, default: bool) -> bool {
        self.parsed(name, default, |text| {
            match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(true),
                "false" | "0" | "no" | "off" => Ok(false),
                _ => Err("expected `true` or `false`".to_owned()),
            }
        })
    }

    /// Everything that was wrong.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }
}
