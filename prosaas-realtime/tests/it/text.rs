//! The text model against the fake one's REST side.

use std::time::Duration;

use prosaas_core::error::ErrorClass;
use prosaas_core::{ExposeSecret, SecretString, TextModel, TextRequest};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, RestMode};
use prosaas_realtime::text::{OpenAiText, OpenAiTextConfig};
use serde_json::json;

fn text_model(fake: &FakeModel) -> OpenAiText {
    let config = OpenAiTextConfig {
        api_base: fake.rest_base().parse().unwrap(),
        model: "gpt-text".to_owned(),
        api_key: Some(SecretString::from("sk-installation")),
        deadline: Duration::from_secs(4),
    };
    OpenAiText::new(config, OpenAiText::http_client().unwrap()).unwrap()
}

fn question() -> TextRequest {
    TextRequest {
        instructions: "Summarise.".to_owned(),
        input: "agent: Hello.\ncaller: My name is Dana Cohen.\ncaller: I need a plumber.\n"
            .to_owned(),
        schema_name: "summary",
        schema: json!({
            "type": "object",
            "properties": {"summary": {"type": "string"}, "name": {"type": "string"}},
            "required": ["summary", "name"],
            "additionalProperties": false,
        }),
        api_key: None,
    }
}

#[tokio::test]
async fn an_answer_follows_the_schema_and_counts_its_tokens() {
    let fake = FakeModel::start(FakeModelConfig::default()).await.unwrap();
    let reply = text_model(&fake).ask(question()).await.unwrap();
    assert_eq!(
        reply.value,
        json!({"summary": "My name is Dana Cohen. I need a plumber.", "name": "Dana Cohen"})
    );
    assert!(
        reply.usage.input_text > 20 && reply.usage.output_text > 5,
        "{:?}",
        reply.usage
    );
}

#[tokio::test]
async fn a_request_may_bring_its_own_key() {
    let fake = FakeModel::start(FakeModelConfig::default()).await.unwrap();
    let model = text_model(&fake);
    let used = || fake.stats().rest_key.unwrap().expose_secret().to_owned();
    model.ask(question()).await.unwrap();
    assert_eq!(used(), "sk-installation");
    let own = TextRequest {
        api_key: Some(SecretString::from("sk-business")),
        ..question()
    };
    model.ask(own).await.unwrap();
    assert_eq!(used(), "sk-business");
    let broken = TextRequest {
        api_key: Some(SecretString::from("sk\nbroken")),
        ..question()
    };
    assert_eq!(
        model.ask(broken).await.unwrap_err().class(),
        ErrorClass::Forbidden
    );
}

#[tokio::test]
async fn faults_say_what_to_do_about_them() {
    let fake = FakeModel::start(FakeModelConfig::default()).await.unwrap();
    let model = text_model(&fake);
    for (mode, class) in [
        (RestMode::Refuse(401), ErrorClass::Forbidden),
        (RestMode::Refuse(400), ErrorClass::Invalid),
        (RestMode::Refuse(500), ErrorClass::Retry),
        (RestMode::Garbage, ErrorClass::Invalid),
    ] {
        fake.set_rest_mode(mode);
        let error = model.ask(question()).await.unwrap_err();
        assert_eq!(error.class(), class, "{mode:?}: {}", error.chain());
        assert!(
            !error.chain().contains("Dana"),
            "an error repeats what the caller said"
        );
    }
    drop(fake);
    assert_eq!(
        model.ask(question()).await.unwrap_err().class(),
        ErrorClass::Retry
    );
}

#[tokio::test]
async fn a_model_that_hangs_meets_the_deadline() {
    let config = FakeModelConfig {
        rest: RestMode::Hang,
        ..FakeModelConfig::default()
    };
    let fake = FakeModel::start(config).await.unwrap();
    let config = OpenAiTextConfig {
        api_base: fake.rest_base().parse().unwrap(),
        model: "m".to_owned(),
        api_key: None,
        deadline: Duration::from_millis(50),
    };
    let model = OpenAiText::new(config, OpenAiText::http_client().unwrap()).unwrap();
    let error = model.ask(question()).await.unwrap_err();
    assert_eq!(
        error.chain(),
        "the text model is not available: it did not answer within the deadline"
    );
}

#[test]
fn plain_http_stays_on_this_machine() {
    let refused = |base: &str| {
        let config = OpenAiTextConfig {
            api_base: base.parse().unwrap(),
            model: "m".to_owned(),
            api_key: None,
            deadline: Duration::from_secs(1),
        };
        OpenAiText::new(config, OpenAiText::http_client().unwrap()).is_err()
    };
    assert!(refused("http://10.0.0.1/v1") && refused("ftp://127.0.0.1/"));
    assert!(!refused("http://[::1]:80/v1") && !refused("https://api.example/v1"));
}
