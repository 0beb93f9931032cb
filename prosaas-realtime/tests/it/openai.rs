//! The vendor's events, one fixture each, and what a call makes of them.

use proptest::prelude::*;
use prosaas_core::AiEvent;
use prosaas_core::leg::{AiErrorKind, ItemId, ReplyEnd, ReplyId};
use prosaas_realtime::openai::Translator;
use prosaas_realtime::openai::wire::{ServerEvent, parse_event};

fn translator() -> Translator {
    Translator::new("gpt-realtime-2.1", Some("gpt-realtime-whisper"))
}

/// What one frame means to a fresh leg.
fn meaning(text: &str) -> Option<AiEvent> {
    translator().translate(text, &mut Vec::new())
}

fn is_ignored(text: &str) -> bool {
    matches!(parse_event(text), Ok(ServerEvent::Ignored))
}

#[test]
fn events_a_call_has_no_use_for_are_known_and_ignored() {
    let events = [
        r#"{"type":"session.created","event_id":"e","session":{"type":"realtime","audio":{"input":{"noise_reduction":{"type":"near_field"}}}}}"#,
        r#"{"type":"conversation.created","conversation":{"id":"conv_1"}}"#,
        r#"{"type":"conversation.item.done","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_audio","transcript":null}]}}"#,
        r#"{"type":"conversation.item.retrieved","item":{}}"#,
        r#"{"type":"conversation.item.deleted","item_id":"i"}"#,
        r#"{"type":"conversation.item.truncated","item_id":"i","content_index":0,"audio_end_ms":40}"#,
        r#"{"type":"conversation.item.input_audio_transcription.delta","item_id":"i","delta":"he","logprobs":null}"#,
        r#"{"type":"conversation.item.input_audio_transcription.segment","item_id":"i","text":"x","id":"s","speaker":"A","start":0.0,"end":1.0}"#,
        r#"{"type":"input_audio_buffer.cleared"}"#,
        r#"{"type":"input_audio_buffer.dtmf_event_received","event":"5","received_at":1763800000}"#,
        r#"{"type":"output_audio_buffer.started","response_id":"r"}"#,
        r#"{"type":"output_audio_buffer.stopped","response_id":"r"}"#,
        r#"{"type":"output_audio_buffer.cleared","response_id":"r"}"#,
        r#"{"type":"response.output_item.added","response_id":"r","output_index":0,"item":{"id":"i","type":"reasoning"}}"#,
        r#"{"type":"response.content_part.added","part":{"type":"output_audio"}}"#,
        r#"{"type":"response.content_part.done","part":{"type":"audio"}}"#,
        r#"{"type":"response.output_audio.done","response_id":"r","item_id":"i"}"#,
        r#"{"type":"response.audio.done","response_id":"r","item_id":"i"}"#,
        r#"{"type":"response.function_call_arguments.delta","call_id":"c","delta":"{"}"#,
        r#"{"type":"response.function_call_arguments.done","call_id":"c","arguments":"{}"}"#,
        r#"{"type":"response.mcp_call_arguments.delta","delta":"{"}"#,
        r#"{"type":"response.mcp_call_arguments.done","arguments":"{}"}"#,
        r#"{"type":"response.mcp_call.in_progress"}"#,
        r#"{"type":"response.mcp_call.completed"}"#,
        r#"{"type":"response.mcp_call.failed"}"#,
        r#"{"type":"mcp_list_tools.in_progress"}"#,
        r#"{"type":"mcp_list_tools.completed"}"#,
        r#"{"type":"mcp_list_tools.failed"}"#,
        r#"{"type":"rate_limits.updated","rate_limits":[{"name":"audio_minutes","limit":9999999999,"remaining":1,"reset_seconds":0.5}]}"#,
        // Their own fields with types of tomorrow.
        r#"{"type":"response.content_part.added","content_index":"zero","delta":{}}"#,
        r#"{"type":"conversation.item.added","item":{"id":"i","type":"function_call_output","call_id":"c","output":"{}"}}"#,
        r#"{"type":"conversation.item.added","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_text","text":"caller pressed 1"}]}}"#,
        r#"{"type":"conversation.item.created","item":{"id":"i","type":"message","role":"assistant","content":[]}}"#,
    ];
    for event in events {
        assert!(is_ignored(event), "{event} gave {:?}", parse_event(event));
        assert_eq!(meaning(event), None, "{event}");
    }
}

