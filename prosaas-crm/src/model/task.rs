//! Tasks: something to be done, by somebody, by a time.

use prosaas_core::{CallId, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{TaskId, UserId};
use super::patch::{Patch, Replace, require_change};
use super::time::Time;
use super::words::words;

words! {
    /// How much a task presses.
    Priority, "priority":
    /// When there is time.
    Low = "low",
    /// As usual.
    Normal = "normal",
    /// Before everything else.
    Urgent = "urgent",
}

words! {
    /// What became of a task.
    TaskStatus, "status":
    /// It waits.
    Open = "open",
    /// It was done.
    Done = "done",
    /// It need not be done any more.
    Cancelled = "cancelled",
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The lead it is about.
    pub lead_id: Option<LeadId>,
    /// The call it comes from.
    pub call_id: Option<CallId>,
    /// Who is to do it; nobody in particular when empty.
    pub assignee_id: Option<UserId>,
    /// What is to be done, in a line.
    pub title: String,
    /// The rest of it.
    pub body: String,
    /// How much it presses.
    pub priority: Priority,
    /// What became of it.
    pub status: TaskStatus,
    /// When it has to be done.
    pub due_at: Option<Time>,
    /// When somebody is reminded of it.
    pub remind_at: Option<Time>,
    /// When it was done.
    pub done_at: Option<Time>,
    /// When it was written down.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A task as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "title": "Call Dana back", "due_at": "2026-12-01T09:00:00Z" })))]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// The lead it is about.
    #[serde(default)]
    pub lead_id: Option<LeadId>,
    /// The call it comes from.
    #[serde(default)]
    pub call_id: Option<CallId>,
    /// Who is to do it.
    #[serde(default)]
    pub assignee_id: Option<UserId>,
    /// What is to be done, in a line.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub title: String,
    /// The rest of it.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 10_000))]
    pub body: Option<String>,
    /// How much it presses; `normal` when not said.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// When it has to be done.
    #[serde(default)]
    pub due_at: Option<Time>,
    /// When somebody is reminded of it.
    #[serde(default)]
    pub remind_at: Option<Time>,
}

impl NewTask {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.title = check::line("title", &self.title, check::MAX_NAME)?;
        self.body = check::optional("body", self.body.as_deref(), check::MAX_TEXT)?;
        Ok(self)
    }
}

/// What changes about a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "status": "done" })))]
#[serde(deny_unknown_fields, default)]
pub struct TaskPatch {
    /// The lead it is about.
    pub lead_id: Patch<LeadId>,
    /// Who is to do it.
    pub assignee_id: Patch<UserId>,
    /// What is to be done, in a line.
    pub title: Replace<String>,
    /// The rest of it.
    pub body: Patch<String>,
    /// How much it presses.
    pub priority: Replace<Priority>,
    /// What became of it.
    pub status: Replace<TaskStatus>,
    /// When it has to be done.
    pub due_at: Patch<Time>,
    /// When somebody is reminded of it.
    pub remind_at: Patch<Time>,
}

impl TaskPatch {
    /// The task after the patch. Its times of change are the store's to set.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, task: Task) -> Result<Task> {
        require_change(&[
            self.lead_id.is_change(),
            self.assignee_id.is_change(),
            self.title.is_change(),
            self.body.is_change(),
            self.priority.is_change(),
            self.status.is_change(),
            self.due_at.is_change(),
            self.remind_at.is_change(),
        ])?;
        let body = self.body.apply(Some(task.body)).unwrap_or_default();
        Ok(Task {
            lead_id: self.lead_id.apply(task.lead_id),
            assignee_id: self.assignee_id.apply(task.assignee_id),
            title: check::line("title", &self.title.apply(task.title), check::MAX_NAME)?,
            body: check::optional("body", Some(&body), check::MAX_TEXT)?.unwrap_or_default(),
            priority: self.priority.apply(task.priority),
            status: self.status.apply(task.status),
            due_at: self.due_at.apply(task.due_at),
            remind_at: self.remind_at.apply(task.remind_at),
            ..task
        })
    }
}

words! {
    /// The order of a list of tasks.
    TaskSort, "sort":
    /// The newest first.
    Newest = "newest",
    /// The open ones that have to be done by a time, the most pressing first.
    Due = "due",
}

impl Task {
    /// What a list in this order is sorted by.
    pub fn key(&self, sort: Option<TaskSort>) -> UnixMillis {
        let due = self.due_at.filter(|_| sort == Some(TaskSort::Due));
        due.unwrap_or(self.created_at).millis()
    }
}

/// Which tasks are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct TaskFilter {
    /// With this status.
    pub status: Option<TaskStatus>,
    /// Somebody's.
    pub assignee_id: Option<UserId>,
    /// A lead's.
    pub lead_id: Option<LeadId>,
    /// Due before this moment.
    pub due_before: Option<Time>,
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
    /// In which order; the newest first when not said. The trash is always listed by age.
    #[cfg_attr(feature = "axum", param(inline))]
    pub sort: Option<TaskSort>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_blank_titles_are_refused() {
        let read = |text: &str| serde_json::from_str::<NewTask>(text);
        assert!(read(r#"{"title":"call back","tenant_id":"x"}"#).is_err());
        assert!(read(r#"{"title":"  "}"#).unwrap().checked().is_err());
        let task = read(r#"{"title":" call back ","body":" "}"#)
            .unwrap()
            .checked();
        assert_eq!(task.unwrap().title, "call back");
    }
}
