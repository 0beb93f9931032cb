//! Importing leads: whom it brings, what it says about the others, and that it goes as it came.

use std::sync::Arc;

use prosaas_core::testkit::samples::number;
use prosaas_core::{Error, LeadDraft, LeadId, UnixMillis};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::model::batch::{BatchJob, BatchState};
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{LeadSource, NewLead};
use prosaas_crm::model::lead_list::{LeadFilter, LeadList};
use prosaas_crm::model::phone::PhoneRegion;
use prosaas_crm::search::Query;
use serde_json::json;
use tokio::task::JoinSet;

use super::{after, begin, businesses, import, run, upload};
use crate::support::{NOW, for_each_backend};

async fn search(store: &CrmStore, scope: &TenantScope, text: &str) -> usize {
    let query = Query::parse(text, PhoneRegion::IL).unwrap();
    store.search_leads(scope, &query, 50).await.unwrap().len()
}

async fn leads(store: &CrmStore, scope: &TenantScope) -> Vec<LeadId> {
    let list = LeadList {
        filter: LeadFilter::default(),
        limit: 200,
        ..LeadList::default()
    };
    let page = store.find_leads(scope, &list).await.unwrap();
    page.leads.iter().map(|lead| lead.id).collect()
}

async fn create(store: &CrmStore, scope: &TenantScope, name: &str, phone: u8) -> LeadId {
    let new = NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            ..LeadDraft::default()
        },
        identities: vec![NewIdentity::phone(&number(phone))],
        ..NewLead::of(LeadSource::Manual)
    };
    store.create_lead(scope, new).await.unwrap().lead.id
}

fn counted(job: &BatchJob) -> (BatchState, Option<u64>, u64, u64) {
    (job.state, job.total, job.done, job.failed)
}

fn lines(job: &BatchJob) -> Vec<(&str, &str)> {
    let errors = job.errors.iter();
    errors
        .map(|error| (error.item.as_str(), error.code.as_str()))
        .collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Conflict { what, .. } | Error::NotFound { what }) => what,
        Err(Error::Forbidden { .. }) => "forbidden",
        other => panic!("{other:?}"),
    }
}

/// Noa comes twice, in different parts; Dana is known; the last ones are nobody.
const FILE: &str = "שם,טלפון,דוא\"ל\nדנה,050-0000011,\nנועה,050-0000012,noa@example.com\n\
                    יעל,050-0000013,\nרון,,ron@example.com\nנועה שוב,+972500000012,\n\
                    מישהו,12,\n,,\n\"\",,nobody\n";

#[tokio::test]
async fn an_import_knows_whom_it_brings_and_goes_as_it_came() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let dana = NewLead {
            identities: vec![
                NewIdentity::parse(
                    prosaas_crm::model::identity::IdentityKind::E164,
                    "050-0000011",
                    PhoneRegion::IL,
                )
                .unwrap(),
            ],
            ..NewLead::of(LeadSource::Manual)
        };
        let dana = store.create_lead(&ours, dana).await.unwrap().lead.id;
        let expected = [
            ("2", "duplicate"),
            ("6", "duplicate"),
            ("7", "phone-invalid"),
            ("9", "email-invalid"),
        ];
        let tried = begin(&store, &ours, FILE, true).await;
        let tried = after(&store, &ours, tried).await;
        assert_eq!(counted(&tried), (BatchState::Done, Some(7), 3, 4));
        assert_eq!(lines(&tried), expected);
        assert_eq!(tried.result["dry_run"], true);
        assert_eq!(leads(&store, &ours).await, [dana]);

        let id = begin(&store, &ours, FILE, false).await;
        assert_eq!(code(store.undo_import(&ours, id).await), "import-not-over");
        let done = after(&store, &ours, id).await;
        assert_eq!(counted(&done), (BatchState::Done, Some(7), 3, 4));
        assert_eq!(lines(&done), expected);
        let reasons = json!({ "duplicate": 2, "email-invalid": 1, "phone-invalid": 1 });
        assert_eq!(done.result["reasons"], reasons);
        assert_eq!(done.result["searchable_ms"], 0);
        assert_eq!(search(&store, &ours, "נועה").await, 1);
        assert_eq!(search(&store, &ours, "0013").await, 1);
        assert_eq!(search(&store, &ours, "ron@example.com").await, 1);
        assert_eq!(leads(&store, &ours).await.len(), 4);
        assert_eq!(leads(&store, &theirs).await.len(), 0);
        let again = import(&store, &ours, FILE).await;
        assert_eq!((again.done, again.failed), (0, 7));

        assert_eq!(code(store.undo_import(&theirs, id).await), "job");
        let undo = store.undo_import(&ours, id).await.unwrap();
        assert_eq!(code(store.undo_import(&ours, undo).await), "import");
        let undone = after(&store, &ours, undo).await;
        assert_eq!(counted(&undone), (BatchState::Done, Some(3), 3, 0));
        assert_eq!(leads(&store, &ours).await, [dana]);
        assert_eq!(search(&store, &ours, "נועה").await, 0);
        assert_eq!(code(store.undo_import(&ours, id).await), "import-undone");
        let shown = store.batch(&ours, id).await.unwrap();
        assert_eq!(shown.result["undone_by"], undo.to_string());

        // And the undo itself is taken back, as any deletion of many.
        let back = store.undo_bulk_delete(&ours, undo).await.unwrap();
        assert_eq!(counted(&after(&store, &ours, back).await).2, 3);
        assert_eq!(search(&store, &ours, "נועה").await, 1);
    })
    .await;
}

