//! As much HTTP/1.1 as the generator needs: one request per connection, heads of 16 KiB.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::wire::{Role, Socket};

const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 1 << 20;
/// No exchange takes longer; Twilio itself gives up after 15 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The head of a request or a response, and the bytes that came along after it.
#[derive(Debug)]
pub struct Head {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub first_line: String,
    headers: Vec<(String, String)>,
    /// Bytes after the blank line.
    pub leftover: Vec<u8>,
}

impl Head {
    /// Reads until the blank line.
    pub async fn read(stream: &mut TcpStream) -> anyhow::Result<Self> {
        let mut bytes = Vec::with_capacity(1024);
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            ensure!(
                bytes.len() < MAX_HEAD,
                "an HTTP head of more than {MAX_HEAD} bytes"
            );
            ensure!(
                stream.read_buf(&mut bytes).await? > 0,
                "the connection ended in an HTTP head"
            );
        };
        let leftover = bytes.split_off(end + 4);
        let text = String::from_utf8(bytes).context("an HTTP head that is not UTF-8")?;
        let mut lines = text.lines();
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self {
            first_line,
            headers,
            leftover,
        })
    }

    /// The first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The status code of a response.
    pub fn status(&self) -> anyhow::Result<u16> {
        let code = self
            .first_line
            .split(' ')
            .nth(1)
            .context("no HTTP status line")?;
        code.parse()
            .with_context(|| format!("{code:?} is not an HTTP status"))
    }

    /// Reads the body that the head announces (by length or chunked).
    pub async fn body(&mut self, stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
        let mut body = std::mem::take(&mut self.leftover);
        if self
            .header("transfer-encoding")
            .is_some_and(|encoding| encoding.contains("chunked"))
        {
            bail!("the subject answered in chunks; the generator expects a Content-Length");
        }
        let length: usize = self.header("content-length").unwrap_or("0").parse()?;
        ensure!(length <= MAX_BODY, "an HTTP body of {length} bytes");
        while body.len() < length {
            ensure!(
                stream.read_buf(&mut body).await? > 0,
                "the connection ended in an HTTP body"
            );
        }
        Ok(body)
    }
}

/// Connects with Nagle's algorithm off.
pub async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to the subject on {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends one request on a new connection (as Twilio does) and reads the answer.
pub async fn post_form(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    form: &str,
) -> anyhow::Result<(u16, String)> {
    let exchange = async {
        let mut stream = connect(address).await?;
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nConnection: close\r\n",
            form.len()
        );
        append_headers(&mut request, headers);
        request.push_str(form);
        stream.write_all(request.as_bytes()).await?;
        let mut head = Head::read(&mut stream).await?;
        let body = head.body(&mut stream).await?;
        anyhow::Ok((head.status()?, String::from_utf8(body)?))
    };
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("{path} was not answered within 15 s"))?
}

/// Reads an answer to a GET to its end; its status.
pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<u16> {
    let exchange = async {
        let mut stream = connect(address).await?;
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        append_headers(&mut request, headers);
        stream.write_all(request.as_bytes()).await?;
        let head = Head::read(&mut stream).await?;
        // Whatever its length is, or in chunks: the connection ends behind it.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        head.status()
    };
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("{path} was not answered within 15 s"))?
}

/// The status of a GET.
pub async fn get_status(address: SocketAddr, path: &str) -> anyhow::Result<u16> {
    let mut stream = connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Head::read(&mut stream).await?.status()
}

/// Opens a websocket as a client.
pub async fn open_websocket(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> anyhow::Result<Socket> {
    let exchange = async {
        let mut stream = connect(address).await?;
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        append_headers(&mut request, headers);
        stream.write_all(request.as_bytes()).await?;
        let head = Head::read(&mut stream).await?;
        ensure!(
            head.status()? == 101,
            "the upgrade of {path} got {:?}",
            head.first_line
        );
        anyhow::Ok(Socket::new(stream, Role::Client, head.leftover))
    };
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("the websocket {path} was not accepted within 15 s"))?
}

/// Accepts a websocket whose request head was read.
pub async fn accept_websocket(mut stream: TcpStream, head: Head) -> anyhow::Result<Socket> {
    let key = head
        .header("sec-websocket-key")
        .context("an upgrade without Sec-WebSocket-Key")?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(Socket::new(stream, Role::Server, head.leftover))
}

/// Answers a request with JSON and closes.
pub async fn answer_json(stream: &mut TcpStream, body: &str) -> anyhow::Result<()> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}

fn append_headers(request: &mut String, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
}
