//! How fast files go in and out, by hand: `cargo test --release -p prosaas-crm --all-features -- --ignored
//! speed --nocapture`. The installation's own benchmark is `cargo xtask bench crm`.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use prosaas_core::Language;
use prosaas_core::time::SystemClock;
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::files::lead_sheet::LeadSheet;
use prosaas_crm::model::lead_list::LeadList;

use super::{businesses, run, upload};
use crate::support::{Backend, Databases};

const LEADS: usize = 200_000;

fn file() -> String {
    const NAMES: [&str; 8] = ["דנה", "נועה", "יעל", "רון", "Avi", "משה", "Ruth", "עומר"];
    let row = |n: usize| {
        let (first, last) = (NAMES[n % 8], NAMES[n / 8 % 8]);
        format!(
            "{first} {last},050-{:07},p{n}@example.com,תיקון\n",
            n % 10_000_000
        )
    };
    let rows: String = (0..LEADS).map(row).collect();
    format!("name,phone,email,intent\n{rows}")
}

/// One line a measurement, whatever captures what tests print.
fn say(line: std::fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

/// Writes the whole file; how many rows, and in how many seconds.
async fn export(store: &CrmStore, scope: &TenantScope) -> (usize, f64) {
    let begun = Instant::now();
    let mut list = LeadList::default();
    let sheet = store.begin_export(scope, &list).await.unwrap();
    let mut sheet = LeadSheet::new(sheet, Language::He);
    let mut rows = 0;
    loop {
        let page = store.export_page(scope, &list).await.unwrap();
        rows += page.leads.len();
        page.leads.iter().for_each(|lead| sheet.row(lead));
        assert!(!sheet.take().is_empty());
        list.after = page.next;
        if list.after.is_none() {
            return (rows, begun.elapsed().as_secs_f64());
        }
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn speed_of_files() {
    let csv = file();
    for backend in Backend::available() {
        let databases = Databases::new(backend);
        let store = CrmStore::open_with(&databases.fresh().await, Arc::new(SystemClock))
            .await
            .unwrap();
        let (ours, _) = businesses(&store).await;
        let begun = Instant::now();
        let (id, size) = upload(&store, &ours, csv.as_bytes(), 1_000).await;
        let uploaded = begun.elapsed();
        store.begin_import(&ours, id, size, false).await.unwrap();
        run(&store).await;
        let job = store.batch(&ours, id).await.unwrap();
        assert_eq!(job.done, LEADS as u64, "{:?}", job.errors);
        let seconds = |name: &str| job.result[name].as_f64().unwrap() / 1000.0;
        let imported = uploaded.as_secs_f64() + seconds("imported_ms");
        say(format_args!(
            "{backend:?}: {LEADS} leads uploaded in {:.1} s, there after {imported:.1} s ({:.0} a second), \
             searchable after {:.1} s",
            uploaded.as_secs_f64(),
            LEADS as f64 / imported,
            uploaded.as_secs_f64() + seconds("searchable_ms"),
        ));
        let (rows, took) = export(&store, &ours).await;
        say(format_args!(
            "{backend:?}: {rows} leads exported in {took:.1} s ({:.0} a second)",
            rows as f64 / took
        ));
    }
}