#[tokio::test]
async fn stages_and_tags_are_named_and_not_made() {
    const FILE: &str = "name,phone,שלב,תגיות\nDana,050-0000001, Won ,VIP; regulars\n\
                        Noa,050-0000002,,vip|VIP\nYael,050-0000003,hot,\n\
                        Ron,050-0000004,lost,vip;cold\nTal,050-0000005,,\n";
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let mut tags = Vec::new();
        for name in ["vip", "regulars"] {
            let new = serde_json::from_value(json!({ "name": name })).unwrap();
            tags.push(store.add_tag(&ours, new).await.unwrap().id);
        }
        let new = serde_json::from_value(json!({ "name": "cold" })).unwrap();
        store.add_tag(&theirs, new).await.unwrap();
        for dry_run in [true, false] {
            let id = begin(&store, &ours, FILE, dry_run).await;
            let done = after(&store, &ours, id).await;
            assert_eq!(counted(&done), (BatchState::Done, Some(5), 3, 2));
            let expected = [("4", "stage-unknown"), ("5", "tag-unknown")];
            assert_eq!(lines(&done), expected);
            let known = json!({
                "stage-unknown": ["new", "contacted", "qualified", "won", "lost"],
                "tag-unknown": ["regulars", "vip"],
            });
            assert_eq!(done.result["known"], known);
        }
        let stages = store.stages(&ours).await.unwrap();
        let mut found = Vec::new();
        for lead in leads(&store, &ours).await {
            let details = store.lead_details(&ours, lead).await.unwrap();
            let stage = stages.iter().find(|stage| stage.id == details.lead.stage);
            let mut of_lead = details.tags;
            of_lead.sort_unstable();
            found.push((
                details.lead.known.name.unwrap(),
                stage.unwrap().name.clone(),
                of_lead,
            ));
        }
        found.sort();
        let mut both = tags.clone();
        both.sort_unstable();
        let expected = [
            ("Dana", "won", both),
            ("Noa", "new", vec![tags[0]]),
            ("Tal", "new", Vec::new()),
        ];
        let expected =
            expected.map(|(name, stage, tags)| (name.to_owned(), stage.to_owned(), tags));
        assert_eq!(found, expected);
    })
    .await;
}

fn people(count: usize) -> String {
    let row = |n| format!("Person {n},050-1{n:06}\n");
    format!("name,phone\n{}", (0..count).map(row).collect::<String>())
}

