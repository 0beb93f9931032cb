//! What a store must do with how much a business may store.

use prosaas_core::ErrorClass::Invalid;
use prosaas_core::{RecordingSid, UnixMillis};

use super::{Fixture, Office, ok, refuses};
use crate::auth::SystemScope;
use crate::model::call::{RecordingState, RecordingUpdate};
use crate::model::job::{JobWork, RetryPolicy};
use crate::model::patch::Replace;
use crate::model::settings::SettingsPatch;
use crate::model::storage::{MAX_LIMIT, StorageUse};
use crate::store::{CallStore as _, CrmStore, Jobs as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    what_files_take_is_summed_up_from_their_rows(fixture).await;
    owners_are_told_once_while_little_is_left(fixture).await;
}

fn sid(n: u8) -> RecordingSid {
    format!("RE{n:032x}").parse().expect("the sid has its form")
}

/// A recording of the office's call is known, or stored.
async fn recording(office: &Office, n: u8, state: RecordingState, rule: &str) {
    let update = RecordingUpdate {
        sid: sid(n),
        state,
        duration_ms: Some(1_000),
        path: (state == RecordingState::Stored).then(|| format!("a/{n}.wav")),
        is_voicemail: false,
    };
    let noted = office
        .store
        .set_recording(&office.ours, office.call, update);
    ok(noted.await, rule);
}

async fn limit(office: &Office, bytes: u64, rule: &str) {
    let settings = ok(office.store.settings(&office.ours).await, rule);
    let patch = SettingsPatch {
        storage_limit_bytes: Replace(Some(bytes)),
        ..SettingsPatch::default()
    };
    let changed = office
        .store
        .update_settings(&office.ours, settings.version, patch)
        .await;
    assert_eq!(ok(changed, rule).storage_limit_bytes, bytes, "{rule}");
}

async fn what_files_take_is_summed_up_from_their_rows(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `what files take is summed up from their rows`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let usual = 5_000_000_000;
    let used = ok(store.storage_use(scope).await, rule);
    assert_eq!(used, StorageUse::of(0, 0, usual), "{rule}: nothing yet");
    recording(&office, 1, RecordingState::Available, rule).await;
    let one = (office.call, &sid(1));
    ok(store.note_recording_bytes(scope, one, 70).await, rule);
    let used = ok(store.storage_use(scope).await, rule);
    assert_eq!(used.used_bytes, 0, "{rule}: it is not stored yet");
    recording(&office, 1, RecordingState::Stored, rule).await;
    let used = ok(store.storage_use(scope).await, rule);
    assert_eq!(used, StorageUse::of(0, 70, usual), "{rule}");
    // Somebody else says something of it.
    let foreign = store.note_recording_bytes(&office.theirs, one, 9);
    ok(foreign.await, rule);
    recording(&office, 2, RecordingState::Stored, rule).await;
    let used = ok(store.storage_use(scope).await, rule);
    assert_eq!(
        used.recordings_bytes,
        70 + 16_000,
        "{rule}: the length tells the size of one from before"
    );
    let others = ok(store.storage_use(&office.theirs).await, rule);
    assert_eq!(others.used_bytes, 0, "{rule}");
    limit(&office, 100, rule).await;
    let used = ok(store.storage_use(scope).await, rule);
    assert_eq!((used.limit_bytes, used.left()), (100, 0), "{rule}");
    let others = ok(store.storage_use(&office.theirs).await, rule);
    assert_eq!(others.limit_bytes, usual, "{rule}");
    let version = ok(store.settings(scope).await, rule).version;
    let too_much = SettingsPatch {
        storage_limit_bytes: Replace(Some(MAX_LIMIT + 1)),
        ..SettingsPatch::default()
    };
    let refused = store.update_settings(scope, version, too_much).await;
    refuses(&refused, Invalid, rule);
}

/// How often the owners are to be told.
async fn told(store: &CrmStore, rule: &str) -> usize {
    let later = UnixMillis(i64::MAX / 2);
    let policy = RetryPolicy::STANDARD;
    let jobs = store
        .claim_jobs(&SystemScope::for_installation(), later, 0, 100, policy)
        .await;
    let is_warning = |work: &JobWork| matches!(work, JobWork::WarnOfStorage { .. });
    let jobs = ok(jobs, rule);
    jobs.iter().filter(|job| is_warning(&job.work)).count()
}

async fn owners_are_told_once_while_little_is_left(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `owners are told once while little is left`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    limit(&office, 16_000, rule).await;
    assert!(!ok(store.warn_of_storage(scope).await, rule), "{rule}");
    recording(&office, 1, RecordingState::Stored, rule).await;
    for is_told in [true, false, false] {
        let now = ok(store.warn_of_storage(scope).await, rule);
        assert_eq!(now, is_told, "{rule}");
    }
    assert_eq!(told(store, rule).await, 1, "{rule}");
    let others = ok(store.warn_of_storage(&office.theirs).await, rule);
    assert!(!others, "{rule}: nobody else's");
}
