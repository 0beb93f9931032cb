//! Statements as constants.

/// One statement, as each database reads it.
///
/// Parameters are `$1`, `$2` and so on, on both. In a statement on a tenant's table `$1` is the tenant.
/// A statement that looks across tenants says so and why in a comment, `/* across tenants: why */`, and
/// runs in a [`super::SystemTx`] only. The test `statements` reads every one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// The same text for both databases.
    pub(crate) const fn both(text: &'static str) -> Self {
        Self::split(text, text)
    }

    /// A text for each, where they really differ.
    pub(crate) const fn split(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }

    /// The text that an error may quote: it holds no values.
    pub(super) const fn text(&self) -> &'static str {
        self.postgres
    }

    #[cfg(feature = "sqlite")]
    pub(super) const fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn postgres(&self) -> &'static str {
        self.postgres
    }
}
