//! A queue of audio bytes in pieces of fixed size.
//!
//! A reply arrives faster than it is heard, so a queue grows to many kilobytes and shrinks again, in every
//! call at its own time. Pieces of one size come and go without copying and without leaving holes; a
//! growing ring would cost twice the audio it holds.

use std::collections::VecDeque;

/// Bytes in one piece: 256 ms.
const PIECE: usize = 2_048;

/// Bytes in, bytes out, in order.
#[derive(Debug, Default)]
pub struct AudioQueue {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that were taken already.
    taken: usize,
    length: usize,
    /// One emptied piece, so that a queue that hovers around a few frames allocates nothing.
    spare: Option<Vec<u8>>,
}

impl AudioQueue {
    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds bytes to the end.
    pub fn push(&mut self, mut audio: &[u8]) {
        self.length += audio.len();
        while !audio.is_empty() {
            if self.pieces.back().is_none_or(|piece| piece.len() == PIECE) {
                let piece = self
                    .spare
                    .take()
                    .unwrap_or_else(|| Vec::with_capacity(PIECE));
                self.pieces.push_back(piece);
            }
            if let Some(piece) = self.pieces.back_mut() {
                let (now, later) = audio.split_at(audio.len().min(PIECE - piece.len()));
                piece.extend_from_slice(now);
                audio = later;
            }
        }
    }

    /// Takes up to `most` bytes from the front, handing them to `each` in order.
    pub fn take(&mut self, most: usize, mut each: impl FnMut(&[u8])) {
        let mut left = most.min(self.length);
        self.length -= left;
        while left > 0
            && let Some(piece) = self.pieces.front()
        {
            let part = left.min(piece.len() - self.taken);
            each(&piece[self.taken..self.taken + part]);
            self.taken += part;
            left -= part;
            if self.taken == piece.len() {
                self.taken = 0;
                self.spare = self.pieces.pop_front();
                if let Some(spare) = &mut self.spare {
                    spare.clear();
                }
            }
        }
    }

    /// Drops everything, memory included.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(steps in prop::collection::vec((0_usize..5_000, 0_usize..5_000), 1..40)) {
            let (mut queue, mut model) = (AudioQueue::default(), VecDeque::new());
            let mut next = 0_u8;
            for (push, take) in steps {
                let audio: Vec<u8> = (0..push).map(|_| { next = next.wrapping_add(1); next }).collect();
                queue.push(&audio);
                model.extend(audio);
                let mut out = Vec::new();
                queue.take(take, |part| out.extend_from_slice(part));
                let expected: Vec<u8> = model.drain(..take.min(model.len())).collect();
                prop_assert_eq!(out, expected);
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
            queue.clear();
            prop_assert!(queue.is_empty());
        }
    }
}
