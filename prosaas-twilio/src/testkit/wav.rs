//! Recordings as Twilio delivers them.

/// Decodes one mu-law byte to a linear 16-bit sample (ITU-T G.711).
const fn linear(byte: u8) -> i16 {
    let inverted = !byte;
    let exponent = (inverted >> 4) & 0x07;
    let mantissa = (inverted & 0x0F) as i16;
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if inverted & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// Two mu-law tracks as a stereo WAV: 8 kHz, 16-bit PCM. The shorter track ends in silence.
pub fn stereo_wav(left: &[u8], right: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: u32 = 44;
    let samples = left.len().max(right.len());
    let data_bytes = u32::try_from(samples * 4).unwrap_or(u32::MAX - HEADER_BYTES);
    let mut wav = Vec::with_capacity(HEADER_BYTES as usize + samples * 4);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(data_bytes + HEADER_BYTES - 8).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, two channels, 8000 samples, 32000 bytes a second, 4 bytes a sample pair, 16 bits.
    for field in [1_u16, 2] {
        wav.extend_from_slice(&field.to_le_bytes());
    }
    for field in [8000_u32, 32_000] {
        wav.extend_from_slice(&field.to_le_bytes());
    }
    for field in [4_u16, 16] {
        wav.extend_from_slice(&field.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&data_bytes.to_le_bytes());
    let sample = |track: &[u8], at: usize| track.get(at).map_or(0, |byte| linear(*byte));
    for at in 0..samples {
        wav.extend_from_slice(&sample(left, at).to_le_bytes());
        wav.extend_from_slice(&sample(right, at).to_le_bytes());
    }
    wav
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_g711() {
        for (byte, sample) in [
            (0xFF, 0),
            (0x7F, 0),
            (0x80, 32_124),
            (0x00, -32_124),
            (0xFE, 8),
        ] {
            assert_eq!(linear(byte), sample, "{byte:#x}");
        }
    }

    #[test]
    fn the_header_counts_the_bytes() {
        let wav = stereo_wav(&[0xFF; 10], &[0x80; 4]);
        assert_eq!(wav.len(), 44 + 40);
        assert_eq!(wav[40..44], 40_u32.to_le_bytes());
        assert_eq!(wav[46..48], 32_124_i16.to_le_bytes());
    }
}
