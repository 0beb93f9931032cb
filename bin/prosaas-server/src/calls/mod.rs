//! Calls: how they are answered, carried, ended, and what the agent may do in them.

pub mod agent;
pub mod answer;
pub mod caller;
pub mod finish;
pub mod full;
pub mod heal;
pub mod journal;
pub mod live;
pub(crate) mod lost;
pub mod metered;
pub mod news;
pub mod once;
pub mod phrases;
pub mod prewarm;
pub mod purse;
pub mod resume;
pub mod stream;
pub mod talk;
pub mod tools;
mod transcript;
pub mod voice_cache;
pub mod when;
mod without_agent;

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{CallRecord, Error};
use prosaas_crm::auth::Scoped;
use prosaas_twilio::axum::{MediaSocket, VoiceHandler};
use prosaas_twilio::media::Start;
use prosaas_twilio::twiml;
use prosaas_twilio::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};

use crate::wiring::App;

/// A call's row, with leave to act for its business: what a verified webhook or a redeemed token led to.
pub type FoundCall = Scoped<CallRecord>;

/// The server as a voice application.
#[derive(Clone, Debug)]
pub struct Calls(pub Arc<App>);

#[async_trait]
impl VoiceHandler for Calls {
    async fn incoming_call(&self, call: IncomingCall) -> twiml::Response {
        Box::pin(answer::incoming_call(&self.0, &call)).await
    }

    async fn call_status(&self, callback: CallStatusCallback) -> Result<(), Error> {
        finish::call_status(&self.0, &callback).await
    }

    async fn recording(&self, callback: RecordingCallback) -> Result<(), Error> {
        finish::recording(&self.0, &callback).await
    }

    /// The plain path serves the verbs after a stream; the action of a stream carries its number and comes
    /// in by [`crate::routes`].
    async fn stream_ended(&self, ended: StreamEnded) -> twiml::Response {
        resume::stream_ended(&self.0, &ended, 1).await
    }

    async fn authorize_stream(&self, start: &Start) -> bool {
        stream::authorize(&self.0, start).await
    }

    async fn stream(&self, socket: MediaSocket, start: Start) {
        stream::stream(&self.0, socket, start).await;
    }
}
