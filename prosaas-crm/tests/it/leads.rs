//! Leads on every backend: what is created is found, what is deleted comes back, two become one.

use prosaas_core::testkit::samples::{new_call, number, seed};
use prosaas_core::{E164, Error, LeadDraft, LeadId};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{Lead, LeadPatch, LeadSource, NewLead};
use prosaas_crm::model::lead_list::{Assigned, LeadFilter, LeadList, LeadSort};
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::model::phone::{PhoneRegion, parse_phone};
use prosaas_crm::search::Query;
use prosaas_crm::store::AuditFilter;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{BusinessAdmin as _, CrmStore, LeadStore as _};

use crate::support::for_each_backend;

/// Two businesses, and the keys to them.
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

fn person(name: &str, phone: u8) -> NewLead {
    NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            ..LeadDraft::default()
        },
        identities: vec![NewIdentity::phone(&number(phone))],
        ..NewLead::of(LeadSource::Manual)
    }
}

async fn create(store: &CrmStore, scope: &TenantScope, name: &str, phone: u8) -> Lead {
    let created = store.create_lead(scope, person(name, phone)).await;
    created.unwrap().lead
}

async fn search(store: &CrmStore, scope: &TenantScope, text: &str) -> Vec<LeadId> {
    let query = Query::parse(text, PhoneRegion::IL).unwrap();
    let found = store.search_leads(scope, &query, 50).await.unwrap();
    found.into_iter().map(|lead| lead.id).collect()
}

fn conflict<T: std::fmt::Debug>(result: Result<T, Error>) -> (&'static str, String) {
    match result {
        Err(Error::Conflict { what, detail }) => (what, detail),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

#[tokio::test]
async fn a_lead_is_found_while_it_is_there_and_only_by_its_business() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let dana = create(&store, &ours, "דנה כהן", 11).await;
        let words = ["דנ", "דנה", "לכהן", "כהן דנה", "0011", "055-0000011"];
        for text in words {
            assert_eq!(search(&store, &ours, text).await, [dana.id], "{text}");
            assert!(search(&store, &theirs, text).await.is_empty(), "{text}");
        }
        let patch = LeadPatch {
            name: Patch::Set("נועה לוי".to_owned()),
            ..LeadPatch::default()
        };
        let noa = store.update_lead(&ours, dana.id, 1, &patch).await.unwrap();
        assert_eq!((noa.lead.version, noa.identities.len()), (2, 1));
        assert!(search(&store, &ours, "דנה").await.is_empty());
        assert_eq!(search(&store, &ours, "נועה").await, [dana.id]);
        let stale = store.update_lead(&ours, dana.id, 1, &patch).await;
        assert_eq!(conflict(stale).0, "version-conflict");
        assert!(
            store
                .update_lead(&theirs, dana.id, 2, &patch)
                .await
                .is_err()
        );
        let undo = store.delete_lead(&ours, dana.id, 2).await.unwrap();
        assert!(search(&store, &ours, "נועה").await.is_empty());
        assert!(store.get_lead(&ours, dana.id).await.is_err());
        assert!(store.undo(&theirs, undo).await.is_err());
        assert_eq!(store.undo(&ours, undo).await.unwrap(), [dana.id]);
        assert!(store.undo(&ours, undo).await.is_err(), "a token works once");
        assert_eq!(search(&store, &ours, "נועה").await, [dana.id]);
    })
    .await;
}

#[tokio::test]
async fn a_restore_whose_number_is_taken_names_the_lead_to_merge_with() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let old = create(&store, &ours, "Dana", 11).await;
        let taken = store.create_lead(&ours, person("Noa", 11)).await;
        assert!(conflict(taken).1.contains(&old.id.to_string()));
        store.delete_lead(&ours, old.id, 1).await.unwrap();
        let new = create(&store, &ours, "Noa", 11).await;
        let (what, detail) = conflict(store.restore_lead(&ours, old.id).await);
        assert_eq!(what, "identity-taken");
        assert!(detail.contains(&new.id.to_string()), "{detail}");
        let trash = store.list_deleted_leads(&ours, None, 10).await.unwrap();
        assert_eq!(trash.leads.len(), 1);
        let (_, merged) = store.merge_leads(&ours, new.id, old.id).await.unwrap();
        assert_eq!(merged.known.name.as_deref(), Some("Noa"));
        assert_eq!(merged.phone, Some(number(11)));
    })
    .await;
}

