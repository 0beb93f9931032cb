//! Many leads at once on every backend: done one by one by the rules of one, watched, stopped, taken back;
//! and what is purged is gone.

use prosaas_core::testkit::samples::{line, new_call, number, outcome, seed};
use prosaas_core::{CallEnd, Error, LeadDraft, LeadId};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::model::batch::{BatchJob, BatchState};
use prosaas_crm::model::bulk::{BulkAction, BulkFilter};
use prosaas_crm::model::id::BatchJobId;
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{Lead, LeadSource, NewLead};
use prosaas_crm::model::lead_list::LeadList;
use prosaas_crm::model::note::NewNote;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{
    BusinessAdmin as _, CallStore as _, CrmStore, JobWork, Jobs as _, LeadStore as _, RetryPolicy,
};

use crate::support::for_each_backend;

async fn businesses(store: &CrmStore) -> (TenantScope, TenantScope) {
    for n in [1, 2] {
        let seed = seed(n);
        store
            .add_business(&OPERATOR, &seed.business, &seed.numbers)
            .await
            .unwrap();
    }
    let scope = |n| TenantScope::from_trusted_host(seed(n).business.id, Permissions::all());
    (scope(1), scope(2))
}

async fn create(store: &CrmStore, scope: &TenantScope, name: &str, phone: u8) -> Lead {
    let new = NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            ..LeadDraft::default()
        },
        identities: vec![NewIdentity::phone(&number(phone))],
        ..NewLead::of(LeadSource::Manual)
    };
    store.create_lead(scope, new).await.unwrap().lead
}

/// Runs every batch job that is due, as the server does.
async fn run(store: &CrmStore) {
    loop {
        let jobs = store
            .claim_jobs(&OPERATOR, store.now(), 60_000, 10, RetryPolicy::STANDARD)
            .await
            .unwrap();
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            if let JobWork::RunBatch { batch, .. } = &job.work {
                let scope = TenantScope::of_job(&job);
                store.run_bulk(&scope, *batch).await.unwrap();
            }
            assert!(store.complete_job(&job).await.unwrap());
        }
    }
}

async fn after(store: &CrmStore, scope: &TenantScope, id: BatchJobId) -> BatchJob {
    run(store).await;
    store.batch(scope, id).await.unwrap()
}

async fn live(store: &CrmStore, scope: &TenantScope) -> Vec<LeadId> {
    let list = LeadList {
        limit: 200,
        ..LeadList::default()
    };
    let page = store.find_leads(scope, &list).await.unwrap();
    let mut ids: Vec<_> = page.leads.iter().map(|lead| lead.id).collect();
    ids.sort_unstable();
    ids
}

fn counted(job: &BatchJob) -> (BatchState, Option<u64>, u64, u64) {
    (job.state, job.total, job.done, job.failed)
}

