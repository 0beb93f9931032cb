//! The generator's own websocket framing, both roles.
//!
//! It exists to be cheap: one growing buffer per direction, one system call per message, no task
//! hops, so that one core of generator can load one core of subject. It speaks only what our two
//! subjects speak: unfragmented text messages and control frames; anything else is an error that
//! names the subject's fault.

use std::{io, ops::Range, time::Duration};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longer messages than this are refused.
const MAX_MESSAGE: usize = 1 << 20;
/// A subject that does not read for this long has stalled.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Which end of the websocket this is: clients mask what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We opened the connection.
    Client,
    /// We accepted it.
    Server,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text message; its bytes are [`Socket::bytes`] of this range until the next `fill`.
    Text(Range<usize>),
    /// The other end asked to close.
    Close,
}

/// One established websocket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    role: Role,
    read: Vec<u8>,
    /// Everything before this offset of `read` was handed out.
    taken: usize,
    write: Vec<u8>,
}

impl Socket {
    /// Wraps a connection whose handshake is done; `leftover` are bytes that came after it.
    pub fn new(stream: TcpStream, role: Role, leftover: Vec<u8>) -> Self {
        Self {
            stream,
            role,
            read: leftover,
            taken: 0,
            write: Vec::with_capacity(4096),
        }
    }

    /// Waits for more bytes. Cancel safe. An end of the stream is an error.
    pub async fn fill(&mut self) -> io::Result<()> {
        if self.taken > 0 {
            self.read.drain(..self.taken);
            self.taken = 0;
        }
        self.read.reserve(4096);
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Takes the next complete message; `None` when more bytes are needed. Pings are answered
    /// with the next write.
    pub fn message(&mut self) -> anyhow::Result<Option<Incoming>> {
        loop {
            let Some(header) = Header::parse(&self.read[self.taken..])? else {
                return Ok(None);
            };
            let start = self.taken + header.length;
            let end = start + header.payload;
            if self.read.len() < end {
                return Ok(None);
            }
            self.taken = end;
            if let Some(mask) = header.mask {
                unmask(&mut self.read[start..end], mask);
            }
            match header.opcode {
                0x1 => return Ok(Some(Incoming::Text(start..end))),
                0x8 => return Ok(Some(Incoming::Close)),
                0x9 => append_frame(&mut self.write, self.role, 0xA, &self.read[start..end]),
                0xA => {}
                opcode => bail!("the subject sent a websocket frame with opcode {opcode:#x}"),
            }
        }
    }

    /// The bytes of a message from [`Socket::message`].
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.read[range]
    }

    /// Puts a text message into the write buffer.
    pub fn queue(&mut self, text: &str) {
        append_frame(&mut self.write, self.role, 0x1, text.as_bytes());
    }

    /// Writes the buffer out, normally by one system call.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        if self.write.is_empty() {
            return Ok(());
        }
        // The timer of a time-out costs more than the write, so only a full socket gets one.
        let written = match self.stream.try_write(&self.write) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error).context("the subject closed the socket"),
        };
        if written < self.write.len() {
            tokio::time::timeout(WRITE_TIMEOUT, self.stream.write_all(&self.write[written..]))
                .await
                .context("the subject did not read its socket for 10 s")??;
        }
        self.write.clear();
        Ok(())
    }

    /// Queues and writes one text message.
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.queue(text);
        self.flush().await
    }

    /// Asks to close, normally (1000).
    pub async fn close(&mut self) -> anyhow::Result<()> {
        append_frame(&mut self.write, self.role, 0x8, &1000_u16.to_be_bytes());
        self.flush().await
    }
}

struct Header {
    opcode: u8,
    length: usize,
    payload: usize,
    mask: Option<[u8; 4]>,
}

impl Header {
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let [first, second, ..] = *bytes else {
            return Ok(None);
        };
        ensure!(
            first & 0x70 == 0,
            "the subject set a reserved websocket bit"
        );
        ensure!(first & 0x80 != 0, "the subject sent a fragmented message");
        let (mut length, payload) = match second & 0x7F {
            126 => match bytes.get(2..4) {
                Some(size) => (4, usize::from(size[0]) << 8 | usize::from(size[1])),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10).and_then(|size| size.first_chunk::<8>()) {
                Some(size) => (10, usize::try_from(u64::from_be_bytes(*size))?),
                None => return Ok(None),
            },
            short => (2, usize::from(short)),
        };
        ensure!(
            payload <= MAX_MESSAGE,
            "the subject sent a message of {payload} bytes"
        );
        let mut mask = None;
        if second & 0x80 != 0 {
            let Some(key) = bytes
                .get(length..length + 4)
                .and_then(|key| key.first_chunk::<4>())
            else {
                return Ok(None);
            };
            mask = Some(*key);
            length += 4;
        }
        Ok(Some(Self {
            opcode: first & 0x0F,
            length,
            payload,
            mask,
        }))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let value = u64::from_ne_bytes(word.try_into().unwrap_or_default()) ^ wide;
        word.copy_from_slice(&value.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Client frames carry a mask of zero: valid on the wire, free for us, and the subject does the
/// same work as for any other.
fn append_frame(out: &mut Vec<u8>, role: Role, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    let masked = if role == Role::Client { 0x80 } else { 0 };
    match payload.len() {
        short @ 0..126 => out.push(masked | short as u8),
        medium @ 126..65_536 => {
            out.push(masked | 0x7E);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(masked | 0x7F);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if role == Role::Client {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_of_all_three_sizes_round_trip() {
        for size in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
            for role in [Role::Client, Role::Server] {
                let mut frame = Vec::new();
                append_frame(&mut frame, role, 0x1, &vec![7; size]);
                let header = Header::parse(&frame).unwrap().unwrap();
                assert_eq!((header.opcode, header.payload), (1, size));
                assert_eq!(header.length + size, frame.len());
                assert_eq!(header.mask.is_some(), role == Role::Client);
            }
        }
    }

    proptest! {
        #[test]
        fn unmasking_is_its_own_inverse(payload: Vec<u8>, mask: [u8; 4]) {
            let mut masked = payload.clone();
            unmask(&mut masked, mask);
            for (index, byte) in masked.iter().enumerate() {
                prop_assert_eq!(*byte, payload[index] ^ mask[index % 4]);
            }
            unmask(&mut masked, mask);
            prop_assert_eq!(masked, payload);
        }

        #[test]
        fn any_bytes_parse_without_panic(bytes: Vec<u8>) {
            if let Ok(Some(header)) = Header::parse(&bytes) {
                prop_assert!(header.payload <= MAX_MESSAGE);
            }
        }
    }
}
