//! Calls: what is asked about them, and what they leave.

use std::sync::Arc;

use prosaas_core::{
    Business, CallDirection, CallEnd, CallId, CallOutcome, CallRecord, CallSid, CallStatus,
    CallTime, Error, LeadDraft, NewCall, TenantId, TranscriptLine, Usage,
};
use prosaas_crm::auth::{Scoped, SystemScope};
use prosaas_crm::model::call_list::{AnsweredBy, LadderUse};
use prosaas_crm::model::token::NewStreamToken;
use prosaas_crm::{
    AfterStream, CallStore as _, MissedCall, PhoneStore as _, RecordingUpdate, StatusUpdate,
    StoredCall, StreamTokens as _,
};

use super::book::{KnownCall, Verdict};
use super::entry::{self, Entry};
use super::{Standby, Written, is_away};
use crate::calls::FoundCall;

/// Finds whose a webhook's call or a media socket's token is: they are the proof.
const FINDER: SystemScope = SystemScope::for_installation();

/// What was said in a call so far.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// The lines that can be read.
    pub lines: Vec<TranscriptLine>,
    /// The place of the next line, behind those also that cannot be read now.
    pub next: u32,
    /// When the last one was said.
    pub last: CallTime,
}

impl Earlier {
    fn of(mut lines: Vec<TranscriptLine>, known: Option<&KnownCall>) -> Self {
        lines.sort_by_key(|line| line.seq);
        lines.dedup_by_key(|line| line.seq);
        let (mut next, mut last) = known.map_or((0, CallTime(0)), |known| known.next_line);
        for line in &lines {
            next = next.max(line.seq.saturating_add(1));
            last = last.max(line.at);
        }
        Self { lines, next, last }
    }
}

