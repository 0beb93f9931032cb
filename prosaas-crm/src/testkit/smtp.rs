//! A mail server of our own for tests: it speaks as much SMTP as a client needs and keeps what it got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A mail as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body.
    pub data: String,
}

/// What the server does with a mail's recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes everything.
    Takes,
    /// Asks to come back later (451).
    Busy,
    /// Refuses for good (550).
    Refuses,
}

/// A mail server on loopback; it ends when dropped.
#[derive(Debug)]
pub struct FakeSmtp {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedMail>>>,
    mood: Arc<Mutex<Mood>>,
    _server: JoinSet<()>,
}

impl FakeSmtp {
    /// Begins to listen on a free port.
    pub async fn start(mood: Mood) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let mood = Arc::new(Mutex::new(mood));
        let mut server = JoinSet::new();
        server.spawn(listen(listener, Arc::clone(&received), Arc::clone(&mood)));
        Ok(Self {
            address,
            received,
            mood,
            _server: server,
        })
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Changes what it does with the recipients it is told of from here on.
    pub fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// What arrived since the last call.
    pub fn take(&self) -> Vec<ReceivedMail> {
        std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn listen(
    listener: TcpListener,
    received: Arc<Mutex<Vec<ReceivedMail>>>,
    mood: Arc<Mutex<Mood>>,
) {
    let mut clients = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (received, mood) = (Arc::clone(&received), Arc::clone(&mood));
        clients.spawn(async move {
            // A client that goes away in the middle has sent no mail.
            let _ = converse(socket, &received, &mood).await;
        });
    }
}

async fn converse(
    socket: TcpStream,
    received: &Mutex<Vec<ReceivedMail>>,
    mood: &Mutex<Mood>,
) -> std::io::Result<()> {
    let (reader, mut writer) = socket.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 fake.test ESMTP\r\n").await?;
    let mut mail = empty();
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-fake.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\r\n",
            "HELO" | "NOOP" => "250 ok\r\n",
            "AUTH" => "235 welcome\r\n",
            "RSET" => {
                mail = empty();
                "250 ok\r\n"
            }
            "MAIL" => {
                mail.from = bracketed(&line);
                "250 ok\r\n"
            }
            "RCPT" => match *mood.lock().unwrap_or_else(PoisonError::into_inner) {
                Mood::Takes => {
                    mail.to.push(bracketed(&line));
                    "250 ok\r\n"
                }
                Mood::Busy => "451 later\r\n",
                Mood::Refuses => "550 no such mailbox\r\n",
            },
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    // A line that began with a dot was sent with two (RFC 5321, 4.5.2).
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push_str("\r\n");
                }
                let mail = std::mem::replace(&mut mail, empty());
                let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                received.push(mail);
                "250 taken\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 unknown\r\n",
        };
        writer.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

const fn empty() -> ReceivedMail {
    ReceivedMail {
        from: String::new(),
        to: Vec::new(),
        data: String::new(),
    }
}

fn bracketed(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}