#[test]
fn the_caller_is_followed() {
    let mut leg = translator();
    let mut see = |text: &str| leg.translate(text, &mut Vec::new());
    assert_eq!(
        see(r#"{"type":"session.updated","session":{}}"#),
        Some(AiEvent::Ready)
    );
    assert_eq!(
        see(
            r#"{"type":"input_audio_buffer.speech_started","audio_start_ms":120,"item_id":"item_A"}"#
        ),
        Some(AiEvent::SpeechStarted)
    );
    assert_eq!(
        see(
            r#"{"type":"input_audio_buffer.speech_stopped","audio_end_ms":900,"item_id":"item_A"}"#
        ),
        Some(AiEvent::SpeechStopped)
    );
    let item = AiEvent::CallerItem {
        item: ItemId(1),
        after: Some(ItemId(0)),
    };
    assert_eq!(
        see(
            r#"{"type":"input_audio_buffer.committed","item_id":"item_A","previous_item_id":"item_0"}"#
        ),
        Some(item)
    );
    // The same item again, as the server really sends it: no transcript yet.
    let added = r#"{"type":"conversation.item.added","previous_item_id":"item_0","item":{"id":"item_A","type":"message","role":"user","content":[{"type":"input_audio","transcript":null}]}}"#;
    assert_eq!(see(added), None);
    let Some(AiEvent::CallerText { item, text, usage }) = see(
        r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"item_A","content_index":0,"transcript":"שלום","usage":{"type":"duration","seconds":3.4}}"#,
    ) else {
        panic!("no text");
    };
    assert_eq!(
        (item, text.as_str(), usage.billed_ms, usage.cost.0),
        (ItemId(1), "שלום", 3_400, 963)
    );
    assert_eq!(
        see(
            r#"{"type":"input_audio_buffer.timeout_triggered","item_id":"item_B","audio_start_ms":1,"audio_end_ms":2}"#
        ),
        Some(AiEvent::IdleTimeout)
    );
}

#[test]
fn the_end_of_a_session_is_known_once_it_is_ready() {
    let mut leg = translator();
    let created = r#"{"type":"session.created","session":{"expires_at":1767225600}}"#;
    assert_eq!(leg.translate(created, &mut Vec::new()), None);
    assert_eq!(leg.take_expiry(), None, "nobody can use it yet");
    let updated = r#"{"type":"session.updated","session":{}}"#;
    let ready = leg.translate(updated, &mut Vec::new());
    assert_eq!(ready, Some(AiEvent::Ready));
    assert_eq!(leg.take_expiry(), Some(1_767_225_600));
    assert_eq!(leg.take_expiry(), None, "told once");
}

#[test]
fn a_transcription_without_text_or_usage_is_an_empty_text() {
    for event in [
        r#"{"type":"conversation.item.input_audio_transcription.failed","item_id":"i","content_index":0,"error":{"code":"x"}}"#,
        r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":null,"usage":null}"#,
    ] {
        let Some(AiEvent::CallerText { text, usage, .. }) = meaning(event) else {
            panic!("{event}")
        };
        assert_eq!((text.as_str(), usage), ("", prosaas_core::Usage::default()));
    }
    let tokens = r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"hi","usage":{"type":"tokens","total_tokens":22,"input_tokens":13,"input_token_details":{"text_tokens":0,"audio_tokens":13},"output_tokens":9}}"#;
    let Some(AiEvent::CallerText { usage, .. }) = meaning(tokens) else {
        panic!()
    };
    assert_eq!(
        (usage.input_audio, usage.output_text, usage.billed_ms),
        (13, 9, 0)
    );
}

