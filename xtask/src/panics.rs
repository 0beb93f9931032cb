//! What failing tests said, repeated at the end: a long output is seldom kept whole, and its end always is.

use std::process::Command;

use anyhow::{Result, anyhow};

use crate::process::run_watched;

/// So many panics are repeated.
const MOST: usize = 12;
/// So many lines of each: where it was, and the first of what it said.
const LINES: usize = 4;
/// So much of a line.
const CHARACTERS: usize = 300;

/// Runs `cargo test` with its output shown; a failure repeats the first panics.
pub(crate) fn run_tests(command: &mut Command) -> Result<()> {
    let mut panics = Panics::default();
    let outcome = run_watched(command, |line| panics.read(line));
    outcome.map_err(|error| anyhow!("{error}{}", panics.repeated()))
}

/// The panics in the output of tests.
#[derive(Default)]
struct Panics {
    kept: Vec<String>,
    more: usize,
    /// How many lines of the current one are still kept.
    wanted: usize,
}

impl Panics {
    fn read(&mut self, line: &str) {
        // What standard output says of a captured test; a backtrace has no such line.
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            if self.kept.len() < MOST * LINES {
                self.wanted = LINES;
            } else {
                self.more += 1;
                self.wanted = 0;
            }
        }
        if line.trim().is_empty() || line.starts_with("stack backtrace") {
            self.wanted = 0;
        }
        if self.wanted > 0 {
            self.wanted -= 1;
            self.kept.push(line.chars().take(CHARACTERS).collect());
        }
    }

    fn repeated(&self) -> String {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        let lines = self.kept.iter().chain(&more);
        let lines: Vec<String> = lines.map(|line| format!("\n     {line}")).collect();
        lines.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command;

    #[test]
    fn the_first_lines_of_each_panic_are_repeated() {
        let mut panics = Panics::default();
        let output = "test a ... FAILED\nthread 'a' (7) panicked at it/a.rs:1:2:\nno store\nat all\n\
                      stack backtrace:\n   0: begin_panic\n\ntest b ... ok";
        for line in output.lines() {
            panics.read(line);
        }
        assert_eq!(
            panics.repeated(),
            "\n     thread 'a' (7) panicked at it/a.rs:1:2:\n     no store\n     at all"
        );
    }

    #[test]
    fn of_many_the_rest_is_counted() {
        let mut panics = Panics::default();
        for number in 0..100 {
            panics.read(&format!("thread 't{number}' panicked at it/a.rs:1:2:"));
            panics.read(&"long ".repeat(1000));
            panics.read("");
        }
        let repeated = panics.repeated();
        assert!(repeated.contains("'t23'") && repeated.ends_with("and 76 more"));
        assert!(repeated.lines().all(|line| line.chars().count() < 310));
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run_tests(command("echo").arg("fine"));
        assert!(error.is_ok());
        let error = run_tests(&mut command("false")).unwrap_err().to_string();
        assert!(error.starts_with("`false` failed"), "{error}");
    }
}
