//! The search index, twelve rows a lead.
//!
//! SQLite keeps it in the order of its key, and rows that come in any other order are written many times;
//! PostgreSQL builds its indexes afterwards. So the tokens of a business are held here until all are known,
//! each text once and each row in eight bytes, and come out in the order of the key.

use std::collections::HashMap;

use prosaas_core::{LeadId, UnixMillis};

use super::super::person::Person;
use super::super::world::Tenant;
use super::database::Cell;

/// Tokens of one business.
#[derive(Debug, Default)]
pub(crate) struct Index {
    texts: HashMap<Box<str>, u32>,
    /// Which token, and whose.
    entries: Vec<(u32, u32)>,
    leads: Vec<(LeadId, UnixMillis)>,
}

impl Index {
    /// Adds a lead's tokens.
    pub(crate) fn add(&mut self, person: &Person) {
        let lead = self.leads.len() as u32;
        self.leads.push((person.id, person.created_at));
        for token in person.tokens().iter() {
            let known = self.texts.get(token).copied();
            let text = known.unwrap_or_else(|| {
                let text = self.texts.len() as u32;
                self.texts.insert(token.into(), text);
                text
            });
            self.entries.push((text, lead));
        }
    }

    /// The rows, in the order of the key.
    pub(crate) fn into_rows(self, tenant: &Tenant) -> impl Iterator<Item = Vec<Cell>> {
        let mut texts: Vec<_> = self.texts.into_iter().collect();
        texts.sort_unstable();
        let mut places = vec![0_u32; texts.len()];
        for ((_, text), place) in texts.iter().zip(0..) {
            places[*text as usize] = place;
        }
        let mut entries = self.entries;
        for (text, _) in &mut entries {
            *text = places[*text as usize];
        }
        entries.sort_unstable();
        let tenant = tenant.id.uuid();
        let leads = self.leads;
        entries.into_iter().map(move |(text, lead)| {
            let (id, created_at) = leads[lead as usize];
            vec![
                Cell::Id(tenant),
                Cell::Text(texts[text as usize].0.to_string()),
                Cell::Integer(created_at.0),
                Cell::from("lead"),
                Cell::Id(id.uuid()),
            ]
        })
    }
}
