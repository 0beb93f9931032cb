//! What a store must do with tasks.

use prosaas_core::ErrorClass::{Conflict, Invalid, NotFound};
use prosaas_core::LeadId;

use super::{Fixture, Office, add_member, at, ok, refuses, theirs};
use crate::model::id::{TaskId, UserId};
use crate::model::job::{JobWork, RetryPolicy};
use crate::model::page::Page;
use crate::model::patch::{Patch, Replace};
use crate::model::task::{NewTask, Priority, TaskFilter, TaskPatch, TaskSort, TaskStatus};
use crate::model::timeline::TimelineKind;
use crate::store::{CrmStore, Jobs};
use crate::testkit::OPERATOR;

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    a_task_reads_back(fixture).await;
    a_task_refers_to_what_is_the_businesss_own(fixture).await;
    a_change_needs_the_version_it_was_made_for(fixture).await;
    a_task_goes_to_the_trash_and_back(fixture).await;
    tasks_are_listed_by_what_is_asked(fixture).await;
    a_reminder_is_a_job_at_its_time(fixture).await;
}

fn new_task(title: &str) -> NewTask {
    NewTask {
        title: title.to_owned(),
        ..NewTask::default()
    }
}

fn done() -> TaskPatch {
    TaskPatch {
        status: Replace(Some(TaskStatus::Done)),
        ..TaskPatch::default()
    }
}

async fn a_task_reads_back(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a task reads back`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new = NewTask {
        lead_id: Some(office.lead),
        call_id: Some(office.call),
        assignee_id: Some(office.member),
        body: Some("about the brakes".to_owned()),
        due_at: Some(at(60)),
        ..new_task(" Call Dana back ")
    };
    let task = ok(store.create_task(scope, new).await, rule);
    assert_eq!(task.title, "Call Dana back", "{rule}");
    assert_eq!((task.version, task.status), (1, TaskStatus::Open), "{rule}");
    assert_eq!(task.priority, Priority::Normal, "{rule}");
    assert_eq!(
        (task.lead_id, task.call_id),
        (Some(office.lead), Some(office.call)),
        "{rule}"
    );
    assert_eq!(
        ok(store.task(scope, task.id).await, rule),
        task,
        "{rule}: by id"
    );
    let listed = store
        .tasks(scope, &TaskFilter::default(), Page::first(10))
        .await;
    assert_eq!(
        ok(listed, rule),
        std::slice::from_ref(&task),
        "{rule}: listed"
    );
    let finished = ok(store.update_task(scope, task.id, 1, done()).await, rule);
    assert!(
        finished.done_at.is_some() && finished.version == 2,
        "{rule}"
    );
    let timeline = ok(
        store.timeline(scope, office.lead, Page::first(10)).await,
        rule,
    );
    let about_task = timeline
        .iter()
        .filter(|entry| entry.ref_id == Some(task.id.to_string()));
    let mut kinds: Vec<_> = about_task.map(|entry| entry.kind).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [TimelineKind::TaskCreated, TimelineKind::TaskDone],
        "{rule}"
    );
    let blank = store.create_task(scope, new_task("  ")).await;
    refuses(&blank, Invalid, rule);
}

async fn a_task_refers_to_what_is_the_businesss_own(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a task refers to what is the business's own`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let stranger = add_member(store, theirs(), rule).await;
    let unknown = LeadId::mint(at(0).millis());
    for (lead_id, assignee_id) in [
        (Some(unknown), None),
        (None, Some(stranger)),
        (None, Some(UserId::mint(at(0).millis()))),
    ] {
        let new = NewTask {
            lead_id,
            assignee_id,
            ..new_task("x")
        };
        refuses(&store.create_task(scope, new).await, NotFound, rule);
    }
    let foreign = NewTask {
        lead_id: Some(office.lead),
        ..new_task("x")
    };
    refuses(
        &store.create_task(&office.theirs, foreign).await,
        NotFound,
        rule,
    );
    let task = ok(store.create_task(scope, new_task("ours")).await, rule);
    let to_stranger = TaskPatch {
        assignee_id: Patch::Set(stranger),
        ..TaskPatch::default()
    };
    refuses(
        &store.update_task(scope, task.id, 1, to_stranger).await,
        NotFound,
        rule,
    );
    // What is ours does not exist for them, and stays as it is.
    let (theirs, id) = (&office.theirs, task.id);
    refuses(&store.task(theirs, id).await, NotFound, rule);
    refuses(
        &store.update_task(theirs, id, 1, done()).await,
        NotFound,
        rule,
    );
    refuses(&store.delete_task(theirs, id, 1).await, NotFound, rule);
    refuses(&store.restore_task(theirs, id).await, NotFound, rule);
    refuses(&store.purge_task(theirs, id).await, NotFound, rule);
    refuses(
        &store.timeline(theirs, office.lead, Page::first(1)).await,
        NotFound,
        rule,
    );
    assert_eq!(ok(store.task(scope, id).await, rule), task, "{rule}");
    let listed = store
        .tasks(theirs, &TaskFilter::default(), Page::first(9))
        .await;
    assert!(ok(listed, rule).is_empty(), "{rule}");
}

