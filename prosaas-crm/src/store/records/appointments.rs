//! Appointments: a time of a calendar is taken once.

use prosaas_core::{CallId, Error, LeadId, Result, UnixMillis};
use uuid::Uuid;

use super::rows::{above, expect_changed, require_call, require_lead, require_member, set_anew};
use super::timeline::{Happening, append};
use super::{Record, Trashable, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::appointment::{
    Appointment, AppointmentFilter, AppointmentPatch, AppointmentStatus, NewAppointment,
};
use crate::model::id::{AppointmentId, UserId};
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::model::wall::Span;
use crate::rules::hours::Schedule;
use crate::rules::slots::free_slots;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM appointments
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (starts_at, id) > ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR ends_at > $8)
       AND ($9 IS NULL OR starts_at < $9)
     ORDER BY starts_at, id LIMIT $4",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM appointments
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (starts_at, id) > ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR ends_at > $8)
       AND ($9 IS NULL OR starts_at < $9)
     ORDER BY starts_at, id LIMIT $4",
);
const BUSY: Sql = Sql::both(
    "SELECT id, starts_at, ends_at FROM appointments
     WHERE tenant_id = $1 AND calendar_id = $2 AND deleted_at IS NULL AND status = 'booked'
       AND starts_at < $4 AND ends_at > $3
     ORDER BY starts_at LIMIT 2000",
);
const ADD: Sql = Sql::both(
    "INSERT INTO appointments (tenant_id, id, calendar_id, lead_id, call_id, assignee_id, title, notes,
                               place, status, starts_at, ends_at, remind_at, actor_kind, actor_id,
                               created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'booked', $10, $11, $12, $13, $14, $15, $15)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE appointments
     SET calendar_id = $4, lead_id = $5, assignee_id = $6, title = $7, notes = $8, place = $9,
         status = $10, starts_at = $11, ends_at = $12, remind_at = $13, updated_at = $14,
         version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Books an appointment; its reminder is enqueued with it.
    ///
    /// # Errors
    /// `Conflict` `slot-taken` when its calendar has something at that time; `Invalid`; `NotFound` when
    /// the business has no such lead, call or member.
    pub async fn book_appointment(
        &self,
        scope: &TenantScope,
        new: NewAppointment,
    ) -> Result<Appointment> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let appointment = self.add_appointment(&mut tx, new).await?;
        tx.commit().await?;
        Ok(appointment)
    }

    /// [`CrmStore::book_appointment`] within a transaction that began with `lock_business`: the lock is
    /// what keeps two of them from taking one time.
    pub(crate) async fn add_appointment(
        &self,
        tx: &mut TenantTx,
        new: NewAppointment,
    ) -> Result<Appointment> {
        let new = new.checked()?;
        require_lead(tx, new.lead_id).await?;
        require_call(tx, new.call_id).await?;
        require_member(tx, new.assignee_id).await?;
        let (now, actor) = (self.now(), tx.actor());
        let id = AppointmentId::mint(now);
        let calendar = calendar_of(tx, new.assignee_id);
        let span = Span {
            from: new.starts_at.millis(),
            until: new.ends_at.millis(),
        };
        require_free(tx, calendar, span, id).await?;
        let values = args![
            id.uuid(),
            calendar,
            new.lead_id.map(LeadId::uuid),
            new.call_id.map(CallId::uuid),
            new.assignee_id.map(UserId::uuid),
            new.title,
            new.notes.unwrap_or_default(),
            new.place.unwrap_or_default(),
            span.from,
            span.until,
            new.remind_at.map(Time::millis),
            actor.kind(),
            actor.id(),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let booked: Appointment = any(tx, id).await?;
        self.remind_of_appointment(tx, &booked).await?;
        let happened = Some(TimelineKind::AppointmentBooked);
        self.note_appointment(tx, &booked, "appointment.booked", happened)
            .await?;
        Ok(booked)
    }

    /// An appointment.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn appointment(&self, scope: &TenantScope, id: AppointmentId) -> Result<Appointment> {
        self.find(scope, id).await
    }

    /// Appointments in the order of their time.
    pub async fn appointments(
        &self,
        scope: &TenantScope,
        filter: &AppointmentFilter,
        page: Page<AppointmentId>,
    ) -> Result<Vec<Appointment>> {
        let is_trash = filter.deleted.unwrap_or_default();
        let statement = if is_trash { &TRASH } else { &LIST };
        let (at, id) = above(&page);
        let values = args![
            at,
            id,
            page.capped_limit(),
            filter.status.map(AppointmentStatus::as_str),
            filter.assignee_id.map(UserId::uuid),
            filter.lead_id.map(LeadId::uuid),
            filter.from.map(Time::millis),
            filter.until.map(Time::millis),
        ];
        let rows = self.look(scope).await?.fetch_all(statement, values).await?;
        rows.iter().map(Appointment::read).collect()
    }

    /// Changes an appointment that is still at version `expected`.
    ///
    /// # Errors
    /// As [`CrmStore::book_appointment`]; `Conflict` `version-conflict`.
    pub async fn update_appointment(
        &self,
        scope: &TenantScope,
        id: AppointmentId,
        expected: u64,
        patch: AppointmentPatch,
    ) -> Result<Appointment> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let before: Appointment = at_version(&mut tx, id, expected).await?;
        let after = patch.apply(before.clone())?;
        require_lead(&mut tx, set_anew(before.lead_id, after.lead_id)).await?;
        require_member(&mut tx, set_anew(before.assignee_id, after.assignee_id)).await?;
        let is_moved = (before.span(), before.assignee_id) != (after.span(), after.assignee_id);
        let calendar = calendar_of(&tx, after.assignee_id);
        if after.takes_time() && (is_moved || !before.takes_time()) {
            require_free(&mut tx, calendar, after.span(), id).await?;
        }
        let after = self.store_appointment(&mut tx, calendar, after).await?;
        if set_anew(before.remind_at, after.remind_at).is_some() {
            self.remind_of_appointment(&mut tx, &after).await?;
        }
        let is_cancelled = after.status == AppointmentStatus::Cancelled;
        let happened = if is_cancelled && before.status != after.status {
            Some(TimelineKind::AppointmentCancelled)
        } else {
            is_moved.then_some(TimelineKind::AppointmentMoved)
        };
        self.note_appointment(&mut tx, &after, "appointment.updated", happened)
            .await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Puts an appointment into the trash; its time is free again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_appointment(
        &self,
        scope: &TenantScope,
        id: AppointmentId,
        expected: u64,
    ) -> Result<()> {
        self.discard::<Appointment>(scope, id, expected).await
    }

    /// Takes an appointment back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `slot-taken` when its time was given to another meanwhile.
    pub async fn restore_appointment(
        &self,
        scope: &TenantScope,
        id: AppointmentId,
    ) -> Result<Appointment> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let deleted: Appointment = any(&mut tx, id).await?;
        if deleted.deleted_at.is_none() {
            return Ok(deleted);
        }
        if deleted.status == AppointmentStatus::Booked {
            let calendar = calendar_of(&tx, deleted.assignee_id);
            require_free(&mut tx, calendar, deleted.span(), id).await?;
        }
        let restored = self.take_back(&mut tx, &deleted).await?;
        tx.commit().await?;
        Ok(restored)
    }

    /// Removes an appointment of the trash for good.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_appointment(&self, scope: &TenantScope, id: AppointmentId) -> Result<()> {
        self.purge::<Appointment>(scope, id).await
    }

    /// At most `limit` times between two moments that may be offered in somebody's calendar, or in the
    /// business's own.
    ///
    /// # Errors
    /// `NotFound` when the business has no such member.
    pub async fn free_times(
        &self,
        scope: &TenantScope,
        assignee: Option<UserId>,
        wanted: Span,
        limit: usize,
    ) -> Result<Vec<Span>> {
        let mut tx = self.read(scope).await?;
        if let Some(user) = assignee {
            tx.require(&super::rows::MEMBER, args![user.uuid()], "user")
                .await?;
        }
        let settings = super::settings::load(&mut tx).await?;
        let special = super::settings::special_days(&mut tx).await?;
        let special: Vec<_> = special.into_iter().map(|day| day.day).collect();
        let calendar = calendar_of(&tx, assignee);
        // A buffer of up to a day reaches beyond what is asked for.
        let day = 24 * 60 * 60 * 1_000;
        let values = args![calendar, wanted.from.plus(-day), wanted.until.plus(day)];
        let rows = tx.fetch_all(&BUSY, values).await?;
        let busy: Vec<Span> = rows.iter().map(read_span).collect::<Result<_>>()?;
        let schedule = Schedule {
            hours: &settings.hours,
            special: &special,
        };
        let now = self.now();
        Ok(free_slots(
            &schedule,
            &busy,
            &settings.booking,
            now,
            wanted,
            limit,
        ))
    }

    async fn store_appointment(
        &self,
        tx: &mut TenantTx,
        calendar: Uuid,
        appointment: Appointment,
    ) -> Result<Appointment> {
        let values = args![
            appointment.id.uuid(),
            appointment.version,
            calendar,
            appointment.lead_id.map(LeadId::uuid),
            appointment.assignee_id.map(UserId::uuid),
            appointment.title,
            appointment.notes,
            appointment.place,
            appointment.status.as_str(),
            appointment.starts_at.millis(),
            appointment.ends_at.millis(),
            appointment.remind_at.map(Time::millis),
            self.now(),
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        any(tx, appointment.id).await
    }

    /// As with tasks: a reminder whose time was moved finds that it is not meant any more.
    async fn remind_of_appointment(
        &self,
        tx: &mut TenantTx,
        appointment: &Appointment,
    ) -> Result<()> {
        let Some(at) = appointment.remind_at.map(Time::millis) else {
            return Ok(());
        };
        let appointment = appointment.id;
        let work = JobWork::RemindAppointment { appointment, at };
        self.add_job(tx, &work, at).await.map(drop)
    }

    async fn note_appointment(
        &self,
        tx: &mut TenantTx,
        appointment: &Appointment,
        kind: &'static str,
        happened: Option<TimelineKind>,
    ) -> Result<()> {
        record_change(tx, kind, appointment);
        let (Some(lead), Some(happened)) = (appointment.lead_id, happened) else {
            return Ok(());
        };
        let data = serde_json::json!({ "starts_at": appointment.starts_at });
        let happening = Happening::new(lead, self.now(), happened);
        append(tx, happening.about(appointment.id).data(data)).await
    }
}

