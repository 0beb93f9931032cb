//! Tasks and their reminders.

use prosaas_core::{CallId, LeadId, Result};

use super::rows::{
    above, below, expect_changed, require_call, require_lead, require_member, set_anew,
};
use super::timeline::{Happening, append};
use super::{Record, Trashable, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::id::{TaskId, UserId};
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::model::task::{NewTask, Priority, Task, TaskFilter, TaskPatch, TaskSort, TaskStatus};
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const NEWEST: Sql = Sql::both(
    "SELECT * FROM tasks
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR due_at < $8)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const DUE: Sql = Sql::both(
    "SELECT * FROM tasks
     WHERE tenant_id = $1 AND deleted_at IS NULL AND status = 'open' AND (due_at, id) > ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR due_at < $8)
     ORDER BY due_at, id LIMIT $4",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM tasks
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR due_at < $8)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const ADD: Sql = Sql::both(
    "INSERT INTO tasks (tenant_id, id, lead_id, call_id, assignee_id, title, body, priority, status,
                        due_at, remind_at, actor_kind, actor_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11, $12, $13, $13)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE tasks
     SET lead_id = $4, assignee_id = $5, title = $6, body = $7, priority = $8, status = $9, due_at = $10,
         remind_at = $11, done_at = $12, updated_at = $13, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Makes a task; its reminder is enqueued with it.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such lead, call or member.
    pub async fn create_task(&self, scope: &TenantScope, new: NewTask) -> Result<Task> {
        let mut tx = self.write(scope).await?;
        let task = self.add_task(&mut tx, new).await?;
        tx.commit().await?;
        Ok(task)
    }

    /// [`CrmStore::create_task`] within a transaction, such as a call's.
    pub(crate) async fn add_task(&self, tx: &mut TenantTx, new: NewTask) -> Result<Task> {
        let new = new.checked()?;
        require_lead(tx, new.lead_id).await?;
        require_call(tx, new.call_id).await?;
        require_member(tx, new.assignee_id).await?;
        let (now, actor) = (self.now(), tx.actor());
        let id = TaskId::mint(now);
        let values = args![
            id.uuid(),
            new.lead_id.map(LeadId::uuid),
            new.call_id.map(CallId::uuid),
            new.assignee_id.map(UserId::uuid),
            new.title,
            new.body.unwrap_or_default(),
            new.priority.unwrap_or(Priority::Normal).as_str(),
            new.due_at.map(Time::millis),
            new.remind_at.map(Time::millis),
            actor.kind(),
            actor.id(),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let task: Task = any(tx, id).await?;
        self.remind_of_task(tx, &task).await?;
        self.note_task(tx, &task, "task.created", Some(TimelineKind::TaskCreated))
            .await?;
        Ok(task)
    }

    /// A task.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn task(&self, scope: &TenantScope, id: TaskId) -> Result<Task> {
        self.find(scope, id).await
    }

    /// Tasks: the newest first, or by [`TaskSort::Due`] the open ones with a date, the most pressing first.
    pub async fn tasks(
        &self,
        scope: &TenantScope,
        filter: &TaskFilter,
        page: Page<TaskId>,
    ) -> Result<Vec<Task>> {
        let is_trash = filter.deleted.unwrap_or_default();
        let (statement, (at, id)) = match filter.sort.unwrap_or(TaskSort::Newest) {
            _ if is_trash => (&TRASH, below(&page)),
            TaskSort::Newest => (&NEWEST, below(&page)),
            TaskSort::Due => (&DUE, above(&page)),
        };
        let values = args![
            at,
            id,
            page.capped_limit(),
            filter.status.map(TaskStatus::as_str),
            filter.assignee_id.map(UserId::uuid),
            filter.lead_id.map(LeadId::uuid),
            filter.due_before.map(Time::millis),
        ];
        let rows = self.look(scope).await?.fetch_all(statement, values).await?;
        rows.iter().map(Task::read).collect()
    }

    /// Changes a task that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`, also for what it newly refers to; `Conflict` `version-conflict`.
    pub async fn update_task(
        &self,
        scope: &TenantScope,
        id: TaskId,
        expected: u64,
        patch: TaskPatch,
    ) -> Result<Task> {
        let mut tx = self.write(scope).await?;
        let before: Task = at_version(&mut tx, id, expected).await?;
        let mut after = patch.apply(before.clone())?;
        require_lead(&mut tx, set_anew(before.lead_id, after.lead_id)).await?;
        require_member(&mut tx, set_anew(before.assignee_id, after.assignee_id)).await?;
        let is_ended = before.status != after.status;
        let now = self.now().into();
        after.done_at = match after.status {
            TaskStatus::Done => before.done_at.or(Some(now)),
            TaskStatus::Open | TaskStatus::Cancelled => None,
        };
        let after = self.store_task(&mut tx, after).await?;
        if set_anew(before.remind_at, after.remind_at).is_some() {
            self.remind_of_task(&mut tx, &after).await?;
        }
        let happened = match after.status {
            TaskStatus::Done if is_ended => Some(TimelineKind::TaskDone),
            TaskStatus::Cancelled if is_ended => Some(TimelineKind::TaskCancelled),
            _ => None,
        };
        self.note_task(&mut tx, &after, "task.updated", happened)
            .await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Puts a task into the trash.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_task(&self, scope: &TenantScope, id: TaskId, expected: u64) -> Result<()> {
        self.discard::<Task>(scope, id, expected).await
    }

    /// Takes a task back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn restore_task(&self, scope: &TenantScope, id: TaskId) -> Result<Task> {
        self.restore(scope, id).await
    }

    /// Removes a task of the trash for good.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_task(&self, scope: &TenantScope, id: TaskId) -> Result<()> {
        self.purge::<Task>(scope, id).await
    }

    /// Writes the row as it is now to be, if nobody changed it meanwhile.
    async fn store_task(&self, tx: &mut TenantTx, task: Task) -> Result<Task> {
        let values = args![
            task.id.uuid(),
            task.version,
            task.lead_id.map(LeadId::uuid),
            task.assignee_id.map(UserId::uuid),
            task.title,
            task.body,
            task.priority.as_str(),
            task.status.as_str(),
            task.due_at.map(Time::millis),
            task.remind_at.map(Time::millis),
            task.done_at.map(Time::millis),
            self.now(),
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        any(tx, task.id).await
    }

    /// The reminder names its time: when that is changed later, it finds that it is not meant any more.
    async fn remind_of_task(&self, tx: &mut TenantTx, task: &Task) -> Result<()> {
        let Some(at) = task.remind_at.map(Time::millis) else {
            return Ok(());
        };
        let work = JobWork::RemindTask { task: task.id, at };
        self.add_job(tx, &work, at).await.map(drop)
    }

    /// Notes the change, and on the lead's timeline what it means for the lead.
    async fn note_task(
        &self,
        tx: &mut TenantTx,
        task: &Task,
        kind: &'static str,
        happened: Option<TimelineKind>,
    ) -> Result<()> {
        record_change(tx, kind, task);
        match (task.lead_id, happened) {
            (Some(lead), Some(happened)) => {
                append(
                    tx,
                    Happening::new(lead, self.now(), happened).about(task.id),
                )
                .await
            }
            _ => Ok(()),
        }
    }
}

impl Record for Task {
    type Id = TaskId;
    const NAME: &'static str = "task";
    const ONE: Sql = Sql::both("SELECT * FROM tasks WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.optional_id("lead_id")?,
            call_id: row.optional_id("call_id")?,
            assignee_id: row.optional_id("assignee_id")?,
            title: row.get("title")?,
            body: row.get("body")?,
            priority: row.parse("priority")?,
            status: row.parse("status")?,
            due_at: time(row, "due_at")?,
            remind_at: time(row, "remind_at")?,
            done_at: time(row, "done_at")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> TaskId {
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

impl Trashable for Task {
    const MARK: Sql = Sql::both(
        "UPDATE tasks SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM tasks WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = ["task.deleted", "task.restored", "task.purged"];
}
