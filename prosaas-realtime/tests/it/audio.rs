//! Recordings in, recordings out.

use proptest::prelude::*;
use prosaas_realtime::audio::{self, AudioError, g711, wav};

/// A WAV file with any header fields, an odd-sized chunk of junk before the audio.
fn wav_file(
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
    extensible: bool,
    data: &[u8],
) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut fmt = Vec::new();
    fmt.extend_from_slice(&(if extensible { 0xFFFE } else { tag }).to_le_bytes());
    fmt.extend_from_slice(&channels.to_le_bytes());
    fmt.extend_from_slice(&rate.to_le_bytes());
    fmt.extend_from_slice(&(rate * u32::from(block)).to_le_bytes());
    fmt.extend_from_slice(&block.to_le_bytes());
    fmt.extend_from_slice(&bits.to_le_bytes());
    if extensible {
        fmt.extend_from_slice(&22u16.to_le_bytes());
        fmt.extend_from_slice(&bits.to_le_bytes());
        fmt.extend_from_slice(&0u32.to_le_bytes());
        fmt.extend_from_slice(&tag.to_le_bytes());
        fmt.extend_from_slice(&[0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    }
    let mut out = b"RIFF\0\0\0\0WAVE".to_vec();
    for (name, body) in [(b"LIST", &b"abc"[..]), (b"fmt ", &fmt), (b"data", data)] {
        out.extend_from_slice(name);
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(body);
        if body.len() % 2 == 1 {
            out.push(0);
        }
    }
    out
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

#[test]
fn every_accepted_form_becomes_the_same_telephone_audio() {
    let level = 8_316; // a value mu-law has exactly
    let code = g711::encode(level);
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        for channels in [1u16, 2] {
            for extensible in [false, true] {
                let count = rate as usize * usize::from(channels);
                let as_pcm = wav_file(1, channels, rate, 16, extensible, &pcm(&vec![level; count]));
                let as_mulaw = wav_file(7, channels, rate, 8, extensible, &vec![code; count]);
                for file in [as_pcm, as_mulaw] {
                    let out = wav::read(&file).unwrap();
                    assert_eq!(out.len(), 8_000, "{rate} Hz, {channels} channels");
                    assert!(out[1_000..7_000].iter().all(|c| *c == code));
                }
            }
        }
    }
}

#[test]
fn a_recording_that_was_never_finished_gives_what_is_there() {
    let mut file = wav_file(1, 1, 8_000, 16, false, &pcm(&[1_000; 800]));
    let size_at = file.len() - 1_600 - 4;
    for declared in [0u32, u32::MAX, 1_000_000] {
        file[size_at..size_at + 4].copy_from_slice(&declared.to_le_bytes());
        assert_eq!(wav::read(&file).unwrap().len(), 800);
    }
    file.truncate(file.len() - 801);
    assert_eq!(
        wav::read(&file).unwrap().len(),
        399,
        "half a sample is dropped"
    );
}

#[test]
fn refusals_say_what_was_found_and_what_is_expected() {
    let refusal = |bytes: &[u8], extension| audio::read(bytes, extension).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(b"", None), @"it holds no audio");
    insta::assert_snapshot!(refusal(b"hello, this is text", Some("txt")), @"it is not a WAV file (no RIFF/WAVE header); headerless mu-law is accepted only from a file named .ulaw, .mulaw, .ul, .mu, .pcmu, .raw");
    insta::assert_snapshot!(refusal(&wav_file(1, 1, 8_000, 24, false, &[0; 9]), None), @"it is a WAV file with 24-bit PCM; expected 16-bit PCM or mu-law, mono or stereo, 8 to 48 kHz");
    insta::assert_snapshot!(refusal(&wav_file(3, 1, 8_000, 32, false, &[0; 8]), None), @"it is a WAV file with format number 3; expected 16-bit PCM or mu-law, mono or stereo, 8 to 48 kHz");
    insta::assert_snapshot!(refusal(&wav_file(1, 6, 8_000, 16, false, &[0; 12]), None), @"it is a WAV file with 6 channels; expected 16-bit PCM or mu-law, mono or stereo, 8 to 48 kHz");
    insta::assert_snapshot!(refusal(&wav_file(1, 1, 96_000, 16, false, &[0; 12]), None), @"it is a WAV file with a rate of 96000 Hz; expected 16-bit PCM or mu-law, mono or stereo, 8 to 48 kHz");
    insta::assert_snapshot!(refusal(b"RIFF\0\0\0\0WAVE", None), @"its WAV header is damaged: it ends before the format");
    insta::assert_snapshot!(refusal(b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0\x01\0\x01\0", None), @"its WAV header is damaged: its format chunk is too short");
    insta::assert_snapshot!(refusal(b"RIFF\0\0\0\0WAVEdata\x02\0\0\0ab", None), @"its WAV header is damaged: no format before the audio");
    assert_eq!(
        audio::read(&wav_file(1, 1, 8_000, 16, false, &[]), None),
        Err(AudioError::Empty)
    );
    assert_eq!(
        audio::read(&vec![0; audio::MAX_FILE_BYTES + 1], None),
        Err(AudioError::TooLarge)
    );
}

#[test]
fn raw_mulaw_is_taken_by_its_name() {
    assert_eq!(audio::read(&[1, 2, 3], Some("ULAW")).unwrap(), [1, 2, 3]);
    assert_eq!(audio::read(&[1, 2, 3], None), Err(AudioError::NotAudio));
}

#[test]
fn a_stereo_recording_reads_back_and_pads_the_shorter_side() {
    let file = wav::write_stereo(&[0x80; 100], &[0x80; 40]);
    assert_eq!(file.len(), 44 + 400);
    let mixed = wav::read(&file).unwrap();
    assert_eq!(mixed[..40], [0x80; 40], "both sides at full level");
    assert_eq!(mixed[40], g711::encode(32_124 / 2), "one side silent");
}

proptest! {
    #[test]
    fn any_bytes_give_audio_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = audio::read(&bytes, Some("ulaw"));
        let _ = wav::read(&bytes);
    }

    #[test]
    fn a_damaged_header_never_panics(
        at in 0usize..80, value: u8, cut in 0usize..300, extensible: bool, channels in 1u16..3,
    ) {
        let mut file = wav_file(1, channels, 44_100, 16, extensible, &[7; 200]);
        if let Some(byte) = file.get_mut(at) {
            *byte = value;
        }
        file.truncate(cut.max(1));
        let _ = wav::read(&file);
    }

    #[test]
    fn mulaw_at_8_khz_passes_untouched(data in proptest::collection::vec(any::<u8>(), 1..500)) {
        prop_assert_eq!(wav::read(&wav_file(7, 1, 8_000, 8, false, &data)).unwrap(), data);
    }
}
