//! Every backend passes the behaviour suite.

use prosaas_core::testkit::tenant_store;
use prosaas_crm::testkit::{self, AsTenantStore};

use crate::support::{Backend, Databases};

/// A test for each suite, on every backend that this run has.
macro_rules! suites {
    ($($name:ident: |$fixture:ident| $suite:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            for backend in Backend::available() {
                println!("on {backend:?}");
                let $fixture = &Databases::new(backend);
                $suite.await;
            }
        }
    )+};
}

suites! {
    stores_are_tenant_stores: |fixture| tenant_store::suite(&AsTenantStore(fixture));
    stores_keep_businesses: |fixture| testkit::businesses::suite(fixture);
    stores_keep_calls: |fixture| testkit::calls::suite(fixture);
    stores_keep_jobs: |fixture| testkit::jobs::suite(fixture);
    stores_keep_leads: |fixture| testkit::leads::suite(fixture);
    stores_keep_missed_calls: |fixture| testkit::missed_calls::suite(fixture);
    stores_keep_records: |fixture| testkit::records::suite(fixture);
    stores_keep_recordings: |fixture| testkit::recordings::suite(fixture);
    stores_keep_stream_tokens: |fixture| testkit::tokens::suite(fixture);
}
