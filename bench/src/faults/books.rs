//! What the server's database holds, to be compared with the ledgers.

use std::time::Duration;

use prosaas_core::CallSid;
use prosaas_crm::{
    CallStore as _, CrmStore, Lead, LeadStore as _, Page, PhoneStore as _, StoredCall,
    auth::{Permissions, SystemScope, TenantScope},
};
use tokio::time::{Instant, interval};

use super::installation::{Installation, Placed, business};
use super::{heard, row::Outcome};

/// How long after the last callback an outcome may take to be stored.
const STORED_WITHIN: Duration = Duration::from_secs(10);
/// And how long what was kept in files while the database could not keep up.
const CAUGHT_UP_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Leads of one page.
const PAGE: u32 = 200;

/// Whether nothing of a call is still to come: who is turned away gets his lead by a job.
const fn is_done(stored: &StoredCall) -> bool {
    stored.is_finished() && stored.lead.is_some()
}

/// The books of an installation.
pub(super) struct Books {
    store: CrmStore,
    scope: TenantScope,
}

impl Books {
    /// Opens them, beside the server if it runs.
    pub(super) async fn open(installation: &Installation) -> anyhow::Result<Self> {
        Ok(Self {
            store: installation.store().await?,
            scope: TenantScope::from_trusted_host(business(0).id, Permissions::all()),
        })
    }

    /// A call as it is stored.
    pub(super) async fn call(&self, call: &CallSid) -> anyhow::Result<Option<StoredCall>> {
        let installation = SystemScope::from_operator();
        let Some(found) = self.store.find_call(&installation, call).await? else {
            return Ok(None);
        };
        Ok(self.store.call(&self.scope, found.id).await?)
    }

    /// Whether a call is stored with its end, its lead and its words without a hole.
    pub(super) async fn is_whole(&self, call: &CallSid) -> anyhow::Result<bool> {
        let Some(stored) = self.call(call).await? else {
            return Ok(false);
        };
        let lines = self.store.transcript(&self.scope, stored.record.id).await?;
        let mut places = lines.iter().enumerate();
        let no_hole = places.all(|(place, line)| line.seq as usize == place);
        Ok(stored.is_finished() && stored.lead.is_some() && no_hole && !lines.is_empty())
    }

    /// Waits until every one of these calls has its outcome and its lead, or the time is over.
    pub(super) async fn settle(&self, calls: &[CallSid]) -> anyhow::Result<()> {
        // A call of which nothing was acknowledged need not be there, and never will be.
        self.wait(calls, STORED_WITHIN, |stored| stored.is_none_or(is_done))
            .await
    }

    /// As [`Books::settle`], where every call was answered: some may still be in the files that calls write to
    /// while the database is away.
    pub(super) async fn catch_up(&self, calls: &[CallSid]) -> anyhow::Result<()> {
        self.wait(calls, CAUGHT_UP_WITHIN, |stored| {
            stored.is_some_and(is_done)
        })
        .await
    }

    async fn wait(
        &self,
        calls: &[CallSid],
        within: Duration,
        is_there: fn(Option<&StoredCall>) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        let mut look = interval(LOOK_EVERY);
        for call in calls {
            while Instant::now() < deadline {
                if is_there(self.call(call).await?.as_ref()) {
                    break;
                }
                look.tick().await;
            }
        }
        Ok(())
    }

    /// How many leads there are.
    pub(super) async fn leads(&self) -> anyhow::Result<u64> {
        let (mut count, mut page) = (0, Page::first(PAGE));
        loop {
            let leads = self.store.list_leads(&self.scope, page).await?;
            count += leads.len() as u64;
            let Some(last) = leads.last() else {
                return Ok(count);
            };
            page = Page::after(last.created_at, last.id, PAGE);
        }
    }

    /// The first leads, so many at most.
    pub(super) async fn first_leads(&self, count: u32) -> anyhow::Result<Vec<Lead>> {
        let page = Page::first(count);
        Ok(self.store.list_leads(&self.scope, page).await?)
    }

    /// Compares: what was acknowledged is there, each call once and with its one lead. The calls with a lead.
    pub(super) async fn judge(
        &self,
        calls: &[Placed],
        outcome: &mut Outcome,
    ) -> anyhow::Result<u64> {
        let sids: Vec<CallSid> = calls.iter().map(|placed| placed.call.clone()).collect();
        self.settle(&sids).await?;
        let mut with_lead = 0;
        for placed in calls {
            let stored = self.call(&placed.call).await?;
            let has_lead = stored.as_ref().is_some_and(|stored| stored.lead.is_some());
            with_lead += u64::from(has_lead);
            let was = |what| heard::was_acknowledged(&placed.seen, what);
            if was("voice webhook") && stored.is_none() {
                outcome.break_with(format!("the answered call {} is not stored", placed.call));
            } else if was("status callback") && !stored.as_ref().is_some_and(is_done) {
                outcome.break_with(format!(
                    "the end of call {} was acknowledged; its outcome or lead is not stored",
                    placed.call
                ));
            }
        }
        let leads = self.leads().await?;
        if leads > with_lead {
            outcome.break_with(format!("{with_lead} callers left {leads} leads"));
        }
        Ok(with_lead)
    }
}
