//! What SQLite promises about its file.

use std::sync::Arc;

use prosaas_core::testkit::samples::{call_sid, line, new_call, number, outcome, seed};
use prosaas_core::time::ManualClock;
use prosaas_core::{CallEnd, ErrorClass, NewCall};
use prosaas_crm::PhoneStore;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    BusinessAdmin, CallStore, CrmStore, JobCounts, Jobs, LeadStore, Page, RetryPolicy, Store,
    StreamTokens,
};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::{NOW, Scratch};

/// Adds business 1 with a finished call that left a transcript line.
async fn fill(store: &CrmStore) -> prosaas_core::CallId {
    let seed = seed(1);
    let tenant = seed.business.id;
    store
        .add_business(&OPERATOR, &seed.business, &seed.numbers)
        .await
        .unwrap();
    let (call, _) = store.open_call(&scope(tenant), new_call(1)).await.unwrap();
    store
        .append_transcript(&scope(tenant), call.id, &[line(0, "Hello")])
        .await
        .unwrap();
    store
        .finish_call(&scope(tenant), call.id, outcome(CallEnd::AgentEnded))
        .await
        .unwrap();
    call.id
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_drop_without_close() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let call = fill(&store).await;
    let tenant = seed(1).business.id;
    let before = store.call(&scope(tenant), call).await.unwrap();
    drop(store);
    let reopened = scratch.open("a.db").await;
    assert_eq!(reopened.call(&scope(tenant), call).await.unwrap(), before);
    assert_eq!(
        reopened.transcript(&scope(tenant), call).await.unwrap(),
        [line(0, "Hello")]
    );
    assert_eq!(
        reopened
            .list_leads(&scope(tenant), Page::first(10))
            .await
            .unwrap()
            .len(),
        1
    );
    let one_job = JobCounts {
        pending: 1,
        running: 0,
        dead: 0,
    };
    assert_eq!(reopened.count_jobs(&OPERATOR).await.unwrap(), one_job);
}

