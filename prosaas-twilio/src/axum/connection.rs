//! The carrier's connection as the websocket library reads and writes it.
//!
//! The library is driven directly. An asynchronous wrapper around it, and the layers that HTTP put around
//! the connection, cost more per frame than the frame does. It reads and writes in small pieces, served from
//! memory that a call holds only meanwhile, so the buffers that it keeps grow no larger than one message.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// The most that is read from the network in one go: a dozen frames.
const READ_AT_ONCE: usize = 4096;
/// Messages written in one go leave in one system call, up to about so many bytes.
const WRITE_AT_ONCE: usize = 4096;

/// The carrier's websocket, in a box: it moves through many futures, each of which would keep room for it.
pub(super) type Socket = Box<WebSocket<Connection>>;

/// A byte stream under a websocket, and the task that waits for it.
pub(super) struct Connection {
    stream: Stream,
    task: Waker,
    /// The last read of an unwatched stream emptied it.
    drained: bool,
    /// Read from the network; the library has not taken it yet.
    arrived: Vec<u8>,
    /// How much of that it has taken.
    taken: usize,
    /// Written by the library; the network has not taken it yet.
    leaving: Vec<u8>,
}

enum Stream {
    /// Freed from everything that HTTP needed.
    Tcp(TcpStream),
    /// As above, and nobody is woken when something arrives.
    Unwatched(std::net::TcpStream),
    /// Served over something else than TCP.
    Other(Box<TokioIo<Upgraded>>),
    /// Lost.
    Gone,
}

/// The websocket of an upgraded connection.
pub(super) fn websocket(upgraded: Upgraded, config: WebSocketConfig) -> Socket {
    let (stream, already_read) = match downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => (Stream::Tcp(parts.io.into_inner()), parts.read_buf.to_vec()),
        Err(other) => (Stream::Other(Box::new(TokioIo::new(other))), Vec::new()),
    };
    let connection = Connection {
        stream,
        task: Waker::noop().clone(),
        drained: false,
        arrived: already_read,
        taken: 0,
        leaving: Vec::new(),
    };
    Box::new(WebSocket::from_raw_socket(
        connection,
        Role::Server,
        Some(config),
    ))
}

/// The next message; `None` when the connection is over, whatever the reason.
pub(super) fn poll_message(socket: &mut Socket, cx: &Context<'_>) -> Poll<Option<Message>> {
    socket.get_mut().attach(cx);
    match socket.read() {
        Ok(message) => Poll::Ready(Some(message)),
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        Err(_) => Poll::Ready(None),
    }
}

/// Pushes what is queued to the wire.
pub(super) fn poll_flush(socket: &mut Socket, cx: &Context<'_>) -> Poll<Result<(), Error>> {
    socket.get_mut().attach(cx);
    match socket.flush() {
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

/// Queues a message, and writes it when the queue has grown; fails when the queue is full.
pub(super) fn queue(socket: &mut Socket, message: Message) -> Result<(), Error> {
    match socket.write(message) {
        // Queued; it is written with the next flush.
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        done => done,
    }
}

impl Connection {
    /// Whom to wake.
    fn attach(&mut self, cx: &Context<'_>) {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
        }
    }

    /// From now on nothing that arrives wakes anybody: it is found when somebody looks.
    pub(super) fn unwatch(&mut self) {
        self.stream = match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Tcp(stream) => stream.into_std().map_or(Stream::Gone, Stream::Unwatched),
            other => other,
        };
    }

    /// Undoes [`Self::unwatch`].
    pub(super) fn watch(&mut self) {
        self.stream = match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Unwatched(stream) => {
                TcpStream::from_std(stream).map_or(Stream::Gone, Stream::Tcp)
            }
            other => other,
        };
    }

    /// Looks for new data at the next read.
    pub(super) fn look_again(&mut self) {
        self.drained = false;
    }
}

/// What a poll means to a library that does not wait.
fn now_or_later<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Connection {
    /// Reads what has arrived, as much as there is room for.
    fn read_network(&mut self, room: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.task);
        match &mut self.stream {
            Stream::Tcp(stream) => now_or_later(Pin::new(stream).poll_read(&mut cx, room)),
            Stream::Unwatched(_) if self.drained => Err(ErrorKind::WouldBlock.into()),
            Stream::Unwatched(stream) => {
                let read = stream.read(room.initialize_unfilled())?;
                // Less than there was room for: asking again would only say so at the price of a system call.
                self.drained = 0 < read && read < room.remaining();
                room.advance(read);
                Ok(())
            }
            Stream::Other(stream) => now_or_later(Pin::new(stream).poll_read(&mut cx, room)),
            Stream::Gone => Ok(()),
        }
    }

    fn write_network(&mut self, from: usize) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.task);
        let bytes = &self.leaving[from..];
        match &mut self.stream {
            Stream::Tcp(stream) => now_or_later(Pin::new(stream).poll_write(&mut cx, bytes)),
            Stream::Unwatched(stream) => stream.write(bytes),
            Stream::Other(stream) => now_or_later(Pin::new(stream).poll_write(&mut cx, bytes)),
            Stream::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Sends what was written.
    fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let done = loop {
            if sent == self.leaving.len() {
                self.leaving = Vec::new();
                return Ok(());
            }
            match self.write_network(sent) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(more) => sent += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.leaving.drain(..sent);
        done
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

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.arrived.is_empty() {
            return Ok(self.take_arrived(buffer));
        }
        let mut space = [MaybeUninit::<u8>::uninit(); READ_AT_ONCE];
        let mut read = ReadBuf::uninit(&mut space);
        self.read_network(&mut read)?;
        let (now, rest) = read
            .filled()
            .split_at(read.filled().len().min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.arrived.extend_from_slice(rest);
        Ok(now.len())
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.leaving.len() >= WRITE_AT_ONCE {
            self.send()?;
        }
        self.leaving.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        match &mut self.stream {
            Stream::Other(stream) => {
                let mut cx = Context::from_waker(&self.task);
                now_or_later(Pin::new(stream).poll_flush(&mut cx))
            }
            // A TCP stream keeps nothing back.
            Stream::Tcp(_) | Stream::Unwatched(_) | Stream::Gone => Ok(()),
        }
    }
}
