//! The database goes away: the API says so, calls go on, and nothing that a call left is lost.

#![expect(
    clippy::print_stdout,
    reason = "`--long` reads its figures from what is printed"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prosaas_core::{
    AfterTool, Business, CallContext, CallEnd, LeadDraft, ToolHost as _, ToolRequest, UnixMillis,
};
use prosaas_crm::model::privacy::Tombstone;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    CallStore as _, CrmStore, JobWork, Jobs as _, LeadStore as _, PhoneStore as _, StoredCall,
    TombstoneKeeper as _,
};
use prosaas_server::calls::tools::CallTools;
use prosaas_server::erasures::Erasures;
use prosaas_twilio::testkit::carrier::CallScript;
use reqwest::Method;
use serde_json::json;

use crate::support::databases::{Database, variable};
use crate::support::locked::Locked;
use crate::support::postgres::Postgres;
use crate::support::{
    ACCOUNT, CALLER, NUMBER, Setup, TestApp, e164, incoming, logged, sid, status, token_in, until,
};

const OTHER_NUMBER: &str = "+97237654321";
const THIRD_NUMBER: &str = "+97236543210";
/// How long a call and the API wait for the database here, in milliseconds.
const PATIENCE: &str = "800";
/// What a request may take at most: the waiting, and a slow machine.
const NO_HANG: Duration = Duration::from_secs(5);

/// A server that loses patience soon.
fn impatient() -> Setup {
    Setup::default()
        .var("PROSAAS_CALL_DATABASE_MS", PATIENCE)
        .var("PROSAAS_DATABASE_WAIT_MS", PATIENCE)
}

/// A business whose rules are remembered, as they are an hour after it was made at the latest.
async fn known_business(app: &TestApp) -> Business {
    let business = app.business(NUMBER).await;
    app.app().standby.remember_everybody().await;
    business
}

fn files(app: &TestApp) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(directories) = std::fs::read_dir(app.data().join("write-behind")) else {
        return found;
    };
    for directory in directories {
        let files = std::fs::read_dir(directory.unwrap().path()).unwrap();
        found.extend(files.map(|file| file.unwrap().path()));
    }
    found
}

async fn drained(app: &TestApp) {
    until("everything is stored", async || {
        let standby = &app.app().standby;
        (!standby.is_away() && standby.waiting() == 0).then_some(())
    })
    .await;
    assert_eq!(files(app), Vec::<PathBuf>::new());
}

/// A call left everything: its end, its words, its lead and the job that follows.
async fn assert_whole(store: &CrmStore, business: &Business, call: &StoredCall) {
    let (scope, id) = (scope(business.id), call.record.id);
    assert!(call.is_finished(), "{call:?}");
    let lines = store.transcript(&scope, id).await.unwrap();
    assert!(!lines.is_empty(), "{call:?}");
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(
            line.seq as usize, place,
            "no gap and nothing twice: {lines:?}"
        );
    }
    assert!(store.lead_of_call(&scope, id).await.unwrap().is_some());
    let work = JobWork::SummarizeCall { call: id };
    let is_new = store.enqueue_job(&scope, &work, UnixMillis(0)).await;
    assert!(!is_new.unwrap(), "the job is there");
}

/// The API answers within its time that the database is away.
async fn assert_refused(app: &TestApp, browser: &crate::support::browser::Browser) {
    let began = Instant::now();
    let lead = json!({ "name": "Dana" });
    let answer = browser
        .ask(Method::POST, "/api/crm/leads", &[], Some(&lead))
        .await
        .unwrap();
    assert!(began.elapsed() < NO_HANG, "{:?}", began.elapsed());
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("\"unavailable\""), "{}", answer.body);
    assert_eq!(browser.retry_after().await, Some("5".to_owned()));
    let ready = app.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("calls go on"), "{}", ready.body);
}