async fn a_change_needs_the_version_it_was_made_for(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a change needs the version it was made for`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let task = ok(store.create_task(scope, new_task("x")).await, rule);
    refuses(
        &store.update_task(scope, task.id, 2, done()).await,
        Conflict,
        rule,
    );
    refuses(&store.delete_task(scope, task.id, 0).await, Conflict, rule);
    let empty = TaskPatch::default();
    refuses(
        &store.update_task(scope, task.id, 1, empty).await,
        Invalid,
        rule,
    );
    // Of several at once exactly one is the one the version was read for.
    let changes = (0..8).map(|_| store.update_task(scope, task.id, 1, done()));
    let outcomes = futures_util::future::join_all(changes).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1, "{rule}: {outcomes:?}");
    assert_eq!(
        ok(store.task(scope, task.id).await, rule).version,
        2,
        "{rule}"
    );
}

async fn a_task_goes_to_the_trash_and_back(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a task goes to the trash and back`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let task = ok(store.create_task(scope, new_task("x")).await, rule);
    refuses(&store.purge_task(scope, task.id).await, NotFound, rule);
    ok(store.delete_task(scope, task.id, 1).await, rule);
    refuses(&store.task(scope, task.id).await, NotFound, rule);
    refuses(
        &store.update_task(scope, task.id, 2, done()).await,
        NotFound,
        rule,
    );
    let trash = TaskFilter {
        deleted: Some(true),
        ..TaskFilter::default()
    };
    let listed = |filter: TaskFilter| async move {
        let tasks = store.tasks(scope, &filter, Page::first(9)).await;
        ok(tasks, rule)
            .iter()
            .map(|task| task.id)
            .collect::<Vec<TaskId>>()
    };
    assert_eq!(listed(trash).await, [task.id], "{rule}");
    assert!(listed(TaskFilter::default()).await.is_empty(), "{rule}");
    let restored = ok(store.restore_task(scope, task.id).await, rule);
    assert_eq!((restored.deleted_at, restored.version), (None, 3), "{rule}");
    let again = ok(store.restore_task(scope, task.id).await, rule);
    assert_eq!(again, restored, "{rule}: nothing to restore");
    ok(store.delete_task(scope, task.id, 3).await, rule);
    ok(store.purge_task(scope, task.id).await, rule);
    refuses(&store.restore_task(scope, task.id).await, NotFound, rule);
    assert!(listed(trash).await.is_empty(), "{rule}");
}

async fn tasks_are_listed_by_what_is_asked(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `tasks are listed by what is asked`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let mut tasks = Vec::new();
    for (title, due) in [
        ("a", Some(at(30))),
        ("b", None),
        ("c", Some(at(10))),
        ("d", Some(at(20))),
    ] {
        let new = NewTask {
            due_at: due,
            assignee_id: (title == "a").then_some(office.member),
            lead_id: (title == "b").then_some(office.lead),
            ..new_task(title)
        };
        tasks.push(ok(store.create_task(scope, new).await, rule));
    }
    let titles = |filter: TaskFilter, page: Page<TaskId>| async move {
        let tasks = ok(store.tasks(scope, &filter, page).await, rule);
        tasks.into_iter().map(|task| task.title).collect::<String>()
    };
    let all = TaskFilter::default();
    let mut newest = tasks.clone();
    newest.sort_by_key(|task| std::cmp::Reverse((task.created_at, task.id)));
    let expected: String = newest.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(
        titles(all, Page::first(9)).await,
        expected,
        "{rule}: newest first"
    );
    let second = Page::after(newest[1].created_at.millis(), newest[1].id, 1);
    assert_eq!(
        titles(all, second).await,
        newest[2].title,
        "{rule}: next page"
    );
    let due = TaskFilter {
        sort: Some(TaskSort::Due),
        ..all
    };
    assert_eq!(
        titles(due, Page::first(9)).await,
        "cda",
        "{rule}: by due date"
    );
    let third = Page::after(at(20).millis(), tasks[3].id, 9);
    assert_eq!(
        titles(due, third).await,
        "a",
        "{rule}: next page by due date"
    );
    for (filter, expected) in [
        (
            TaskFilter {
                due_before: Some(at(20)),
                ..all
            },
            "c",
        ),
        (
            TaskFilter {
                assignee_id: Some(office.member),
                ..all
            },
            "a",
        ),
        (
            TaskFilter {
                lead_id: Some(office.lead),
                ..all
            },
            "b",
        ),
        (
            TaskFilter {
                status: Some(TaskStatus::Done),
                ..all
            },
            "",
        ),
    ] {
        assert_eq!(
            titles(filter, Page::first(9)).await,
            expected,
            "{rule}: {filter:?}"
        );
    }
}

async fn a_reminder_is_a_job_at_its_time(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a reminder is a job at its time`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new = NewTask {
        remind_at: Some(at(10)),
        ..new_task("x")
    };
    let task = ok(store.create_task(scope, new).await, rule);
    let moved = TaskPatch {
        remind_at: Patch::Set(at(20)),
        ..TaskPatch::default()
    };
    ok(store.update_task(scope, task.id, 1, moved).await, rule);
    let claim = |now| store.claim_jobs(&OPERATOR, now, 1_000, 10, RetryPolicy::STANDARD);
    let due = ok(claim(at(9).millis()).await, rule);
    assert!(due.is_empty(), "{rule}: too early");
    let jobs = ok(claim(at(20).millis()).await, rule);
    let mut work: Vec<_> = jobs.iter().map(|job| job.work.clone()).collect();
    work.sort_by_key(JobWork::idempotency_key);
    let remind = |minutes| JobWork::RemindTask {
        task: task.id,
        at: at(minutes).millis(),
    };
    assert_eq!(work, [remind(10), remind(20)], "{rule}");
}
