//! The vendor's list prices (November 2026), so that a call knows its cost the moment it ends.
//!
//! Prices are quoted in USD per million tokens, which is micro-dollars per token; they are held in
//! hundredths of that, so that sums are exact and rounded once per response.

use prosaas_core::Usage;

use super::wire::{TokenUsage, TranscriptionUsage};
use crate::prices::{is_model, per_minute, rounded};

/// Hundredths of a micro-dollar per token.
#[derive(Clone, Copy, Debug)]
struct Prices {
    text_in: u64,
    text_cached: u64,
    text_out: u64,
    audio_in: u64,
    audio_cached: u64,
    audio_out: u64,
    image_in: u64,
    image_cached: u64,
}

const FULL: Prices = Prices {
    text_in: 400,
    text_cached: 40,
    text_out: 2_400,
    audio_in: 3_200,
    audio_cached: 40,
    audio_out: 6_400,
    image_in: 500,
    image_cached: 50,
};

const MODELS: [(&str, Prices); 4] = [
    (
        "gpt-realtime-1.5",
        Prices {
            text_out: 1_600,
            ..FULL
        },
    ),
    ("gpt-realtime-2", FULL),
    ("gpt-realtime-2.1", FULL),
    (
        "gpt-realtime-2.1-mini",
        Prices {
            text_in: 60,
            text_cached: 6,
            text_out: 240,
            audio_in: 1_000,
            audio_cached: 30,
            audio_out: 2_000,
            image_in: 80,
            image_cached: 8,
        },
    ),
];

/// Usage and price of one response; the price is zero for a model that is not listed.
pub(super) fn of_reply(model: &str, t: TokenUsage) -> Usage {
    let prices = MODELS.iter().find(|(listed, _)| is_model(model, listed));
    let hundredths = prices.map_or(0, |(_, p)| {
        [
            (t.input_text - t.cached_text, p.text_in),
            (t.cached_text, p.text_cached),
            (t.input_audio - t.cached_audio, p.audio_in),
            (t.cached_audio, p.audio_cached),
            (t.input_image - t.cached_image, p.image_in),
            (t.cached_image, p.image_cached),
            (t.output_text, p.text_out),
            (t.output_audio, p.audio_out),
        ]
        .iter()
        .map(|(tokens, price)| u128::from(*tokens) * u128::from(*price))
        .sum()
    });
    Usage {
        cost: rounded(hundredths, 100),
        ..counts(t)
    }
}

/// Usage and price of one transcription; tokens are counted without a price.
pub(super) fn of_transcription(model: &str, usage: TranscriptionUsage) -> Usage {
    let cost = u128::from(usage.duration_ms) * u128::from(per_minute(model).unwrap_or(0));
    Usage {
        billed_ms: usage.duration_ms,
        cost: rounded(cost, 60_000),
        ..counts(usage.tokens)
    }
}

fn counts(t: TokenUsage) -> Usage {
    Usage {
        input_text: t.input_text,
        input_audio: t.input_audio,
        input_image: t.input_image,
        cached_text: t.cached_text,
        cached_audio: t.cached_audio,
        cached_image: t.cached_image,
        output_text: t.output_text,
        output_audio: t.output_audio,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::MicroUsd;

    use super::*;

    const TOKENS: TokenUsage = TokenUsage {
        input_text: 1_000,
        input_audio: 600,
        input_image: 0,
        cached_text: 900,
        cached_audio: 500,
        cached_image: 0,
        output_text: 40,
        output_audio: 200,
    };

    #[test]
    fn cached_tokens_cost_their_own_price() {
        // 100*4 + 900*0.4 + 100*32 + 500*0.4 + 40*24 + 200*64 micro-dollars.
        assert_eq!(of_reply("gpt-realtime-2.1", TOKENS).cost, MicroUsd(17_920));
        assert_eq!(of_reply("gpt-realtime-1.5", TOKENS).cost, MicroUsd(17_600));
        // 100*0.6 + 900*0.06 + 100*10 + 500*0.3 + 40*2.4 + 200*20.
        assert_eq!(
            of_reply("gpt-realtime-2.1-mini-2026-05-01", TOKENS).cost,
            MicroUsd(5_360)
        );
    }

    #[test]
    fn fractions_are_rounded_once_per_response() {
        let tokens = |cached_text| TokenUsage {
            input_text: cached_text,
            cached_text,
            ..TokenUsage::default()
        };
        assert_eq!(of_reply("gpt-realtime-2", tokens(1)).cost, MicroUsd(0));
        assert_eq!(of_reply("gpt-realtime-2", tokens(2)).cost, MicroUsd(1));
        assert_eq!(of_reply("gpt-realtime-2", tokens(3)).cost, MicroUsd(1));
    }

    #[test]
    fn an_unknown_model_is_counted_and_costs_nothing() {
        let usage = of_reply("gpt-realtime-9", TOKENS);
        assert_eq!((usage.cost, usage.output_audio), (MicroUsd(0), 200));
    }

    #[test]
    fn transcription_is_billed_by_time() {
        let usage = TranscriptionUsage {
            duration_ms: 3_400,
            ..TranscriptionUsage::default()
        };
        let usage = of_transcription("gpt-realtime-whisper", usage);
        assert_eq!((usage.billed_ms, usage.cost), (3_400, MicroUsd(963)));
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        let tokens = TokenUsage {
            input_audio: u64::MAX,
            output_audio: u64::MAX,
            ..TokenUsage::default()
        };
        assert_eq!(of_reply("gpt-realtime-2", tokens).cost, MicroUsd(i64::MAX));
    }
}
