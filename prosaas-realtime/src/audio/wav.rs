//! RIFF/WAVE files: reading 16-bit PCM and mu-law of any telephone or studio rate, writing stereo PCM.

use super::{AudioError, g711, resample::to_8khz};

const PCM: u16 = 1;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;
/// The last 14 bytes of a sub-format GUID whose first two are a plain format tag.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// Whether the bytes begin like a WAV file.
pub fn is_wav(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [
            b'R',
            b'I',
            b'F',
            b'F' | b'X',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..
        ]
    )
}

/// Reads a WAV file (16-bit PCM or mu-law, mono or stereo, 8-48 kHz, plain or extensible header) as
/// mu-law, 8 kHz, mono. Both channels of a stereo file are mixed. A file cut short gives what is there.
///
/// # Errors
/// [`AudioError`]; its text continues a sentence that begins with the file's name.
pub fn read(bytes: &[u8]) -> Result<Vec<u8>, AudioError> {
    if bytes.len() > super::MAX_FILE_BYTES {
        return Err(AudioError::TooLarge);
    }
    if !is_wav(bytes) {
        return Err(AudioError::NotAudio);
    }
    if bytes[3] == b'X' {
        return Err(AudioError::Unsupported("big-endian samples (RIFX)".into()));
    }
    let (format, data) = find_chunks(&bytes[12..])?;
    let mulaw = if format.tag == MULAW && format.channels == 1 && format.rate == 8_000 {
        data.to_vec()
    } else {
        let mono = format.mono_samples(data);
        to_8khz(&mono, format.rate)
            .into_iter()
            .map(g711::encode)
            .collect()
    };
    if mulaw.is_empty() {
        Err(AudioError::Empty)
    } else {
        Ok(mulaw)
    }
}

/// What stands before the samples of a stereo WAV at 8 kHz, 16 bits, whose end nobody knows yet: players go on
/// until there is no more.
pub fn endless_stereo() -> Vec<u8> {
    stereo_header(u32::MAX)
}

fn stereo_header(data_bytes: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(44);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&data_bytes.saturating_add(36).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    for word in [PCM, 2] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&8_000u32.to_le_bytes());
    out.extend_from_slice(&32_000u32.to_le_bytes());
    for word in [4u16, 16] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data_bytes.to_le_bytes());
    out
}

/// Writes two mu-law 8 kHz tracks as one stereo WAV of 16-bit PCM; the shorter one ends in silence.
pub fn write_stereo(left: &[u8], right: &[u8]) -> Vec<u8> {
    let frames = left.len().max(right.len());
    let mut out = stereo_header((frames * 4) as u32);
    out.reserve(frames * 4);
    let sample = |track: &[u8], at: usize| track.get(at).map_or(0, |code| g711::decode(*code));
    for at in 0..frames {
        out.extend_from_slice(&sample(left, at).to_le_bytes());
        out.extend_from_slice(&sample(right, at).to_le_bytes());
    }
    out
}

struct Format {
    /// [`PCM`] or [`MULAW`].
    tag: u16,
    /// One or two.
    channels: u16,
    /// Within [`RATES`].
    rate: u32,
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Self, AudioError> {
        let short = AudioError::Damaged("its format chunk is too short");
        let word = |at: usize| {
            chunk
                .get(at..at + 2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]))
        };
        let (Some(tag), Some(channels), Some(bits)) = (word(0), word(2), word(14)) else {
            return Err(short);
        };
        let rate = chunk
            .get(4..8)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u32::from_le_bytes);
        let tag = match (tag, word(24), chunk.get(26..40)) {
            (EXTENSIBLE, Some(sub), Some(tail)) if tail == GUID_TAIL => sub,
            (EXTENSIBLE, ..) => return Err(short),
            _ => tag,
        };
        match (tag, bits) {
            (PCM, 16) | (MULAW, 8) => {}
            (PCM, _) => return Err(AudioError::Unsupported(format!("{bits}-bit PCM"))),
            _ => return Err(AudioError::Unsupported(format!("format number {tag}"))),
        }
        if !(1..=2).contains(&channels) {
            return Err(AudioError::Unsupported(format!("{channels} channels")));
        }
        if !RATES.contains(&rate) {
            return Err(AudioError::Unsupported(format!("a rate of {rate} Hz")));
        }
        Ok(Self {
            tag,
            channels,
            rate,
        })
    }

    /// The samples with both channels mixed; an incomplete last sample is dropped.
    fn mono_samples(&self, data: &[u8]) -> Vec<i16> {
        let width = usize::from(self.channels);
        let mix = |samples: &mut dyn Iterator<Item = i16>| {
            (samples.map(i32::from).sum::<i32>() / i32::from(self.channels)) as i16
        };
        if self.tag == MULAW {
            data.chunks_exact(width)
                .map(|frame| mix(&mut frame.iter().map(|code| g711::decode(*code))))
                .collect()
        } else {
            data.chunks_exact(width * 2)
                .map(|frame| {
                    mix(&mut frame
                        .chunks_exact(2)
                        .map(|b| i16::from_le_bytes([b[0], b[1]])))
                })
                .collect()
        }
    }
}

/// Walks the chunks up to the first `data` chunk. Sizes are what recorders wrote, not what is there:
/// a stream that was never finished says 0 or 4 GiB.
fn find_chunks(mut rest: &[u8]) -> Result<(Format, &[u8]), AudioError> {
    let mut format = None;
    while let Some((header, body)) = rest.split_at_checked(8) {
        let declared = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let size = declared.min(body.len());
        match &header[..4] {
            b"fmt " => format = Some(Format::parse(&body[..size])?),
            b"data" => {
                let format = format.ok_or(AudioError::Damaged("no format before the audio"))?;
                let unfinished = declared == 0;
                return Ok((format, if unfinished { body } else { &body[..size] }));
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = body.get(size + (size & 1)..).unwrap_or_default();
    }
    Err(match format {
        Some(_) => AudioError::Empty,
        None => AudioError::Damaged("it ends before the format"),
    })
}
