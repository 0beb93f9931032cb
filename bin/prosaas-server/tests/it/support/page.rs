//! The page of the console on which somebody talks to the agent.

use futures_util::{SinkExt as _, StreamExt as _};
use prosaas_core::leg::FRAME_BYTES;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::browser::Browser;
use super::{PUBLIC, SOON, TestApp};

/// A page that talks. It plays everything at once.
pub(crate) struct Page(WebSocketStream<TcpStream>);

/// What reaches a page.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Sound of the agent.
    Sound(Vec<u8>),
    /// Anything else.
    Told(Value),
    /// The server closed.
    Closed,
}

impl TestApp {
    /// A page of the console; `Err` holds the status of a refusal.
    pub(crate) async fn talk(&self, who: &Browser) -> Result<Page, u16> {
        self.talk_from(Some(who), Some(PUBLIC)).await
    }

    /// A page of this origin.
    pub(crate) async fn talk_from(
        &self,
        who: Option<&Browser>,
        origin: Option<&str>,
    ) -> Result<Page, u16> {
        let address = self.server.address();
        let mut request = format!("ws://{address}/api/agent/talk")
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        if let Some(who) = who {
            headers.insert("cookie", who.cookie().parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Page(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }
}

impl Page {
    /// What comes next. Marks are answered.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            let next = timeout(SOON, self.0.next()).await;
            match next.expect("the server is silent") {
                Some(Ok(Message::Binary(sound))) => {
                    assert_eq!(sound.len() % FRAME_BYTES, 0, "whole frames");
                    return Heard::Sound(sound.to_vec());
                }
                Some(Ok(Message::Text(text))) => {
                    let told: Value = serde_json::from_str(text.as_str()).unwrap();
                    if told.get("mark").is_none() {
                        return Heard::Told(told);
                    }
                    self.says(&told).await;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Heard::Closed,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Waits for sound that holds this byte.
    pub(crate) async fn hears(&mut self, byte: u8) {
        loop {
            match self.next().await {
                Heard::Sound(sound) if sound.contains(&byte) => return,
                Heard::Closed => panic!("the server closed before it was heard"),
                Heard::Sound(_) | Heard::Told(_) => {}
            }
        }
    }

    /// Waits until it is told this.
    pub(crate) async fn told(&mut self, word: &str) -> Value {
        loop {
            match self.next().await {
                Heard::Told(mut told) if told.get(word).is_some() => return told[word].take(),
                Heard::Closed => panic!("the server closed before it said `{word}`"),
                Heard::Sound(_) | Heard::Told(_) => {}
            }
        }
    }

    /// Whoever talks makes this sound.
    pub(crate) async fn speaks(&mut self, sound: Vec<u8>) {
        self.0.send(Message::binary(sound)).await.unwrap();
    }

    /// Hangs up.
    pub(crate) async fn hangs_up(&mut self) {
        self.says(&json!({ "hang_up": true })).await;
    }

    async fn says(&mut self, words: &Value) {
        // The server may have closed meanwhile.
        let _ = self.0.send(Message::text(words.to_string())).await;
    }
}
