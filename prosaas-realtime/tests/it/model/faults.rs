//! Models that refuse, hang, drop and talk nonsense.

use std::time::Duration;

use prosaas_core::agent::AgentBrief;
use prosaas_core::leg::{AiCommand, AiErrorKind, AiEvent, ReplyEnd};
use prosaas_core::{AudioBridge, SecretString};
use prosaas_realtime::openai::{OpenAiBridge, OpenAiConfig};
use prosaas_realtime::testkit::model::{FakeModelConfig, Mode};

use super::talk::{Talk, bridge, brief, fake, open, refusal, said};

#[tokio::test]
async fn refused_connections_say_whether_to_try_again() {
    let model = fake(FakeModelConfig::default()).await;
    for (status, kind) in [
        (401, AiErrorKind::Account),
        (403, AiErrorKind::Account),
        (429, AiErrorKind::RateLimited),
        (500, AiErrorKind::Connect),
        (503, AiErrorKind::Connect),
    ] {
        model.queue_mode(Mode::Refuse { status });
        let error = refusal(&model).await;
        assert_eq!(error.kind, kind, "{status}: {error}");
    }
    model.queue_mode(Mode::Slow {
        connect: Duration::from_mins(1),
        reply: Duration::ZERO,
    });
    let error = refusal(&model).await;
    assert_eq!(
        (error.kind, error.code.as_str()),
        (AiErrorKind::Connect, "timeout")
    );

    let nobody = fake(FakeModelConfig {
        mode: Mode::RefuseTcp,
        ..FakeModelConfig::default()
    })
    .await;
    assert_eq!(refusal(&nobody).await.kind, AiErrorKind::Connect);
    assert_eq!(model.stats().refused, 5);
}

#[tokio::test]
async fn a_key_is_needed_beyond_loopback() {
    let config = OpenAiConfig::new("wss://198.51.100.1/v1/realtime".parse().unwrap(), "m");
    let error = OpenAiBridge::new(config)
        .unwrap()
        .open(brief())
        .await
        .err()
        .unwrap();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (AiErrorKind::Account, "no_api_key")
    );
    let model = fake(FakeModelConfig::default()).await;
    let broken = AgentBrief {
        api_key: Some(SecretString::from("sk\n")),
        ..brief()
    };
    assert_eq!(
        bridge(&model).open(broken).await.err().unwrap().kind,
        AiErrorKind::Account
    );
}

#[tokio::test]
async fn a_model_that_hangs_is_connected_and_silent() {
    let model = fake(FakeModelConfig {
        mode: Mode::Hang,
        ..FakeModelConfig::default()
    })
    .await;
    let mut leg = bridge(&model).open(brief()).await.unwrap();
    let mut audio = Vec::new();
    let next = std::future::poll_fn(|cx| leg.poll_event(cx, &mut audio));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), next)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_dropped_connection_is_closed_once_and_commands_fail() {
    let model = fake(FakeModelConfig::default()).await;
    model.queue_mode(Mode::DropAfter(Duration::from_millis(100)));
    let mut talk = open(&model, brief()).await;
    assert_eq!(talk.event().await, AiEvent::Closed);
    assert!(talk.leg.send(AiCommand::SystemNote("anybody?")).is_err());
    open(&model, brief()).await;
    assert_eq!(model.stats().sessions_opened, 2);
}

#[tokio::test]
async fn dropping_the_leg_closes_the_session_and_dropping_the_model_the_leg() {
    let model = fake(FakeModelConfig::default()).await;
    drop(open(&model, brief()).await);
    model
        .wait_for(Duration::from_secs(1), |stats| stats.sessions_closed == 1)
        .await
        .unwrap();
    let mut talk = open(&model, brief()).await;
    drop(model);
    assert_eq!(talk.event().await, AiEvent::Closed);
}

#[tokio::test]
async fn garbage_is_reported_and_survived() {
    let model = fake(FakeModelConfig {
        mode: Mode::Garbage,
        ..FakeModelConfig::default()
    })
    .await;
    let leg = bridge(&model).open(brief()).await.unwrap();
    let mut talk = Talk::new(leg);
    let mut malformed = 0;
    for _ in 0..17 {
        match talk.event().await {
            AiEvent::Malformed => malformed += 1,
            AiEvent::Closed | AiEvent::Ready => panic!("garbage is neither"),
            _ => {}
        }
    }
    assert!(malformed > 8, "{malformed}");
}

#[tokio::test]
async fn a_noisy_model_is_understood() {
    let model = fake(FakeModelConfig {
        mode: Mode::Noisy,
        ..FakeModelConfig::default()
    })
    .await;
    let mut talk = open(&model, brief()).await;
    talk.ask(Some(r#"Say exactly: "Hello there, good morning.""#))
        .await;
    let events = talk.until_reply_ended().await;
    assert_eq!(said(&events), "Hello there, good morning.");
    assert!(events.contains(&AiEvent::Malformed));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, AiEvent::Unknown { .. }))
    );
}

#[tokio::test]
async fn a_rate_limit_fails_the_reply_and_not_the_leg() {
    let model = fake(FakeModelConfig {
        mode: Mode::RateLimited,
        ..FakeModelConfig::default()
    })
    .await;
    let mut talk = open(&model, brief()).await;
    for _ in 0..2 {
        talk.ask(None).await;
        assert_eq!(talk.failure().await.kind, AiErrorKind::RateLimited);
        let end = talk.event().await;
        assert!(
            matches!(
                end,
                AiEvent::ReplyEnded {
                    end: ReplyEnd::Failed,
                    ..
                }
            ),
            "{end:?}"
        );
    }
}
