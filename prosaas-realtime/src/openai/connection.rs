//! The model's connection as the websocket library reads and writes it.
//!
//! The library is driven directly: an asynchronous wrapper around it costs more per frame than the frame does.
//! It reads and writes in small pieces, served from memory that a call holds only meanwhile, so the buffers that
//! it keeps grow no larger than one message.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::{ClientHandshake, Request};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

/// The most that is read from the network in one go.
const READ_AT_ONCE: usize = 4096;
/// Messages written in one go leave in one system call, up to about so many bytes.
const WRITE_AT_ONCE: usize = 4096;

/// A client's websocket over a byte stream.
pub(super) type Socket<S> = WebSocket<Connection<S>>;

/// A byte stream under a websocket, and the task that waits for it.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    task: Waker,
    /// Read from the network; the library has not taken it yet.
    arrived: Vec<u8>,
    /// How much of that it has taken.
    taken: usize,
    /// Written by the library; the network has not taken it yet.
    leaving: Vec<u8>,
}

/// Opens a websocket over a connected stream.
///
/// # Errors
/// What the library says: the peer refused, or does not speak the protocol, or the stream broke.
pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request,
    config: WebSocketConfig,
) -> Result<Socket<S>, Error> {
    let connection = Connection::new(stream);
    let mut handshake = Some(ClientHandshake::start(connection, request, Some(config))?);
    poll_fn(|cx| {
        let Some(mut step) = handshake.take() else {
            return Poll::Pending;
        };
        step.get_mut().get_mut().attach(cx);
        match step.handshake() {
            Ok((socket, _response)) => Poll::Ready(Ok(socket)),
            Err(HandshakeError::Failure(error)) => Poll::Ready(Err(error)),
            Err(HandshakeError::Interrupted(step)) => {
                handshake = Some(step);
                Poll::Pending
            }
        }
    })
    .await
}

/// The next message.
pub(super) fn poll_message<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    cx: &Context<'_>,
) -> Poll<Result<Message, Error>> {
    socket.get_mut().attach(cx);
    later(socket.read())
}

/// Pushes what is queued to the network.
pub(super) fn poll_flush<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    cx: &Context<'_>,
) -> Poll<Result<(), Error>> {
    socket.get_mut().attach(cx);
    later(socket.flush())
}

/// Queues a message, and writes when much is queued; fails when the queue is full.
pub(super) fn queue<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    message: Message,
) -> Result<(), Error> {
    match later(socket.write(message)) {
        Poll::Ready(done) => done,
        // Queued; it is written with the next flush.
        Poll::Pending => Ok(()),
    }
}

/// What not waiting means to whoever can.
fn later<T>(done: Result<T, Error>) -> Poll<Result<T, Error>> {
    match done {
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

impl<S> Connection<S> {
    /// Nothing read or written.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            task: Waker::noop().clone(),
            arrived: Vec::new(),
            taken: 0,
            leaving: Vec::new(),
        }
    }

    /// Bytes that leave with the next flush, past the library: it would keep a buffer as large as the largest
    /// message for the rest of the connection. Only for when it has queued nothing itself.
    pub(super) const fn leaving(&mut self) -> &mut Vec<u8> {
        &mut self.leaving
    }

    /// Whom to wake.
    fn attach(&mut self, cx: &Context<'_>) {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
        }
    }

    fn take_arrived(&mut self, buffer: &mut [u8]) -> usize {
        let left = &self.arrived[self.taken..];
        let taken = left.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&left[..taken]);
        self.taken += taken;
        if self.taken == self.arrived.len() {
            self.arrived = Vec::new();
            self.taken = 0;
        }
        taken
    }
}

/// What a poll means to a library that does not wait.
fn now_or_later<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncWrite + Unpin> Connection<S> {
    fn poll_send(&mut self) -> Poll<io::Result<()>> {
        let mut cx = Context::from_waker(&self.task);
        let mut sent = 0;
        let done = loop {
            if sent == self.leaving.len() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(&mut cx, &self.leaving[sent..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) => sent += more,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        if sent == self.leaving.len() {
            self.leaving = Vec::new();
        } else {
            self.leaving.drain(..sent);
        }
        done
    }

    fn poll_send_all(&mut self) -> Poll<io::Result<()>> {
        ready!(self.poll_send())?;
        let mut cx = Context::from_waker(&self.task);
        // A TLS stream keeps records back.
        Pin::new(&mut self.stream).poll_flush(&mut cx)
    }
}

impl<S: AsyncRead + Unpin> Read for Connection<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.arrived.is_empty() {
            return Ok(self.take_arrived(buffer));
        }
        let mut cx = Context::from_waker(&self.task);
        let mut space = [MaybeUninit::<u8>::uninit(); READ_AT_ONCE];
        let mut read = ReadBuf::uninit(&mut space);
        now_or_later(Pin::new(&mut self.stream).poll_read(&mut cx, &mut read))?;
        let (now, rest) = read
            .filled()
            .split_at(read.filled().len().min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.arrived.extend_from_slice(rest);
        Ok(now.len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Connection<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.leaving.len() >= WRITE_AT_ONCE {
            now_or_later(self.poll_send())?;
        }
        self.leaving.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        now_or_later(self.poll_send_all())
    }
}
