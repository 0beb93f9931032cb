//! Leads out into a file: the list's filter, what spreadsheets do with it, and who may have it.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use prosaas_core::LeadDraft;
use prosaas_core::testkit::samples::number;
use prosaas_crm::CrmStore;
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::files::csv::{Reader, unguarded};
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{LeadSource, NewLead};
use prosaas_crm::model::lead_list::{LeadFilter, LeadList, LeadSort};
use prosaas_crm::store::AuditFilter;

use super::http::House;
use super::{businesses, import};
use crate::api::support::{Answer, Ask};
use crate::support::for_each_backend;

async fn create(store: &CrmStore, scope: &TenantScope, name: &str, phone: u8) {
    let new = NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            ..LeadDraft::default()
        },
        identities: vec![NewIdentity::phone(&number(phone))],
        ..NewLead::of(LeadSource::Manual)
    };
    store.create_lead(scope, new).await.unwrap();
}

/// The names of everybody in an export, in its order.
async fn exported(store: &CrmStore, scope: &TenantScope, list: &LeadList) -> Vec<String> {
    let mut list = list.clone();
    let mut names = Vec::new();
    loop {
        let page = store.export_page(scope, &list).await.unwrap();
        let leads = page.leads.into_iter();
        names.extend(leads.map(|one| one.lead.known.name.unwrap_or_default()));
        match page.next {
            None => return names,
            next => list.after = next,
        }
    }
}

/// How often the audit log says that leads were exported.
async fn exports(store: &CrmStore, scope: &TenantScope) -> usize {
    let filter = AuditFilter {
        action: Some("lead.exported".to_owned()),
        ..AuditFilter::default()
    };
    let rows = store.audit_entries(scope, &filter, None, 10).await;
    rows.unwrap().len()
}

#[tokio::test]
async fn an_export_is_the_list_to_its_end_on_every_index() {
    for_each_backend(|store| async move {
        let (ours, theirs) = businesses(&store).await;
        let row = |n| format!("Person {n},050-1{n:06}\n");
        let rows: String = (0..2_300).map(row).collect();
        assert_eq!(
            import(&store, &ours, &format!("name,phone\n{rows}"))
                .await
                .done,
            2_300
        );
        create(&store, &ours, "Dana", 1).await;
        create(&store, &theirs, "Theirs", 1).await;
        let list = |filter, sort| LeadList {
            filter,
            sort,
            after: None,
            limit: 200,
        };
        for sort in [LeadSort::Active, LeadSort::Newest, LeadSort::Oldest] {
            let mut names = exported(&store, &ours, &list(LeadFilter::default(), sort)).await;
            assert_eq!(names.len(), 2_301, "{sort:?}");
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 2_301, "{sort:?}");
        }
        let manual = LeadFilter {
            source: Some(LeadSource::Manual),
            ..LeadFilter::default()
        };
        assert_eq!(
            exported(&store, &ours, &list(manual, LeadSort::Newest)).await,
            ["Dana"]
        );
        let weak = TenantScope::from_trusted_host(
            ours.tenant(),
            Permissions::all().without(Permission::LeadsExport),
        );
        let all = list(LeadFilter::default(), LeadSort::Active);
        assert!(store.export_page(&weak, &all).await.is_err());
        assert!(store.begin_export(&weak, &all).await.is_err());
        store.begin_export(&ours, &all).await.unwrap();
        assert_eq!(exports(&store, &ours).await, 1);
    })
    .await;
}

async fn ask(house: &House, method: Method, query: &str) -> Answer {
    let uri = format!("/api/crm/leads/export{query}");
    let ask = Ask::new(method, uri).as_("member leads:read leads:export");
    ask.of(&house.api).await
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    reader.push(text.as_bytes());
    reader.finish();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push(row.cells);
    }
    rows
}

#[tokio::test]
async fn a_spreadsheet_opens_it_right_and_computes_nothing() {
    let house = House::new().await;
    for (name, phone) in [("=1+1", 1), ("דנה, \"לוי\"", 2), ("@SUM(A1)", 3), ("-2", 4)] {
        create(&house.store, &house.ours, name, phone).await;
    }
    let file = ask(&house, Method::GET, "?sort=created_at&language=he").await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let name = file.header("content-disposition");
    assert_eq!(name, "attachment; filename=\"leads-2025-06-15.csv\"");
    assert!(file.text.starts_with("\u{feff}שם,"), "{}", file.text);
    assert!(file.text.ends_with("\r\n"));
    let rows = rows(&file.text);
    assert_eq!(rows.len(), 5);
    for row in &rows[1..] {
        for cell in row {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell}"
            );
        }
    }
    // All four are of the same millisecond.
    let phones: BTreeMap<_, _> = rows[1..]
        .iter()
        .map(|row| (unguarded(&row[0]), unguarded(&row[2])))
        .collect();
    assert_eq!(
        phones.keys().copied().collect::<Vec<_>>(),
        ["-2", "=1+1", "@SUM(A1)", "דנה, \"לוי\""]
    );
    assert_eq!(phones["=1+1"], number(1).expose());
    // What was exported is imported again, by its own headings.
    let again = import(&house.store, &house.ours, &file.text).await;
    assert_eq!((again.done, again.failed), (0, 4));
    assert_eq!(again.result["reasons"]["duplicate"], 4);
}

#[tokio::test]
async fn asking_what_it_is_reads_nothing_and_filters_are_those_of_the_list() {
    let house = House::new().await;
    create(&house.store, &house.ours, "Dana", 1).await;
    create(&house.store, &house.ours, "Noa", 2).await;
    let head = ask(&house, Method::HEAD, "").await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(exports(&house.store, &house.ours).await, 0);
    let found = ask(&house, Method::GET, "?q=dana&language=en").await;
    let found = rows(&found.text);
    assert_eq!((found.len(), found[0][0].as_str()), (2, "name"));
    assert_eq!(
        rows(&ask(&house, Method::GET, "?source=call").await.text).len(),
        1
    );
    for wrong in [
        "?q=d",
        "?sort=name",
        "?language=fr",
        "?limit=5",
        "?business_id=ten_1",
    ] {
        let answer = ask(&house, Method::GET, wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let weak = Ask::get("/api/crm/leads/export").as_("member leads:read leads:manage");
    assert_eq!(weak.of(&house.api).await.status, StatusCode::FORBIDDEN);
}
