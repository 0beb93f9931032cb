//! What is remembered of the database for the time it is away: values in memory, every list bounded.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use prosaas_core::{
    AccountSid, Business, BusinessSecrets, CallEnd, CallId, CallRecord, CallSid, CallTime, E164,
    SecretString, TenantId, TranscriptLine, UnixMillis,
};
use prosaas_crm::auth::Scoped;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::model::situation::CallSituation;
use prosaas_crm::{AfterStream, StoredCall};

use super::entry::Entry;
use crate::calls::FoundCall;

/// The most of each kind that is remembered; what was touched longest ago goes first.
const MOST: usize = 10_000;
/// The most calls and tokens, past which those go that nobody needs: stored calls that are over, expired tokens.
/// More than one process carries at a time; a call takes some 3 KiB here.
const MOST_CALLS: usize = 1_000;
/// How long a business is remembered after the database spoke of it last.
const BUSINESS_KEPT_MS: i64 = 24 * 3_600_000;
/// How long a call is remembered after something happened in it: longer than the longest call.
const CALL_KEPT_MS: i64 = 6 * 3_600_000;

/// A value and when it was touched last.
#[derive(Clone, Debug)]
struct Dated<T> {
    at: UnixMillis,
    value: T,
}

/// A bounded memory.
#[derive(Debug)]
struct Memory<K, T>(HashMap<K, Dated<T>>);

impl<K, T> Default for Memory<K, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone, T> Memory<K, T> {
    fn put(&mut self, key: K, value: T, at: UnixMillis) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, dated)| dated.at);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| self.0.remove(&key));
        }
        self.0.insert(key, Dated { at, value });
    }

    /// What was touched after this moment.
    fn get(&self, key: &K, after: UnixMillis) -> Option<&T> {
        let dated = self.0.get(key).filter(|dated| dated.at > after);
        dated.map(|dated| &dated.value)
    }

    fn forget_until(&mut self, at: UnixMillis) {
        self.0.retain(|_, dated| dated.at > at);
    }
}

/// A call as this process knows it.
#[derive(Clone, Debug)]
pub(super) struct KnownCall {
    pub(super) record: FoundCall,
    pub(super) after: Option<AfterStream>,
    pub(super) by: Option<AnsweredBy>,
    /// The place of the next line, and when the last one was said.
    pub(super) next_line: (u32, CallTime),
}

impl KnownCall {
    const fn new(record: FoundCall) -> Self {
        Self {
            record,
            after: None,
            by: None,
            next_line: (0, CallTime(0)),
        }
    }

    /// The same as the store would have it. Only a lead and how well it went it does not know.
    pub(super) fn stored(&self) -> StoredCall {
        StoredCall {
            record: self.record.clone().into_inner(),
            status_sequence: None,
            carrier_ended_at: None,
            after_stream: self.after.clone(),
            lead: None,
            quality: None,
        }
    }

    /// Whether somebody spoke with the caller.
    pub(super) fn was_heard(&self) -> bool {
        self.next_line.0 > 0 || self.by == Some(AnsweredBy::Person)
    }

    fn said(&mut self, lines: &[TranscriptLine]) {
        for line in lines {
            let (next, last) = self.next_line;
            self.next_line = (next.max(line.seq + 1), last.max(line.at));
        }
    }

    fn end(&mut self, end: CallEnd, at: UnixMillis) {
        let record = self.record.clone();
        self.record = record.map(|record| CallRecord {
            end: Some(end),
            ended_at: Some(at),
            ..record
        });
    }

    /// What an entry changes of it.
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Answering { by } => self.by = *by,
            Entry::Said { lines } => self.said(lines),
            Entry::Status { status, .. } if self.record.status.may_become(*status) => {
                let record = self.record.clone();
                self.record = record.map(|record| CallRecord {
                    status: *status,
                    ..record
                });
            }
            Entry::Missed { end, at } if self.record.end.is_none() => self.end(*end, *at),
            Entry::Finished {
                outcome,
                after,
                dial,
            } if self.record.end.is_none() => {
                self.end(outcome.end, outcome.ended_at);
                self.after = AfterStream::from_stored(after, dial.clone()).ok();
            }
            _ => {}
        }
    }
}

