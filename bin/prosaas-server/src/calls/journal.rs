//! Keeps each call's journal as a file, off the audio path.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use prosaas_core::{CallId, CallRecord, Error, TenantId};
use prosaas_crm::api::CallScripts;
use prosaas_realtime::journal::{AudioDetail, Writer, script_of_journal};
use tokio::sync::mpsc;

use crate::files::create_private_dir;
use crate::wiring::App;

/// The folder under the data directory.
pub const FOLDER: &str = "journals";
/// How many pieces of about 4 KiB may wait for the disk; when more would, the journal ends early.
const PIECES: usize = 64;
/// The most sockets of one call that are journalled.
const MAX_FILES: u32 = 10;

/// A writer for the call, and what has to be written to the file.
pub(super) fn channel() -> (Writer, mpsc::Receiver<String>) {
    let (pieces, received) = mpsc::channel(PIECES);
    (Writer::new(AudioDetail::Lengths, pieces), received)
}

/// Writes the pieces to the call's file until the call ends. A disk that fails costs the journal, not the call.
pub(super) async fn write(app: &App, record: &CallRecord, mut pieces: mpsc::Receiver<String>) {
    let mut file = match create(app, record).await {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(error = %error.kind(), "the call's journal could not be created");
            return;
        }
    };
    while let Some(piece) = pieces.recv().await {
        // A tokio file would keep a buffer of its own for every call.
        let written = tokio::task::spawn_blocking(move || {
            file.write_all(piece.as_bytes())?;
            Ok::<_, std::io::Error>(file)
        });
        file = match written.await {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => {
                return tracing::warn!(error = %error.kind(), "the call's journal could not be written");
            }
            Err(error) => {
                return tracing::error!(%error, "writing a call's journal panicked");
            }
        };
    }
}

/// A new file: each socket of a call is a session of its own, so a resumed call has several.
async fn create(app: &App, record: &CallRecord) -> std::io::Result<File> {
    let directory = app
        .config
        .data_dir
        .join(FOLDER)
        .join(record.tenant.to_string());
    create_private_dir(&directory).await?;
    let mut number = 1;
    loop {
        let path = directory.join(name(record.id, number));
        match tokio::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .await
        {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MAX_FILES => {
                number += 1;
            }
            Ok(file) => return Ok(file.into_std().await),
            Err(error) => return Err(error),
        }
    }
}

fn name(call: CallId, number: u32) -> PathBuf {
    match number {
        1 => format!("{call}.txt").into(),
        _ => format!("{call}-{number}.txt").into(),
    }
}

/// The journals of all calls, as scripts that say nothing of anybody.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
}

impl Journals {
    /// Those under this data directory.
    pub(crate) fn in_data_dir(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join(FOLDER),
        }
    }
}

#[async_trait]
impl CallScripts for Journals {
    async fn script(&self, tenant: TenantId, call: CallId) -> Result<Option<String>, Error> {
        let path = self.folder.join(tenant.to_string()).join(name(call, 1));
        let made = tokio::task::spawn_blocking(move || match File::open(path) {
            Ok(file) => script_of_journal(BufReader::new(file))
                .map(Some)
                .map_err(|error| Error::internal("journal", error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unavailable("journal", error)),
        });
        made.await
            .map_err(|panic| Error::internal("journal", panic))?
    }
}
