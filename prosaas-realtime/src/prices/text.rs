//! List prices of models that are asked over REST (November 2026), so that what they cost is known with the answer.
//!
//! Held in thousandths of a micro-dollar per token, so that sums are exact and rounded once per answer; a model that
//! is not listed is counted and costs nothing.

use prosaas_core::Usage;

use super::{is_model, per_minute, rounded};

/// Thousandths of a micro-dollar per token, which are dollars per thousand million tokens.
#[derive(Clone, Copy, Debug)]
struct Prices {
    text_in: u64,
    text_cached: u64,
    audio_in: u64,
    text_out: u64,
}

const fn text(text_in: u64, text_cached: u64, text_out: u64) -> Prices {
    Prices {
        text_in,
        text_cached,
        audio_in: 0,
        text_out,
    }
}

const MODELS: [(&str, Prices); 13] = [
    ("gpt-5.5", text(5_000, 500, 30_000)),
    ("gpt-5.4", text(2_500, 250, 15_000)),
    ("gpt-5.4-mini", text(750, 75, 4_500)),
    ("gpt-5", text(1_250, 125, 10_000)),
    ("gpt-5-mini", text(250, 25, 2_000)),
    ("gpt-5-nano", text(50, 5, 400)),
    ("gpt-4.1", text(2_000, 500, 8_000)),
    ("gpt-4.1-mini", text(400, 100, 1_600)),
    ("gpt-4.1-nano", text(100, 25, 400)),
    ("gpt-4o", text(2_500, 1_250, 10_000)),
    ("gpt-4o-mini", text(150, 75, 600)),
    (
        "gpt-4o-transcribe",
        Prices {
            audio_in: 2_500,
            ..text(2_500, 2_500, 10_000)
        },
    ),
    (
        "gpt-4o-mini-transcribe",
        Prices {
            audio_in: 1_250,
            ..text(1_250, 1_250, 5_000)
        },
    ),
];

/// What was used, with its price by the list.
pub(crate) fn priced(model: &str, used: Usage) -> Usage {
    let listed = MODELS.iter().find(|(listed, _)| is_model(model, listed));
    let by_tokens = listed.map(|(_, prices)| thousandths(prices, &used));
    // Milliseconds at micro-dollars per minute: a sixtieth of it is thousandths of a micro-dollar.
    let by_time =
        per_minute(model).map(|price| u128::from(used.billed_ms) * u128::from(price) / 60);
    let Some(cost) = by_tokens.or(by_time) else {
        return used;
    };
    Usage {
        cost: rounded(cost, 1_000),
        ..used
    }
}

fn thousandths(prices: &Prices, used: &Usage) -> u128 {
    let cached = used.cached_text.min(used.input_text);
    [
        (used.input_text - cached, prices.text_in),
        (cached, prices.text_cached),
        (used.input_audio, prices.audio_in),
        (used.output_text, prices.text_out),
    ]
    .iter()
    .map(|(tokens, price)| u128::from(*tokens) * u128::from(*price))
    .sum()
}

#[cfg(test)]
mod tests {
    use prosaas_core::MicroUsd;

    use super::*;

    #[test]
    fn an_answer_costs_what_the_list_says() {
        let used = Usage {
            input_text: 3_000,
            cached_text: 1_000,
            output_text: 200,
            ..Usage::default()
        };
        // 2,000 at 0.25, 1,000 at 0.025 and 200 at 2 USD per million.
        for model in ["gpt-5-mini", "gpt-5-mini-2026-05-01"] {
            assert_eq!(priced(model, used).cost, MicroUsd(925));
        }
        assert_eq!(priced("gpt-5-mini", used).input_text, 3_000);
        assert_eq!(priced("somebody-elses", used).cost, MicroUsd(0));
        let cached = Usage {
            cached_text: 9_000,
            ..used
        };
        assert_eq!(priced("gpt-5-mini", cached).cost, MicroUsd(475));
    }

    #[test]
    fn speech_costs_by_tokens_or_by_time() {
        let tokens = Usage {
            input_audio: 1_000,
            output_text: 100,
            ..Usage::default()
        };
        let cost = priced("gpt-4o-mini-transcribe", tokens).cost;
        assert_eq!(cost, MicroUsd(1_750));
        let minute = Usage {
            billed_ms: 60_000,
            ..Usage::default()
        };
        assert_eq!(priced("whisper-1", minute).cost, MicroUsd(6_000));
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let used = Usage {
            input_text: u64::MAX,
            output_text: u64::MAX,
            ..Usage::default()
        };
        assert_eq!(priced("gpt-5", used).cost, MicroUsd(i64::MAX));
    }
}
