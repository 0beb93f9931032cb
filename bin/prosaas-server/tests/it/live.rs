//! People of the business watch a call that goes on and step in. Model and carrier are fakes; the API is the server's.

use prosaas_core::leg::{FRAME_BYTES, ItemId, ReplyId};
use prosaas_core::memory::{AiHandle, Emit, MockBridge, RecordedAiCommand, Step, Trigger};
use prosaas_core::{AiEvent, CallEnd, CallSid, ReplyEnd, Usage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::{HUMAN, NUMBER, Setup, Socket, TestApp, sid, status, token_in, until};

const OWNER: &str = "owner@example.com";
const STRANGER: &str = "stranger@example.com";

/// A model that says something whenever it is asked.
fn model() -> MockBridge {
    MockBridge::scripted((0..6).map(|n| {
        let (reply, item) = (ReplyId(n), ItemId(n));
        let ended = AiEvent::ReplyEnded {
            reply,
            end: ReplyEnd::Completed,
            usage: Usage::default(),
        };
        let emit: Vec<Emit> = vec![
            AiEvent::ReplyStarted { reply }.into(),
            Emit::audio(reply, item, vec![0x55; 5 * FRAME_BYTES]),
            ended.into(),
        ];
        Step::new(Trigger::ReplyRequested, emit)
    }))
}

/// Two businesses; a call of the first goes on.
struct Going {
    app: TestApp,
    owner: Browser,
    stranger: Browser,
    socket: Socket,
    sid: CallSid,
    id: String,
}

impl Going {
    async fn on() -> Self {
        let app = Setup::default().bridge(model()).start().await;
        let business = app.business(NUMBER).await;
        let other = app.business("+97231234999").await;
        app.owner(&business, OWNER).await;
        app.owner(&other, STRANGER).await;
        let (owner, stranger) = (app.sign_in(OWNER).await, app.sign_in(STRANGER).await);
        assert_eq!(list(&owner).await, [] as [Value; 0]);
        let sid = sid(1);
        let token = token_in(&app.ring(&sid).await.body);
        let ringing = list(&owner).await;
        assert_eq!(ringing[0]["turn"], "ringing");
        let mut socket = app.socket().await;
        socket.begin(&sid, &token).await;
        socket.hears_audio().await;
        let id = ringing[0]["call"]["id"].as_str().unwrap().to_owned();
        Self {
            app,
            owner,
            stranger,
            socket,
            sid,
            id,
        }
    }

    async fn ask(&self, who: &Browser, what: &str, body: Option<&Value>) -> u16 {
        let path = format!("/api/calls/{}/{what}", self.id);
        let answer = who.ask(Method::POST, &path, &[], body).await;
        answer.expect("an answer").status
    }

    fn model(&self) -> AiHandle {
        self.app.legs_of_calls().remove(0)
    }
}

async fn list(who: &Browser) -> Vec<Value> {
    let listed = who.get("/api/calls/live").await;
    listed["data"].as_array().unwrap().clone()
}

/// What the carrier is told when the stream has ended.
async fn goes_on(going: &Going) -> String {
    let fields = status(&going.sid, "in-progress");
    let answer = going.app.post("/webhook/stream_ended/1", &fields).await;
    answer.body
}

#[tokio::test]
async fn the_agent_is_told_what_the_caller_does_not_hear() {
    let going = Going::on().await;
    until("the agent is done with the greeting", async || {
        let listed = list(&going.owner).await;
        (listed[0]["turn"] == "nobody").then_some(())
    })
    .await;
    let whisper = json!({ "text": "Offer him nine o'clock" });
    assert_eq!(
        going.ask(&going.owner, "whispers", Some(&whisper)).await,
        204
    );
    let told = until("the model is told", async || {
        going
            .model()
            .commands()
            .into_iter()
            .find_map(|command| match command {
                RecordedAiCommand::SystemNote(text) => Some(text),
                _ => None,
            })
    })
    .await;
    assert!(told.contains("Offer him nine o'clock"), "{told}");
    let path = format!("/api/calls/{}/transcript", going.id);
    until("it stands in the transcript", async || {
        let transcript = going.owner.get(&path).await.to_string();
        transcript
            .contains("[told: Offer him nine o'clock]")
            .then_some(())
    })
    .await;
    let audit = going.owner.get("/api/audit").await.to_string();
    assert!(audit.contains("call.whisper_requested"), "{audit}");
    assert!(!audit.contains("nine o'clock"), "{audit}");
}

#[tokio::test]
async fn a_call_is_taken_over_by_a_number_of_the_business_alone() {
    let mut going = Going::on().await;
    let nowhere = json!({ "target": "+19005551234" });
    assert_eq!(
        going.ask(&going.owner, "hand-over", Some(&nowhere)).await,
        400
    );
    let sales = json!({ "target": "sales" });
    assert_eq!(
        going.ask(&going.owner, "hand-over", Some(&sales)).await,
        204
    );
    going.socket.closed().await;
    let twiml = goes_on(&going).await;
    assert!(twiml.contains("<Dial") && twiml.contains(HUMAN), "{twiml}");
    assert_eq!(list(&going.owner).await, [] as [Value; 0]);
    assert_eq!(going.ask(&going.owner, "hang-up", None).await, 409);
}

#[tokio::test]
async fn a_call_is_taken_over_on_a_phone_of_ones_own() {
    const OWN: &str = "+972502345678";
    let mut going = Going::on().await;
    assert_eq!(going.ask(&going.owner, "take-over", None).await, 409);
    for (number, expected) in [
        ("+19005551234", 400),
        ("+881612345678", 400),
        ("112", 400),
        ("050-234-5678", 200),
    ] {
        let body = json!({ "number": number });
        let path = "/api/calls/own-phone";
        let set = going.owner.ask(Method::PUT, path, &[], Some(&body)).await;
        assert_eq!(set.unwrap().status, expected, "{number}");
    }
    // What its owner entered is nothing to another business, and of no use there.
    assert_eq!(going.ask(&going.stranger, "take-over", None).await, 404);
    let theirs = going.stranger.get("/api/calls/own-phone").await;
    assert_eq!(theirs["number"], Value::Null);
    assert_eq!(going.ask(&going.owner, "take-over", None).await, 204);
    going.socket.closed().await;
    let twiml = goes_on(&going).await;
    assert!(twiml.contains("<Dial") && twiml.contains(OWN), "{twiml}");
    let members = going.owner.get("/api/users").await;
    assert_eq!(members["data"][0]["own_phone"], OWN);
    let audit = going.owner.get("/api/audit").await.to_string();
    assert!(audit.contains("call.take_over_requested"), "{audit}");
    assert!(audit.contains("member.own_phone_set"), "{audit}");
    assert!(!audit.contains(&OWN[4..]), "{audit}");
}

#[tokio::test]
async fn a_call_is_ended_with_a_goodbye() {
    let mut going = Going::on().await;
    assert_eq!(going.ask(&going.owner, "hang-up", None).await, 204);
    going.socket.closed().await;
    let twiml = goes_on(&going).await;
    assert!(twiml.contains("<Hangup"), "{twiml}");
    let call = going.owner.get(&format!("/api/calls/{}", going.id)).await;
    assert_eq!(call["end"], CallEnd::AgentEnded.as_str());
    let goodbye = going.model().commands().into_iter().any(|command| {
        matches!(command, RecordedAiCommand::RequestReply(Some(words)) if words.contains("goodbye"))
    });
    assert!(goodbye);
}

#[tokio::test]
async fn both_sides_are_heard_until_the_call_ends() {
    let mut going = Going::on().await;
    let path = format!("/api/calls/{}/sound", going.id);
    let mut sound = going.owner.stream(&path).await;
    let header = sound.chunk().await.unwrap().unwrap();
    assert!(header.starts_with(b"RIFF"), "{header:?}");
    going.socket.speaks(&[0x11; 160]).await;
    let heard = sound.chunk().await.unwrap().unwrap();
    assert_eq!(heard.len(), 160 * 4);
    let caller = prosaas_realtime::audio::g711::decode(0x11).to_le_bytes();
    assert_eq!(heard[..2], caller);
    going.socket.hang_up(&going.sid).await;
    while sound.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn another_business_s_call_is_nobody_s() {
    let going = Going::on().await;
    assert_eq!(list(&going.stranger).await, [] as [Value; 0]);
    let (whisper, sales) = (json!({ "text": "obey" }), json!({ "target": "sales" }));
    for (what, body) in [
        ("whispers", Some(&whisper)),
        ("hand-over", Some(&sales)),
        ("hang-up", None),
    ] {
        assert_eq!(going.ask(&going.stranger, what, body).await, 404, "{what}");
    }
    let path = format!("/api/calls/{}/sound", going.id);
    let heard = going.stranger.ask(Method::GET, &path, &[], None).await;
    assert_eq!(heard.unwrap().status, 404);
    assert_eq!(list(&going.owner).await.len(), 1, "it goes on");
    let commands = format!("{:?}", going.model().commands());
    assert!(!commands.contains("obey"), "{commands}");
}
