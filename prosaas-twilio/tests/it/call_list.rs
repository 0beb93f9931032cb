//! The list of an account's calls, against the fake API.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{CallSid, CallStatus, SecretString, UnixMillis};
use prosaas_twilio::rest::{Backoff, Client, ClientConfig, Error, ListedCall};
use prosaas_twilio::testkit::rest_api::{FakeCall, FakeRestApi, Fault};

use crate::support::{NoSleep, account, http, number};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// 2023-11-14 00:00 UTC.
const DAY: UnixMillis = UnixMillis(1_699_920_000_000);
const DAY_MS: i64 = 86_400_000;

async fn setup() -> (FakeRestApi, Client) {
    let api = FakeRestApi::start(account(), SecretString::from(SECRET))
        .await
        .unwrap();
    let config = ClientConfig {
        base_url: api.base_url().to_owned(),
        account: account(),
        api_key: None,
        secret: SecretString::from(SECRET),
        backoff: Backoff::ADVISED,
        sleeper: Arc::new(NoSleep::default()),
    };
    let client = Client::new(config, http()).unwrap();
    (api, client)
}

fn sid(n: u32) -> CallSid {
    format!("CA{n:032x}").parse().unwrap()
}

fn over(began: UnixMillis, seconds: i64) -> FakeCall {
    FakeCall {
        started_at: Some(began),
        ended_at: Some(began.plus(seconds * 1_000)),
        ..FakeCall::new(CallStatus::Completed)
    }
}

async fn the_day(client: &Client) -> Result<Vec<ListedCall>, Error> {
    client.list_calls(DAY, DAY.plus(DAY_MS)).await
}

#[tokio::test]
async fn a_days_calls_are_read_over_all_pages() {
    let (api, client) = setup().await;
    api.set_page_size(2);
    for n in 0..5 {
        api.add_call(&sid(n), over(DAY.plus(i64::from(n) * 1_000), 12));
    }
    // The moment before the day, and the first one after it.
    api.add_call(&sid(6), over(DAY.plus(-1_000), 12));
    api.add_call(&sid(7), over(DAY.plus(DAY_MS), 12));
    let calls = the_day(&client).await.unwrap();
    let mut sids: Vec<_> = calls.iter().map(|call| call.sid.clone()).collect();
    sids.sort();
    assert_eq!(sids, (0..5).map(sid).collect::<Vec<_>>());
    let received = api.received();
    assert_eq!(received.len(), 3, "six calls begin on the days asked for");
    let query: Vec<(&str, &str)> = received[0]
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let first = [
        ("StartTime>", "2023-11-14"),
        ("StartTime<", "2023-11-16"),
        ("PageSize", "200"),
    ];
    assert_eq!(query, first);
    assert_eq!(received[0].path, "/Calls.json");
}

#[tokio::test]
async fn a_call_says_what_it_was_and_what_it_costs() {
    let (api, client) = setup().await;
    let call = FakeCall {
        to: Some(number("+97231234567")),
        from: Some(number("+972501234567")),
        ..over(DAY, 62)
    };
    api.add_call(&sid(1), call);
    api.set_price(&sid(1), "-0.00850", "USD");
    let leg = FakeCall {
        parent: Some(sid(1)),
        direction: "outbound-dial",
        ..over(DAY, 30)
    };
    api.add_call(&sid(2), leg);
    let mut calls = the_day(&client).await.unwrap();
    calls.sort_by(|a, b| a.sid.cmp(&b.sid));
    let [call, leg] = &calls[..] else {
        panic!("expected two calls, got {calls:?}");
    };
    assert!(call.is_inbound());
    assert_eq!(call.to, Some(number("+97231234567")));
    assert_eq!(call.from, Some(number("+972501234567")));
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(call.started_at, Some(DAY));
    assert_eq!(call.ended_at, Some(DAY.plus(62_000)));
    assert_eq!(call.duration_s, Some(62));
    let price = call.price.unwrap();
    assert_eq!(price.charged_micro_usd(), Some(8_500));
    assert_eq!((leg.parent.clone(), leg.price), (Some(sid(1)), None));
    assert!(!leg.is_inbound());
    let printed = format!("{calls:?}");
    assert!(!printed.contains("1234567"), "{printed}");
}

#[tokio::test]
async fn a_carriers_calls_are_stamped_by_its_clock() {
    let (api, client) = setup().await;
    let clock = Arc::new(ManualClock::at(DAY.plus(5_000)));
    api.set_clock(Arc::<ManualClock>::clone(&clock));
    api.add_call(&sid(1), FakeCall::new(CallStatus::InProgress));
    let calls = the_day(&client).await.unwrap();
    assert_eq!((calls[0].ended_at, calls[0].duration_s), (None, None));
    clock.advance(61_000);
    client.end_call(&sid(1)).await.unwrap();
    let calls = the_day(&client).await.unwrap();
    assert_eq!(calls[0].started_at, Some(DAY.plus(5_000)));
    assert_eq!(calls[0].duration_s, Some(61));
}

#[tokio::test]
async fn the_list_is_asked_for_again_and_not_guessed() {
    let (api, client) = setup().await;
    api.add_call(&sid(1), over(DAY, 12));
    api.fail_next(2, Fault::Status(500));
    assert_eq!(the_day(&client).await.unwrap().len(), 1);
    api.fail_next(5, Fault::Status(500));
    let error = the_day(&client).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    api.set_price(&sid(1), "much", "USD");
    let error = the_day(&client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Twilio's answer about list of calls cannot be used: expected a price to be a decimal number such as -0.00850"
    );
}
