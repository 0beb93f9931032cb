//! Voice notes against the fake model's REST side.

use std::time::Duration;

use prosaas_core::error::ErrorClass;
use prosaas_core::{ExposeSecret, SecretString, Speech, Transcriber};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, RestMode};
use prosaas_realtime::text::OpenAiText;
use prosaas_realtime::transcription::{OpenAiTranscriber, OpenAiTranscriberConfig};

fn transcriber(fake: &FakeModel) -> OpenAiTranscriber {
    let config = OpenAiTranscriberConfig {
        api_base: fake.rest_base().parse().unwrap(),
        model: "gpt-transcribe".to_owned(),
        api_key: Some(SecretString::from("sk-installation")),
        deadline: Duration::from_secs(4),
    };
    OpenAiTranscriber::new(config, OpenAiText::http_client().unwrap()).unwrap()
}

fn note() -> Speech {
    Speech {
        bytes: b"OggS and what was said".to_vec().into(),
        media_type: "audio/ogg",
        extension: "ogg",
        api_key: None,
    }
}

#[tokio::test]
async fn a_voice_note_is_written_down_and_counts_its_tokens() {
    let config = FakeModelConfig {
        voice_notes: vec!["הדוד נוזל".to_owned()],
        ..FakeModelConfig::default()
    };
    let fake = FakeModel::start(config).await.unwrap();
    let model = transcriber(&fake);
    let heard = model.transcribe(note()).await.unwrap();
    assert_eq!(heard.text, "הדוד נוזל");
    assert!(heard.usage.input_audio > 0 && heard.usage.output_text > 0);
    assert_eq!(
        model.transcribe(note()).await.unwrap().text,
        "[sound of 22 bytes]"
    );
    assert_eq!(fake.stats().transcriptions, 2);
    let used = || fake.stats().rest_key.unwrap().expose_secret().to_owned();
    assert_eq!(used(), "sk-installation");
    let own = Speech {
        api_key: Some(SecretString::from("sk-business")),
        ..note()
    };
    model.transcribe(own).await.unwrap();
    assert_eq!(used(), "sk-business");
}

#[tokio::test]
async fn what_is_no_sound_or_no_key_is_refused_for_good_and_the_rest_for_now() {
    let fake = FakeModel::start(FakeModelConfig::default()).await.unwrap();
    let model = transcriber(&fake);
    for unfit in [
        Speech {
            extension: "bin",
            ..note()
        },
        Speech {
            bytes: Vec::new().into(),
            ..note()
        },
    ] {
        let error = model.transcribe(unfit).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Invalid, "{}", error.chain());
    }
    for (mode, class) in [
        (RestMode::Refuse(401), ErrorClass::Forbidden),
        (RestMode::Refuse(429), ErrorClass::Retry),
        (RestMode::Refuse(500), ErrorClass::Retry),
        (RestMode::Garbage, ErrorClass::Invalid),
    ] {
        fake.set_rest_mode(mode);
        let error = model.transcribe(note()).await.unwrap_err();
        assert_eq!(error.class(), class, "{mode:?}: {}", error.chain());
    }
    drop(fake);
    let error = model.transcribe(note()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
}

#[tokio::test]
async fn a_model_that_hangs_meets_the_deadline() {
    let config = FakeModelConfig {
        rest: RestMode::Hang,
        ..FakeModelConfig::default()
    };
    let fake = FakeModel::start(config).await.unwrap();
    let config = OpenAiTranscriberConfig {
        api_base: fake.rest_base().parse().unwrap(),
        model: "m".to_owned(),
        api_key: None,
        deadline: Duration::from_millis(50),
    };
    let http = OpenAiText::http_client().unwrap();
    let model = OpenAiTranscriber::new(config, http).unwrap();
    let error = model.transcribe(note()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
}
