//! How do I put the voice bridge into my own axum application, with my own idea of a tenant?
//!
//! `host.rs` is the host's own `TenantStore`. Below stands what joins it to the bridge. `check.rs` then
//! calls the application through the fake carrier, with the fake model at the other end; for real calls,
//! put `wss://api.openai.com/v1/realtime`, a key and your public URL in its place.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

mod check;
mod host;

use std::sync::Arc;

use axum::routing::get;
use prosaas_core::agent::AgentBrief;
use prosaas_core::time::{Clock, SystemClock};
use prosaas_core::tool_host::{CallContext, NoTools};
use prosaas_core::{
    AudioBridge, CallDirection, CallOutcome, LeadDraft, NewCall, NumberOwner, SecretString,
    TenantStore,
};
use prosaas_realtime::session::{Opening, SessionConfig};
use prosaas_realtime::shell::{CallSetup, run_call};
use prosaas_twilio::axum::{MediaSocket, VoiceHandler, VoiceRouter, router};
use prosaas_twilio::media::Start;
use prosaas_twilio::signature::{SignatureKey, StaticKeys, TwilioVerifier};
use prosaas_twilio::twiml::{Response, Stream};
use prosaas_twilio::webhook::IncomingCall;
use tokio::sync::mpsc;

struct Phone {
    host: Arc<dyn TenantStore>,
    bridge: Arc<dyn AudioBridge>,
    media_url: String,
}

#[async_trait::async_trait]
impl VoiceHandler for Phone {
    async fn incoming_call(&self, call: IncomingCall) -> Response {
        let (Some(to), from) = (call.to.number(), call.from.number()) else {
            return Response::new().hangup();
        };
        let new = NewCall {
            call_sid: call.call_sid.clone(),
            direction: CallDirection::Inbound,
            caller: from.cloned(),
            business_number: to.clone(),
            started_at: SystemClock.now(),
        };
        match self.host.business_by_number(to).await {
            Ok(NumberOwner::One(business))
                if self.host.open_call(business.id, new).await.is_ok() =>
            {
                Response::new().connect_stream(Stream::new(&self.media_url))
            }
            _ => Response::new().hangup(),
        }
    }

    /// A production host also mints a one-time token in `incoming_call` and redeems it here; the
    /// reference server does.
    async fn authorize_stream(&self, start: &Start) -> bool {
        let call = self.host.find_call(&start.call_sid).await;
        matches!(call, Ok(Some(call)) if call.end.is_none())
    }

    async fn stream(&self, mut socket: MediaSocket, start: Start) {
        let Ok(Some(call)) = self.host.find_call(&start.call_sid).await else {
            return;
        };
        let Ok(Some(business)) = self.host.business(call.tenant).await else {
            return;
        };
        let opening = Opening::Greet(format!("Say exactly: \"{}\"", business.voice.greeting));
        // News of the call as it goes on, and a way to steer it: this host needs neither.
        let ((updates, _), (_, control)) = (mpsc::channel(1), mpsc::channel(1));
        let setup = CallSetup {
            session: SessionConfig::new(opening, business.limits),
            context: CallContext {
                tenant: call.tenant,
                call: call.id,
                call_sid: start.call_sid.clone(),
                caller: call.call.caller.clone(),
            },
            brief: AgentBrief {
                instructions: business.voice.instructions.clone(),
                voice: business.voice.voice.clone(),
                language: business.language,
                ..AgentBrief::default()
            },
            bridge: Arc::clone(&self.bridge),
            ai: None,
            tools: Arc::new(NoTools),
            updates,
            control,
            activity: None,
            listeners: None,
            journal: None,
        };
        let report = run_call(&mut socket, setup).await;
        let Some(end) = report.end else { return };
        let outcome = CallOutcome {
            ended_at: SystemClock.now(),
            end,
            usage: report.usage,
            lead: LeadDraft::default(),
            quality: report.figures.judge(Some(business.language)).map(Box::new),
        };
        let stored = self
            .host
            .append_transcript(call.tenant, call.id, &report.transcript)
            .await;
        if stored.is_err()
            || self
                .host
                .finish_call(call.tenant, call.id, outcome)
                .await
                .is_err()
        {
            eprintln!("call {} could not be stored", call.id);
        }
    }
}

/// The host's application: its own routes, and the phone's.
fn app(phone: Phone, public_url: &str, auth_token: SecretString) -> anyhow::Result<axum::Router> {
    let verifier = TwilioVerifier::new(StaticKeys::new([SignatureKey::auth_token(auth_token)]));
    let media_url = phone.media_url.parse()?;
    let (verifier, phone) = (Arc::new(verifier), Arc::new(phone));
    let voice = router(VoiceRouter::new(
        public_url.parse()?,
        media_url,
        verifier,
        phone,
    ));
    Ok(axum::Router::new()
        .route("/", get(|| async { "my own application" }))
        .merge(voice))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    check::call_yourself().await
}