async fn answered_call(app: &TestApp) -> u64 {
    let seen = app.carrier().place_call(CallScript::listening()).await;
    assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
    let heard = seen.first_audio_ms();
    heard.unwrap_or_else(|| panic!("the caller heard nothing: {:?}", seen.timeline))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_locked_file_a_call_is_answered_conversed_and_stored_later() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    app.owner(&business, "owner@example.com").await;
    let browser = app.sign_in("owner@example.com").await;
    let locked = Locked::new(app.data()).await;
    let heard = answered_call(&app).await;
    assert!(heard < 3_000, "first heard after {heard} ms");
    assert_refused(&app, &browser).await;
    assert_eq!(app.calls(&business).await, []);
    assert_eq!(app.app().standby.waiting(), 1);
    let metrics = app.get("/metrics").await.body;
    for line in ["prosaas_database_up 0", "prosaas_write_behind_calls 1"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    locked.release().await;
    drained(&app).await;
    let call = app.finished(&business).await;
    assert_whole(&app.store, &business, &call).await;
    assert_eq!(
        (app.calls(&business).await.len(), app.leads(&business).await),
        (1, 1)
    );
    assert_eq!(app.get("/ready").await.status, 200);
    let log = logged();
    for line in ["calls go on without it", "the database answers again"] {
        assert!(log.contains(line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_had_begun_before_loses_nothing_and_its_callbacks_are_kept() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    let call = sid(1);
    let token = token_in(&app.ring(&call).await.body);
    let mut socket = app.socket().await;
    socket.begin(&call, &token).await;
    socket.hears_audio().await;
    app.said(&business, 1).await;
    let locked = Locked::new(app.data()).await;
    let recording = [
        ("CallSid", call.as_str()),
        ("AccountSid", ACCOUNT),
        ("RecordingSid", "RE00000000000000000000000000000001"),
        ("RecordingStatus", "completed"),
        ("RecordingDuration", "9"),
        ("RecordingUrl", "https://api.twilio.com/r"),
    ];
    let answer = app.post("/webhook/handle_recording", &recording).await;
    assert!(answer.status < 300, "{answer:?}");
    socket.hang_up(&call).await;
    socket.closed().await;
    let done = status(&call, "completed");
    let answer = app.post("/webhook/call_status", &done).await;
    assert!(answer.status < 300, "{answer:?}");
    // How the call goes on is known although nobody can be asked.
    let next = app.post("/webhook/stream_ended/1", &done).await;
    assert!(next.body.contains("<Hangup/>"), "{next:?}");
    assert!(!app.only_call(&business).await.is_finished());
    locked.release().await;
    drained(&app).await;
    let stored = app.only_call(&business).await;
    assert_eq!(stored.record.end, Some(CallEnd::CallerHungUp));
    assert!(stored.record.status.is_final());
    assert_whole(&app.store, &business, &stored).await;
    let scope = scope(business.id);
    let recordings = app.store.recordings(&scope, stored.record.id).await;
    assert_eq!(recordings.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_stream_is_connected_again_and_goes_on_behind_what_was_said() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    let call = sid(1);
    let token = token_in(&app.ring(&call).await.body);
    let mut socket = app.socket().await;
    socket.begin(&call, &token).await;
    socket.hears_audio().await;
    app.said(&business, 1).await;
    let found = app.store.find_call(&OPERATOR, &call).await;
    let record = found.unwrap().unwrap();
    let locked = Locked::new(app.data()).await;
    drop(socket);
    let live = status(&call, "in-progress");
    let again = app.post("/webhook/stream_ended/1", &live).await;
    let token = token_in(&again.body);
    let mut used = app.socket().await;
    used.begin(&call, &token).await;
    used.hears_audio().await;
    let mut second = app.socket().await;
    second.begin(&call, &token).await;
    second.closed().await;
    until(
        "the agent's second sentence is written behind",
        async || {
            let earlier = app.app().standby.earlier(&record).await.ok()?;
            (earlier.next >= 2).then_some(())
        },
    )
    .await;
    used.hang_up(&call).await;
    used.closed().await;
    locked.release().await;
    drained(&app).await;
    let stored = app.finished(&business).await;
    assert_whole(&app.store, &business, &stored).await;
    let scope = scope(business.id);
    let lines = app.store.transcript(&scope, record.id).await.unwrap();
    assert!(lines.len() >= 2, "both parts of the call: {lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_when_the_process_dies_is_stored_at_the_next_start() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    let locked = Locked::new(app.data()).await;
    answered_call(&app).await;
    assert_eq!(files(&app).len(), 1);
    let directory = Arc::clone(&app.directory);
    drop(app);
    locked.release().await;
    let app = impatient().directory(directory).start().await;
    drained(&app).await;
    let call = app.finished(&business).await;
    assert_whole(&app.store, &business, &call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_meanwhile_does_not_come_back() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    let locked = Locked::new(app.data()).await;
    answered_call(&app).await;
    let directory = Arc::clone(&app.directory);
    drop(app);
    locked.release().await;
    let erasures = Erasures::open(directory.path()).unwrap();
    let stone = Tombstone {
        tenant: business.id,
        hash: erasures.key().number(business.id, &e164(CALLER)).unwrap(),
        erased_at: UnixMillis(i64::MAX),
    };
    erasures.keep(&[stone]).await.unwrap();
    let app = impatient().directory(directory).start().await;
    drained(&app).await;
    assert_eq!(app.calls(&business).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_more_can_be_kept_the_caller_is_told_and_so_is_the_operator() {
    let app = impatient()
        .var("PROSAAS_WRITE_BEHIND_KB", "0")
        .start()
        .await;
    let business = known_business(&app).await;
    let locked = Locked::new(app.data()).await;
    let answer = app.ring(&sid(1)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<Say"), "{}", answer.body);
    assert!(!answer.body.contains("<Stream"), "{}", answer.body);
    let metrics = app.get("/metrics").await.body;
    let full = "prosaas_write_behind_total{result=\"full\"} 1";
    assert!(metrics.contains(full), "{metrics}");
    assert!(logged().contains("PROSAAS_WRITE_BEHIND_KB is used up"));
    locked.release().await;
    drained(&app).await;
    assert_eq!(app.calls(&business).await, []);
    let again = app.ring(&sid(1)).await;
    assert!(again.body.contains("<Stream"), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_away_meanwhile_leaves_his_lead_afterwards() {
    let app = impatient().start().await;
    let one_line = |business: &mut Business| business.limits.max_live_calls = 1;
    let business = app.business_with(NUMBER, one_line).await;
    app.app().standby.remember_everybody().await;
    assert!(app.ring(&sid(1)).await.body.contains("<Stream"));
    let locked = Locked::new(app.data()).await;
    let answer = app.ring(&sid(2)).await;
    assert!(answer.body.contains("lines are busy"), "{}", answer.body);
    assert_eq!(files(&app).len(), 1);
    let over = app.ring(&sid(2)).await;
    assert!(!over.body.contains("<Say"), "it is over: {}", over.body);
    locked.release().await;
    drained(&app).await;
    let call = app.stored(&sid(2)).await;
    assert_eq!(call.end, Some(CallEnd::Voicemail));
    until("the call has its lead", async || {
        let lead = app.store.lead_of_call(&scope(business.id), call.id).await;
        lead.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_number_is_not_guessed() {
    let app = impatient().start().await;
    // Known to the database alone: to answer takes what only a call before, or the hourly look, remembers.
    let mut known_there = NUMBER;
    app.business(known_there).await;
    let mut locked = Locked::new(app.data()).await;
    if app.app().standby.offers(&e164(known_there)).is_some() {
        // The first of those looks came late, and there is none for an hour now.
        locked.release().await;
        known_there = THIRD_NUMBER;
        app.business(known_there).await;
        locked = Locked::new(app.data()).await;
    }
    for (n, number) in [(1, known_there), (2, OTHER_NUMBER)] {
        let call = sid(n);
        let mut ringing = incoming(&call);
        ringing[3].1 = number;
        let answer = app.post("/webhook/incoming_call", &ringing).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("<Say"), "{answer:?}");
        assert!(!answer.body.contains("<Stream"), "{answer:?}");
    }
    locked.release().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_takes_messages_and_admits_what_it_cannot_look_at() {
    let app = impatient().start().await;
    let business = known_business(&app).await;
    app.ring(&sid(1)).await;
    let found = app.store.find_call(&OPERATOR, &sid(1)).await;
    let record = found.unwrap().unwrap();
    let context = CallContext {
        tenant: business.id,
        call: record.id,
        call_sid: sid(1),
        caller: Some(e164(CALLER)),
    };
    let standby = Arc::clone(&app.app().standby);
    let tools = CallTools::new(
        Arc::new(business.clone()),
        Arc::new(record.clone()),
        standby,
        None,
    );
    let uses = async |name: &str, arguments: serde_json::Value| {
        let request = ToolRequest {
            call: name.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        tools.run(&context, request).await
    };
    let locked = Locked::new(app.data()).await;
    let draft = LeadDraft {
        name: Some("Dana Levi".to_owned()),
        ..LeadDraft::default()
    };
    app.app().standby.learn(&record, draft).await.unwrap();
    let kept = uses(
        "take_message",
        json!({ "message": "The car is ready?", "recipient": "Ron" }),
    )
    .await;
    assert!(kept.output.contains("\"ok\":true"), "{}", kept.output);
    let times = uses("check_availability", json!({})).await;
    assert!(times.output.contains("right now"), "{}", times.output);
    let transfer = uses("transfer_to_human", json!({ "to": "sales" })).await;
    assert!(
        matches!(transfer.then, AfterTool::Transfer(_)),
        "{transfer:?}"
    );
    locked.release().await;
    drained(&app).await;
    let lead = app.store.lead_of_call(&scope(business.id), record.id).await;
    let known = lead.unwrap().unwrap().known;
    assert_eq!(known.name.as_deref(), Some("Dana Levi"));
    assert!(known.notes.unwrap().contains("The car is ready?"));
}

/// How PostgreSQL goes away.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It stops where it is: connections stay open and nobody answers.
    Hangs,
    /// It is gone.
    Gone,
}

async fn outage(postgres: &Postgres, fault: Fault) {
    let database: Database = postgres.database().await;
    let mut setup = impatient();
    for (name, value) in database.vars() {
        setup = setup.var(name, value);
    }
    let app = setup.start().await;
    let business = known_business(&app).await;
    app.owner(&business, "owner@example.com").await;
    let browser = app.sign_in("owner@example.com").await;
    let call = sid(1);
    let token = token_in(&app.ring(&call).await.body);
    let mut socket = app.socket().await;
    socket.begin(&call, &token).await;
    socket.hears_audio().await;
    match fault {
        Fault::Hangs => postgres.signal_all("STOP"),
        Fault::Gone => postgres.halt(),
    }
    let lasts = variable("PROSAAS_TEST_OUTAGE_SECONDS");
    let lasts = Duration::from_secs(lasts.map_or(0, |seconds| seconds.parse().unwrap()));
    let began = Instant::now();
    let mut calls = 1;
    loop {
        let heard = answered_call(&app).await;
        assert!(heard < 3_000, "{fault:?}: first heard after {heard} ms");
        calls += 1;
        assert_refused(&app, &browser).await;
        if began.elapsed() >= lasts {
            break;
        }
    }
    socket.hang_up(&call).await;
    socket.closed().await;
    assert_eq!(app.app().standby.waiting(), calls, "{fault:?}");
    match fault {
        Fault::Hangs => postgres.signal_all("CONT"),
        Fault::Gone => postgres.begin().await,
    }
    let back = Instant::now();
    drained(&app).await;
    println!(
        "{fault:?}: away for {:?}, {calls} calls, stored {:?} after it was back",
        back.duration_since(began),
        back.elapsed()
    );
    let stored = app.calls(&business).await;
    assert_eq!(stored.len(), calls, "{fault:?}");
    for call in &stored {
        assert_whole(&app.store, &business, call).await;
    }
    let lead = json!({ "name": "Dana" });
    let answer = browser
        .ask(Method::POST, "/api/crm/leads", &[], Some(&lead))
        .await;
    assert_eq!(answer.unwrap().status, 201, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_away_calls_go_on_and_everything_is_stored_afterwards() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    for fault in [Fault::Hangs, Fault::Gone] {
        outage(&postgres, fault).await;
    }
}
