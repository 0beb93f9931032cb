//! Fetches a recording from Twilio into our own storage.

use std::path::Path;

use prosaas_core::{CallId, ErrorClass, RecordingSid, TenantId};
use prosaas_crm::CallStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::{RecordingState, RecordingUpdate};
use prosaas_twilio::rest;

use super::{JobError, storage};
use crate::carrier;
use crate::files::create_private_dir;
use crate::wiring::App;

/// The largest recording that is kept: two hours of two channels, with room.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// The folder under the data directory.
pub(crate) const FOLDER: &str = "recordings";

/// Fetches one recording. One that is stored already is left as it is.
pub(super) async fn run(
    app: &App,
    scope: &TenantScope,
    call: CallId,
    recording: &RecordingSid,
) -> Result<(), JobError> {
    let known = app.store.recordings(scope, call).await?;
    let Some(at) = known
        .iter()
        .position(|candidate| candidate.sid == *recording)
    else {
        return Err(JobError::Final(
            "the recording is not known to the call".to_owned(),
        ));
    };
    if known[at].state == RecordingState::Stored {
        return Ok(());
    }
    let path = path(scope.tenant(), call, recording, at);
    let file = app.config.data_dir.join(&path);
    match fetch(&clients(app, scope).await?, recording, &file).await {
        Ok(bytes) => {
            // Before the row says that it is stored: from then on its size counts.
            app.store
                .note_recording_bytes(scope, (call, recording), bytes)
                .await?;
            note(
                app,
                scope,
                call,
                recording,
                RecordingState::Stored,
                Some(path),
            )
            .await?;
            storage::look(app, scope).await;
            Ok(())
        }
        Err(Failure::Fetch(rest::Error::NotFound { .. })) => {
            note(app, scope, call, recording, RecordingState::Absent, None).await
        }
        Err(Failure::Fetch(error)) if error.class() == ErrorClass::Invalid => {
            Err(JobError::Final(error.to_string()))
        }
        Err(Failure::Fetch(error)) => Err(JobError::Retry(error.to_string())),
        Err(Failure::File(error)) => Err(JobError::Retry(format!(
            "the file could not be written: {}",
            error.kind()
        ))),
    }
}

/// Deletes a recording at Twilio of which nothing is left here. One that is not there any more is done.
pub(super) async fn delete_at_carrier(
    app: &App,
    scope: &TenantScope,
    recording: &RecordingSid,
) -> Result<(), JobError> {
    for client in clients(app, scope).await? {
        match client.delete_recording(recording).await {
            Ok(()) | Err(rest::Error::NotFound { .. }) => {}
            Err(error) if error.class() == ErrorClass::Invalid => {
                return Err(JobError::Final(error.to_string()));
            }
            Err(error) => return Err(JobError::Retry(error.to_string())),
        }
    }
    Ok(())
}

/// The accounts that may have a recording of the business; one at least.
async fn clients(app: &App, scope: &TenantScope) -> Result<Vec<rest::Client>, JobError> {
    let clients = carrier::clients(app, scope).await?;
    if clients.is_empty() {
        let missing = "Twilio's credentials are missing: the business's own where it has an account, else \
                       TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN";
        return Err(JobError::Retry(missing.to_owned()));
    }
    Ok(clients)
}

/// Relative to the data directory. A call's first recording has the plain name; a voicemail after it
/// carries its own id as well.
fn path(tenant: TenantId, call: CallId, recording: &RecordingSid, at: usize) -> String {
    match at {
        0 => format!("{FOLDER}/{tenant}/{call}.wav"),
        _ => format!("{FOLDER}/{tenant}/{call}-{recording}.wav"),
    }
}

enum Failure {
    Fetch(rest::Error),
    File(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

/// Downloads beside the final place and renames, so that a file that exists is whole. Its size in bytes. From the first
/// of the accounts that has it.
async fn fetch(
    clients: &[rest::Client],
    recording: &RecordingSid,
    file: &Path,
) -> Result<u64, Failure> {
    if let Some(directory) = file.parent() {
        create_private_dir(directory).await?;
    }
    let unfinished = file.with_extension(format!("{recording}.part"));
    let mut out = tokio::fs::File::create(&unfinished).await?;
    let mut fetched = Err(rest::Error::NotFound { what: "recording" });
    for client in clients {
        fetched = client.fetch_recording(recording, MAX_BYTES, &mut out).await;
        if !matches!(fetched, Err(rest::Error::NotFound { .. })) {
            break;
        }
    }
    if let Err(error) = fetched {
        drop(out);
        // What is left over is only worth a try: the next attempt begins with an empty file anyway.
        let _ = tokio::fs::remove_file(&unfinished).await;
        return Err(Failure::Fetch(error));
    }
    out.sync_all().await?;
    let bytes = out.metadata().await?.len();
    drop(out);
    tokio::fs::rename(&unfinished, file).await?;
    Ok(bytes)
}

async fn note(
    app: &App,
    scope: &TenantScope,
    call: CallId,
    recording: &RecordingSid,
    state: RecordingState,
    path: Option<String>,
) -> Result<(), JobError> {
    let update = RecordingUpdate {
        sid: recording.clone(),
        state,
        duration_ms: None,
        path,
        // What the callback said of it stays.
        is_voicemail: false,
    };
    app.store.set_recording(scope, call, update).await?;
    Ok(())
}
