//! What commands print for the person in front of the terminal: standard output, in one place.
//!
//! Logs go to standard error; see [`crate::telemetry`].

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

/// How a piece of text is set apart, on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Headings.
    Bold,
    /// What is beside the point.
    Dim,
    /// What the caller says and does.
    Caller,
    /// What the agent says and does.
    Agent,
    /// What went wrong.
    Alarm,
}

impl Style {
    /// The parameter of the "select graphic rendition" sequence (ECMA-48, 8.3.117).
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Caller => Some("36"),
            Self::Agent => Some("32"),
            Self::Alarm => Some("31"),
        }
    }
}

/// Prints lines.
pub struct Ui {
    out: Box<dyn Write + Send>,
    colour: bool,
}

impl fmt::Debug for Ui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ui")
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

impl Ui {
    /// Prints to standard output; in colour when that is a terminal.
    pub fn stdout() -> Self {
        let out = io::stdout();
        let colour = out.is_terminal();
        Self::new(out, colour)
    }

    /// Prints to `out`.
    pub fn new(out: impl Write + Send + 'static, colour: bool) -> Self {
        Self {
            out: Box::new(out),
            colour,
        }
    }

    /// Prints one line. A reader that is gone (`| head`) is no reason to end a call.
    pub fn line(&mut self, text: impl fmt::Display) {
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// Prints an empty line and a heading.
    pub fn heading(&mut self, text: &str) {
        let heading = self.paint(Style::Bold, text);
        self.line(format_args!("\n{heading}"));
    }

    /// Prints a name and a value, the values below each other.
    pub fn entry(&mut self, name: &str, value: impl fmt::Display) {
        self.line(format_args!("  {name:<22} {value}"));
    }

    /// `text` in this style, or as it is where there is no colour.
    pub fn paint(&self, style: Style, text: &str) -> String {
        match style.code() {
            Some(code) if self.colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// Text from outside for one line of a terminal: control characters, which could move the cursor or
/// change colours, become spaces.
pub fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was printed.
    #[derive(Clone, Default)]
    pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        pub(crate) fn ui(&self) -> Ui {
            Ui::new(self.clone(), false)
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        let plain = Ui::new(io::sink(), false);
        assert_eq!(plain.paint(Style::Agent, "שלום"), "שלום");
        let coloured = Ui::new(io::sink(), true);
        assert_eq!(
            coloured.paint(Style::Agent, "שלום"),
            "\u{1b}[32mשלום\u{1b}[0m"
        );
        assert_eq!(coloured.paint(Style::Plain, "x"), "x");
    }

    #[test]
    fn entries_stand_below_each_other() {
        let paper = Paper::default();
        let mut ui = paper.ui();
        ui.heading("summary");
        ui.entry("a", 1);
        ui.entry("a longer name", "two");
        assert_eq!(
            paper.text(),
            "\nsummary\n  a                      1\n  a longer name          two\n"
        );
    }

    #[test]
    fn what_a_stranger_says_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
    }
}
