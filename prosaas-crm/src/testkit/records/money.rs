//! What a store must do with deals and payments.

use prosaas_core::ErrorClass::{Invalid, NotFound};

use super::{Fixture, Office, conflicts, ok, refuses};
use crate::model::deal::{Deal, DealFilter, DealPatch, NewDeal, NewPipeline, Pipeline};
use crate::model::money::Money;
use crate::model::page::Page;
use crate::model::patch::{Patch, Replace};
use crate::model::payment::{
    NewPayment, PaymentFilter, PaymentMethod, PaymentPatch, PaymentStatus,
};
use crate::model::timeline::TimelineKind;
use crate::payment::{LinkRequest, PaymentProvider};
use crate::store::CrmStore;
use crate::testkit::payments::MemoryPayments;

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    a_deal_moves_through_its_pipeline(fixture).await;
    a_link_is_paid_once(fixture).await;
    a_payment_is_with_the_lead_of_its_deal(fixture).await;
}

async fn pipeline(office: &Office, rule: &str) -> Pipeline {
    let new = NewPipeline {
        name: "Sales".to_owned(),
        position: None,
    };
    ok(office.store.add_pipeline(&office.ours, new).await, rule)
}

async fn deal(office: &Office, pipeline: &Pipeline, rule: &str) -> Deal {
    let new = NewDeal {
        lead_id: office.lead,
        stage_id: pipeline.stages[0].id,
        assignee_id: Some(office.member),
        title: "Kitchen".to_owned(),
        value: Money::ils(450_000),
        expected_close_at: None,
    };
    ok(office.store.create_deal(&office.ours, new).await, rule)
}

fn payment(office: &Office, method: PaymentMethod) -> NewPayment {
    NewPayment {
        lead_id: office.lead,
        deal_id: None,
        value: Money::ils(1_000),
        description: Some("Deposit".to_owned()),
        method,
        paid_at: None,
        allocation_number: None,
    }
}

async fn a_deal_moves_through_its_pipeline(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a deal moves through its pipeline`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let pipeline = pipeline(&office, rule).await;
    let deal = deal(&office, &pipeline, rule).await;
    assert_eq!(
        (deal.pipeline_id, deal.closed_at),
        (pipeline.id, None),
        "{rule}"
    );
    let won = DealPatch {
        stage_id: Replace(Some(pipeline.stages[1].id)),
        value: Replace(Some(Money::ils(400_000))),
        ..DealPatch::default()
    };
    refuses(
        &store
            .update_deal(&office.theirs, deal.id, 1, won.clone())
            .await,
        NotFound,
        rule,
    );
    let deal = ok(store.update_deal(scope, deal.id, 1, won).await, rule);
    assert!(
        deal.closed_at.is_some() && deal.value == Money::ils(400_000),
        "{rule}"
    );
    let by_stage = DealFilter {
        stage_id: Some(pipeline.stages[1].id),
        ..DealFilter::default()
    };
    let listed = ok(store.deals(scope, &by_stage, Page::first(9)).await, rule);
    assert_eq!(listed, std::slice::from_ref(&deal), "{rule}");
    let used = store
        .delete_deal_stage(scope, (pipeline.id, pipeline.stages[1].id), 1)
        .await;
    conflicts(&used, "stage-in-use", rule);
    let used = store.delete_pipeline(scope, pipeline.id, 1).await;
    conflicts(&used, "pipeline-in-use", rule);
    let timeline = ok(
        store.timeline(scope, office.lead, Page::first(9)).await,
        rule,
    );
    for kind in [TimelineKind::DealCreated, TimelineKind::DealStageChanged] {
        assert!(
            timeline.iter().any(|entry| entry.kind == kind),
            "{rule}: {kind}"
        );
    }
    ok(store.delete_deal(scope, deal.id, 2).await, rule);
    ok(store.restore_deal(scope, deal.id).await, rule);
}

async fn a_link_is_paid_once(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a link is paid once`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let asked = payment(&office, PaymentMethod::Link);
    let asked = ok(store.add_payment(scope, asked).await, rule);
    assert_eq!(
        (asked.status, asked.paid_at),
        (PaymentStatus::Pending, None),
        "{rule}"
    );
    let provider = MemoryPayments::default();
    let request = LinkRequest {
        payment: asked.id,
        value: asked.value,
        description: asked.description.clone(),
        page: None,
    };
    let link = ok(provider.create_link(&request).await, rule);
    let with_link = ok(store.attach_link(scope, asked.id, link.clone()).await, rule);
    assert_eq!(
        with_link.link_url.as_deref(),
        Some(link.url.as_str()),
        "{rule}"
    );
    let again = store.attach_link(scope, asked.id, link.clone()).await;
    conflicts(&again, "link-exists", rule);
    let reference = (link.provider.as_str(), link.reference.as_str());
    let foreign = store
        .settle_payment(&office.theirs, reference, PaymentStatus::Paid)
        .await;
    refuses(&foreign, NotFound, rule);
    let paid = ok(
        store
            .settle_payment(scope, reference, PaymentStatus::Paid)
            .await,
        rule,
    );
    assert!(paid.paid_at.is_some(), "{rule}");
    let twice = ok(
        store
            .settle_payment(scope, reference, PaymentStatus::Paid)
            .await,
        rule,
    );
    assert_eq!(twice, paid, "{rule}: reported twice");
    let failed = store
        .settle_payment(scope, reference, PaymentStatus::Failed)
        .await;
    conflicts(&failed, "payment-settled", rule);
    let filter = PaymentFilter {
        status: Some(PaymentStatus::Paid),
        ..PaymentFilter::default()
    };
    let listed = ok(store.payments(scope, &filter, Page::first(9)).await, rule);
    assert_eq!(listed, [paid], "{rule}");
}

async fn a_payment_is_with_the_lead_of_its_deal(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a payment is with the lead of its deal`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let pipeline = pipeline(&office, rule).await;
    let deal = deal(&office, &pipeline, rule).await;
    let cash = payment(&office, PaymentMethod::Cash);
    let cash = ok(store.add_payment(scope, cash).await, rule);
    assert_eq!(cash.status, PaymentStatus::Paid, "{rule}: cash came");
    let numbered = PaymentPatch {
        deal_id: Patch::Set(deal.id),
        allocation_number: Patch::Set("123456789".to_owned()),
        ..PaymentPatch::default()
    };
    let cash = ok(
        store.update_payment(scope, cash.id, 1, numbered).await,
        rule,
    );
    assert_eq!(
        cash.allocation_number.as_deref(),
        Some("123456789"),
        "{rule}"
    );
    let others = NewPayment {
        lead_id: office.another_lead(9, rule).await,
        deal_id: Some(deal.id),
        ..payment(&office, PaymentMethod::Cash)
    };
    refuses(&store.add_payment(scope, others).await, Invalid, rule);
    // A deal that goes for good leaves its payments with the lead.
    ok(store.delete_deal(scope, deal.id, 1).await, rule);
    ok(store.purge_deal(scope, deal.id).await, rule);
    let cash = ok(store.payment(scope, cash.id).await, rule);
    assert_eq!(cash.deal_id, None, "{rule}");
    ok(
        store.delete_payment(scope, cash.id, cash.version).await,
        rule,
    );
    ok(store.restore_payment(scope, cash.id).await, rule);
}
