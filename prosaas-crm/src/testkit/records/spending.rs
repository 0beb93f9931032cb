//! What a store must do with a business's money.

use futures_util::future::join_all;
use prosaas_core::ErrorClass::{Invalid, NotFound};
use prosaas_core::testkit::samples::{new_call, outcome};
use prosaas_core::{CallEnd, CallStatus, MicroUsd, UnixMillis};

use super::{Fixture, Office, ok, refuses};
use crate::auth::SystemScope;
use crate::model::call::StatusUpdate;
use crate::model::id::MessageId;
use crate::model::job::{JobWork, RetryPolicy};
use crate::model::patch::Patch;
use crate::model::settings::SettingsPatch;
use crate::model::spending::{MAX_BUDGET, Spending, SpentOn};
use crate::rules::budget::BudgetState;
use crate::store::{CallStore as _, CrmStore, Jobs as _, PhoneStore as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    what_was_paid_for_counts_once(fixture).await;
    nothing_is_lost_when_many_settle_at_once(fixture).await;
    a_call_is_paid_for_when_it_is_over(fixture).await;
    owners_are_told_once_of_each_percentage(fixture).await;
    what_the_carrier_charges_is_counted_once_and_apart(fixture).await;
    calls_are_found_for_comparing_with_the_carriers_list(fixture).await;
}

fn chat(n: i64, cost: i64) -> Spending {
    Spending {
        what: SpentOn::Chat(MessageId::mint(UnixMillis(n))),
        part: 1,
        cost: MicroUsd(cost),
    }
}

/// Sets the budget of the first business.
async fn budget(office: &Office, micro_usd: u64, rule: &str) {
    let settings = ok(office.store.settings(&office.ours).await, rule);
    let patch = SettingsPatch {
        monthly_budget_micro_usd: Patch::Set(micro_usd),
        ..SettingsPatch::default()
    };
    let changed = office
        .store
        .update_settings(&office.ours, settings.version, patch)
        .await;
    let changed = ok(changed, rule).monthly_budget_micro_usd;
    assert_eq!(changed, Some(micro_usd), "{rule}: the budget reads back");
}

async fn what_was_paid_for_counts_once(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `what was paid for counts once`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let before = ok(store.account(scope).await, rule);
    assert_eq!(
        (before.cap, before.spent),
        (None, MicroUsd(0)),
        "{rule}: to begin with there is no budget"
    );
    let first = chat(1, 70);
    for is_new in [true, false, false] {
        let settled = store.settle(scope, first).await;
        assert_eq!(ok(settled, rule), is_new, "{rule}: the same answer");
    }
    let another_price = Spending {
        cost: MicroUsd(99),
        ..first
    };
    assert!(
        !ok(store.settle(scope, another_price).await, rule),
        "{rule}"
    );
    let others = [
        Spending { part: 2, ..first },
        Spending {
            what: SpentOn::Summary(office.call),
            part: 1,
            cost: MicroUsd(5),
        },
        Spending {
            what: SpentOn::VoiceNote(MessageId::mint(UnixMillis(1))),
            part: 1,
            cost: MicroUsd(3),
        },
    ];
    for other in others {
        assert!(
            ok(store.settle(scope, other).await, rule),
            "{rule}: {other:?}"
        );
    }
    let nothing = store.settle(scope, chat(2, 0)).await;
    assert!(!ok(nothing, rule), "{rule}: what cost nothing");
    let months = ok(store.spending_by_month(scope).await, rule);
    let [month] = &months[..] else {
        panic!("{rule}: expected one month, got {months:?}");
    };
    let by_kind = [
        month.calls_micro_usd,
        month.summaries_micro_usd,
        month.chats_micro_usd,
        month.voice_notes_micro_usd,
    ];
    assert_eq!(by_kind, [0, 5, 140, 3].map(MicroUsd), "{rule}");
    let account = ok(store.account(scope).await, rule);
    assert_eq!(account.month, month.month, "{rule}");
    assert_eq!(account.spent, MicroUsd(148), "{rule}");
    let theirs = ok(store.account(&office.theirs).await, rule);
    assert_eq!(theirs.spent, MicroUsd(0), "{rule}: the other business");
    let theirs = ok(store.spending_by_month(&office.theirs).await, rule);
    assert_eq!(theirs, [], "{rule}: the other business");
    assert!(
        ok(store.settle(&office.theirs, first).await, rule),
        "{rule}: the same id is another business's own matter"
    );
}

