//! Leads as rows of a file that spreadsheets open and [`super::leads::LeadFile`] reads.

use std::borrow::Cow;

use prosaas_core::{E164, Language};
use serde_json::Value;

use super::csv::Writer;
use crate::store::{ExportSheet, ExportedLead};

/// The columns, in Hebrew and English. Those that an import knows have a heading that it knows.
const HEADINGS: [(&str, &str); 14] = [
    ("שם", "name"),
    ("חברה", "company"),
    ("טלפון", "phone"),
    ("דוא\"ל", "email"),
    ("שלב", "stage"),
    ("תגיות", "tags"),
    ("באחריות", "assignee"),
    ("מקור", "source"),
    ("נושא", "intent"),
    ("סיכום", "summary"),
    ("הצעד הבא", "next_step"),
    ("הערות", "notes"),
    ("נוצר", "created_at"),
    ("פעילות אחרונה", "active_at"),
];

/// Writes the rows of an export.
#[derive(Debug)]
pub struct LeadSheet {
    sheet: ExportSheet,
    writer: Writer,
}

impl LeadSheet {
    /// A file with its heading, in this language.
    pub fn new(sheet: ExportSheet, language: Language) -> Self {
        let mut writer = Writer::default();
        let heading = HEADINGS.iter().map(|(hebrew, english)| match language {
            Language::He => *hebrew,
            Language::En => *english,
        });
        let labels = sheet.fields.iter().map(|(_, label)| label.as_str());
        writer.row(heading.chain(labels));
        Self { sheet, writer }
    }

    /// Adds a lead.
    pub fn row(&mut self, exported: &ExportedLead) {
        let (lead, known) = (&exported.lead, &exported.lead.known);
        let tags = exported.tags.join("; ");
        let created = self.sheet.zone.written(lead.created_at);
        let active = self.sheet.zone.written(lead.active_at);
        let text = |text: &Option<String>| Cow::Owned(text.clone().unwrap_or_default());
        let fixed: [Cow<'_, str>; 14] = [
            text(&known.name),
            text(&lead.company),
            lead.phone.as_ref().map_or("", E164::expose).into(),
            text(&lead.email),
            exported.stage.as_str().into(),
            tags.into(),
            exported.assignee.as_str().into(),
            lead.source.as_str().into(),
            text(&known.intent),
            text(&known.summary),
            text(&known.next_step),
            text(&known.notes),
            created.into(),
            active.into(),
        ];
        let fields = self.sheet.fields.iter();
        let added = fields.map(|(key, _)| shown(lead.custom.get(key)));
        let cells: Vec<_> = fixed.into_iter().chain(added).collect();
        self.writer.row(cells.iter().map(|cell| &**cell));
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> String {
        self.writer.take()
    }
}

/// The value of an added field.
fn shown(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None | Some(Value::Null) => "".into(),
        Some(Value::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
    }
}
