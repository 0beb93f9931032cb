//! What every [`crate::CallStore`] must do with recordings.

use prosaas_core::testkit::samples::new_call;
use prosaas_core::{ErrorClass, RecordingSid};

use super::{Fixture, OPERATOR, ok, ours, refuses, scope, strangers, theirs, with_call};
use crate::model::call::{Recording, RecordingState, RecordingUpdate};
use crate::model::job::{JobWork, RetryPolicy};
use crate::store::{CallStore, Jobs, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    a_recording_moves_forward_and_is_fetched_once(fixture).await;
    a_recording_belongs_to_one_call(fixture).await;
    a_voicemail_is_heard_once_its_file_is_there(fixture).await;
    recordings_are_the_tenants_own(fixture).await;
}

fn sid(n: u8) -> RecordingSid {
    format!("RE{n:032x}").parse().expect("the sid has its form")
}

fn update(n: u8, state: RecordingState) -> RecordingUpdate {
    RecordingUpdate {
        sid: sid(n),
        state,
        duration_ms: None,
        path: None,
        is_voicemail: false,
    }
}

/// Rule: a recording's state only moves forward, what is known stays, and one job fetches it.
pub async fn a_recording_moves_forward_and_is_fetched_once(fixture: &impl Fixture) {
    let rule = "rule `a recording moves forward and is fetched once`";
    let (store, call) = with_call(fixture, rule).await;
    let available = RecordingUpdate {
        duration_ms: Some(63_000),
        ..update(1, RecordingState::Available)
    };
    let stored = RecordingUpdate {
        path: Some("a/b.wav".to_owned()),
        ..update(1, RecordingState::Stored)
    };
    let steps = [
        (update(1, RecordingState::InProgress), true),
        (update(1, RecordingState::InProgress), false),
        (available.clone(), true),
        (available.clone(), false),
        (update(1, RecordingState::InProgress), false),
        (stored.clone(), true),
        (stored, false),
        (update(1, RecordingState::Absent), false),
        (available, false),
    ];
    for (update, changes) in steps {
        let changed = ok(
            store
                .set_recording(&scope(ours()), call.id, update.clone())
                .await,
            rule,
        );
        assert_eq!(changed, changes, "{rule}: {update:?}");
    }
    let expected = Recording {
        sid: sid(1),
        state: RecordingState::Stored,
        duration_ms: Some(63_000),
        path: Some("a/b.wav".to_owned()),
        is_voicemail: false,
    };
    assert_eq!(
        ok(store.recordings(&scope(ours()), call.id).await, rule),
        [expected],
        "{rule}"
    );
    let due = ok(store.next_job_at(&OPERATOR).await, rule);
    let Some(due) = due else {
        panic!("{rule}: no job fetches the recording")
    };
    let jobs = ok(
        store
            .claim_jobs(&OPERATOR, due, 60_000, 10, RetryPolicy::STANDARD)
            .await,
        rule,
    );
    let work: Vec<_> = jobs
        .into_iter()
        .map(|job| (job.tenant(), job.work))
        .collect();
    let fetch = JobWork::FetchRecording {
        call: call.id,
        recording: sid(1),
    };
    assert_eq!(work, [(ours(), fetch)], "{rule}");
}

/// Rule: a recording stays with its call; a path that leaves the data directory is refused.
pub async fn a_recording_belongs_to_one_call(fixture: &impl Fixture) {
    let rule = "rule `a recording belongs to one call`";
    let (store, call) = with_call(fixture, rule).await;
    let (other, _) = ok(store.open_call(&scope(ours()), new_call(2)).await, rule);
    let (foreign, _) = ok(store.open_call(&scope(theirs()), new_call(3)).await, rule);
    let available = update(1, RecordingState::Available);
    ok(
        store
            .set_recording(&scope(ours()), call.id, available.clone())
            .await,
        rule,
    );
    for (tenant, id) in [(ours(), other.id), (theirs(), foreign.id)] {
        let stolen = store
            .set_recording(&scope(tenant), id, available.clone())
            .await;
        refuses(&stolen, ErrorClass::Conflict, rule);
        assert!(
            ok(store.recordings(&scope(tenant), id).await, rule).is_empty(),
            "{rule}"
        );
    }
    let escape = Some("../../etc/passwd".to_owned());
    let escape = RecordingUpdate {
        path: escape,
        ..update(2, RecordingState::Stored)
    };
    let escaped = store.set_recording(&scope(ours()), call.id, escape).await;
    refuses(&escaped, ErrorClass::Invalid, rule);
    ok(
        store
            .set_recording(&scope(ours()), call.id, update(2, RecordingState::Absent))
            .await,
        rule,
    );
    let sids: Vec<_> = ok(store.recordings(&scope(ours()), call.id).await, rule);
    let sids: Vec<_> = sids.into_iter().map(|recording| recording.sid).collect();
    assert_eq!(sids, [sid(1), sid(2)], "{rule}: a call may have several");
}

/// Rule: whether a recording is a message stays once it is known, and one job hears it once it is stored.
pub async fn a_voicemail_is_heard_once_its_file_is_there(fixture: &impl Fixture) {
    let rule = "rule `a voicemail is heard once its file is there`";
    let (store, call) = with_call(fixture, rule).await;
    let available = RecordingUpdate {
        is_voicemail: true,
        ..update(1, RecordingState::Available)
    };
    let stored = RecordingUpdate {
        path: Some("a/b.wav".to_owned()),
        ..update(1, RecordingState::Stored)
    };
    for update in [available, stored.clone(), stored] {
        ok(
            store.set_recording(&scope(ours()), call.id, update).await,
            rule,
        );
    }
    let recordings = ok(store.recordings(&scope(ours()), call.id).await, rule);
    assert!(recordings[0].is_voicemail, "{rule}");
    let Some(due) = ok(store.next_job_at(&OPERATOR).await, rule) else {
        panic!("{rule}: no job hears it")
    };
    let jobs = store.claim_jobs(
        &OPERATOR,
        due.plus(60_000),
        60_000,
        10,
        RetryPolicy::STANDARD,
    );
    let work: Vec<_> = ok(jobs.await, rule)
        .into_iter()
        .map(|job| job.work)
        .collect();
    let (call, recording) = (call.id, sid(1));
    let fetch = JobWork::FetchRecording {
        call,
        recording: recording.clone(),
    };
    // Both are due at once, so either may come first.
    let expected = [fetch, JobWork::TranscribeVoicemail { call, recording }];
    assert_eq!(work.len(), expected.len(), "{rule}");
    assert!(expected.iter().all(|one| work.contains(one)), "{rule}");
}

/// Rule: another business's call has no recordings to see or set.
pub async fn recordings_are_the_tenants_own(fixture: &impl Fixture) {
    let rule = "rule `recordings are the tenant's own`";
    let (store, call) = with_call(fixture, rule).await;
    for (tenant, id) in strangers(call.id) {
        let set = store
            .set_recording(&scope(tenant), id, update(1, RecordingState::Available))
            .await;
        refuses(&set, ErrorClass::NotFound, rule);
        refuses(
            &store.recordings(&scope(tenant), id).await,
            ErrorClass::NotFound,
            rule,
        );
    }
    assert!(
        ok(store.recordings(&scope(ours()), call.id).await, rule).is_empty(),
        "{rule}"
    );
}
