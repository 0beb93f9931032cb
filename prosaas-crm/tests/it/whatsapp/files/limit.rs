//! A business whose files take all they may.

use bytes::Bytes;
use prosaas_core::message::MediaKind;
use prosaas_crm::JobWork;
use prosaas_crm::model::message_file::{FileState, TranscriptState};
use prosaas_crm::model::patch::Replace;
use prosaas_crm::model::settings::SettingsPatch;

use super::{PNG, Shop, in_a_shop, ours, person, theirs};

const PICTURE: (MediaKind, &str) = (MediaKind::Image, "image/png");

async fn limit(shop: &Shop, bytes: u64) {
    let version = shop.store.settings(&person()).await.unwrap().version;
    let patch = SettingsPatch {
        storage_limit_bytes: Replace(Some(bytes)),
        ..SettingsPatch::default()
    };
    let changed = shop.store.update_settings(&person(), version, patch).await;
    assert_eq!(changed.unwrap().storage_limit_bytes, bytes);
}

#[tokio::test]
async fn a_file_beyond_the_limit_is_told_of_and_not_taken() {
    in_a_shop(async |shop| {
        let size = PNG.len() as u64;
        limit(&shop, size).await;
        let first = shop.receives("M1", PICTURE, PNG).await;
        shop.fetch(first, 1).await.unwrap();
        assert_eq!(shop.file(first).await.state, FileState::Stored);
        let used = shop.store.storage_use(&person()).await.unwrap();
        assert_eq!((used.files_bytes, used.left()), (size, 0));
        let others = shop.store.storage_use(&theirs()).await.unwrap();
        assert_eq!(others.used_bytes, 0);
        let second = shop.receives("M2", PICTURE, PNG).await;
        shop.fetch(second, 1).await.unwrap();
        let file = shop.file(second).await;
        assert_eq!(
            (file.state, file.is_over_limit),
            (FileState::TooLarge, true)
        );
        assert_eq!(shop.read(second).await, None);
        // Nobody waits for the words of a voice note that is not taken.
        let note = shop.notes("M3").await;
        shop.fetch(note, 1).await.unwrap();
        let file = shop.file(note).await;
        assert!(file.is_over_limit, "{file:?}");
        assert_eq!(file.transcript, Some(TranscriptState::Failed));
        // What is removed makes room.
        shop.store.forget_file(&person(), first).await.unwrap();
        let third = shop.receives("M4", PICTURE, PNG).await;
        shop.fetch(third, 1).await.unwrap();
        assert_eq!(shop.file(third).await.state, FileState::Stored);
        // One whose size nobody announced is stopped where there is no more room.
        limit(&shop, size + 3).await;
        shop.transport
            .put_file(ours(), "M5", Bytes::from_static(PNG));
        let fourth = shop.announced("M5", PICTURE, None).await;
        shop.fetch(fourth, 1).await.unwrap();
        let file = shop.file(fourth).await;
        assert!(file.is_over_limit, "{file:?}");
        assert_eq!(shop.read(fourth).await, None);
    })
    .await;
}

#[tokio::test]
async fn owners_are_told_once_a_day_while_little_is_left() {
    in_a_shop(async |shop| {
        assert!(!shop.store.warn_of_storage(&person()).await.unwrap());
        limit(&shop, PNG.len() as u64).await;
        let picture = shop.receives("M1", PICTURE, PNG).await;
        shop.fetch(picture, 1).await.unwrap();
        let warned_at = shop.store.now();
        for is_told in [true, false] {
            let told = shop.store.warn_of_storage(&person()).await;
            assert_eq!(told.unwrap(), is_told);
        }
        let work = shop.work().await;
        assert!(
            work.contains(&JobWork::WarnOfStorage { at: warned_at }),
            "{work:?}"
        );
        shop.clock.advance(24 * 3_600_000 - 1);
        assert!(!shop.store.warn_of_storage(&person()).await.unwrap());
        shop.clock.advance(1);
        assert!(shop.store.warn_of_storage(&person()).await.unwrap());
        limit(&shop, 1_000_000).await;
        shop.clock.advance(24 * 3_600_000);
        assert!(!shop.store.warn_of_storage(&person()).await.unwrap());
    })
    .await;
}
