//! Stamps inside audio frames: who sent this frame, which one it is, and when.
//!
//! Mu-law bytes pass through every subject unmodified, so a stamp written into the 160 bytes of a
//! frame on one side is read on the other. Delay, loss, duplication and reordering are therefore
//! exact, per frame, whatever the subject batches or reframes.

/// Bytes of one 20 ms frame of 8 kHz mu-law.
pub const FRAME: usize = 160;
/// Milliseconds of audio in one frame.
pub const FRAME_MS: u64 = 20;

const MAGIC: [u8; 4] = [0x50, 0x42, 0xA7, 0x1C];

/// The contents of a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The sender: the call's index for the caller, the connection's number for the model.
    pub source: u32,
    /// The caller has one part, 0; the model numbers its responses.
    pub part: u32,
    /// Position of the frame in its part, from 0.
    pub sequence: u32,
    /// When the frame was handed to the socket, on the generator's monotonic clock.
    pub sent_ns: u64,
}

impl Stamp {
    /// Appends one whole stamped frame to `audio`.
    pub fn append_frame(&self, audio: &mut Vec<u8>) {
        let start = audio.len();
        audio.extend_from_slice(&MAGIC);
        audio.extend_from_slice(&self.source.to_le_bytes());
        audio.extend_from_slice(&self.part.to_le_bytes());
        audio.extend_from_slice(&self.sequence.to_le_bytes());
        audio.extend_from_slice(&self.sent_ns.to_le_bytes());
        // Neither silence (0xFF) nor constant, so that padding is not mistaken for it.
        audio.extend((audio.len() - start..FRAME).map(|index| 0x40 | (index as u8 & 0x3F)));
    }

    /// Reads the stamp of a frame; `None` for audio that the generator did not send (padding, a
    /// fallback clip, comfort noise).
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (magic, rest) = frame.split_first_chunk::<4>()?;
        let (source, rest) = rest.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk::<4>()?;
        let (sent_ns, _) = rest.split_first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self {
            source: u32::from_le_bytes(*source),
            part: u32::from_le_bytes(*part),
            sequence: u32::from_le_bytes(*sequence),
            sent_ns: u64::from_le_bytes(*sent_ns),
        })
    }
}

/// Cuts a byte stream into frames again, keeping what is left of a message for the next one.
#[derive(Debug, Default)]
pub struct Reframer {
    rest: Vec<u8>,
    /// Messages that were not a whole number of frames.
    pub ragged: u64,
}

impl Reframer {
    /// Calls `each` with every whole frame.
    pub fn push(&mut self, mut audio: &[u8], mut each: impl FnMut(&[u8])) {
        self.ragged += u64::from(!audio.len().is_multiple_of(FRAME));
        if !self.rest.is_empty() {
            let wanted = (FRAME - self.rest.len()).min(audio.len());
            self.rest.extend_from_slice(&audio[..wanted]);
            audio = &audio[wanted..];
            if self.rest.len() < FRAME {
                return;
            }
            each(&self.rest);
            self.rest.clear();
        }
        let frames = audio.chunks_exact(FRAME);
        self.rest.extend_from_slice(frames.remainder());
        frames.for_each(each);
    }
}

/// Which frames of one part arrived, and how.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    seen: Vec<u64>,
    next: u32,
    /// Distinct frames that arrived.
    pub received: u64,
    /// Frames that arrived again.
    pub duplicated: u64,
    /// Frames that arrived after a later one.
    pub reordered: u64,
}

impl Tally {
    /// Counts the arrival of frame `sequence`.
    pub fn arrived(&mut self, sequence: u32) {
        let (word, bit) = (sequence as usize / 64, sequence % 64);
        if word >= self.seen.len() {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] >> bit & 1 == 1 {
            self.duplicated += 1;
            return;
        }
        self.seen[word] |= 1 << bit;
        self.received += 1;
        if sequence < self.next {
            self.reordered += 1;
        } else {
            self.next = sequence + 1;
        }
    }

    /// One past the last frame that arrived: everything missing before it is a gap, everything
    /// missing from it on is a tail.
    pub fn end(&self) -> u64 {
        u64::from(self.next)
    }

    /// Frames missing between frames that arrived.
    pub fn gaps(&self) -> u64 {
        self.end() - self.received
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stamp_survives_the_frame() {
        let stamp = Stamp {
            source: 7,
            part: 3,
            sequence: 1_000_000,
            sent_ns: u64::MAX - 1,
        };
        let mut audio = Vec::new();
        stamp.append_frame(&mut audio);
        assert_eq!(audio.len(), FRAME);
        assert_eq!(Stamp::read(&audio), Some(stamp));
        assert_eq!(Stamp::read(&[0xFF; FRAME]), None);
    }

    #[test]
    fn the_tally_tells_gap_tail_duplicate_and_late_frame_apart() {
        let mut tally = Tally::default();
        for sequence in [0, 1, 1, 4, 3, 70] {
            tally.arrived(sequence);
        }
        assert_eq!(
            (tally.received, tally.duplicated, tally.reordered),
            (5, 1, 1)
        );
        assert_eq!((tally.end(), tally.gaps()), (71, 66));
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_gives_the_same_frames(cuts in prop::collection::vec(1..400_usize, 1..30)) {
            let total: usize = cuts.iter().sum();
            let stream: Vec<u8> = (0..total).map(|index| index as u8).collect();
            let (mut reframer, mut rest, mut joined) = (Reframer::default(), &stream[..], Vec::new());
            for cut in cuts {
                let (message, tail) = rest.split_at(cut);
                rest = tail;
                reframer.push(message, |frame| joined.extend_from_slice(frame));
            }
            prop_assert_eq!(&joined[..], &stream[..total / FRAME * FRAME]);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            prop_assert!(Stamp::read(&bytes).is_none_or(|_| bytes.len() >= 24));
        }
    }
}
