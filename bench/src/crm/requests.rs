//! What is asked of the store: its own calls, as the API and the voice side make them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use prosaas_core::time::SystemClock;
use prosaas_core::{Clock as _, E164, LeadId};
use prosaas_crm::CrmStore;
use prosaas_crm::Page;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::call_list::CallFilter;
use prosaas_crm::model::deal::DealFilter;
use prosaas_crm::model::id::TimelineId;
use prosaas_crm::model::lead::{LeadPatch, NewLead};
use prosaas_crm::model::lead_list::LeadList;
use prosaas_crm::model::note::NewNote;
use prosaas_crm::model::task::{TaskFilter, TaskSort, TaskStatus};
use prosaas_crm::search::Query;

/// How many rows a page has: what the API gives when nobody says otherwise.
pub(crate) const PAGE: u32 = 50;

/// One request.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// A page of leads.
    Leads(Box<LeadList>),
    /// How many leads there are, and in which stage.
    Counts,
    /// A page of what happened with a lead.
    Timeline(LeadId, Page<TimelineId>),
    /// The page after the newest fifty of a lead's timeline; finding where it begins is not measured.
    TimelineAfter(LeadId, u32),
    /// A lead's row.
    Lead(LeadId),
    /// A lead with identities and tags.
    Details(LeadId),
    /// Whose number it is.
    Phone(E164),
    /// Everything that decides how a call is answered: number called, caller.
    Call(E164, E164),
    /// A search, of so many results at most.
    Search(Query, u32),
    /// Open tasks, the most pressing first.
    Tasks,
    /// Deals, newest first.
    Deals,
    /// Calls, newest first.
    Calls,
    /// A new lead.
    Create(Box<NewLead>),
    /// A change of a lead as it is; reading it is not measured.
    Update(LeadId, Box<LeadPatch>),
    /// A note on a lead.
    Note(LeadId),
}

/// How long a request took, and how many rows it brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) took: Duration,
    pub(crate) rows: usize,
}

impl Request {
    /// Makes the request.
    pub(crate) async fn run(
        &self,
        store: &CrmStore,
        scope: &TenantScope,
    ) -> anyhow::Result<Answer> {
        let before = self.before(store, scope).await?;
        let began = Instant::now();
        let rows = self.rows(store, scope, before).await?;
        let took = began.elapsed();
        Ok(Answer { took, rows })
    }

    /// What has to be known first, and is not measured.
    async fn before(&self, store: &CrmStore, scope: &TenantScope) -> anyhow::Result<Before> {
        Ok(match self {
            Self::Update(lead, _) => Before::Version(store.get_lead(scope, *lead).await?.version),
            Self::TimelineAfter(lead, skipped) => {
                let entries = store.timeline(scope, *lead, Page::first(*skipped)).await?;
                let last = entries.last().context("the lead has no timeline")?;
                Before::Page(Page::after(last.at.millis(), last.id, PAGE))
            }
            _ => Before::Nothing,
        })
    }

    async fn rows(
        &self,
        store: &CrmStore,
        scope: &TenantScope,
        before: Before,
    ) -> anyhow::Result<usize> {
        Ok(match self {
            Self::Leads(list) => store.find_leads(scope, list).await?.leads.len(),
            Self::Counts => store.count_leads_by_stage(scope).await?.len(),
            Self::Timeline(lead, page) => store.timeline(scope, *lead, *page).await?.len(),
            Self::TimelineAfter(lead, _) => {
                let Before::Page(page) = before else {
                    anyhow::bail!("no page")
                };
                store.timeline(scope, *lead, page).await?.len()
            }
            Self::Lead(lead) => {
                store.get_lead(scope, *lead).await?;
                1
            }
            Self::Details(lead) => {
                store.lead_details(scope, *lead).await?;
                1
            }
            Self::Phone(number) => usize::from(store.lead_by_phone(scope, number).await?.is_some()),
            Self::Call(called, caller) => {
                let now = SystemClock.now();
                let situation = store
                    .call_situation(scope, called, Some(caller), now)
                    .await?;
                usize::from(situation.caller.is_some())
            }
            Self::Search(query, limit) => store.search_leads(scope, query, *limit).await?.len(),
            Self::Tasks => {
                let filter = TaskFilter {
                    status: Some(TaskStatus::Open),
                    sort: Some(TaskSort::Due),
                    ..TaskFilter::default()
                };
                store.tasks(scope, &filter, Page::first(PAGE)).await?.len()
            }
            Self::Deals => store
                .deals(scope, &DealFilter::default(), Page::first(PAGE))
                .await?
                .len(),
            Self::Calls => store
                .calls(scope, CallFilter::default(), None, PAGE)
                .await?
                .len(),
            Self::Create(new) => {
                store.create_lead(scope, (**new).clone()).await?;
                1
            }
            Self::Update(lead, patch) => {
                let Before::Version(version) = before else {
                    anyhow::bail!("no version")
                };
                store.update_lead(scope, *lead, version, patch).await?;
                1
            }
            Self::Note(lead) => {
                let new = NewNote {
                    lead_id: *lead,
                    body: "נכתב במדידה".to_owned(),
                };
                store.add_note(scope, new).await?;
                1
            }
        })
    }
}

enum Before {
    Nothing,
    Version(u64),
    Page(Page<TimelineId>),
}