#[tokio::test]
async fn a_copy_of_the_files_taken_at_any_moment_is_a_whole_database() {
    // What a kill leaves behind: the files as they are, with the log not folded in.
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let call = fill(&store).await;
    for suffix in ["", "-wal"] {
        let from = scratch.path(&format!("a.db{suffix}"));
        std::fs::copy(from, scratch.path(&format!("copy.db{suffix}"))).unwrap();
    }
    let copy = scratch.open("copy.db").await;
    let tenant = seed(1).business.id;
    assert_eq!(
        copy.call(&scope(tenant), call).await.unwrap(),
        store.call(&scope(tenant), call).await.unwrap()
    );
    assert_eq!(
        copy.transcript(&scope(tenant), call).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_change_that_is_dropped_midway_never_happened() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    fill(&store).await;
    let tenant = seed(1).business.id;
    let another = NewCall {
        caller: Some(number(101)),
        ..new_call(2)
    };
    let (call, _) = store.open_call(&scope(tenant), another).await.unwrap();
    // Dropped after each number of polls: before, between and after its statements.
    for polls in 0..40 {
        let ours = scope(tenant);
        let mut finishing = store.finish_call(&ours, call.id, outcome(CallEnd::AgentEnded));
        for _ in 0..polls {
            let polled = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(finishing.as_mut().poll(cx).is_ready())
            });
            if polled.await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(finishing);
        // A commit that was under way still happens; the next change waits for it.
        store.forget_stream_tokens(&OPERATOR, NOW).await.unwrap();
        let found = store.call(&scope(tenant), call.id).await.unwrap().unwrap();
        let jobs = store.count_jobs(&OPERATOR).await.unwrap().pending;
        let leads = store
            .list_leads(&scope(tenant), Page::first(10))
            .await
            .unwrap()
            .len();
        let whole = (found.is_finished(), found.lead.is_some(), jobs, leads);
        assert!(
            whole == (false, false, 1, 1) || whole == (true, true, 2, 2),
            "{whole:?}"
        );
    }
    store
        .finish_call(&scope(tenant), call.id, outcome(CallEnd::AgentEnded))
        .await
        .unwrap();
    assert_eq!(store.count_jobs(&OPERATOR).await.unwrap().pending, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_opens_over_two_stores_give_one_call() {
    let scratch = Scratch::new();
    let stores = [
        Arc::new(scratch.open("a.db").await),
        Arc::new(scratch.open("a.db").await),
    ];
    let seed = seed(1);
    let tenant = seed.business.id;
    stores[0]
        .add_business(&OPERATOR, &seed.business, &seed.numbers)
        .await
        .unwrap();
    let mut opens = tokio::task::JoinSet::new();
    for n in 0..50 {
        let store = Arc::clone(&stores[n % 2]);
        opens.spawn(async move { store.open_call(&scope(tenant), new_call(1)).await.unwrap() });
    }
    let opened = opens.join_all().await;
    assert_eq!(opened.iter().filter(|(_, created)| *created).count(), 1);
    assert!(opened.iter().all(|(call, _)| call.id == opened[0].0.id));
}

#[tokio::test]
async fn a_new_file_and_its_directory_are_created_for_the_owner_alone() {
    let scratch = Scratch::new();
    let store = scratch.open("some/where/a.db").await;
    fill(&store).await;
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt;
        let path = scratch.path(&format!("some/where/a.db{suffix}"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} can be read by others", path.display());
    }
    store.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_a_database_is_named() {
    let scratch = Scratch::new();
    std::fs::write(
        scratch.path("notes.txt"),
        "not a database, but long enough to look".repeat(99),
    )
    .unwrap();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    for name in ["notes.txt", "directory", "notes.txt/a.db"] {
        let clock = Arc::new(ManualClock::at(NOW));
        let error = CrmStore::open(&scratch.location(name), clock)
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Retry, "{name}");
        let sentence = error.chain();
        let path = scratch.path(name);
        assert!(
            sentence.contains(&path.display().to_string()),
            "{name}: {sentence}"
        );
        assert!(
            sentence.contains("must be able to write it"),
            "{name}: {sentence}"
        );
    }
}

/// Changes a file behind the store's back.
async fn tamper(scratch: &Scratch, statement: &'static str) {
    let options = SqliteConnectOptions::new()
        .filename(scratch.path("a.db"))
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn rows_that_cannot_be_read_back_are_errors_that_name_the_column() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let call = fill(&store).await;
    let tenant = seed(1).business.id;
    tamper(
        &scratch,
        "UPDATE calls SET caller_number = 'not-a-number-972550001234'",
    )
    .await;
    let error = store.call(&scope(tenant), call).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Internal);
    assert!(
        error.chain().contains("column `caller_number`"),
        "{}",
        error.chain()
    );
    assert!(
        !error.chain().contains("972550001234"),
        "the value is not for logs"
    );
    tamper(&scratch, "UPDATE leads SET source = 'carrier pigeon'").await;
    let error = store
        .list_leads(&scope(tenant), Page::first(1))
        .await
        .unwrap_err();
    assert!(
        error.chain().contains("column `source`"),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn a_job_of_a_newer_version_is_put_aside() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    fill(&store).await;
    tamper(
        &scratch,
        r#"UPDATE jobs SET work = '{"kind":"brew_coffee"}'"#,
    )
    .await;
    let jobs = store
        .claim_jobs(&OPERATOR, NOW, 1_000, 10, RetryPolicy::STANDARD)
        .await
        .unwrap();
    assert_eq!(jobs, []);
    assert_eq!(
        store.count_jobs(&OPERATOR).await.unwrap(),
        JobCounts {
            pending: 0,
            running: 0,
            dead: 1
        }
    );
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await;
    tamper(
        &scratch,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .await;
    let clock = Arc::new(ManualClock::at(NOW));
    let error = CrmStore::open(&scratch.location("a.db"), clock)
        .await
        .unwrap_err();
    assert!(error.chain().contains("9999"), "{}", error.chain());
}

#[tokio::test]
async fn the_second_wall_refuses_rows_that_point_to_another_business() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    fill(&store).await;
    store
        .add_business(&OPERATOR, &seed(2).business, &seed(2).numbers)
        .await
        .unwrap();
    let options = SqliteConnectOptions::new()
        .filename(scratch.path("a.db"))
        .foreign_keys(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    // What a forgotten check would do: a lead of business 2 on a call of business 1.
    let planted = sqlx::query("UPDATE leads SET tenant_id = ?1")
        .bind(seed(2).business.id.uuid())
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert!(planted.to_string().contains("FOREIGN KEY"), "{planted}");
}

#[tokio::test]
async fn a_store_turns_into_each_of_its_traits() {
    let scratch = Scratch::new();
    let store: Arc<dyn Store> = Arc::new(scratch.open("a.db").await);
    let phone: Arc<dyn PhoneStore> = Arc::clone(&store) as _;
    let admin: Arc<dyn BusinessAdmin> = store;
    admin
        .add_business(&OPERATOR, &seed(1).business, &[number(1)])
        .await
        .unwrap();
    assert!(
        phone
            .business(&scope(seed(1).business.id))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        phone
            .find_call(&OPERATOR, &call_sid(1))
            .await
            .unwrap()
            .is_none()
    );
}