#[tokio::test]
async fn a_filter_is_walked_to_its_end_and_the_whole_is_taken_back() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let mut ids = Vec::new();
        for n in 1..=130 {
            ids.push(create(&store, &ours, &format!("lead {n}"), n).await.id);
        }
        let foreign = create(&store, &theirs, "theirs", 200).await;
        let all = BulkFilter::default();
        let delete = BulkAction::Delete {};
        let wrong = store
            .change_listed_leads(&ours, all.clone(), None, Some(7), delete.clone())
            .await
            .unwrap();
        let wrong = after(&store, &ours, wrong).await;
        assert_eq!(counted(&wrong), (BatchState::Failed, Some(130), 0, 1));
        assert_eq!(wrong.errors[0].code, "count-changed");
        assert_eq!(live(&store, &ours).await.len(), 130);

        let deleted = store
            .change_listed_leads(&ours, all, None, Some(130), delete)
            .await
            .unwrap();
        let job = after(&store, &ours, deleted).await;
        assert_eq!(counted(&job), (BatchState::Done, Some(130), 130, 0));
        assert!(live(&store, &ours).await.is_empty());
        assert_eq!(live(&store, &theirs).await, [foreign.id]);
        assert!(store.batch(&theirs, deleted).await.is_err());

        // Somebody has taken a number meanwhile: that one lead stays in the trash, the others come back.
        create(&store, &ours, "another", 5).await;
        let undo = store.undo_bulk_delete(&ours, deleted).await.unwrap();
        let job = after(&store, &ours, undo).await;
        assert_eq!(counted(&job), (BatchState::Done, Some(130), 129, 1));
        assert_eq!(job.errors[0].item, ids[4].to_string());
        assert_eq!(job.errors[0].code, "identity-taken");
        assert_eq!(live(&store, &ours).await.len(), 130);
        let foreign_undo = store.undo_bulk_delete(&theirs, deleted).await;
        assert!(matches!(foreign_undo, Err(Error::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_foreign_id_in_the_list_changes_nothing() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let dana = create(&store, &ours, "Dana", 1).await;
        let foreign = create(&store, &theirs, "Noa", 2).await;
        let refused = store
            .change_leads(&ours, vec![dana.id, foreign.id], BulkAction::Delete {})
            .await;
        assert!(matches!(refused, Err(Error::NotFound { what: "lead" })));
        run(&store).await;
        assert_eq!(live(&store, &ours).await, [dana.id]);
        assert_eq!(live(&store, &theirs).await, [foreign.id]);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_change_goes_no_further() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let dana = create(&store, &ours, "Dana", 1).await;
        let id = store
            .change_leads(&ours, vec![dana.id], BulkAction::Delete {})
            .await
            .unwrap();
        assert!(store.cancel_batch(&theirs, id).await.is_err());
        let stopped = store.cancel_batch(&ours, id).await.unwrap();
        assert_eq!(stopped.state, BatchState::Cancelled);
        let job = after(&store, &ours, id).await;
        assert_eq!(counted(&job), (BatchState::Cancelled, Some(1), 0, 0));
        assert_eq!(live(&store, &ours).await, [dana.id]);
        let again = store.cancel_batch(&ours, id).await;
        assert!(matches!(
            again,
            Err(Error::Conflict {
                what: "batch-over",
                ..
            })
        ));
    })
    .await;
}

#[tokio::test]
async fn what_is_purged_is_gone_with_everything_that_belongs_to_it() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let (call, _) = store.open_call(&ours, new_call(1)).await.unwrap();
        store
            .append_transcript(&ours, call.id, &[line(0, "my secret")])
            .await
            .unwrap();
        let end = outcome(CallEnd::CallerHungUp);
        let id = store.finish_call(&ours, call.id, end).await.unwrap();
        let note = NewNote {
            lead_id: id,
            body: "a note".to_owned(),
        };
        store.add_note(&ours, note).await.unwrap();
        let keep = create(&store, &ours, "Noa", 9).await;

        let live_one = store.purge_lead(&ours, id).await;
        assert!(
            matches!(live_one, Err(Error::NotFound { .. })),
            "not in the trash"
        );
        let lead = store.get_lead(&ours, id).await.unwrap();
        let undo = store.delete_lead(&ours, id, lead.version).await.unwrap();
        let weak = TenantScope::from_trusted_host(
            ours.tenant(),
            Permissions::all().without(Permission::LeadsPurge),
        );
        let refused = store.purge_lead(&weak, id).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        let refused = store
            .change_leads(&weak, vec![id], BulkAction::Purge {})
            .await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));

        let batch = store.empty_trash(&ours).await.unwrap();
        let job = after(&store, &ours, batch).await;
        assert_eq!(counted(&job), (BatchState::Done, Some(1), 1, 0));
        assert!(store.restore_lead(&ours, id).await.is_err());
        assert!(store.undo(&ours, undo).await.is_err());
        assert!(store.transcript(&ours, call.id).await.unwrap().is_empty());
        let call = store.call(&ours, call.id).await.unwrap().unwrap();
        assert_eq!(call.record.call.caller, None);
        assert_ne!(call.record.call.call_sid, new_call(1).call_sid);
        assert_eq!(live(&store, &ours).await, [keep.id]);
        assert_eq!(
            store.lead_of_call(&ours, call.record.id).await.unwrap(),
            None
        );
    })
    .await;
}
