//! Stores what waits, once the database answers again. One task of the server owns it.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{CallId, Error, UnixMillis};
use prosaas_crm::auth::{Scoped, SystemScope};
use prosaas_crm::{
    AfterStream, CallStore as _, MissedCall, PhoneStore as _, StatusUpdate, StreamTokens as _,
};
use tokio_util::sync::CancellationToken;

use super::book::Pending;
use super::entry::{self, Entry, Lines, recording_update};
use super::{Standby, is_away};
use crate::calls::FoundCall;
use crate::erasures::{Erasures, Graves};
use crate::wiring::App;

const INSTALLATION: SystemScope = SystemScope::for_installation();
/// The pause between two looks whether the database is back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What became of a call's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// All of it is in the database.
    Stored,
    /// The caller was erased meanwhile.
    Erased,
    /// The database refused some of it, or this version does not know it.
    Refused,
}

impl Fate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Erased => "erased",
            Self::Refused => "refused",
        }
    }
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Nothing waits.
    Idle,
    /// Something waited, and is stored.
    Stored,
    /// The database is away, or went away again.
    Away,
}

/// Stores what waits, from the start of the server until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let standby = &app.standby;
    while let Some(round) = stop.run_until_cancelled(Box::pin(standby.round())).await {
        match round {
            Round::Away => {
                let _ = tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await;
            }
            // What calls left has jobs that follow.
            Round::Stored => app.work.notify_one(),
            Round::Idle => {
                stop.run_until_cancelled(standby.work.notified()).await;
            }
        }
    }
}

impl Standby {
    /// One look: whether the database answers, and if it does, everything that waits.
    async fn round(&self) -> Round {
        if !self.is_away() && self.waiting() == 0 {
            return Round::Idle;
        }
        // A change, because a database that can only be read is of no use to a call.
        let changed = || {
            self.store
                .forget_stream_tokens(&INSTALLATION, UnixMillis(i64::MIN))
        };
        if let Err(error) = self.try_asking(changed).await {
            self.gone(&error);
            return Round::Away;
        }
        self.back();
        if self.store_all().await {
            Round::Stored
        } else {
            Round::Away
        }
    }

    /// Stores every file, the oldest call first; `false` when the database went away again.
    pub(crate) async fn store_all(&self) -> bool {
        let waiting = self.book().waiting();
        if waiting.is_empty() {
            return true;
        }
        let graves = match Erasures::graves(&self.data_dir) {
            Ok(graves) => graves,
            Err(error) => {
                // Rather late than somebody back who was forgotten.
                tracing::error!(%error, "what waits for the database is not stored: erasures cannot be read");
                return false;
            }
        };
        let mut calls = 0;
        for (call, pending) in waiting {
            let _held = Arc::clone(&pending.file).lock_owned().await;
            match self.store_file(call, &pending, &graves).await {
                Ok(fate) => {
                    self.metrics.write_behind(fate.as_str());
                    calls += 1;
                }
                Err(error) => {
                    tracing::warn!(%call, error = %error.chain(), "what a call left is not stored yet");
                    return false;
                }
            }
        }
        self.show_size();
        tracing::info!(
            calls,
            "what calls left while the database was away is stored"
        );
        true
    }

    /// Stores one file and removes it. Its lock is held.
    async fn store_file(
        &self,
        call: CallId,
        pending: &Pending,
        graves: &Graves,
    ) -> Result<Fate, Error> {
        let tenant = pending.tenant;
        let files = self.spool.clone();
        let read = tokio::task::spawn_blocking(move || files.read(tenant, call)).await;
        let read = read.map_err(|panic| Error::internal("write-behind", panic))?;
        let text = read.map_err(|error| Error::unavailable("write-behind", error))?;
        let fate = self.store_lines(entry::read(&text), graves).await?;
        let files = self.spool.clone();
        let gone = tokio::task::spawn_blocking(move || match fate {
            Fate::Stored | Fate::Erased => files.remove(tenant, call),
            Fate::Refused => files.set_aside(tenant, call),
        });
        let gone = gone.await;
        let gone = gone.map_err(|panic| Error::internal("write-behind", panic))?;
        gone.map_err(|error| Error::unavailable("write-behind", error))?;
        self.book().emptied(call);
        Ok(fate)
    }

    /// Stores what was read of a file.
    async fn store_lines(&self, lines: Lines, graves: &Graves) -> Result<Fate, Error> {
        let Some(call) = lines.call else {
            // An empty file, or one that was never acknowledged, has nothing to lose.
            let is_empty = lines.unknown == 0 && lines.entries.is_empty();
            return Ok(if is_empty {
                Fate::Stored
            } else {
                Fate::Refused
            });
        };
        // This server wrote the file, of a call that a verified webhook had led it to.
        let mut call = Scoped::from_own_record(call);
        if graves.cover(&call)? {
            return Ok(Fate::Erased);
        }
        let mut fate = match lines.unknown {
            0 => Fate::Stored,
            _ => Fate::Refused,
        };
        for entry in lines.entries {
            let stored = tokio::time::timeout(self.patience, self.store_entry(&mut call, &entry));
            let stored = stored.await;
            match stored.unwrap_or_else(|late| Err(Error::unavailable("database", late))) {
                Ok(()) => {}
                Err(error) if is_away(&error) => {
                    self.gone(&error);
                    return Err(error);
                }
                Err(error) => {
                    tracing::error!(
                        call = %call.id, ?entry, error = %error.chain(),
                        "the database refused something that a call left; its file is put aside"
                    );
                    fate = Fate::Refused;
                }
            }
        }
        Ok(fate)
    }

    /// Stores one entry. Opening the call says under which id the database knows it.
    async fn store_entry(&self, call: &mut FoundCall, entry: &Entry) -> Result<(), Error> {
        let store = &self.store;
        let (scope, id) = (*call.scope(), call.id);
        match entry.clone() {
            Entry::Opened => {
                let (record, _) = store
                    .open_call_as(&scope, id, call.call.clone(), None)
                    .await?;
                *call = record;
            }
            Entry::Missed { end, at } => {
                let missed = MissedCall {
                    end,
                    ended_at: at,
                    word: None,
                };
                let opened = store.open_missed(&scope, id, call.call.clone(), missed);
                (*call, _) = opened.await?;
            }
            Entry::Announced { version } => store.note_announcement(&scope, id, version).await?,
            Entry::Answering { by } => store.expect_answer(&scope, id, by).await?,
            Entry::Rejected => store.reject_call(&scope, id).await?,
            Entry::Said { lines } => store.append_transcript(&scope, id, &lines).await?,
            Entry::Learned { draft } => {
                store.save_lead(&scope, id, draft).await?;
            }
            Entry::Status {
                status,
                sequence,
                at,
            } => {
                let update = StatusUpdate {
                    status,
                    sequence,
                    at,
                };
                store.advance_status(&scope, id, update).await?;
            }
            Entry::Recording {
                sid,
                state,
                duration_ms,
                is_voicemail,
            } => {
                let update = recording_update(&sid, &state, (duration_ms, is_voicemail))?;
                store.set_recording(&scope, id, update).await?;
            }
            Entry::Served { ladder } => store.note_ladder(&scope, id, &ladder).await?,
            Entry::Finished {
                outcome,
                after,
                dial,
            } => {
                let after = AfterStream::from_stored(&after, dial)?;
                store.finish_call_then(&scope, id, outcome, after).await?;
            }
        }
        Ok(())
    }
}
