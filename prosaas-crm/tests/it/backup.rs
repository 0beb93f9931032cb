//! The restore drill: what was backed up is there again, on the same database and on the other one.

use std::io::Cursor;

use prosaas_core::testkit::samples::{line, new_call, number, outcome, seed};
use prosaas_core::{CallEnd, ErrorClass};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::SystemScope;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{BackupSummary, BusinessAdmin, CallStore, CrmStore, Page, StoreOptions};

use crate::support::{Backend, Databases, open, owner_url};

/// Two businesses with calls, transcripts, leads and jobs.
async fn fill(store: &CrmStore) {
    for n in [1, 2] {
        let seed = seed(n);
        let tenant = seed.business.id;
        store
            .add_business(&OPERATOR, &seed.business, &[number(n)])
            .await
            .unwrap();
        let (call, _) = store.open_call(&scope(tenant), new_call(n)).await.unwrap();
        let lines = [line(0, "שלום \"there\"\\ \n 🚗"), line(1, "Bye")];
        store
            .append_transcript(&scope(tenant), call.id, &lines)
            .await
            .unwrap();
        store
            .finish_call(&scope(tenant), call.id, outcome(CallEnd::AgentEnded))
            .await
            .unwrap();
    }
}

async fn backup(store: &CrmStore) -> (BackupSummary, Vec<u8>) {
    let mut file = Vec::new();
    let scope = SystemScope::from_operator();
    let summary = store.backup(&scope, &mut file).await.unwrap();
    (summary, file)
}

async fn restore(options: &StoreOptions, file: &[u8]) -> prosaas_core::Result<BackupSummary> {
    let scope = SystemScope::from_operator();
    CrmStore::restore_backup(&scope, options, &mut Cursor::new(file)).await
}

/// An empty database of this version, with what a restore needs.
async fn target(databases: &Databases) -> StoreOptions {
    let options = databases.fresh().await;
    match databases.names().last() {
        Some(name) => options.migrate_over(&owner_url(name)),
        None => options,
    }
}

#[tokio::test]
async fn a_restored_database_is_the_one_that_was_backed_up() {
    for backend in Backend::available() {
        println!("on {backend:?}");
        let databases = Databases::new(backend);
        let store = databases.store().await;
        fill(&store).await;
        let (written, file) = backup(&store).await;
        assert!(written.rows > 20, "{written:?}");
        let options = target(&databases).await;
        assert_eq!(restore(&options, &file).await.unwrap(), written);
        let (again, same) = backup(&open(&options).await).await;
        assert_eq!(again, written);
        // The clock stands still, so that the two files are the same to the last byte.
        assert!(same == file, "the restored database writes another backup");
    }
}

#[tokio::test]
async fn a_backup_moves_from_each_database_to_each() {
    let available = Backend::available();
    for (from, to) in available
        .iter()
        .flat_map(|from| available.iter().map(move |to| (*from, *to)))
        .filter(|(from, to)| from != to)
    {
        println!("from {from:?} to {to:?}");
        let (source, destination) = (Databases::new(from), Databases::new(to));
        let store = source.store().await;
        fill(&store).await;
        let (written, file) = backup(&store).await;
        let options = target(&destination).await;
        assert_eq!(restore(&options, &file).await.unwrap(), written);
        let moved = open(&options).await;
        assert_eq!(
            moved.list_businesses(&OPERATOR).await.unwrap(),
            store.list_businesses(&OPERATOR).await.unwrap()
        );
        for n in [1, 2] {
            let tenant = seed(n).business.id;
            let calls = store
                .list_calls(&scope(tenant), Page::first(9))
                .await
                .unwrap();
            assert_eq!(
                moved
                    .list_calls(&scope(tenant), Page::first(9))
                    .await
                    .unwrap(),
                calls
            );
            let call = calls[0].record.id;
            assert_eq!(
                moved.transcript(&scope(tenant), call).await.unwrap(),
                store.transcript(&scope(tenant), call).await.unwrap()
            );
        }
        // It goes on where it was: new rows do not meet old ones.
        moved
            .open_call(&scope(seed(1).business.id), new_call(7))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_and_a_full_database_are_refused_and_nothing_changes() {
    for backend in Backend::available() {
        println!("on {backend:?}");
        let databases = Databases::new(backend);
        let store = databases.store().await;
        fill(&store).await;
        let (written, file) = backup(&store).await;
        let options = target(&databases).await;
        let mut damaged = file.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        for bad in [&damaged[..], &file[..middle], b"", b"not a backup\n"] {
            let refused = restore(&options, bad).await.unwrap_err();
            assert_eq!(refused.class(), ErrorClass::Invalid, "{refused}");
        }
        assert_eq!(backup(&open(&options).await).await.0.rows, 0);
        assert_eq!(restore(&options, &file).await.unwrap(), written);
        let refused = restore(&options, &file).await.unwrap_err();
        assert_eq!(refused.class(), ErrorClass::Conflict, "{refused}");
        assert!(
            refused.to_string().contains("database-not-empty"),
            "{refused}"
        );
    }
}