#[tokio::test]
async fn a_merge_gives_everything_to_one_and_its_undo_gives_it_back() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let tenant = ours.tenant();
        let (call, _) = store.open_call(&scope(tenant), new_call(1)).await.unwrap();
        let known = LeadDraft {
            intent: Some("repair".to_owned()),
            ..LeadDraft::default()
        };
        let loser = store
            .save_lead(&scope(tenant), call.id, known)
            .await
            .unwrap();
        let winner = create(&store, &ours, "Dana", 11).await;
        assert!(store.merge_leads(&theirs, winner.id, loser).await.is_err());
        assert!(store.merge_leads(&ours, loser, loser).await.is_err());
        let preview = store.preview_merge(&ours, winner.id, loser).await.unwrap();
        assert_eq!(preview.identities.len(), 2);
        let (merge, merged) = store.merge_leads(&ours, winner.id, loser).await.unwrap();
        assert_eq!(merged.known, preview.lead.known);
        assert_eq!(merged.known.intent.as_deref(), Some("repair"));
        assert_eq!(store.lead(&scope(tenant), loser).await.unwrap(), None);
        let of_call = store
            .lead_of_call(&scope(tenant), call.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(of_call.id, winner.id);
        assert_eq!(search(&store, &ours, "0100").await, [winner.id]);
        // What is learned later goes to the one that stayed.
        let later = store
            .save_lead(&scope(tenant), call.id, LeadDraft::default())
            .await
            .unwrap();
        assert_eq!(later, winner.id);
        let back = store.undo_merge(&ours, merge).await.unwrap();
        assert_eq!((back.id, back.phone), (loser, Some(number(100))));
        let winner = store.lead_details(&ours, winner.id).await.unwrap();
        assert_eq!(winner.lead.known.intent, None);
        assert_eq!(winner.identities.len(), 1);
        assert_eq!(
            store.calls_of_lead(&scope(tenant), loser).await.unwrap(),
            [call.id]
        );
        assert!(store.undo_merge(&ours, merge).await.is_err(), "only once");
    })
    .await;
}

#[tokio::test]
async fn the_first_number_is_replaced_and_others_are_added() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let dana = create(&store, &ours, "Dana", 11).await;
        let second = NewIdentity::phone(&number(12));
        let with_second = store
            .add_lead_identity(&ours, dana.id, &second)
            .await
            .unwrap();
        assert_eq!(with_second.phone, Some(number(11)));
        let patch = LeadPatch {
            phone: Patch::Set(number(13)),
            ..LeadPatch::default()
        };
        let changed = store
            .update_lead(&ours, dana.id, with_second.version, &patch)
            .await
            .unwrap();
        assert_eq!(changed.lead.phone, Some(number(13)));
        let gone = store.lead_by_phone(&ours, &number(11)).await.unwrap();
        assert_eq!(gone, None);
        let known = store.lead_by_phone(&ours, &number(12)).await.unwrap();
        assert_eq!(known.map(|lead| lead.id), Some(dana.id));
        let clear = LeadPatch {
            phone: Patch::Clear,
            ..LeadPatch::default()
        };
        let version = changed.lead.version;
        let cleared = store.update_lead(&ours, dana.id, version, &clear).await;
        assert_eq!(cleared.unwrap().lead.phone, Some(number(12)));
    })
    .await;
}

#[tokio::test]
async fn lists_show_every_lead_once_in_every_order_and_filter() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let mut all = Vec::new();
        for n in 0..7_u8 {
            all.push(create(&store, &ours, "Dana", 20 + n).await.id);
        }
        create(&store, &theirs, "Foreign", 20).await;
        all.sort_unstable();
        let stages = store.count_leads_by_stage(&ours).await.unwrap();
        assert_eq!(stages[0].1, 7);
        assert_eq!(store.count_leads(&ours).await.unwrap(), 7);
        let (first, second) = (stages[0].0, stages[1].0);
        let patch = LeadPatch {
            stage: Replace(Some(second)),
            ..LeadPatch::default()
        };
        store.update_lead(&ours, all[0], 1, &patch).await.unwrap();
        let filters = [
            (LeadFilter::default(), 7),
            (
                LeadFilter {
                    stage: Some(first),
                    ..LeadFilter::default()
                },
                6,
            ),
            (
                LeadFilter {
                    stage: Some(second),
                    ..LeadFilter::default()
                },
                1,
            ),
            (
                LeadFilter {
                    assigned: Some(Assigned::Nobody),
                    ..LeadFilter::default()
                },
                7,
            ),
            (
                LeadFilter {
                    source: Some(LeadSource::Import),
                    ..LeadFilter::default()
                },
                0,
            ),
            (
                LeadFilter {
                    query: Query::parse("dana", PhoneRegion::IL),
                    ..LeadFilter::default()
                },
                7,
            ),
        ];
        for (filter, expected) in filters {
            for sort in [LeadSort::Active, LeadSort::Newest, LeadSort::Oldest] {
                let mut list = LeadList {
                    filter: filter.clone(),
                    sort,
                    after: None,
                    limit: 3,
                };
                let mut seen = Vec::new();
                loop {
                    let page = store.find_leads(&ours, &list).await.unwrap();
                    seen.extend(page.leads.iter().map(|lead| lead.id));
                    list.after = page.next;
                    if page.next.is_none() {
                        break;
                    }
                }
                let count = seen.len();
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(
                    (seen.len(), count),
                    (expected, expected),
                    "{filter:?} {sort:?}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_by_somebody_known_keeps_his_name() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let tenant = ours.tenant();
        let caller: E164 = number(100);
        let known = NewLead {
            identities: vec![NewIdentity::phone(&caller)],
            ..person("Dana Levi", 100)
        };
        let dana = store.create_lead(&ours, known).await.unwrap().lead;
        let (call, _) = store.open_call(&scope(tenant), new_call(1)).await.unwrap();
        let heard = LeadDraft {
            name: Some("Donna".to_owned()),
            intent: Some("repair".to_owned()),
            ..LeadDraft::default()
        };
        let lead = store
            .save_lead(&scope(tenant), call.id, heard)
            .await
            .unwrap();
        assert_eq!(lead, dana.id);
        let lead = store.get_lead(&ours, lead).await.unwrap();
        assert_eq!(lead.known.name.as_deref(), Some("Dana Levi"));
        assert_eq!(lead.known.intent.as_deref(), Some("repair"));
    })
    .await;
}

