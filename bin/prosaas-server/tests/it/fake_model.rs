//! Whole calls with nothing short-circuited: our fake carrier, the server, and the fake model over the
//! vendor's websocket and REST wires, in every mode in which it can fail.

use std::time::Duration;

use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::{Business, CallEnd};
use prosaas_crm::testkit::scope;
use prosaas_crm::{CallStore as _, LeadStore as _};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode};
use prosaas_twilio::testkit::carrier::{CallObservation, CallScript, CarrierEvent};

use crate::support::{NUMBER, Setup, TestApp, until};

/// When a caller who heard nothing yet has heard nothing. Far above the bars, which the fault bench measures: a
/// test fails by silence, not because the machine was busy.
const NO_SILENCE_MS: u64 = 12_000;

/// A second and a half of a loud square wave: speech, as far as a voice detector can tell.
fn speech() -> Vec<u8> {
    (0..75 * FRAME_BYTES)
        .map(|at| if (at / 20) % 2 == 0 { 0x10 } else { 0x90 })
        .collect()
}

async fn fake(mode: Mode) -> FakeModel {
    let caller_texts = vec!["My brakes squeak and I need an appointment".to_owned()];
    let config = FakeModelConfig {
        mode,
        caller_texts,
        ..FakeModelConfig::default()
    };
    FakeModel::start(config).await.unwrap()
}

async fn call(app: &TestApp) -> CallObservation {
    app.carrier()
        .place_call(CallScript {
            at_most_ms: 20_000,
            ..CallScript::saying(speech())
        })
        .await
}

/// When the caller first heard anything: the agent, the cached sentence, or a synthetic voice.
fn first_sound_ms(seen: &CallObservation) -> u64 {
    let said = seen
        .timeline
        .iter()
        .find(|timed| matches!(timed.event, CarrierEvent::Said(_)));
    let said = said.map(|timed| timed.at_ms);
    let heard = [seen.first_audio_ms(), said].into_iter().flatten().min();
    heard.unwrap_or_else(|| panic!("the caller heard nothing: {:?}", seen.timeline))
}

#[tokio::test]
async fn a_spare_model_takes_the_call_when_the_first_one_does_not() {
    for mode in [Mode::Refuse { status: 401 }, Mode::Hang] {
        let (first, spare) = (fake(mode).await, fake(Mode::Normal).await);
        let setup = Setup::default()
            .model(&first)
            .var("OPENAI_SPARE_REALTIME_URL", spare.url().as_str())
            .var("OPENAI_SPARE_API_KEY", "sk-spare");
        let app = setup.start().await;
        let business = app.business(NUMBER).await;
        let seen = call(&app).await;
        assert!(seen.first_audio_ms().is_some(), "{:?}", seen.timeline);
        assert_eq!(seen.said().count(), 0, "{:?}", seen.timeline);
        let call = app.finished(&business).await;
        assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
        let scope = scope(business.id);
        let spoken = app.store.transcript(&scope, call.record.id).await;
        let heard = spoken.unwrap();
        assert!(
            heard.iter().any(|line| line.text.contains("brakes squeak")),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn while_every_model_is_known_to_be_down_callers_are_asked_for_a_message_at_once() {
    let refuses = Mode::Refuse { status: 401 };
    let (first, spare) = (fake(refuses.clone()).await, fake(refuses).await);
    let setup = Setup::default()
        .model(&first)
        .var("OPENAI_SPARE_REALTIME_URL", spare.url().as_str());
    let app = setup.start().await;
    // With nobody to forward to, whatever the hour is at which the test runs.
    let alone = |business: &mut Business| business.transfer.clear();
    let business = app.business_with(NUMBER, alone).await;
    // Who calls first finds it out.
    call(&app).await;
    app.finished(&business).await;
    let seen = call(&app).await;
    assert!(
        seen.said().any(|said| said.contains("leave a message")),
        "{:?}",
        seen.timeline
    );
    let streamed = seen.first_audio_after_stream_ms();
    assert_eq!(streamed, None, "{:?}", seen.timeline);
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn a_conversation_is_held_transcribed_priced_and_summarised() {
    let model = fake(Mode::Normal).await;
    let app = Setup::default().model(&model).start().await;
    let business = app.business(NUMBER).await;
    let seen = call(&app).await;
    assert!(first_sound_ms(&seen) < NO_SILENCE_MS, "{:?}", seen.timeline);
    assert_eq!(seen.partial_frames, 0);
    assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    assert!(call.record.usage.cost.0 > 0, "{:?}", call.record.usage);
    let lines = app
        .store
        .transcript(&scope(business.id), call.record.id)
        .await
        .unwrap();
    assert!(
        lines.iter().any(|line| line.text.contains("brakes squeak")),
        "{lines:?}"
    );
    let lead = until("the summary is merged into the lead", async || {
        let lead = app
            .store
            .lead_of_call(&scope(business.id), call.record.id)
            .await
            .unwrap()?;
        lead.known.summary.is_some().then_some(lead)
    })
    .await;
    assert_ne!(lead.known.notes.as_deref(), Some("Missed call"));
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn whatever_the_model_does_the_caller_hears_something_and_a_lead_is_stored() {
    let modes = [
        Mode::Refuse { status: 401 },
        Mode::Refuse { status: 500 },
        Mode::RefuseTcp,
        Mode::Hang,
        Mode::Garbage,
        Mode::RateLimited,
        Mode::DropAfter(Duration::from_secs(1)),
        Mode::Slow {
            connect: Duration::from_millis(300),
            reply: Duration::from_millis(500),
        },
        Mode::Noisy,
    ];
    let calls = modes.map(|mode| async move {
        let name = format!("{mode:?}");
        let model = fake(mode).await;
        let app = Setup::default().model(&model).rest().start().await;
        let business = app.business(NUMBER).await;
        let seen = call(&app).await;
        let first = first_sound_ms(&seen);
        assert!(
            first <= NO_SILENCE_MS,
            "{name}: heard after {first} ms: {:?}",
            seen.timeline
        );
        let call = app.finished(&business).await;
        assert_eq!(app.leads(&business).await, 1, "{name}");
        (name, first, call.record.end)
    });
    let results = futures_util::future::join_all(calls).await;
    let end_of = |mode: &str| {
        results
            .iter()
            .find(|(name, ..)| name.starts_with(mode))
            .unwrap()
            .2
    };
    for mode in ["Refuse", "RefuseTcp", "Hang"] {
        assert_eq!(end_of(mode), Some(CallEnd::AiFailed), "{results:?}");
    }
    for mode in ["Slow", "Noisy"] {
        assert_eq!(end_of(mode), Some(CallEnd::CallerHungUp), "{results:?}");
    }
}
