//! One call to the application, through the fake carrier and with the fake model.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use axum::serve::ListenerExt as _;
use prosaas_core::business::{Business, CallLimits, Language, VoiceProfile};
use prosaas_core::{E164, SecretString, TenantId, UnixMillis};
use prosaas_realtime::openai::{OpenAiBridge, OpenAiConfig};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::{CallScript, Carrier, CarrierConfig};
use tokio::net::TcpListener;

use crate::host::Host;
use crate::{Phone, app};

const PUBLIC_URL: &str = "https://voice.example.com";

pub(crate) async fn call_yourself() -> anyhow::Result<()> {
    // Once per process, before anything speaks TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let model = FakeModel::start(FakeModelConfig::default()).await?;
    let number: E164 = "+97231234567".parse()?;
    let host = Arc::new(Host::new(business(), number.clone()));
    let config = OpenAiConfig::new(model.url(), "gpt-realtime-2.1");
    let phone = Phone {
        host: Arc::clone(&host) as _,
        bridge: Arc::new(OpenAiBridge::new(config)?),
        media_url: "wss://voice.example.com/media".to_owned(),
    };
    let auth_token = SecretString::from("made up for this example".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // Audio and interruptions must not wait for each other.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let service = app(phone, PUBLIC_URL, auth_token.clone())?;

    let carrier = Carrier::new(CarrierConfig {
        webhook_url: format!("{PUBLIC_URL}/webhook/incoming_call"),
        status_callback: None,
        account_sid: format!("AC{}", "0".repeat(32)).parse()?,
        auth_token,
        from: Some("+972501234567".parse()?),
        to: number,
        extra_fields: Vec::new(),
        connect_to: Some(address),
        duplicate_callbacks: false,
        rest_api: None,
        http: reqwest::Client::builder()
            .timeout(Duration::from_secs(15))
            .build()?,
    });
    let serve = async { axum::serve(listener, service).await };
    let observed = tokio::select! {
        stopped = serve => { stopped?; anyhow::bail!("the application stopped") }
        observed = carrier.place_call(CallScript::listening()) => observed,
    };
    for line in host.transcripts() {
        println!("{}: {}", line.speaker.as_str(), line.text);
    }
    println!(
        "first audio after {:?} ms",
        observed.first_audio_after_stream_ms()
    );
    ensure!(
        observed.first_audio_ms().is_some(),
        "the caller heard nothing"
    );
    ensure!(!host.transcripts().is_empty(), "nothing was stored");
    Ok(())
}

fn business() -> Business {
    Business {
        id: TenantId::mint(UnixMillis(0)),
        name: "Dana's Garage".to_owned(),
        language: Language::En,
        voice: VoiceProfile {
            instructions: "You answer the phone of Dana's Garage.".to_owned(),
            greeting: "Dana's Garage, how can I help?".to_owned(),
            voice: "alloy".to_owned(),
        },
        limits: CallLimits {
            max_call_s: 600,
            idle_s: 20,
            max_live_calls: 10,
        },
        transfer: Vec::new(),
        record_calls: false,
    }
}