#[test]
fn a_reply_with_audio_text_and_a_tool_is_followed() {
    let mut leg = translator();
    let mut audio = vec![1, 2];
    let mut see = |text: &str| leg.translate(text, &mut audio);
    let (reply, item) = (ReplyId(0), ItemId(0));
    assert_eq!(
        see(
            r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[],"audio":{"output":{"voice":{"id":"voice_1"}}}}}"#
        ),
        Some(AiEvent::ReplyStarted { reply })
    );
    assert_eq!(
        see(
            r#"{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"/v8\/"}"#
        ),
        Some(AiEvent::Audio {
            reply,
            item,
            content: 0
        })
    );
    assert_eq!(
        see(
            r#"{"type":"response.output_audio_transcript.delta","response_id":"resp_1","item_id":"item_1","delta":"Shal\u05D5m"}"#
        ),
        Some(AiEvent::AgentText {
            reply,
            item,
            text: "Shalוm".into(),
            whole: false
        })
    );
    assert_eq!(
        see(
            r#"{"type":"response.output_audio_transcript.done","response_id":"resp_1","item_id":"item_1","content_index":0,"transcript":"Shalom."}"#
        ),
        Some(AiEvent::AgentText {
            reply,
            item,
            text: "Shalom.".into(),
            whole: true
        })
    );
    // A later part of the same item must not replace the first part's text.
    assert_eq!(
        see(
            r#"{"type":"response.output_audio_transcript.done","response_id":"resp_1","item_id":"item_1","content_index":1,"transcript":"More."}"#
        ),
        None
    );
    assert_eq!(
        see(
            r#"{"type":"response.output_item.done","response_id":"resp_1","item":{"id":"item_2","type":"function_call","status":"completed","call_id":"call_1","name":"save_lead","arguments":"{\"intent\":\"x\"}"}}"#
        ),
        Some(AiEvent::ToolCall {
            reply,
            call: "call_1".into(),
            name: "save_lead".into(),
            arguments: r#"{"intent":"x"}"#.into(),
        })
    );
    let done = see(
        r#"{"type":"response.done","response":{"id":"resp_1","status":"completed","status_details":null,"output":[{"type":"reasoning"}],"usage":{"total_tokens":1,"input_tokens":1600,"output_tokens":240,"input_token_details":{"text_tokens":1000,"audio_tokens":600,"image_tokens":0,"cached_tokens":1400,"cached_tokens_details":{"text_tokens":900,"audio_tokens":500,"image_tokens":0}},"output_token_details":{"text_tokens":40,"audio_tokens":200}}}}"#,
    );
    let Some(AiEvent::ReplyEnded {
        reply: ended,
        end,
        usage,
    }) = done
    else {
        panic!("{done:?}")
    };
    assert_eq!((ended, end), (reply, ReplyEnd::Completed));
    assert_eq!(
        (usage.cached_text, usage.cached_audio, usage.cost.0),
        (900, 500, 17_920)
    );
    assert_eq!(audio, [1, 2, 0xFE, 0xFF, 0x3F], "audio is appended");
}

#[test]
fn an_interrupted_tool_call_is_not_run() {
    for status in ["incomplete", "in_progress"] {
        let event = format!(
            r#"{{"type":"response.output_item.done","response_id":"r","item":{{"id":"i","type":"function_call","status":"{status}","call_id":"c","name":"save_lead","arguments":"{{\"inte"}}}}"#
        );
        assert_eq!(meaning(&event), None, "{event}");
    }
}