/// Whose time an appointment takes: its member's, or the business's own.
fn calendar_of(tx: &TenantTx, assignee: Option<UserId>) -> Uuid {
    assignee.map_or_else(|| tx.tenant().uuid(), UserId::uuid)
}

/// Passes when nothing but `own` is booked at the time.
async fn require_free(
    tx: &mut TenantTx,
    calendar: Uuid,
    span: Span,
    own: AppointmentId,
) -> Result<()> {
    let values = args![calendar, span.from, span.until];
    for row in tx.fetch_all(&BUSY, values).await? {
        if row.id::<AppointmentId>("id")? != own {
            return Err(Error::Conflict {
                what: "slot-taken",
                detail: "the calendar has another appointment at that time".to_owned(),
            });
        }
    }
    Ok(())
}

fn read_span(row: &Row) -> Result<Span> {
    Ok(Span {
        from: row.get::<UnixMillis>("starts_at")?,
        until: row.get::<UnixMillis>("ends_at")?,
    })
}

impl Record for Appointment {
    type Id = AppointmentId;
    const NAME: &'static str = "appointment";
    const ONE: Sql = Sql::both("SELECT * FROM appointments WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.optional_id("lead_id")?,
            call_id: row.optional_id("call_id")?,
            assignee_id: row.optional_id("assignee_id")?,
            title: row.get("title")?,
            notes: row.get("notes")?,
            place: row.get("place")?,
            status: row.parse("status")?,
            starts_at: moment(row, "starts_at")?,
            ends_at: moment(row, "ends_at")?,
            remind_at: time(row, "remind_at")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> AppointmentId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn lead(&self) -> Option<LeadId> {
        self.lead_id
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}

impl Trashable for Appointment {
    const MARK: Sql = Sql::both(
        "UPDATE appointments SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM appointments WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = [
        "appointment.deleted",
        "appointment.restored",
        "appointment.purged",
    ];
}