#[tokio::test]
async fn two_runners_of_one_import_double_nothing() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let id = begin(&store, &ours, &people(90), false).await;
        let job = TenantScope::from_trusted_host(ours.tenant(), Permissions::all());
        let (first, second) = tokio::join!(store.run_import(&job, id), store.run_import(&job, id));
        first.and(second).unwrap();
        let done = after(&store, &ours, id).await;
        assert_eq!(counted(&done), (BatchState::Done, Some(90), 90, 0));
        assert_eq!(leads(&store, &ours).await.len(), 90);
        assert_eq!(search(&store, &ours, "0501000089").await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_dies_anywhere_goes_on_where_it_was() {
    for_each_backend(|store| async move {
        let store = Arc::new(store);
        let (ours, _) = businesses(&store).await;
        let id = begin(&store, &ours, &people(120), false).await;
        // Its worker dies again and again, each time a little later.
        for steps in (0..400).step_by(7) {
            let work = {
                let (store, scope) = (Arc::clone(&store), ours);
                async move { store.run_import(&scope, id).await }
            };
            let mut worker = JoinSet::new();
            worker.spawn(work);
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            worker.shutdown().await;
        }
        let done = after(&store, &ours, id).await;
        assert_eq!(counted(&done), (BatchState::Done, Some(120), 120, 0));
        assert_eq!(leads(&store, &ours).await.len(), 120);
        assert_eq!(search(&store, &ours, "person").await, 50);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_import_keeps_what_came_and_it_is_found() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let id = begin(&store, &ours, &people(240), false).await;
        // One slice: 50 of 80 parts.
        let job = TenantScope::from_trusted_host(ours.tenant(), Permissions::all());
        store.run_import(&job, id).await.unwrap();
        assert_eq!(store.batch(&ours, id).await.unwrap().done, 150);
        assert_eq!(search(&store, &ours, "0501000001").await, 0);
        store.cancel_batch(&ours, id).await.unwrap();
        let stopped = after(&store, &ours, id).await;
        assert_eq!(
            counted(&stopped),
            (BatchState::Cancelled, Some(240), 150, 0)
        );
        assert_eq!(search(&store, &ours, "0501000001").await, 1);
        assert_eq!(search(&store, &ours, "0501000149").await, 1);
        let undo = store.undo_import(&ours, id).await.unwrap();
        assert_eq!(after(&store, &ours, undo).await.done, 150);
        assert!(leads(&store, &ours).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_many_errors_the_first_are_told_and_all_are_counted() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let bad = "x,12\n".repeat(2_500);
        let csv = format!("name,phone\n{bad}Dana,050-0000001\n");
        let (id, size) = upload(&store, &ours, csv.as_bytes(), 1_000).await;
        store.begin_import(&ours, id, size, false).await.unwrap();
        let done = after(&store, &ours, id).await;
        assert_eq!(counted(&done), (BatchState::Done, Some(2_501), 1, 2_500));
        assert_eq!(done.errors.len(), 1_000);
        assert_eq!(lines(&done)[999], ("1001", "phone-invalid"));
        assert_eq!(done.result["reasons"]["phone-invalid"], 2_500);
        let page = prosaas_crm::Page::first(10);
        let listed = store.batches(&ours, page).await.unwrap();
        assert_eq!(listed[0].errors.len(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_number_that_is_taken_meanwhile_is_a_duplicate() {
    for_each_backend(|store| async move {
        let (ours, _) = businesses(&store).await;
        let row = |n| format!("Person {n},{}\n", number(n).expose());
        let rows: String = (1..=60).map(row).collect();
        let id = begin(&store, &ours, &format!("name,phone\n{rows}"), false).await;
        let calls = async {
            let mut taken = 0;
            for n in 1..=60 {
                let new = NewLead {
                    identities: vec![NewIdentity::phone(&number(n))],
                    ..NewLead::of(LeadSource::Call)
                };
                match store.create_lead(&ours, new).await {
                    Ok(_) => taken += 1,
                    Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error:?}"),
                }
            }
            taken
        };
        let ((), taken) = tokio::join!(run(&store), calls);
        let done = after(&store, &ours, id).await;
        assert_eq!(done.state, BatchState::Done);
        assert_eq!((done.done + taken, done.failed), (60, taken));
        assert_eq!(leads(&store, &ours).await.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn uploads_are_few_need_a_right_and_do_not_stay() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let weak = TenantScope::from_trusted_host(
            ours.tenant(),
            Permissions::all().without(Permission::LeadsManage),
        );
        assert_eq!(code(store.begin_upload(&weak).await), "forbidden");
        let mut begun = Vec::new();
        for _ in 0..5 {
            begun.push(begin(&store, &ours, "name\nDana\n", false).await);
        }
        assert_eq!(code(store.begin_upload(&ours).await), "too-many-imports");
        assert_eq!(
            code(store.begin_import(&ours, begun[0], (0, 0), true).await),
            "too-many-imports"
        );
        run(&store).await;
        assert_eq!(leads(&store, &ours).await.len(), 5);

        let (forgotten, size) = upload(&store, &ours, b"name\nNoa\n", 3).await;
        store.drop_upload(&theirs, forgotten).await.unwrap();
        store.tidy_imports(&ours, NOW).await.unwrap();
        store
            .begin_import(&ours, forgotten, size, false)
            .await
            .unwrap();
        assert_eq!(after(&store, &ours, forgotten).await.done, 1);
        let (forgotten, _) = upload(&store, &ours, b"name\nNoa\n", 3).await;
        store
            .tidy_imports(&ours, UnixMillis(NOW.0 + 1))
            .await
            .unwrap();
        let rest = store.add_upload_part(&ours, forgotten, 2, &[]).await;
        assert!(matches!(rest, Err(Error::NotFound { .. })), "{rest:?}");
        let foreign = store.add_upload_part(&theirs, begun[0], 9, &[]).await;
        assert!(
            matches!(foreign, Err(Error::NotFound { .. })),
            "{foreign:?}"
        );
        create(&store, &ours, "Yael", 9).await;
    })
    .await;
}
