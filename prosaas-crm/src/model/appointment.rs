//! Appointments: a time of somebody's calendar that is taken.

use prosaas_core::{CallId, Error, LeadId, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{AppointmentId, UserId};
use super::patch::{Patch, Replace, require_change};
use super::time::Time;
use super::wall::Span;
use super::words::words;

/// The longest appointment: a day.
const MAX_MS: i64 = 24 * 60 * 60 * 1000;

words! {
    /// What became of an appointment.
    AppointmentStatus, "status":
    /// It takes place.
    Booked = "booked",
    /// It was called off; its time is free again.
    Cancelled = "cancelled",
    /// It took place.
    Done = "done",
    /// Nobody came.
    NoShow = "no_show",
}

/// An appointment. The calendar it is in is its member's, or the business's own when it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Appointment {
    /// Its id.
    pub id: AppointmentId,
    /// With whom.
    pub lead_id: Option<LeadId>,
    /// The call it was made in.
    pub call_id: Option<CallId>,
    /// Whose time it takes; the business's own calendar when empty.
    pub assignee_id: Option<UserId>,
    /// What it is, in a line.
    pub title: String,
    /// What else there is to know.
    pub notes: String,
    /// Where it is.
    pub place: String,
    /// What became of it.
    pub status: AppointmentStatus,
    /// When it begins.
    pub starts_at: Time,
    /// When it ends.
    pub ends_at: Time,
    /// When somebody is reminded of it.
    pub remind_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

impl Appointment {
    /// The time it takes.
    pub const fn span(&self) -> Span {
        Span {
            from: self.starts_at.millis(),
            until: self.ends_at.millis(),
        }
    }

    /// Whether its time is taken.
    pub fn takes_time(&self) -> bool {
        self.status == AppointmentStatus::Booked && self.deleted_at.is_none()
    }
}

/// An appointment as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "title": "Brakes", "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T09:30:00Z" })))]
#[serde(deny_unknown_fields)]
pub struct NewAppointment {
    /// With whom.
    #[serde(default)]
    pub lead_id: Option<LeadId>,
    /// The call it was made in.
    #[serde(default)]
    pub call_id: Option<CallId>,
    /// Whose time it takes; the business's own calendar when empty.
    #[serde(default)]
    pub assignee_id: Option<UserId>,
    /// What it is, in a line.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub title: String,
    /// What else there is to know.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 10_000))]
    pub notes: Option<String>,
    /// Where it is.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub place: Option<String>,
    /// When it begins.
    pub starts_at: Time,
    /// When it ends.
    pub ends_at: Time,
    /// When somebody is reminded of it.
    #[serde(default)]
    pub remind_at: Option<Time>,
}

impl NewAppointment {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.title = check::line("title", &self.title, check::MAX_NAME)?;
        self.notes = check::optional("notes", self.notes.as_deref(), check::MAX_TEXT)?;
        self.place = check::optional("place", self.place.as_deref(), check::MAX_NAME)?;
        check_times(self.starts_at, self.ends_at)?;
        Ok(self)
    }
}

/// What changes about an appointment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "place": "Workshop" })))]
#[serde(deny_unknown_fields, default)]
pub struct AppointmentPatch {
    /// With whom.
    pub lead_id: Patch<LeadId>,
    /// Whose time it takes.
    pub assignee_id: Patch<UserId>,
    /// What it is, in a line.
    pub title: Replace<String>,
    /// What else there is to know.
    pub notes: Patch<String>,
    /// Where it is.
    pub place: Patch<String>,
    /// What became of it.
    pub status: Replace<AppointmentStatus>,
    /// When it begins.
    pub starts_at: Replace<Time>,
    /// When it ends.
    pub ends_at: Replace<Time>,
    /// When somebody is reminded of it.
    pub remind_at: Patch<Time>,
}

impl AppointmentPatch {
    /// The appointment after the patch. Its times of change are the store's to set.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, appointment: Appointment) -> Result<Appointment> {
        require_change(&[
            self.lead_id.is_change(),
            self.assignee_id.is_change(),
            self.title.is_change(),
            self.notes.is_change(),
            self.place.is_change(),
            self.status.is_change(),
            self.starts_at.is_change(),
            self.ends_at.is_change(),
            self.remind_at.is_change(),
        ])?;
        let notes = self
            .notes
            .apply(Some(appointment.notes))
            .unwrap_or_default();
        let place = self
            .place
            .apply(Some(appointment.place))
            .unwrap_or_default();
        let title = self.title.apply(appointment.title);
        let starts_at = self.starts_at.apply(appointment.starts_at);
        let ends_at = self.ends_at.apply(appointment.ends_at);
        check_times(starts_at, ends_at)?;
        Ok(Appointment {
            lead_id: self.lead_id.apply(appointment.lead_id),
            assignee_id: self.assignee_id.apply(appointment.assignee_id),
            title: check::line("title", &title, check::MAX_NAME)?,
            notes: check::optional("notes", Some(&notes), check::MAX_TEXT)?.unwrap_or_default(),
            place: check::optional("place", Some(&place), check::MAX_NAME)?.unwrap_or_default(),
            status: self.status.apply(appointment.status),
            starts_at,
            ends_at,
            remind_at: self.remind_at.apply(appointment.remind_at),
            ..appointment
        })
    }
}

/// Which appointments are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct AppointmentFilter {
    /// With this status.
    pub status: Option<AppointmentStatus>,
    /// In somebody's calendar.
    pub assignee_id: Option<UserId>,
    /// With a lead.
    pub lead_id: Option<LeadId>,
    /// Those that end after this moment.
    pub from: Option<Time>,
    /// Those that begin before this moment.
    pub until: Option<Time>,
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
}

/// Between which moments, and in whose calendar, free times are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct FreeTimesQuery {
    /// Not before this moment.
    pub from: Time,
    /// Not after this moment.
    pub until: Time,
    /// In this member's calendar; in the business's own when not said.
    pub assignee_id: Option<UserId>,
}

impl FreeTimesQuery {
    /// The stretch of time that is looked at.
    pub const fn span(&self) -> Span {
        Span {
            from: self.from.millis(),
            until: self.until.millis(),
        }
    }
}

fn check_times(starts_at: Time, ends_at: Time) -> Result<()> {
    let lasts = ends_at.millis().since(starts_at.millis());
    if (1..=MAX_MS).contains(&lasts) {
        return Ok(());
    }
    let expected = "expected an end after the beginning and within a day of it";
    Err(Error::invalid("ends_at", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appointment_ends_after_it_begins() {
        let from = Time::parse("2026-06-01T08:00:00Z").unwrap();
        let after = |ms| Time::from(from.millis().plus(ms));
        for (ends_at, good) in [
            (0, false),
            (-1, false),
            (1, true),
            (MAX_MS, true),
            (MAX_MS + 1, false),
        ] {
            assert_eq!(check_times(from, after(ends_at)).is_ok(), good, "{ends_at}");
        }
    }
}