/// A one-time token that this process gave out.
#[derive(Clone, Debug)]
struct Token {
    call: CallSid,
    until: UnixMillis,
    used: bool,
    /// The database does not know it, so that this memory alone decides.
    only_here: bool,
}

/// What this memory says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was not given out here.
    Unknown,
    /// It is used up, expired, or another call's.
    Refused,
    /// It is used up by this; the database has to agree if it can be asked.
    Used {
        /// It cannot: the token was never stored.
        only_here: bool,
    },
}

/// A call whose entries wait in a file.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) tenant: TenantId,
    /// Held while its file is written, read or removed.
    pub(super) file: Arc<tokio::sync::Mutex<()>>,
    /// What of the budget its file uses.
    bytes: u64,
    /// What of the budget those use who are about to write.
    reserved: u64,
}

/// Everything that is remembered.
pub(super) struct Book {
    away_since: Option<UnixMillis>,
    budget: u64,
    used: u64,
    pending: HashMap<CallId, Pending>,
    owners: Memory<E164, Scoped<()>>,
    situations: Memory<E164, Arc<CallSituation>>,
    businesses: Memory<TenantId, Arc<Business>>,
    secrets: Memory<TenantId, BusinessSecrets>,
    accounts: Memory<AccountSid, Vec<(TenantId, SecretString)>>,
    calls: Memory<CallSid, KnownCall>,
    tokens: Memory<[u8; 32], Token>,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("away_since", &self.away_since)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl Book {
    /// Empty, with room for so many bytes of files.
    pub(super) fn new(budget: u64) -> Self {
        Self {
            away_since: None,
            budget,
            used: 0,
            pending: HashMap::new(),
            owners: Memory::default(),
            situations: Memory::default(),
            businesses: Memory::default(),
            secrets: Memory::default(),
            accounts: Memory::default(),
            calls: Memory::default(),
            tokens: Memory::default(),
        }
    }

    /// Since when the database does not answer.
    pub(super) const fn away_since(&self) -> Option<UnixMillis> {
        self.away_since
    }

    /// The database did not answer; `true` when that is news.
    pub(super) fn gone(&mut self, now: UnixMillis) -> bool {
        let is_news = self.away_since.is_none();
        self.away_since.get_or_insert(now);
        is_news
    }

    /// The database answered; since when it had not, when that is news.
    pub(super) const fn back(&mut self) -> Option<UnixMillis> {
        self.away_since.take()
    }

    // Businesses.

    pub(super) fn learn_owner(
        &mut self,
        number: E164,
        business: &Scoped<Arc<Business>>,
        now: UnixMillis,
    ) {
        self.owners.put(number, business.clone().map(drop), now);
        self.learn_business(business, now);
    }

    pub(super) fn forget_owner(&mut self, number: &E164) {
        self.owners.0.remove(number);
    }

    pub(super) fn learn_business(&mut self, business: &Arc<Business>, now: UnixMillis) {
        self.businesses.put(business.id, Arc::clone(business), now);
    }

    pub(super) fn business(&self, tenant: TenantId, now: UnixMillis) -> Option<Arc<Business>> {
        let known = self.businesses.get(&tenant, now.plus(-BUSINESS_KEPT_MS));
        known.cloned()
    }

    pub(super) fn owner(&self, number: &E164, now: UnixMillis) -> Option<Scoped<Arc<Business>>> {
        let leave = self.owners.get(number, now.plus(-BUSINESS_KEPT_MS))?;
        let business = self.business(leave.scope().tenant(), now)?;
        Some(leave.clone().map(|()| business))
    }

    pub(super) fn learn_situation(&mut self, number: E164, known: CallSituation, now: UnixMillis) {
        self.situations.put(number, Arc::new(known), now);
    }

    /// How the business answers this number, of a caller of whom nothing is known.
    pub(super) fn situation(&self, number: &E164, now: UnixMillis) -> Option<CallSituation> {
        let known = self.situations.get(number, now.plus(-BUSINESS_KEPT_MS))?;
        Some(known.for_stranger_at(now))
    }

    pub(super) fn learn_secrets(
        &mut self,
        tenant: TenantId,
        secrets: BusinessSecrets,
        now: UnixMillis,
    ) {
        self.secrets.put(tenant, secrets, now);
    }

    pub(super) fn secrets(&self, tenant: TenantId, now: UnixMillis) -> Option<BusinessSecrets> {
        let known = self.secrets.get(&tenant, now.plus(-BUSINESS_KEPT_MS));
        known.cloned()
    }

    pub(super) fn learn_account(
        &mut self,
        account: AccountSid,
        claims: Vec<(TenantId, SecretString)>,
        now: UnixMillis,
    ) {
        self.accounts.put(account, claims, now);
    }

    pub(super) fn account(
        &self,
        account: &AccountSid,
        now: UnixMillis,
    ) -> Option<Vec<(TenantId, SecretString)>> {
        let known = self.accounts.get(account, now.plus(-BUSINESS_KEPT_MS));
        known.cloned()
    }

    // Calls.

    /// What the database says of a call; what only this process knows of it stays.
    pub(super) fn learn_call(&mut self, record: &FoundCall, now: UnixMillis) {
        let sid = record.call.call_sid.clone();
        let known = self.calls.0.remove(&sid).map(|dated| dated.value);
        let mut known = known.unwrap_or_else(|| KnownCall::new(record.clone()));
        known.record = record.clone();
        self.make_room_for_a_call();
        self.calls.put(sid, known, now);
    }

    /// A call that waits in a file is known nowhere else and stays; one that goes on stays before one that is over.
    fn make_room_for_a_call(&mut self) {
        let Self { calls, pending, .. } = self;
        if calls.0.len() < MOST_CALLS {
            return;
        }
        let stored = calls
            .0
            .iter()
            .filter(|(_, call)| !pending.contains_key(&call.value.record.id));
        let first = stored.min_by_key(|(_, call)| (call.value.record.end.is_none(), call.at));
        let first = first.map(|(sid, _)| sid.clone());
        first.and_then(|sid| calls.0.remove(&sid));
    }

    pub(super) fn call(&self, sid: &CallSid) -> Option<&KnownCall> {
        self.calls.0.get(sid).map(|dated| &dated.value)
    }

    /// A call whose newest state is in its file, not in the database.
    pub(super) fn pending_call(&self, sid: &CallSid) -> Option<&KnownCall> {
        let known = self.call(sid)?;
        self.is_pending(known.record.id).then_some(known)
    }

    /// What happened in a call, wherever it is stored.
    pub(super) fn happened(&mut self, record: &FoundCall, entry: &Entry, now: UnixMillis) {
        let sid = &record.call.call_sid;
        if !self.calls.0.contains_key(sid) {
            self.learn_call(record, now);
        }
        if let Some(known) = self.calls.0.get_mut(sid) {
            known.at = now;
            known.value.take(entry);
        }
    }

    // Tokens.

    pub(super) fn give_token(
        &mut self,
        hash: [u8; 32],
        call: CallSid,
        until: UnixMillis,
        now: UnixMillis,
    ) {
        // A copy of the webhook gets the same token again: used, it stays used.
        if self.tokens.0.contains_key(&hash) {
            return;
        }
        if self.tokens.0.len() >= MOST_CALLS {
            self.tokens.0.retain(|_, token| token.value.until > now);
        }
        let token = Token {
            call,
            until,
            used: false,
            only_here: true,
        };
        self.tokens.put(hash, token, now);
    }

    /// The database has the token as well.
    pub(super) fn token_is_stored(&mut self, hash: &[u8; 32]) {
        if let Some(token) = self.tokens.0.get_mut(hash) {
            token.value.only_here = false;
        }
    }

    /// Uses a token up. A refused try uses nothing up.
    pub(super) fn use_token(
        &mut self,
        hash: &[u8; 32],
        call: &CallSid,
        now: UnixMillis,
    ) -> Verdict {
        let Some(token) = self.tokens.0.get_mut(hash) else {
            return Verdict::Unknown;
        };
        let token = &mut token.value;
        if token.used || token.until <= now || token.call != *call {
            return Verdict::Refused;
        }
        token.used = true;
        Verdict::Used {
            only_here: token.only_here,
        }
    }

    // Files.

    pub(super) fn is_pending(&self, call: CallId) -> bool {
        self.pending.contains_key(&call)
    }

    /// Takes so much of the budget for a call that is about to write; `None` when there is not enough.
    pub(super) fn reserve(
        &mut self,
        tenant: TenantId,
        call: CallId,
        bytes: u64,
    ) -> Option<Pending> {
        if self.used.saturating_add(bytes) > self.budget {
            return None;
        }
        Some(self.add(tenant, call, bytes))
    }

    /// A file that an earlier process left, whatever the budget says.
    pub(super) fn found(&mut self, tenant: TenantId, call: CallId, bytes: u64) {
        self.add(tenant, call, bytes);
        self.wrote(call, bytes, true);
    }

    fn add(&mut self, tenant: TenantId, call: CallId, bytes: u64) -> Pending {
        self.used += bytes;
        let pending = self.pending.entry(call).or_insert_with(|| Pending {
            tenant,
            file: Arc::default(),
            bytes: 0,
            reserved: 0,
        });
        pending.reserved += bytes;
        pending.clone()
    }

    /// A writer is done; its lines are in the file, or they are not.
    pub(super) fn wrote(&mut self, call: CallId, bytes: u64, done: bool) {
        let Some(pending) = self.pending.get_mut(&call) else {
            return;
        };
        pending.reserved = pending.reserved.saturating_sub(bytes);
        if done {
            pending.bytes += bytes;
        } else {
            self.used = self.used.saturating_sub(bytes);
        }
        self.drop_if_empty(call);
    }

    /// The file is gone, with all that was in it; whoever is about to write begins a new one. Call it while
    /// the file is held.
    pub(super) fn emptied(&mut self, call: CallId) {
        if let Some(pending) = self.pending.get_mut(&call) {
            self.used = self.used.saturating_sub(pending.bytes);
            pending.bytes = 0;
            self.drop_if_empty(call);
        }
    }

    fn drop_if_empty(&mut self, call: CallId) {
        let is_empty = |pending: &Pending| pending.bytes == 0 && pending.reserved == 0;
        if self.pending.get(&call).is_some_and(is_empty) {
            self.pending.remove(&call);
        }
    }

    /// The calls that wait, the oldest first: ids begin with the time at which they were minted.
    pub(super) fn waiting(&self) -> Vec<(CallId, Pending)> {
        let mut waiting: Vec<_> = self
            .pending
            .iter()
            .map(|(call, pending)| (*call, pending.clone()))
            .collect();
        waiting.sort_by_key(|(call, _)| *call);
        waiting
    }

    /// How many calls wait, and how many bytes.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.pending.len(), self.used)
    }

    /// Forgets what is too old to be believed.
    pub(super) fn forget_old(&mut self, now: UnixMillis) {
        let old = now.plus(-BUSINESS_KEPT_MS);
        self.owners.forget_until(old);
        self.situations.forget_until(old);
        self.businesses.forget_until(old);
        self.secrets.forget_until(old);
        self.accounts.forget_until(old);
        self.tokens.0.retain(|_, token| token.value.until > now);
        let Self { calls, pending, .. } = self;
        calls.0.retain(|_, call| {
            call.at > now.plus(-CALL_KEPT_MS) || pending.contains_key(&call.value.record.id)
        });
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
