//! Businesses, calls and outcomes for tests: the same one for the same number.

use uuid::Uuid;

use super::tenant_store::Seed;
use crate::business::{CallLimits, VoiceProfile};
use crate::{
    Business, CallDirection, CallEnd, CallOutcome, CallQuality, CallSid, CallTime, E164, Language,
    LeadDraft, MicroUsd, NewCall, QualityFigures, QualityReason, Speaker, TenantId, TranscriptLine,
    TransferTarget, UnixMillis, Usage, Verdict,
};

/// A business for tests, the same one for the same `n`, with one number of its own.
pub fn seed(n: u8) -> Seed {
    let business = Business {
        id: TenantId::from_uuid(Uuid::from_u128(
            0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(n),
        )),
        name: format!("Business {n}"),
        language: if n.is_multiple_of(2) {
            Language::En
        } else {
            Language::He
        },
        voice: VoiceProfile {
            instructions: "Answer briefly.\nPromise nothing.".to_owned(),
            greeting: "שלום".to_owned(),
            voice: "alloy".to_owned(),
        },
        limits: CallLimits {
            max_call_s: 600 + u32::from(n),
            idle_s: 10,
            max_live_calls: 5,
        },
        transfer: ["sales", "garage"]
            .iter()
            .zip(0..)
            .map(|(label, i)| TransferTarget {
                label: (*label).to_owned(),
                number: number(200 + i),
            })
            .collect(),
        record_calls: n.is_multiple_of(2),
    };
    Seed {
        business,
        numbers: vec![number(n)],
    }
}

/// A number for tests, the same one for the same `n`.
pub fn number(n: u8) -> E164 {
    E164::parse(&format!("+97255{:07}", u32::from(n))).expect("the number is written in E.164")
}

/// A call for tests, the same one for the same `n`.
pub fn new_call(n: u8) -> NewCall {
    NewCall {
        call_sid: call_sid(n),
        direction: CallDirection::Inbound,
        caller: Some(number(100)),
        business_number: number(1),
        started_at: UnixMillis(1_700_000_000_000 + i64::from(n)),
    }
}

/// A CallSid for tests, the same one for the same `n`.
pub fn call_sid(n: u8) -> CallSid {
    format!("CA{n:032x}").parse().expect("the sid has its form")
}

/// A transcript line for tests.
pub fn line(seq: u32, text: &str) -> TranscriptLine {
    TranscriptLine {
        seq,
        speaker: if seq.is_multiple_of(2) {
            Speaker::Agent
        } else {
            Speaker::Caller
        },
        at: CallTime(u64::from(seq) * 1_500),
        text: text.to_owned(),
        interrupted: seq == 2,
    }
}

/// An outcome for tests.
pub fn outcome(end: CallEnd) -> CallOutcome {
    CallOutcome {
        ended_at: UnixMillis(1_700_000_180_000),
        end,
        usage: Usage {
            input_text: 1,
            input_audio: 2,
            input_image: 3,
            cached_text: 4,
            cached_audio: 5,
            cached_image: 6,
            output_text: 7,
            output_audio: 8,
            billed_ms: 9,
            cost: MicroUsd(1_234_567),
        },
        lead: LeadDraft {
            name: Some("Noa".to_owned()),
            ..LeadDraft::default()
        },
        quality: Some(Box::new(quality(Verdict::Fair))),
    }
}

/// A judged call for tests.
pub fn quality(verdict: Verdict) -> CallQuality {
    let reasons = match verdict {
        Verdict::Good => Vec::new(),
        Verdict::Fair | Verdict::Poor => vec![QualityReason::DeadAir],
    };
    CallQuality {
        verdict,
        reasons,
        figures: QualityFigures {
            duration_ms: 61_000,
            first_word_ms: Some(900),
            dead_air_longest_ms: 3_100,
            ..QualityFigures::default()
        },
    }
}
