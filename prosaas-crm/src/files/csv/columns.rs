//! Which column of somebody's file means what.

use std::collections::BTreeMap;

use prosaas_core::{Error, Result};

use crate::search::normalise;

/// What a column of a file of leads holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The whole name.
    Name,
    /// The first name, when the file has two columns.
    FirstName,
    /// The last name, when the file has two columns.
    LastName,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// What the person wants.
    Intent,
    /// Free text.
    Notes,
    /// The stage's name.
    Stage,
    /// Tags, separated by `;` or `|`.
    Tags,
}

impl Column {
    /// Every column, in the order in which an export writes them.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::Email,
        Self::Intent,
        Self::Notes,
        Self::Stage,
        Self::Tags,
    ];

    /// The name in the API and in the heading of an export.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Intent => "intent",
            Self::Notes => "notes",
            Self::Stage => "stage",
            Self::Tags => "tags",
        }
    }

    /// The headings people and other programs write above it, normalised.
    const fn headings(self) -> &'static [&'static str] {
        match self {
            Self::Name => &[
                "name",
                "full name",
                "contact",
                "contact name",
                "customer",
                "customer name",
                "lead",
                "lead name",
                "שמ",
                "שמ מלא",
                "שמ לקוח",
                "שמ הלקוח",
                "לקוח",
                "איש קשר",
            ],
            Self::FirstName => &["first name", "firstname", "given name", "שמ פרטי"],
            Self::LastName => &[
                "last name",
                "lastname",
                "surname",
                "family name",
                "שמ משפחה",
                "משפחה",
            ],
            Self::Phone => &[
                "phone",
                "phone number",
                "telephone",
                "tel",
                "mobile",
                "mobile phone",
                "cell",
                "cellphone",
                "number",
                "phone 1 value",
                "טלפונ",
                "מספר טלפונ",
                "טל",
                "מס טלפונ",
                "טלפונ נייד",
                "נייד",
                "סלולרי",
                "פלאפונ",
                "מספר",
            ],
            Self::Email => &[
                "email",
                "e mail",
                "mail",
                "email address",
                "e mail address",
                "e mail 1 value",
                "דואל",
                "אימייל",
                "מייל",
                "דואר אלקטרוני",
                "כתובת מייל",
            ],
            Self::Intent => &[
                "intent",
                "subject",
                "interest",
                "request",
                "נושא",
                "בקשה",
                "במה מתעניינ",
                "התעניינות",
            ],
            Self::Notes => &[
                "notes",
                "note",
                "comment",
                "comments",
                "remarks",
                "description",
                "הערות",
                "הערה",
                "תיאור",
            ],
            Self::Stage => &["stage", "status", "שלב", "סטטוס", "מצב"],
            Self::Tags => &[
                "tags",
                "tag",
                "labels",
                "label",
                "groups",
                "תגיות",
                "תגית",
                "תוויות",
            ],
        }
    }

    fn of_heading(heading: &str) -> Option<Self> {
        let heading = normalise(heading);
        let named = |column: &Self| {
            column.as_str().replace('_', " ") == heading
                || column.headings().contains(&heading.as_str())
        };
        Self::ALL.into_iter().find(named)
    }
}

/// Where in a row each column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(BTreeMap<Column, usize>);

impl Columns {
    /// Reads a file's heading. The first of two columns with one meaning counts; columns that mean
    /// nothing here are left out of the import.
    ///
    /// # Errors
    /// `Invalid` when there is no column with a name, a phone number or an e-mail address: such a file
    /// has another heading, or none.
    pub fn of_heading(cells: &[String]) -> Result<Self> {
        let mut columns = BTreeMap::new();
        for (position, heading) in cells.iter().enumerate() {
            if let Some(column) = Column::of_heading(heading) {
                columns.entry(column).or_insert(position);
            }
        }
        let identifies = [
            Column::Name,
            Column::FirstName,
            Column::Phone,
            Column::Email,
        ];
        if !identifies.iter().any(|column| columns.contains_key(column)) {
            return Err(Error::invalid(
                "heading",
                "expected a first row that names the columns, one of them `name`, `phone` or `email`",
            ));
        }
        Ok(Self(columns))
    }

    /// The cell of a column; `None` when the file has no such column, or the row no content there.
    pub fn cell<'r>(&self, cells: &'r [String], column: Column) -> Option<&'r str> {
        let cell = cells.get(*self.0.get(&column)?)?;
        Some(super::unguarded(cell).trim()).filter(|text| !text.is_empty())
    }

    /// The columns that were recognised, with their positions from 0.
    pub fn iter(&self) -> impl Iterator<Item = (Column, usize)> {
        self.0.iter().map(|(column, position)| (*column, *position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(heading: &[&str]) -> Result<Columns> {
        let cells: Vec<_> = heading.iter().map(|cell| (*cell).to_owned()).collect();
        Columns::of_heading(&cells)
    }

    #[test]
    fn headings_are_understood_in_both_languages() {
        for heading in [
            ["Name", "Phone Number", "E-mail"],
            ["שם מלא", "טלפון נייד", "דוא\"ל"],
            ["שם", "מס' טלפון", "אימייל"],
            [" CUSTOMER ", "Mobile", "mail"],
        ] {
            let found: Vec<_> = columns(&heading).unwrap().iter().collect();
            let expected = [(Column::Name, 0), (Column::Phone, 1), (Column::Email, 2)];
            assert_eq!(found, expected, "{heading:?}");
        }
    }

    #[test]
    fn a_file_without_a_heading_is_refused() {
        assert!(columns(&["Dana", "0501234567"]).is_err());
        assert!(columns(&[]).is_err());
        assert!(columns(&["notes"]).is_err());
    }

    #[test]
    fn the_first_of_two_columns_counts_and_cells_lose_their_guard() {
        let columns = columns(&["phone", "tel", "name", "x"]).unwrap();
        let row = ["'+972501234567".to_owned(), "2".to_owned(), "  ".to_owned()];
        assert_eq!(columns.cell(&row, Column::Phone), Some("+972501234567"));
        assert_eq!(columns.cell(&row, Column::Name), None);
        assert_eq!(columns.cell(&row, Column::Notes), None);
        assert_eq!(columns.cell(&row[..1], Column::Name), None);
    }

    #[test]
    fn every_heading_is_written_as_it_is_compared() {
        for column in Column::ALL {
            for heading in column.headings() {
                assert_eq!(normalise(heading), *heading);
                assert_eq!(Column::of_heading(heading), Some(column), "{heading}");
            }
        }
    }
}
