//! The bare relay: the floor that every figure of ours is divided by.
//!
//! It accepts the carrier's media websocket, opens the model's and forwards text messages between
//! the two as they are. No parsing, no signatures, no tenancy, no pacing, no transcript: what it
//! costs is what two websockets cost on this machine. Kept deliberately small.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config, client_async_with_config,
    tungstenite::{Error, protocol::WebSocketConfig},
};

/// How long the model may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The options that make the relay cheap: small read buffers (the default of 128 KiB is zeroed at
/// every read) and no write buffering (one system call per message, at once).
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
}

/// Serves until standard input closes, so that the relay never outlives the process that started
/// it. Prints the address it listens on as its first line of standard output.
pub async fn serve(listen: SocketAddr, model: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("the relay cannot listen on {listen}"))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let mut stdin = tokio::io::stdin();
    let mut byte = [0_u8; 1];
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.context("the relay's listener failed")?;
                calls.spawn(call(stream, model));
            }
            Some(_) = calls.join_next() => {}
            read = stdin.read(&mut byte) => if matches!(read, Ok(0) | Err(_)) { return Ok(()) },
        }
    }
}

/// One call. A failure on either side ends it; the generator notices and counts the loss.
async fn call(stream: TcpStream, model: SocketAddr) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let carrier = accept_async_with_config(stream, Some(config())).await?;
    let connect = async {
        let stream = TcpStream::connect(model).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{model}/v1/realtime?model=relay");
        let (socket, _) = client_async_with_config(url, stream, Some(config())).await?;
        anyhow::Ok(socket)
    };
    let model = tokio::time::timeout(CONNECT_TIMEOUT, connect).await??;
    forward(carrier, model).await?;
    Ok(())
}

/// One task and one select loop per call: it measured the same as two tasks with split halves, and
/// needs no lock between them.
async fn forward(
    mut carrier: WebSocketStream<TcpStream>,
    mut model: WebSocketStream<TcpStream>,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            biased;
            message = carrier.next() => match message {
                Some(message) => {
                    let message = message?;
                    if message.is_text() { model.send(message).await?; }
                }
                None => return model.close(None).await,
            },
            message = model.next() => match message {
                Some(message) => {
                    let message = message?;
                    if message.is_text() { carrier.send(message).await?; }
                }
                None => return carrier.close(None).await,
            },
        }
    }
}
