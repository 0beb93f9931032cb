//! Notes on leads.

use prosaas_core::{LeadId, Result};

use super::rows::{below, expect_changed, require_lead};
use super::timeline::{Happening, append};
use super::{Record, Trashable, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::id::NoteId;
use crate::model::note::{NewNote, Note, NoteFilter, NotePatch, check_body};
use crate::model::page::Page;
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM notes
     WHERE tenant_id = $1 AND lead_id = $2 AND deleted_at IS NULL AND (created_at, id) < ($3, $4)
     ORDER BY created_at DESC, id DESC LIMIT $5",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM notes
     WHERE tenant_id = $1 AND lead_id = $2 AND deleted_at IS NOT NULL AND (created_at, id) < ($3, $4)
     ORDER BY created_at DESC, id DESC LIMIT $5",
);
const ADD: Sql = Sql::both(
    "INSERT INTO notes (tenant_id, id, lead_id, body, actor_kind, actor_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE notes SET body = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Writes a note.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such lead.
    pub async fn add_note(&self, scope: &TenantScope, new: NewNote) -> Result<Note> {
        let body = check_body(&new.body)?;
        let mut tx = self.write(scope).await?;
        require_lead(&mut tx, Some(new.lead_id)).await?;
        let (now, actor) = (self.now(), tx.actor());
        let id = NoteId::mint(now);
        let values = args![
            id.uuid(),
            new.lead_id.uuid(),
            body,
            actor.kind(),
            actor.id(),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let note: Note = any(&mut tx, id).await?;
        record_change(&mut tx, "note.created", &note);
        let happening = Happening::new(note.lead_id, now, TimelineKind::NoteAdded);
        append(&mut tx, happening.about(id)).await?;
        tx.commit().await?;
        Ok(note)
    }

    /// A note.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn note(&self, scope: &TenantScope, id: NoteId) -> Result<Note> {
        self.find(scope, id).await
    }

    /// The notes on a lead, the newest first.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn notes(
        &self,
        scope: &TenantScope,
        filter: &NoteFilter,
        page: Page<NoteId>,
    ) -> Result<Vec<Note>> {
        let mut tx = self.read(scope).await?;
        require_lead(&mut tx, Some(filter.lead_id)).await?;
        let is_trash = filter.deleted.unwrap_or_default();
        let statement = if is_trash { &TRASH } else { &LIST };
        let (at, id) = below(&page);
        let values = args![filter.lead_id.uuid(), at, id, page.capped_limit()];
        let rows = tx.fetch_all(statement, values).await?;
        rows.iter().map(Note::read).collect()
    }

    /// Changes a note that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_note(
        &self,
        scope: &TenantScope,
        id: NoteId,
        expected: u64,
        patch: NotePatch,
    ) -> Result<Note> {
        let body = check_body(&patch.body)?;
        let mut tx = self.write(scope).await?;
        let note: Note = at_version(&mut tx, id, expected).await?;
        let values = args![id.uuid(), note.version, body, self.now()];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let note: Note = any(&mut tx, id).await?;
        record_change(&mut tx, "note.updated", &note);
        tx.commit().await?;
        Ok(note)
    }

    /// Puts a note into the trash.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_note(&self, scope: &TenantScope, id: NoteId, expected: u64) -> Result<()> {
        self.discard::<Note>(scope, id, expected).await
    }

    /// Takes a note back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn restore_note(&self, scope: &TenantScope, id: NoteId) -> Result<Note> {
        self.restore(scope, id).await
    }

    /// Removes a note of the trash for good.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_note(&self, scope: &TenantScope, id: NoteId) -> Result<()> {
        self.purge::<Note>(scope, id).await
    }
}

impl Record for Note {
    type Id = NoteId;
    const NAME: &'static str = "note";
    const ONE: Sql = Sql::both("SELECT * FROM notes WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.id("lead_id")?,
            body: row.get("body")?,
            author_kind: row.get("actor_kind")?,
            author_id: row.get("actor_id")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> NoteId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn lead(&self) -> Option<LeadId> {
        Some(self.lead_id)
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}

impl Trashable for Note {
    const MARK: Sql = Sql::both(
        "UPDATE notes SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM notes WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = ["note.deleted", "note.restored", "note.purged"];
}
