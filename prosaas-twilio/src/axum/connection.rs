//! The carrier's connection as the websocket library reads and writes it.
//!
//! The library is driven directly. An asynchronous wrapper around it, and the layers that HTTP put around
//! the connection, cost more per frame than the frame does.

use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// The carrier's websocket.
pub(super) type Socket = WebSocket<Connection>;

/// A byte stream under a websocket, and the task that waits for it.
pub(super) struct Connection {
    stream: Stream,
    task: Waker,
    /// The last read of an unwatched stream emptied it.
    drained: bool,
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
    };
    WebSocket::from_partially_read(connection, already_read, Role::Server, Some(config))
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

fn read_from(
    stream: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut buffer = ReadBuf::new(buffer);
    now_or_later(stream.poll_read(cx, &mut buffer))?;
    Ok(buffer.filled().len())
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.task);
        match &mut self.stream {
            Stream::Tcp(stream) => read_from(Pin::new(stream), &mut cx, buffer),
            Stream::Unwatched(_) if self.drained => Err(ErrorKind::WouldBlock.into()),
            Stream::Unwatched(stream) => {
                let read = stream.read(buffer)?;
                // Less than there was room for: asking again would only say so at the price of a system call.
                self.drained = 0 < read && read < buffer.len();
                Ok(read)
            }
            Stream::Other(stream) => read_from(Pin::new(stream), &mut cx, buffer),
            Stream::Gone => Ok(0),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.task);
        match &mut self.stream {
            Stream::Tcp(stream) => now_or_later(Pin::new(stream).poll_write(&mut cx, bytes)),
            Stream::Unwatched(stream) => stream.write(bytes),
            Stream::Other(stream) => now_or_later(Pin::new(stream).poll_write(&mut cx, bytes)),
            Stream::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
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
