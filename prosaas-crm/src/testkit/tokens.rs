//! What every [`crate::StreamTokens`] must do.

use prosaas_core::testkit::join_all;
use prosaas_core::testkit::samples::new_call;
use prosaas_core::{ErrorClass, UnixMillis};

use super::{Fixture, OPERATOR, ok, ours, refuses, scope, strangers, theirs, with_call};
use crate::model::token::StreamGrant;
use crate::store::{PhoneStore as _, StreamTokens};

/// How many races [`two_sockets_at_once_give_one_winner`] runs.
pub const RACES: u32 = 1_000;

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    a_token_is_good_once(fixture).await;
    a_refused_try_uses_nothing_up(fixture).await;
    several_tokens_of_a_call_are_each_good_once(fixture).await;
    a_token_belongs_to_one_call(fixture).await;
    expired_tokens_are_forgotten(fixture).await;
    two_sockets_at_once_give_one_winner(fixture).await;
}

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const EXPIRY: UnixMillis = UnixMillis(1_700_000_060_000);

fn hash(n: u32) -> [u8; 32] {
    let mut hash = [0xA5; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    hash
}

/// Rule: a token grants its call once.
pub async fn a_token_is_good_once(fixture: &impl Fixture) {
    let rule = "rule `a token is good once`";
    let (store, call) = with_call(fixture, rule).await;
    let sid = &call.call.call_sid;
    ok(
        store
            .issue_stream_token(&scope(ours()), call.id, hash(1), EXPIRY)
            .await,
        rule,
    );
    let grant = ok(
        store
            .redeem_stream_token(&OPERATOR, &hash(1), sid, NOW)
            .await,
        rule,
    );
    assert_eq!(
        grant,
        Some(StreamGrant {
            tenant: ours(),
            call: call.id
        }),
        "{rule}: first use"
    );
    let again = ok(
        store
            .redeem_stream_token(&OPERATOR, &hash(1), sid, NOW)
            .await,
        rule,
    );
    assert_eq!(again, None, "{rule}: second use");
    // A webhook that is delivered again issues the same token again.
    ok(
        store
            .issue_stream_token(&scope(ours()), call.id, hash(1), EXPIRY.plus(1))
            .await,
        rule,
    );
    let renewed = ok(
        store
            .redeem_stream_token(&OPERATOR, &hash(1), sid, NOW)
            .await,
        rule,
    );
    assert_eq!(
        renewed, None,
        "{rule}: issuing it again made a used token good"
    );
}

/// Rule: an unknown or expired token, or one of another call, is refused and stays as good as it was.
pub async fn a_refused_try_uses_nothing_up(fixture: &impl Fixture) {
    let rule = "rule `a refused try uses nothing up`";
    let (store, call) = with_call(fixture, rule).await;
    let (other, _) = ok(store.open_call(&scope(ours()), new_call(2)).await, rule);
    let sid = &call.call.call_sid;
    ok(
        store
            .issue_stream_token(&scope(ours()), call.id, hash(1), EXPIRY)
            .await,
        rule,
    );
    let unknown_sid = &new_call(9).call_sid;
    let tries = [
        (hash(2), sid, NOW, "an unknown token"),
        (hash(1), &other.call.call_sid, NOW, "another call's CallSid"),
        (hash(1), unknown_sid, NOW, "an unknown CallSid"),
        (hash(1), sid, EXPIRY, "an expired token"),
    ];
    for (hash, sid, now, what) in tries {
        let grant = ok(
            store.redeem_stream_token(&OPERATOR, &hash, sid, now).await,
            rule,
        );
        assert_eq!(grant, None, "{rule}: {what}");
    }
    let grant = ok(
        store
            .redeem_stream_token(&OPERATOR, &hash(1), sid, EXPIRY.plus(-1))
            .await,
        rule,
    );
    assert!(
        grant.is_some(),
        "{rule}: the token was used up by a refused try"
    );
}

/// Rule: a new token does not end an older one of the same call; each is good once.
pub async fn several_tokens_of_a_call_are_each_good_once(fixture: &impl Fixture) {
    let rule = "rule `several tokens of a call are each good once`";
    let (store, call) = with_call(fixture, rule).await;
    for n in [1, 2] {
        ok(
            store
                .issue_stream_token(&scope(ours()), call.id, hash(n), EXPIRY)
                .await,
            rule,
        );
    }
    for (n, is_good) in [(2, true), (1, true), (2, false), (1, false)] {
        let grant = store
            .redeem_stream_token(&OPERATOR, &hash(n), &call.call.call_sid, NOW)
            .await;
        assert_eq!(ok(grant, rule).is_some(), is_good, "{rule}: token {n}");
    }
}

/// Rule: a token is issued for a call of one's own, and for one call only.
pub async fn a_token_belongs_to_one_call(fixture: &impl Fixture) {
    let rule = "rule `a token belongs to one call`";
    let (store, call) = with_call(fixture, rule).await;
    for (tenant, id) in strangers(call.id) {
        let issued = store
            .issue_stream_token(&scope(tenant), id, hash(1), EXPIRY)
            .await;
        refuses(&issued, ErrorClass::NotFound, rule);
    }
    ok(
        store
            .issue_stream_token(&scope(ours()), call.id, hash(1), EXPIRY)
            .await,
        rule,
    );
    let (foreign, _) = ok(store.open_call(&scope(theirs()), new_call(2)).await, rule);
    let stolen = store
        .issue_stream_token(&scope(theirs()), foreign.id, hash(1), EXPIRY)
        .await;
    refuses(&stolen, ErrorClass::Conflict, rule);
    let sid = &foreign.call.call_sid;
    let grant = ok(
        store
            .redeem_stream_token(&OPERATOR, &hash(1), sid, NOW)
            .await,
        rule,
    );
    assert_eq!(grant, None, "{rule}: it opens another business's call");
}

/// Rule: tokens that expired before a time are forgotten, others stay.
pub async fn expired_tokens_are_forgotten(fixture: &impl Fixture) {
    let rule = "rule `expired tokens are forgotten`";
    let (store, call) = with_call(fixture, rule).await;
    for (n, expires_at) in [(1, NOW.plus(-1)), (2, NOW), (3, EXPIRY)] {
        ok(
            store
                .issue_stream_token(&scope(ours()), call.id, hash(n), expires_at)
                .await,
            rule,
        );
    }
    assert_eq!(
        ok(store.forget_stream_tokens(&OPERATOR, NOW).await, rule),
        1,
        "{rule}: how many"
    );
    assert_eq!(
        ok(store.forget_stream_tokens(&OPERATOR, NOW).await, rule),
        0,
        "{rule}: a second time"
    );
    let grant = store
        .redeem_stream_token(&OPERATOR, &hash(3), &call.call.call_sid, NOW)
        .await;
    assert!(ok(grant, rule).is_some(), "{rule}: one that still holds");
}

/// Rule: of two sockets that bring one token at once, exactly one gets the call.
pub async fn two_sockets_at_once_give_one_winner(fixture: &impl Fixture) {
    let rule = "rule `two sockets at once give one winner`";
    let (store, call) = with_call(fixture, rule).await;
    for n in 0..RACES {
        ok(
            store
                .issue_stream_token(&scope(ours()), call.id, hash(n), EXPIRY)
                .await,
            rule,
        );
        race(&store, &call.call.call_sid, hash(n), rule).await;
    }
}

async fn race(
    store: &impl StreamTokens,
    sid: &prosaas_core::CallSid,
    hash: [u8; 32],
    rule: &'static str,
) {
    let tries = (0..2).map(|_| {
        Box::pin(async move {
            ok(
                store.redeem_stream_token(&OPERATOR, &hash, sid, NOW).await,
                rule,
            )
        }) as _
    });
    let grants: Vec<Option<StreamGrant>> = join_all(tries).await;
    let winners = grants.iter().flatten().count();
    assert_eq!(winners, 1, "{rule}: {winners} of 2 won");
}
