//! A whole call over a real websocket in which the session decides when the caller has finished.

use std::sync::Arc;

use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::{CallEnd, Language};
use prosaas_realtime::openai::{OpenAiBridge, OpenAiConfig, TurnDetection};
use prosaas_realtime::session::CallUpdate;
use prosaas_realtime::testkit::model::Mode;

use super::lost::{call, fake, is_line, run, until};
use super::talk::voice;

#[tokio::test]
async fn a_model_that_leaves_turns_to_the_session_is_asked_for_each_answer() {
    let model = fake(Mode::Normal).await;
    let mut call = call(&model, "Hello.", |session| {
        session.decide_turns(Language::En);
    });
    let mut config = OpenAiConfig::new(model.url(), "gpt-realtime-2.1");
    config.turn_detection = TurnDetection::left_to_session();
    call.setup.bridge = Arc::new(OpenAiBridge::new(config).unwrap());
    let (report, _) = run(call, async |caller, news| {
        until(news, |update| is_line(update, "Hello.")).await;
        let silence = vec![0xFF; 700 * 8];
        let speech = [voice(600), silence].concat();
        for (index, frame) in speech.chunks(FRAME_BYTES).enumerate() {
            caller.speak(index as u64 * 20, frame);
        }
        let answered = |update: &CallUpdate| {
            matches!(update, CallUpdate::Line(line) if line.text.starts_with("I heard"))
        };
        until(news, answered).await;
    })
    .await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!((report.stats.waits, report.stats.reopened), (0, 0));
    let stats = model.stats();
    assert_eq!(stats.responses_created, 2, "the greeting and the answer");
    assert!(stats.errors.is_empty(), "{:?}", stats.errors);
}
