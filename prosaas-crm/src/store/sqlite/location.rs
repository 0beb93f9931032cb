//! Where the database file is.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use prosaas_core::Error;

/// The path of a database file, from a path or a `sqlite:` URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location(PathBuf);

impl Location {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Creates the file, and the directory it is in, when they are missing.
    ///
    /// A file that exists is not opened: closing it again would release the locks that another store
    /// of this process holds on it (POSIX record locks belong to the process, not to the handle).
    pub(super) fn create_if_missing(&self) -> io::Result<()> {
        if let Some(directory) = self.0.parent().filter(|path| !path.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // It holds phone numbers: for its owner alone. The log files beside it take over its mode.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created.map(drop),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let expected = "expected `sqlite:PATH` with the path of a file, such as \
                            `sqlite:./data/prosaas.db`, and no options after it";
            Err(Error::invalid("DATABASE_URL", expected))
        };
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => return wrong(),
            None => text,
        };
        if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) {
            return wrong();
        }
        Ok(Self(PathBuf::from(path)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_names_a_file_or_is_refused(text in "(sqlite:)?.{0,30}") {
            if let Ok(location) = text.parse::<Location>() {
                prop_assert!(!location.path().as_os_str().is_empty());
            }
        }
    }

    #[test]
    fn urls_and_paths_name_a_file() {
        for (text, path) in [
            ("sqlite:./data/prosaas.db", "./data/prosaas.db"),
            ("sqlite:/var/lib/prosaas.db", "/var/lib/prosaas.db"),
            ("sqlite:///var/lib/prosaas.db", "/var/lib/prosaas.db"),
            ("sqlite://prosaas.db", "prosaas.db"),
            ("data/prosaas.db", "data/prosaas.db"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.path(), Path::new(path), "{text}");
        }
    }

    #[test]
    fn what_names_no_file_is_refused() {
        let wrong = [
            "",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:a.db?mode=ro",
        ];
        for text in wrong.into_iter().chain(["postgres://host/db", ":memory:"]) {
            assert!(text.parse::<Location>().is_err(), "{text} must be refused");
        }
    }
}
