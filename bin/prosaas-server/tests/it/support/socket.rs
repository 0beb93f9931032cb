//! A media socket from the carrier's side.

use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use prosaas_core::CallSid;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{ACCOUNT, SOON};

/// The carrier's end of a media socket.
pub(crate) struct Socket(pub(super) WebSocketStream<TcpStream>);

impl Socket {
    /// Says which call this is, as Twilio does.
    pub(crate) async fn begin(&mut self, call: &CallSid, token: &str) {
        let stream = format!("MZ{}", "0".repeat(32));
        self.text(
            &serde_json::json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" }),
        )
        .await;
        self.text(&serde_json::json!({
            "event": "start", "sequenceNumber": "1", "streamSid": stream,
            "start": {
                "streamSid": stream, "accountSid": ACCOUNT, "callSid": call.as_str(), "tracks": ["inbound"],
                "customParameters": { "token": token },
                "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            },
        }))
        .await;
    }

    pub(crate) async fn text(&mut self, message: &serde_json::Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The caller hung up.
    pub(crate) async fn hang_up(&mut self, call: &CallSid) {
        let stop = serde_json::json!({ "accountSid": ACCOUNT, "callSid": call.as_str() });
        self.text(&serde_json::json!({ "event": "stop", "sequenceNumber": "9", "stop": stop }))
            .await;
    }

    /// The caller makes this sound, mu-law.
    pub(crate) async fn speaks(&mut self, audio: &[u8]) {
        let payload = base64::prelude::BASE64_STANDARD.encode(audio);
        let media = serde_json::json!({ "track": "inbound", "chunk": "1", "timestamp": "20", "payload": payload });
        self.text(&serde_json::json!({ "event": "media", "sequenceNumber": "2", "media": media }))
            .await;
    }

    /// Waits for the agent's voice.
    pub(crate) async fn hears_audio(&mut self) {
        let hear = async {
            while let Some(Ok(message)) = self.0.next().await {
                if message
                    .to_text()
                    .is_ok_and(|text| text.contains("\"media\""))
                {
                    return;
                }
            }
            panic!("the socket was closed before any audio");
        };
        tokio::time::timeout(SOON, hear)
            .await
            .expect("audio comes soon");
    }

    /// Whether audio came before the server closed.
    pub(crate) async fn hears_or_closed(&mut self) -> bool {
        let hear = async {
            while let Some(Ok(message)) = self.0.next().await {
                if message
                    .to_text()
                    .is_ok_and(|text| text.contains("\"media\""))
                {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(SOON, hear)
            .await
            .expect("audio or a close comes soon")
    }

    /// Waits until the server closes; the close code when it gave one.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let close = async {
            while let Some(Ok(message)) = self.0.next().await {
                if let Message::Close(frame) = message {
                    return frame.map(|frame| frame.code.into());
                }
            }
            None
        };
        tokio::time::timeout(SOON, close)
            .await
            .expect("the socket is closed soon")
    }
}