async fn nothing_is_lost_when_many_settle_at_once(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `nothing is lost when many settle at once`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let all: Vec<_> = (1..=8).map(|n| chat(n, 10)).collect();
    // Each of them twice, at the same time.
    let both = all.iter().chain(&all);
    let settled = join_all(both.map(|spending| store.settle(scope, *spending))).await;
    let mut counted = 0;
    for settled in settled {
        counted += u32::from(ok(settled, rule));
    }
    assert_eq!(counted, 8, "{rule}: each once");
    let account = ok(store.account(scope).await, rule);
    assert_eq!(account.spent, MicroUsd(80), "{rule}");
}

async fn a_call_is_paid_for_when_it_is_over(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a call is paid for when it is over`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let outcome = outcome(CallEnd::CallerHungUp);
    for _ in 0..2 {
        let finished = store.finish_call(scope, office.call, outcome.clone());
        ok(finished.await, rule);
    }
    let summary = Spending {
        what: SpentOn::Summary(office.call),
        part: 1,
        cost: MicroUsd(21),
    };
    ok(store.settle(scope, summary).await, rule);
    ok(store.settle(scope, chat(1, 500)).await, rule);
    let on_lead = ok(store.lead_spending(scope, office.lead).await, rule);
    let in_calls = outcome.usage.cost + MicroUsd(21);
    assert_eq!(
        (on_lead.calls_micro_usd, on_lead.chats_micro_usd),
        (in_calls, MicroUsd(0)),
        "{rule}: on its lead, and nobody else's messages"
    );
    assert_eq!(on_lead.total_micro_usd, in_calls, "{rule}");
    let stranger = store.lead_spending(&office.theirs, office.lead).await;
    refuses(&stranger, NotFound, rule);
    let months = ok(store.spending_by_month(scope).await, rule);
    let counted: Vec<_> = months
        .iter()
        .filter(|month| month.calls_micro_usd > MicroUsd(0))
        .map(|month| (month.month.as_str(), month.calls_micro_usd))
        .collect();
    // In the month in which it ended, whenever that is noted.
    assert_eq!(counted, [("2023-11", outcome.usage.cost)], "{rule}");
}

/// Of which percentages the owners are told.
async fn told(store: &CrmStore, rule: &str) -> Vec<u32> {
    let policy = RetryPolicy::STANDARD;
    let later = UnixMillis(i64::MAX / 2);
    let jobs = store
        .claim_jobs(&SystemScope::for_installation(), later, 0, 100, policy)
        .await;
    let told = ok(jobs, rule).into_iter().filter_map(|job| match job.work {
        JobWork::WarnOfBudget { percent, .. } => Some(percent),
        _ => None,
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told
}

async fn owners_are_told_once_of_each_percentage(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `owners are told once of each percentage`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let settings = ok(store.settings(scope).await, rule);
    let too_much = SettingsPatch {
        monthly_budget_micro_usd: Patch::Set(MAX_BUDGET + 1),
        ..SettingsPatch::default()
    };
    let refused = store.update_settings(scope, settings.version, too_much);
    refuses(&refused.await, Invalid, rule);
    budget(&office, 1_000, rule).await;
    let steps: [(i64, &[u32], BudgetState); 5] = [
        (790, &[], BudgetState::Plenty),
        (10, &[80], BudgetState::Warn),
        (100, &[80], BudgetState::Warn),
        (100, &[80, 100], BudgetState::Spent),
        (100, &[80, 100], BudgetState::Spent),
    ];
    for (n, (cost, alerts, state)) in (1..).zip(steps) {
        ok(store.settle(scope, chat(n, cost)).await, rule);
        let account = ok(store.account(scope).await, rule);
        assert_eq!(account.state(MicroUsd(0)), state, "{rule}: step {n}");
        assert_eq!(told(store, rule).await, alerts, "{rule}: step {n}");
    }
    // Another budget, and the same month.
    budget(&office, 10_000, rule).await;
    ok(store.settle(scope, chat(9, 8_000)).await, rule);
    assert_eq!(told(store, rule).await, [80, 100], "{rule}: no second time");
}

async fn what_the_carrier_charges_is_counted_once_and_apart(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `what the carrier charges is counted once, and apart from models`";
    let office = Office::open(fixture, rule).await;
    let (store, scope, call) = (&office.store, &office.ours, office.call);
    let entry = ok(store.call_entry(scope, call).await, rule);
    assert_eq!(entry.carrier_cost, None, "{rule}: nobody said it yet");
    let outcome = outcome(CallEnd::CallerHungUp);
    let finished = store.finish_call(scope, call, outcome.clone());
    ok(finished.await, rule);
    // The price of a second leg becomes known, and a price is taken back.
    let steps = [
        (8_500, true),
        (8_500, false),
        (22_500, true),
        (0, true),
        (9_000, true),
    ];
    for (cost, is_new) in steps {
        let noted = store.note_carrier_cost(scope, call, MicroUsd(cost)).await;
        assert_eq!(ok(noted, rule), is_new, "{rule}: {cost}");
        let entry = ok(store.call_entry(scope, call).await, rule);
        assert_eq!(entry.carrier_cost, Some(MicroUsd(cost)), "{rule}");
        let months = ok(store.spending_by_month(scope).await, rule);
        let [month] = &months[..] else {
            panic!("{rule}: expected one month, got {months:?}");
        };
        assert_eq!(month.month, "2023-11", "{rule}: in which the call began");
        assert_eq!(month.carrier_micro_usd, MicroUsd(cost), "{rule}");
        let models = outcome.usage.cost;
        assert_eq!(month.models(), models, "{rule}");
        let total = models + MicroUsd(cost);
        assert_eq!(month.total_micro_usd, total, "{rule}");
        let on_lead = ok(store.lead_spending(scope, office.lead).await, rule);
        assert_eq!(on_lead.carrier_micro_usd, MicroUsd(cost), "{rule}");
        assert_eq!(on_lead.total_micro_usd, total, "{rule}");
    }
    let nonsense = store.note_carrier_cost(scope, call, MicroUsd(-1)).await;
    refuses(&nonsense, Invalid, rule);
    let stranger = store.note_carrier_cost(&office.theirs, call, MicroUsd(1));
    refuses(&stranger.await, NotFound, rule);
    let theirs = ok(store.spending_by_month(&office.theirs).await, rule);
    assert_eq!(theirs, [], "{rule}: the other business");
}

async fn calls_are_found_for_comparing_with_the_carriers_list(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `calls are found for comparing them with the carrier's list`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let began = UnixMillis(1_700_000_000_000);
    let first = new_call(1).started_at;
    for n in 2..=5 {
        ok(store.open_call(scope, new_call(n)).await, rule);
    }
    let day = (began, began.plus(86_400_000));
    let found = ok(store.own_calls(scope, day).await, rule);
    let sids: Vec<_> = found.iter().map(|call| call.sid.clone()).collect();
    let expected: Vec<_> = (1..=5).map(|n| new_call(n).call_sid).collect();
    assert_eq!(sids, expected, "{rule}: in the order in which they began");
    assert!(found.iter().all(|call| !call.is_over), "{rule}");
    let some = ok(store.own_calls(scope, (first, first.plus(2))).await, rule);
    assert_eq!(some, found[..2], "{rule}: the end does not belong to it");
    let theirs = ok(store.own_calls(&office.theirs, day).await, rule);
    assert_eq!(theirs, [], "{rule}: the other business");

    let outcome = outcome(CallEnd::CallerHungUp);
    let ended_at = outcome.ended_at;
    ok(store.finish_call(scope, office.call, outcome).await, rule);
    let found = ok(store.own_calls(scope, day).await, rule);
    let open = (found[0].ended_at, found[0].is_over);
    assert_eq!(open, (Some(ended_at), false), "{rule}: the carrier's word");
    let update = StatusUpdate {
        status: CallStatus::Completed,
        sequence: None,
        at: ended_at.plus(700),
    };
    ok(store.advance_status(scope, office.call, update).await, rule);
    let found = ok(store.own_calls(scope, day).await, rule);
    let over = (found[0].ended_at, found[0].is_over);
    assert_eq!(over, (Some(ended_at.plus(700)), true), "{rule}");

    let number = new_call(1).business_number;
    for (at, has_it) in [(UnixMillis(i64::MAX / 2), true), (UnixMillis(0), false)] {
        let held = store.held_number(scope, &number, at).await;
        assert_eq!(ok(held, rule), has_it, "{rule}: since when it has a number");
    }
    let held = store.held_number(&office.theirs, &number, UnixMillis(i64::MAX / 2));
    assert!(!ok(held.await, rule), "{rule}: another's number");
}