#[tokio::test]
async fn a_number_that_nobody_could_dial_is_kept_as_the_carrier_gave_it() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let caller = E164::parse("+150000000000001").unwrap();
        assert!(parse_phone(caller.expose(), PhoneRegion::IL).is_err());
        let strange = NewLead {
            identities: vec![NewIdentity::phone(&caller)],
            ..NewLead::of(LeadSource::Call)
        };
        let lead = store.create_lead(&ours, strange).await.unwrap().lead.id;
        let known = store.lead_identities(&ours, lead).await.unwrap();
        assert_eq!(known[0].identity, NewIdentity::phone(&caller));
        let details = store.lead_details(&ours, lead).await.unwrap();
        assert_eq!(details.lead.phone, Some(caller));
    })
    .await;
}

#[tokio::test]
async fn an_undone_merge_takes_back_who_looks_after_the_lead_and_added_fields() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let field = prosaas_crm::model::custom_field::NewCustomField {
            key: "size".to_owned(),
            label: "Size".to_owned(),
            kind: prosaas_crm::model::custom_field::FieldKind::Text,
            choices: Vec::new(),
            position: None,
        };
        store.add_custom_field(&ours, field).await.unwrap();
        let winner = create(&store, &ours, "Dana", 31).await;
        let mut new = person("D. Levi", 32);
        new.custom = serde_json::Map::from_iter([("size".to_owned(), "XL".into())]);
        let loser = store.create_lead(&ours, new).await.unwrap().lead;
        let (merge, merged) = store.merge_leads(&ours, winner.id, loser.id).await.unwrap();
        assert_eq!(merged.custom["size"], "XL");
        let back = store.undo_merge(&ours, merge).await.unwrap();
        assert_eq!(back.custom["size"], "XL");
        let winner = store.get_lead(&ours, winner.id).await.unwrap();
        assert!(winner.custom.is_empty(), "{:?}", winner.custom);
        assert_eq!(winner.assignee, None);
    })
    .await;
}

/// A lead of the audit log: its id, its name, and whether it is in the trash.
type Named = Option<(LeadId, Option<String>, bool)>;

/// Whom the deletions in the audit log were about.
async fn whom(store: &CrmStore, scope: &TenantScope) -> Vec<Named> {
    let deleted = AuditFilter {
        action: Some("lead.deleted".to_owned()),
        ..AuditFilter::default()
    };
    let rows = store.audit_entries(scope, &deleted, None, 10).await;
    let leads = rows.unwrap().into_iter().map(|row| row.lead);
    leads
        .map(|lead| lead.map(|lead| (lead.id, lead.name, lead.is_deleted)))
        .collect()
}

#[tokio::test]
async fn the_audit_log_names_a_lead_as_long_as_it_is_known_and_to_who_may_see_it() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let dana = create(&store, &ours, "Dana", 12).await;
        store
            .delete_lead(&ours, dana.id, dana.version)
            .await
            .unwrap();
        let thrown: Named = Some((dana.id, Some("Dana".to_owned()), true));
        let nobody: [Named; 1] = [None];
        assert_eq!(whom(&store, &ours).await, [thrown]);
        let rights = Permissions::all().without(Permission::LeadsRead);
        let blind = TenantScope::from_trusted_host(ours.tenant(), rights);
        assert_eq!(whom(&store, &blind).await, nobody);
        store.purge_lead(&ours, dana.id).await.unwrap();
        assert_eq!(whom(&store, &ours).await, nobody);
    })
    .await;
}
