//! What every [`crate::BusinessAdmin`] must do.

use prosaas_core::testkit::samples::{number, seed};
use prosaas_core::{Business, ErrorClass, NumberOwner};

use super::{Fixture, OPERATOR, ok, refuses, scope};
use crate::store::{BusinessAdmin, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    an_added_business_is_found_and_listed(fixture).await;
    a_business_is_added_whole_or_not_at_all(fixture).await;
    a_number_has_one_owner_unless_imported(fixture).await;
}

/// Rule: an added business reads back whole, by id, by each number, and in the list.
pub async fn an_added_business_is_found_and_listed(fixture: &impl Fixture) {
    let rule = "rule `an added business is found and listed`";
    let store = fixture.store().await;
    assert!(
        ok(store.list_businesses(&OPERATOR).await, rule).is_empty(),
        "{rule}: a fresh store"
    );
    for n in [1, 2] {
        let seed = seed(n);
        let numbers = [number(n + 10), seed.numbers[0].clone()];
        ok(
            store
                .add_business(&OPERATOR, &seed.business, &numbers)
                .await,
            rule,
        );
        let stored = ok(store.business(&scope(seed.business.id)).await, rule);
        assert_eq!(stored.as_deref(), Some(&seed.business), "{rule}: by id");
        for number in &numbers {
            match ok(store.business_by_number(&OPERATOR, number).await, rule) {
                NumberOwner::One(business) => assert_eq!(**business, seed.business, "{rule}"),
                other => panic!("{rule}: {number} gave {other:?}"),
            }
        }
    }
    let listed = ok(store.list_businesses(&OPERATOR).await, rule);
    let listed: Vec<_> = listed
        .iter()
        .map(|l| (&l.business, l.numbers.as_slice()))
        .collect();
    let (first, second) = (seed(1), seed(2));
    let expected = [
        (&first.business, &[number(1), number(11)][..]),
        (&second.business, &[number(2), number(12)][..]),
    ];
    assert_eq!(
        listed, expected,
        "{rule}: the list, numbers in the order of their digits"
    );
}

/// Rule: a business with a taken number, a taken id or senseless values is refused and leaves nothing behind.
pub async fn a_business_is_added_whole_or_not_at_all(fixture: &impl Fixture) {
    let rule = "rule `a business is added whole or not at all`";
    let store = fixture.store().await;
    let (first, second) = (seed(1), seed(2));
    ok(
        store
            .add_business(&OPERATOR, &first.business, &first.numbers)
            .await,
        rule,
    );
    let numbers = [number(50), first.numbers[0].clone()];
    let taken = store
        .add_business(&OPERATOR, &second.business, &numbers)
        .await;
    refuses(&taken, ErrorClass::Conflict, rule);
    let again = store
        .add_business(&OPERATOR, &first.business, &[number(51)])
        .await;
    refuses(&again, ErrorClass::Conflict, rule);
    let nameless = Business {
        name: String::new(),
        ..second.business.clone()
    };
    let nameless = store
        .add_business(&OPERATOR, &nameless, &[number(52)])
        .await;
    refuses(&nameless, ErrorClass::Invalid, rule);
    for n in 50..=52 {
        let owner = ok(store.business_by_number(&OPERATOR, &number(n)).await, rule);
        assert!(
            matches!(owner, NumberOwner::Nobody),
            "{rule}: {owner:?} was left behind"
        );
    }
    assert_eq!(
        ok(store.business(&scope(second.business.id)).await, rule),
        None,
        "{rule}"
    );
    assert_eq!(
        ok(store.list_businesses(&OPERATOR).await, rule).len(),
        1,
        "{rule}: the list"
    );
}

/// Rule: claiming a taken number is a conflict, even when it was imported; importing makes it several's.
pub async fn a_number_has_one_owner_unless_imported(fixture: &impl Fixture) {
    let rule = "rule `a number has one owner unless imported`";
    let store = fixture.store().await;
    let ids: Vec<_> = (1..=3).map(|n| seed(n).business.id).collect();
    for n in 1..=3 {
        ok(
            store.add_business(&OPERATOR, &seed(n).business, &[]).await,
            rule,
        );
    }
    let wanted = number(60);
    for _ in 0..2 {
        ok(store.add_number(&OPERATOR, ids[0], &wanted).await, rule);
    }
    refuses(
        &store.add_number(&OPERATOR, ids[1], &wanted).await,
        ErrorClass::Conflict,
        rule,
    );
    let owner = ok(store.business_by_number(&OPERATOR, &wanted).await, rule);
    assert!(
        matches!(&owner, NumberOwner::One(b) if b.id == ids[0]),
        "{rule}: {owner:?}"
    );
    for _ in 0..2 {
        ok(store.import_number(&OPERATOR, ids[1], &wanted).await, rule);
    }
    let owner = ok(store.business_by_number(&OPERATOR, &wanted).await, rule);
    assert!(
        matches!(owner, NumberOwner::Several(2)),
        "{rule}: {owner:?}"
    );
    ok(
        store.import_number(&OPERATOR, ids[2], &number(61)).await,
        rule,
    );
    refuses(
        &store.add_number(&OPERATOR, ids[0], &number(61)).await,
        ErrorClass::Conflict,
        rule,
    );
    let unknown = seed(9).business.id;
    refuses(
        &store.add_number(&OPERATOR, unknown, &number(62)).await,
        ErrorClass::NotFound,
        rule,
    );
    refuses(
        &store.import_number(&OPERATOR, unknown, &number(62)).await,
        ErrorClass::NotFound,
        rule,
    );
}