#[test]
fn the_end_of_a_reply_is_never_lost() {
    let ends = [
        (
            r#"{"type":"response.done","response":{"id":"resp_1","status":"cancelled","status_details":{"type":"cancelled","reason":"turn_detected"}}}"#,
            ReplyEnd::Cancelled,
        ),
        (
            r#"{"type":"response.done","response":{"id":"resp_1","status":"incomplete","status_details":{"reason":"a_reason_of_tomorrow"},"usage":null}}"#,
            ReplyEnd::Incomplete,
        ),
        (
            r#"{"type":"response.done","response":{"id":"resp_1","status":"paused"}}"#,
            ReplyEnd::Incomplete,
        ),
        (
            r#"{"type":"response.done","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":-4}}}"#,
            ReplyEnd::Completed,
        ),
        (
            r#"{"type":"response.done","response":{"id":"resp_1","status":"failed"}}"#,
            ReplyEnd::Failed,
        ),
        (
            r#"{"type":"response.done","response":{"id":{},"status":7}}"#,
            ReplyEnd::Incomplete,
        ),
        (
            r#"{"type":"response.done","response":null}"#,
            ReplyEnd::Incomplete,
        ),
        (
            r#"{"type":"response.done","response":[1],"delta":5}"#,
            ReplyEnd::Incomplete,
        ),
        (r#"{"type":"response.done"}"#, ReplyEnd::Incomplete),
    ];
    for (event, wanted) in ends {
        let mut leg = translator();
        leg.translate(
            r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
            &mut Vec::new(),
        );
        match leg.translate(event, &mut Vec::new()) {
            Some(AiEvent::ReplyEnded {
                reply: ReplyId(0),
                end,
                ..
            }) => assert_eq!(end, wanted, "{event}"),
            other => panic!("{event} gave {other:?}"),
        }
    }
}

#[test]
fn a_failed_reply_reports_why_and_then_ends() {
    let mut leg = translator();
    let event = r#"{"type":"response.done","response":{"id":"resp_1","status":"failed","status_details":{"type":"failed","error":{"type":"insufficient_quota","code":null,"message":"You exceeded your current quota."}}}}"#;
    let Some(AiEvent::Failed(error)) = leg.translate(event, &mut Vec::new()) else {
        panic!()
    };
    assert_eq!(
        (error.kind, error.code.as_str()),
        (AiErrorKind::Account, "insufficient_quota")
    );
    assert!(matches!(
        leg.take_pending(),
        Some(AiEvent::ReplyEnded {
            end: ReplyEnd::Failed,
            ..
        })
    ));
    assert_eq!(leg.take_pending(), None);
}

#[test]
fn errors_do_not_end_the_leg_unless_they_must() {
    let kind = |text: &str| match meaning(text) {
        Some(AiEvent::Failed(error)) => error.kind,
        other => panic!("{text} gave {other:?}"),
    };
    let expired = r#"{"type":"error","error":{"type":"invalid_request_error","code":"session_expired","message":"Your session hit the maximum duration of 60 minutes.","param":null,"event_id":null}}"#;
    assert_eq!(kind(expired), AiErrorKind::SessionExpired);
    assert_eq!(
        kind(r#"{"type":"error","error":{"type":"server_error","code":null,"message":"?"}}"#),
        AiErrorKind::Other
    );
    assert_eq!(kind(r#"{"type":"error","error":null}"#), AiErrorKind::Other);
    assert_eq!(
        kind(r#"{"type":"error","error":"text","item":3,"content_index":-1}"#),
        AiErrorKind::Other
    );
    let refused = r#"{"type":"error","error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-ab***yz. Find yours online."}}"#;
    let Some(AiEvent::Failed(error)) = meaning(refused) else {
        panic!()
    };
    assert_eq!(
        error.message,
        "Incorrect API key provided: [key] Find yours online."
    );
    let long = format!(
        r#"{{"type":"error","error":{{"code":"x","message":"{}"}}}}"#,
        "ש".repeat(1_000)
    );
    let Some(AiEvent::Failed(error)) = meaning(&long) else {
        panic!()
    };
    assert_eq!(error.message.chars().count(), 300);
}

#[test]
fn the_names_of_the_retired_dialect_are_understood() {
    let mut leg = translator();
    let mut audio = Vec::new();
    let mut see = |text: &str| leg.translate(text, &mut audio);
    let ids = r#""response_id":"r","item_id":"i""#;
    assert!(matches!(
        see(&format!(
            r#"{{"type":"response.audio.delta",{ids},"delta":"AAAA"}}"#
        )),
        Some(AiEvent::Audio { .. })
    ));
    for (kind, whole) in [
        ("response.audio_transcript", true),
        ("response.text", true),
        ("response.output_text", true),
    ] {
        let delta = see(&format!(r#"{{"type":"{kind}.delta",{ids},"delta":"a"}}"#));
        assert!(
            matches!(delta, Some(AiEvent::AgentText { whole: false, .. })),
            "{kind}"
        );
        let field = if kind.contains("transcript") {
            "transcript"
        } else {
            "text"
        };
        let done = see(&format!(r#"{{"type":"{kind}.done",{ids},"{field}":"a"}}"#));
        assert!(
            matches!(done, Some(AiEvent::AgentText { whole: is, .. }) if is == whole),
            "{kind}"
        );
    }
    let created = r#"{"type":"conversation.item.created","item":{"id":"u","type":"message","role":"user","content":[{"type":"input_audio"}]}}"#;
    assert!(matches!(see(created), Some(AiEvent::CallerItem { .. })));
}

#[test]
fn what_is_new_is_counted_and_what_is_broken_is_told_apart() {
    let unknown = |text: &str, name: &str| {
        assert_eq!(
            meaning(text),
            Some(AiEvent::Unknown { kind: name.into() }),
            "{text}"
        );
    };
    unknown(
        r#"{"type":"response.thought.delta","delta":{"deep":[[]]}}"#,
        "response.thought.delta",
    );
    unknown(r#"{"type":""}"#, "");
    unknown(
        &format!(r#"{{"type":"{}"}}"#, "x".repeat(100)),
        &"x".repeat(64),
    );
    for broken in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "\"type\"",
        r#"{"type":null}"#,
        r#"{"type":7}"#,
        r#"{"kind":"a"}"#,
        r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i"}"#,
        r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"@@"}"#,
        r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":7}"#,
        r#"{"type":"response.created","response":{"id":null}}"#,
        r#"{"type":"input_audio_buffer.committed"}"#,
        r#"{"type":"conversation.item.added","item":5}"#,
    ] {
        assert_eq!(meaning(broken), Some(AiEvent::Malformed), "{broken}");
    }
}

#[test]
fn a_broken_delta_leaves_no_audio_behind() {
    let mut audio = vec![9];
    let broken = r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAAAAAAA*AAA"}"#;
    assert_eq!(
        translator().translate(broken, &mut audio),
        Some(AiEvent::Malformed)
    );
    assert_eq!(audio, [9]);
    // A gateway that does not pad is understood.
    let bare =
        r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAA"}"#;
    assert!(matches!(
        translator().translate(bare, &mut audio),
        Some(AiEvent::Audio { .. })
    ));
    assert_eq!(audio, [9, 0, 0]);
}

proptest! {
    #[test]
    fn any_text_is_an_event_or_malformed(text in ".{0,200}") {
        let mut leg = translator();
        leg.translate(&text, &mut Vec::new());
        leg.take_pending();
    }

    #[test]
    fn any_cut_or_change_of_a_real_event_is_survived(
        which in 0usize..6, at in 0usize..400, byte in 0x20u8..0x7F, cut: bool,
    ) {
        let events = [
            r#"{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"code":null}},"usage":{"input_token_details":{"cached_tokens":3}}}}"#,
            r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","content_index":0,"delta":"AAAA"}"#,
            r#"{"type":"response.output_item.done","response_id":"r","item":{"type":"function_call","status":"completed","call_id":"c","name":"n","arguments":"{}"}}"#,
            r#"{"type":"conversation.item.added","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_audio"}]}}"#,
            r#"{"type":"error","error":{"type":"x","code":"y","message":"z","event_id":"reply_1"}}"#,
            r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"t","usage":{"seconds":1e300}}"#,
        ];
        let mut bytes = events[which].as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(text) = String::from_utf8(bytes) {
            let mut leg = translator();
            leg.translate(&text, &mut Vec::new());
        }
    }
}
