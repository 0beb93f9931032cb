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
    across_tenants: bool,
}

const ACROSS_TENANTS: &str = "/* across tenants: ";

impl Sql {
    /// The same text for both databases.
    pub(crate) const fn both(text: &'static str) -> Self {
        Self::split(text, text)
    }

    /// A text for each, where they really differ.
    pub(crate) const fn split(sqlite: &'static str, postgres: &'static str) -> Self {
        Self {
            sqlite,
            postgres,
            across_tenants: contains(sqlite, ACROSS_TENANTS) || contains(postgres, ACROSS_TENANTS),
        }
    }

    /// Whether it looks across tenants.
    pub(super) const fn is_across_tenants(&self) -> bool {
        self.across_tenants
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

/// `text.contains(part)`, when the statement is compiled.
const fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut same = 0;
        while same < part.len() && text[start + same] == part[same] {
            same += 1;
        }
        if same == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_across_tenants_are_known_by_their_comment() {
        const ACROSS: Sql = Sql::both("SELECT 1 /* across tenants: a test */");
        assert!(ACROSS.is_across_tenants());
        assert!(!Sql::both("SELECT 1 /* across */").is_across_tenants());
    }
}
