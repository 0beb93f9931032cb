//! Reminds people of tasks and appointments, when nothing changed since the reminder was set.

use prosaas_core::{Error, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::appointment::AppointmentStatus;
use prosaas_crm::model::id::{AppointmentId, TaskId, UserId};
use prosaas_crm::model::task::TaskStatus;
use prosaas_crm::model::time::Time;

use super::JobError;
use super::tell::tell;
use crate::calls::when;
use crate::wiring::App;

/// Reminds of a task.
pub(super) async fn task(
    app: &App,
    scope: &TenantScope,
    task: TaskId,
    at: UnixMillis,
) -> Result<(), JobError> {
    let task = match app.store.task(scope, task).await {
        Ok(task) => task,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if task.status != TaskStatus::Open || task.remind_at.map(Time::millis) != Some(at) {
        return Ok(());
    }
    let due = task.due_at.map(Time::millis);
    remind(app, scope, task.assignee_id, task.title, due).await
}

/// Reminds of an appointment.
pub(super) async fn appointment(
    app: &App,
    scope: &TenantScope,
    appointment: AppointmentId,
    at: UnixMillis,
) -> Result<(), JobError> {
    let booked = match app.store.appointment(scope, appointment).await {
        Ok(booked) => booked,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let is_on = booked.status == AppointmentStatus::Booked;
    if !is_on || booked.remind_at.map(Time::millis) != Some(at) {
        return Ok(());
    }
    let begins = Some(booked.starts_at.millis());
    remind(app, scope, booked.assignee_id, booked.title, begins).await
}

/// Tells whoever has it, or the owners when nobody does.
async fn remind(
    app: &App,
    scope: &TenantScope,
    assignee: Option<UserId>,
    headline: String,
    at: Option<UnixMillis>,
) -> Result<(), JobError> {
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let zone = app.store.settings(scope).await?.hours.time_zone;
    let detail = at.map_or_else(String::new, |at| when::read(&zone, at));
    let people = app.store.recipients(scope, assignee).await?;
    let content = |_| MailContent::Alert {
        business: business.name.clone(),
        headline: headline.clone(),
        detail: detail.clone(),
        link: app.url("/tasks"),
    };
    tell(app, people, content).await
}
