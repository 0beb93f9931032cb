//! The business that the demo calls.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use prosaas_core::TenantStore as _;
use prosaas_core::{Business, Clock, E164, Language, NumberOwner, TenantId, TransferTarget};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::{BusinessAdmin as _, CrmStore, default_business};

/// Its name.
const NAME: &str = "Levi Plumbing";
/// Its number; like the two below from the exchange set aside for fiction, so nobody's telephone rings.
pub(super) const NUMBER: &str = "+12025550142";
/// The caller's number.
pub(super) const CALLER: &str = "+14155550123";
/// Whom the agent may connect callers to.
const OWNER: &str = "+12025550199";

/// The demo business: added at the first time, found at every later one.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn business(store: &CrmStore, clock: &dyn Clock) -> anyhow::Result<Arc<Business>> {
    let number = E164::parse(NUMBER)?;
    let failed = "the demo business could not be looked up";
    match store.business_by_number(&number).await.context(failed)? {
        NumberOwner::One(business) => return Ok(business),
        NumberOwner::Several(_) => bail!("several businesses claim the demo's number {number}"),
        NumberOwner::Nobody => {}
    }
    let mut business = default_business(TenantId::mint(clock.now()), NAME, Language::En);
    business.record_calls = true;
    business.transfer = vec![TransferTarget {
        label: "owner".to_owned(),
        number: E164::parse(OWNER)?,
    }];
    store
        .add_business(&SystemScope::from_operator(), &business, &[number])
        .await
        .context("the demo business could not be added")?;
    Ok(Arc::new(business))
}

#[cfg(test)]
mod tests {
    use prosaas_core::time::SystemClock;
    use prosaas_crm::{BusinessAdmin as _, CrmStore};

    use super::*;

    #[tokio::test]
    async fn a_second_demo_finds_the_business_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("demo.db").display());
        let store = CrmStore::open(&url, Arc::new(SystemClock)).await.unwrap();
        let first = business(&store, &SystemClock).await.unwrap();
        let second = business(&store, &SystemClock).await.unwrap();
        assert_eq!(first.id, second.id);
        assert!(first.record_calls && first.transfer.len() == 1);
        assert_eq!(
            store
                .list_businesses(&SystemScope::from_operator())
                .await
                .unwrap()
                .len(),
            1
        );
    }
}
