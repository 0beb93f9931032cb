//! Leads that may be one person are found, listed once, merged or dismissed.

use prosaas_core::{LeadDraft, LeadId};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::batch::BatchState;
use prosaas_crm::model::duplicate::DuplicateReason;
use prosaas_crm::model::identity::{IdentityKind, NewIdentity};
use prosaas_crm::model::lead::{LeadSource, NewLead};
use prosaas_crm::model::phone::PhoneRegion;

use super::{after, businesses, import};
use crate::support::for_each_backend;

async fn create(store: &CrmStore, scope: &TenantScope, name: &str, phone: &str) -> LeadId {
    let phone = NewIdentity::parse(IdentityKind::E164, phone, PhoneRegion::IL).unwrap();
    let new = NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            ..LeadDraft::default()
        },
        identities: vec![phone],
        ..NewLead::of(LeadSource::Manual)
    };
    store.create_lead(scope, new).await.unwrap().lead.id
}

async fn pairs(store: &CrmStore, scope: &TenantScope) -> Vec<(LeadId, LeadId, DuplicateReason)> {
    let pairs = store.duplicates(scope, None, 50).await.unwrap();
    let pair = |pair: &prosaas_crm::model::duplicate::Duplicates| {
        (pair.lead.id, pair.other.id, pair.reason)
    };
    pairs.iter().map(pair).collect()
}

async fn look(store: &CrmStore, scope: &TenantScope) -> u64 {
    let id = store.find_duplicates(scope).await.unwrap();
    let job = after(store, scope, id).await;
    assert_eq!((job.state, job.total), (BatchState::Done, Some(job.done)));
    job.result["pairs"].as_u64().unwrap()
}

#[tokio::test]
async fn near_names_with_the_same_last_digits_may_be_one_person() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let dana = create(&store, &ours, "דנה לוי", "03-123-4567").await;
        create(&store, &ours, "Avi Katz", "09-123-4567").await;
        let again = create(&store, &ours, "לוי, דנה", "04-123-4567").await;
        create(&store, &theirs, "דנה לוי", "08-123-4567").await;
        create(&store, &ours, "דנה לוי", "03-123-4568").await;
        let pair = (dana.min(again), dana.max(again), DuplicateReason::Name);
        assert!(pairs(&store, &ours).await.is_empty());
        assert_eq!(look(&store, &ours).await, 1);
        assert_eq!(pairs(&store, &ours).await, [pair]);
        assert_eq!(look(&store, &theirs).await, 0);
        // Found once, listed once.
        assert_eq!(look(&store, &ours).await, 0);
        assert_eq!(pairs(&store, &ours).await, [pair]);
        let page = store.duplicates(&ours, Some((pair.0, pair.1)), 50).await;
        assert!(page.unwrap().is_empty());

        let (merge, _) = store.merge_leads(&ours, pair.0, pair.1).await.unwrap();
        assert!(pairs(&store, &ours).await.is_empty());
        store.undo_merge(&ours, merge).await.unwrap();
        assert_eq!(pairs(&store, &ours).await, [pair]);
        assert!(
            store
                .dismiss_duplicates(&theirs, (again, dana))
                .await
                .is_err()
        );
        store
            .dismiss_duplicates(&ours, (again, dana))
            .await
            .unwrap();
        assert!(pairs(&store, &ours).await.is_empty());
        look(&store, &ours).await;
        assert!(pairs(&store, &ours).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn many_leads_are_compared_and_a_filler_is_nobody() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        // Thirty numbers that end alike: a filler, and nobody's.
        let filler = |n| format!("Noa,+12{n}5555555\n");
        let fillers: String = (10..40).map(filler).collect();
        let other = |n| format!("Person {n},050-1{n:06}\n");
        let others: String = (0..430).map(other).collect();
        let csv = format!("name,phone\n{fillers}{others}");
        assert_eq!(import(&store, &ours, &csv).await.failed, 0);
        create(&store, &ours, "Person 7", "04-1000007").await;
        look(&store, &ours).await;
        let found = pairs(&store, &ours).await;
        let reasons: Vec<_> = found.iter().map(|(_, _, reason)| *reason).collect();
        assert_eq!(reasons, [DuplicateReason::Name]);
    })
    .await;
}
