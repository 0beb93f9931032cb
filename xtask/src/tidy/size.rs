//! Files stay near one screenful of ideas.

use super::{Finding, TextFile};

/// From here on a reviewer asks.
const QUESTION: usize = 500;
/// From here on a file needs a reason below.
const LIMIT: usize = 800;

/// Files that may be longer, each with its reason: a table, a parser, or something generated.
const LONGER: &[(&str, &str)] = &[];

/// What the rule found: what must be mended, and what deserves a look.
pub(super) struct Sizes {
    pub(super) errors: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

/// Compares every Rust file with the limits, and the list of exceptions with the files.
pub(super) fn check(files: &[TextFile]) -> Sizes {
    let mut sizes = Sizes {
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        let excused = LONGER.iter().any(|(path, _)| *path == file.path);
        if lines > LIMIT && !excused {
            sizes.errors.push(format!(
                "{}: {lines} lines; split it by concern, or list it with a reason in tidy/size.rs",
                file.path
            ));
        } else if lines > QUESTION && !excused {
            sizes
                .warnings
                .push(format!("{}: {lines} lines; one concern or two?", file.path));
        }
    }
    for (path, _) in LONGER {
        if !files.iter().any(|file| file.path == *path) {
            sizes
                .errors
                .push(format!("tidy/size.rs lists {path}, which does not exist"));
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes_of(path: &str, lines: usize) -> (usize, usize) {
        let sizes = check(&[TextFile {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        }]);
        (sizes.errors.len(), sizes.warnings.len())
    }

    #[test]
    fn long_files_are_questioned_then_refused() {
        assert_eq!(sizes_of("a/src/b.rs", QUESTION), (0, 0));
        assert_eq!(sizes_of("a/src/b.rs", QUESTION + 1), (0, 1));
        assert_eq!(sizes_of("a/src/b.rs", LIMIT + 1), (1, 0));
        assert_eq!(sizes_of("docs/long.md", LIMIT + 1), (0, 0));
    }
}