impl Standby {
    /// The call the carrier knows under this id, with leave to act for its business.
    ///
    /// # Errors
    /// When the store is away and this process does not know the call either.
    pub async fn find_call(&self, sid: &CallSid) -> Result<Option<FoundCall>, Error> {
        if let Some(known) = self.book().pending_call(sid) {
            return Ok(Some(known.record.clone()));
        }
        let asked = self.ask(|| self.store.find_call(&FINDER, sid)).await;
        match asked {
            Ok(found) => {
                if let Some(record) = &found {
                    self.book().learn_call(record, self.now());
                }
                Ok(found)
            }
            Err(error) if is_away(&error) => {
                let known = self.book().call(sid).map(|known| known.record.clone());
                known.map(Some).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// A call with how it goes on after its stream.
    ///
    /// # Errors
    /// When the store is away and this process does not know the call either.
    pub async fn call(&self, record: &FoundCall) -> Result<Option<StoredCall>, Error> {
        let sid = &record.call.call_sid;
        if let Some(known) = self.book().pending_call(sid) {
            return Ok(Some(known.stored()));
        }
        let scope = record.scope();
        let asked = self.ask(|| self.store.call(scope, record.id)).await;
        match asked {
            Err(error) if is_away(&error) => {
                let known = self.book().call(sid).map(KnownCall::stored);
                known.map(Some).ok_or(error)
            }
            asked => asked,
        }
    }

    /// Opens a call under an id that was minted for it, or returns the one already open under the same `call_sid`,
    /// and gives the token of its first stream out.
    ///
    /// # Errors
    /// What the store said; when it is away, that the call could not be kept either.
    pub async fn open_call(
        &self,
        business: &Scoped<Arc<Business>>,
        (id, call): (CallId, NewCall),
        token: Option<NewStreamToken>,
    ) -> Result<FoundCall, Error> {
        let now = self.now();
        if let Some(NewStreamToken { hash, expires_at }) = token {
            let sid = call.call_sid.clone();
            self.book().give_token(hash, sid, expires_at, now);
        }
        let opened = |business: Arc<Business>| opened(business.id, id, call);
        let new = business.clone().map(opened);
        let stored = self
            .write(&new, Entry::Opened, || {
                self.store
                    .open_call_as(new.scope(), new.id, new.call.clone(), token)
            })
            .await?;
        let record = match stored {
            Written::Stored((record, _)) => {
                if let Some(token) = token {
                    self.book().token_is_stored(&token.hash);
                }
                record
            }
            Written::Kept => {
                tracing::warn!(call = %new.id, "a call is answered without the database");
                new
            }
        };
        self.book().learn_call(&record, now);
        Ok(record)
    }

    /// Stores a new call that nobody takes, with its end, under an id that was minted for it; `None` when another
    /// process has stored a call of this `call_sid`. Its lead comes by a job.
    ///
    /// # Errors
    /// As [`Standby::open_call`].
    pub async fn miss(
        &self,
        business: &Scoped<Arc<Business>>,
        (id, call): (CallId, NewCall),
        end: CallEnd,
    ) -> Result<Option<FoundCall>, Error> {
        let at = self.now();
        let ringing = |business: Arc<Business>| opened(business.id, id, call);
        let new = business.clone().map(ringing);
        let missed = MissedCall {
            end,
            ended_at: at,
            word: None,
        };
        let stored = self
            .write(&new, Entry::Missed { end, at }, || {
                self.store
                    .open_missed(new.scope(), new.id, new.call.clone(), missed)
            })
            .await?;
        Ok(match stored {
            Written::Stored((known, false)) => {
                self.book().learn_call(&known, at);
                None
            }
            Written::Stored((record, true)) => Some(record),
            Written::Kept => Some(new),
        })
    }

    /// Gives the one-time token of a later stream out.
    ///
    /// # Errors
    /// What the store said, if it is there.
    pub async fn issue_token(
        &self,
        record: &FoundCall,
        token: NewStreamToken,
    ) -> Result<(), Error> {
        let NewStreamToken { hash, expires_at } = token;
        let (sid, now) = (record.call.call_sid.clone(), self.now());
        self.book().give_token(hash, sid, expires_at, now);
        if self.is_pending(record.id) {
            return Ok(());
        }
        let scope = record.scope();
        let asked = self
            .ask(|| {
                self.store
                    .issue_stream_token(scope, record.id, hash, expires_at)
            })
            .await;
        match asked {
            Ok(()) => {
                self.book().token_is_stored(&hash);
                Ok(())
            }
            Err(error) if is_away(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Uses a token up; `true` for exactly one socket. While the store is away this process decides about
    /// the tokens that it gave out itself.
    ///
    /// # Errors
    /// What the store said about a token of another process.
    pub async fn redeem_token(&self, hash: &[u8; 32], sid: &CallSid) -> Result<bool, Error> {
        let now = self.now();
        let verdict = self.book().use_token(hash, sid, now);
        match verdict {
            Verdict::Refused => return Ok(false),
            Verdict::Used { only_here: true } => return Ok(true),
            Verdict::Used { only_here: false } | Verdict::Unknown => {}
        }
        let asked = self
            .ask(|| self.store.redeem_stream_token(&FINDER, hash, sid, now))
            .await;
        match asked {
            Ok(grant) => Ok(grant.is_some()),
            Err(error) if is_away(&error) && verdict != Verdict::Unknown => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What was said in a call, as far as it can be read.
    ///
    /// # Errors
    /// What the store said, if it is there.
    pub async fn earlier(&self, record: &FoundCall) -> Result<Earlier, Error> {
        let scope = record.scope();
        let asked = self.ask(|| self.store.transcript(scope, record.id)).await;
        let is_pending = self.is_pending(record.id);
        let mut lines = match asked {
            Ok(lines) => lines,
            Err(error) if is_away(&error) => Vec::new(),
            // It came in while the store was away, which does not know it yet.
            Err(Error::NotFound { .. }) if is_pending => Vec::new(),
            Err(error) => return Err(error),
        };
        if is_pending {
            lines.extend(self.kept_lines(record).await);
        }
        let book = self.book();
        Ok(Earlier::of(lines, book.call(&record.call.call_sid)))
    }

    async fn kept_lines(&self, record: &FoundCall) -> Vec<TranscriptLine> {
        let (spool, tenant, call) = (self.spool.clone(), record.tenant, record.id);
        let read = tokio::task::spawn_blocking(move || spool.read(tenant, call)).await;
        let text = read.ok().and_then(Result::ok).unwrap_or_default();
        let kept = entry::read(&text).entries.into_iter();
        kept.filter_map(|entry| match entry {
            Entry::Said { lines } => Some(lines),
            _ => None,
        })
        .flatten()
        .collect()
    }

    /// Adds transcript lines.
    ///
    /// # Errors
    /// What the store said; when it is away, that they could not be kept either.
    pub async fn say(&self, record: &FoundCall, lines: &[TranscriptLine]) -> Result<(), Error> {
        let lines: Arc<[TranscriptLine]> = lines.into();
        let entry = Entry::Said {
            lines: lines.to_vec(),
        };
        let (scope, call) = (record.scope(), record.id);
        self.write(record, entry, || {
            self.store.append_transcript(scope, call, &lines)
        })
        .await
        .map(drop)
    }

    /// Keeps what the caller told about himself.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn learn(&self, record: &FoundCall, draft: LeadDraft) -> Result<(), Error> {
        let (scope, call) = (record.scope(), record.id);
        let entry = Entry::Learned {
            draft: draft.clone(),
        };
        self.write(record, entry, || {
            self.store.save_lead(scope, call, draft.clone())
        })
        .await
        .map(drop)
    }

    /// Notes who is to take the call.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn expect_answer(
        &self,
        record: &FoundCall,
        by: Option<AnsweredBy>,
    ) -> Result<(), Error> {
        let scope = record.scope();
        self.write(record, Entry::Answering { by }, || {
            self.store.expect_answer(scope, record.id, by)
        })
        .await
        .map(drop)
    }

    /// Notes which announcement the caller hears.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn announce(&self, record: &FoundCall, version: u32) -> Result<(), Error> {
        let scope = record.scope();
        self.write(record, Entry::Announced { version }, || {
            self.store.note_announcement(scope, record.id, version)
        })
        .await
        .map(drop)
    }

    /// Ends a call whose caller was turned away.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn reject(&self, record: &FoundCall) -> Result<(), Error> {
        let scope = record.scope();
        self.write(record, Entry::Rejected, || {
            self.store.reject_call(scope, record.id)
        })
        .await
        .map(drop)
    }

    /// Moves the carrier's status forward; whether it moved, as far as is known.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn advance(&self, record: &FoundCall, update: StatusUpdate) -> Result<bool, Error> {
        let scope = record.scope();
        let written = self
            .write(record, Entry::status(update), || {
                self.store.advance_status(scope, record.id, update)
            })
            .await?;
        Ok(match written {
            Written::Stored(moved) => moved,
            Written::Kept => record.status.may_become(update.status),
        })
    }

    /// Notes what is known about a recording; whether that is news, as far as is known.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn record(&self, record: &FoundCall, update: RecordingUpdate) -> Result<bool, Error> {
        let scope = record.scope();
        let written = self
            .write(record, Entry::recording(&update), || {
                self.store.set_recording(scope, record.id, update.clone())
            })
            .await?;
        Ok(!matches!(written, Written::Stored(false)))
    }

    /// Notes what served the call, and how often its caller had to wait.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn note_ladder(&self, record: &FoundCall, ladder: &LadderUse) -> Result<(), Error> {
        let scope = record.scope();
        let entry = Entry::Served {
            ladder: ladder.clone(),
        };
        self.write(record, entry, || {
            self.store.note_ladder(scope, record.id, ladder)
        })
        .await
        .map(drop)
    }

    /// Stores a call's outcome and how it goes on, once.
    ///
    /// # Errors
    /// As [`Standby::say`].
    pub async fn finish(
        &self,
        record: &FoundCall,
        outcome: &CallOutcome,
        after: &AfterStream,
    ) -> Result<(), Error> {
        let scope = record.scope();
        let entry = Entry::finished(outcome, after);
        self.write(record, entry, || {
            self.store
                .finish_call_then(scope, record.id, outcome.clone(), after.clone())
        })
        .await
        .map(drop)
    }

    /// Whether somebody spoke with the caller.
    ///
    /// # Errors
    /// What the store said, if it is there.
    pub async fn was_heard(&self, record: &FoundCall) -> Result<bool, Error> {
        let sid = &record.call.call_sid;
        if let Some(known) = self.book().pending_call(sid) {
            return Ok(known.was_heard());
        }
        let scope = record.scope();
        let asked = self
            .ask(|| async {
                let spoken = self.store.transcript(scope, record.id).await?;
                let known = self.store.call_entry(scope, record.id).await?;
                Ok(!spoken.is_empty() || known.answered_by == Some(AnsweredBy::Person))
            })
            .await;
        match asked {
            Err(error) if is_away(&error) => {
                let known = self.book().call(sid).map(KnownCall::was_heard);
                known.ok_or(error)
            }
            asked => asked,
        }
    }
}

/// The row that opening a call makes.
fn opened(tenant: TenantId, id: CallId, call: NewCall) -> CallRecord {
    CallRecord {
        id,
        tenant,
        status: match call.direction {
            CallDirection::Inbound => CallStatus::Ringing,
            CallDirection::Outbound => CallStatus::Queued,
        },
        call,
        ended_at: None,
        end: None,
        usage: Usage::default(),
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::Speaker;

    use super::*;

    #[test]
    fn the_next_line_comes_behind_those_that_cannot_be_read() {
        let line = |seq, at| TranscriptLine {
            seq,
            speaker: Speaker::Agent,
            at: CallTime(at),
            text: "x".to_owned(),
            interrupted: false,
        };
        let earlier = Earlier::of(vec![line(2, 90), line(0, 10), line(2, 90)], None);
        assert_eq!((earlier.next, earlier.last), (3, CallTime(90)));
        assert_eq!(earlier.lines.len(), 2);
        assert_eq!(Earlier::of(Vec::new(), None).next, 0);
    }
}
