//! ITU-T G.711 mu-law: one byte per sample, 14 bits of range on a logarithmic scale.

/// Added before the logarithm so that every segment begins at a power of two.
const BIAS: i32 = 0x84;
/// The largest magnitude that still has a code once the bias is added.
const CLIP: i32 = 32_635;

static DECODED: [i16; 256] = decode_table();

const fn decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        // The wire carries every bit inverted, so that silence is mostly ones.
        let bits = !(code as u8);
        let segment = (bits >> 4) & 7;
        let step = (bits & 0x0F) as i32;
        let magnitude = (((step << 3) + BIAS) << segment) - BIAS;
        table[code] = if bits & 0x80 == 0 {
            magnitude as i16
        } else {
            -magnitude as i16
        };
        code += 1;
    }
    table
}

/// The linear 16-bit sample of a mu-law byte.
pub fn decode(code: u8) -> i16 {
    DECODED[usize::from(code)]
}

/// The mu-law byte nearest to a linear 16-bit sample.
pub fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let biased = i32::from(sample).abs().min(CLIP) + BIAS;
    // The segment is the place of the highest set bit above bit 7; bias makes at least bit 7 set.
    let segment = 24 - biased.leading_zeros();
    let step = (biased >> (segment + 3)) & 0x0F;
    !(sign | (segment << 4) as u8 | step as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_has_the_values_of_the_recommendation() {
        // G.711 table 2a, scaled from 14 to 16 bits: the ends of each segment.
        for (code, sample) in [
            (0xFF, 0),
            (0x7F, 0),
            (0xFE, 8),
            (0x7E, -8),
            (0xF0, 120),
            (0xEF, 132),
            (0xE0, 372),
            (0x80, 32_124),
            (0x00, -32_124),
            (0x8F, 16_764),
            (0x9F, 8_316),
            (0xCF, 924),
        ] {
            assert_eq!(decode(code), sample, "code {code:#04x}");
        }
    }

    #[test]
    fn every_code_survives_a_round_trip_but_negative_zero() {
        for code in 0..=255u8 {
            let again = encode(decode(code));
            if code == 0x7F {
                assert_eq!(again, 0xFF, "the two zeros are one value");
            } else {
                assert_eq!(again, code);
            }
        }
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_half_a_step(sample: i16) {
            let clipped = i32::from(sample).clamp(-CLIP, CLIP);
            let error = (i32::from(decode(encode(sample))) - clipped).abs();
            // A step of segment s is 8 << s wide; a sample m lies in the segment of m + BIAS.
            let segment = 24 - (clipped.abs() + BIAS).leading_zeros();
            prop_assert!(error <= 4 << segment, "{sample}: off by {error} in segment {segment}");
        }
    }
}
