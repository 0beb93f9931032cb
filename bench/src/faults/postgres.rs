//! PostgreSQL for a row: a database of its own, and a way to it that can be interrupted.

use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use url::Url;

/// PostgreSQL's own port.
const PORT: u16 = 5432;
/// So much is passed on at once.
const PIECE: usize = 16 * 1024;

/// A fresh database on that server, given and returned as the application's role and as the owner.
pub(super) async fn fresh(
    what: &str,
    (application, owner): &(String, String),
) -> anyhow::Result<(String, String)> {
    let name = format!("faults_{what}_{}", std::process::id());
    let mut admin = PgConnection::connect(owner).await?;
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut admin).await?;
    let on = |url: &str| {
        let mut url = Url::parse(url).context("PostgreSQL's URL")?;
        url.set_path(&name);
        anyhow::Ok(String::from(url))
    };
    Ok((on(application)?, on(owner)?))
}

/// How PostgreSQL is at the end of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It answers.
    There,
    /// Connections stay open and nobody answers.
    Hangs,
    /// Connections are gone, and new ones are closed at once.
    Gone,
}

/// A way to PostgreSQL that can be interrupted. Dropping it closes every connection.
pub(super) struct Way {
    address: SocketAddr,
    state: watch::Sender<State>,
    _serving: JoinSet<anyhow::Result<()>>,
}

impl Way {
    /// A way to where this URL leads.
    pub(super) async fn to(url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).context("PostgreSQL's URL")?;
        let host = url.host_str().context("PostgreSQL's URL names no host")?;
        let server = (host.to_owned(), url.port().unwrap_or(PORT));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(State::There);
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, server, seen));
        Ok(Self {
            address,
            state,
            _serving: serving,
        })
    }

    /// These URLs by this way.
    pub(super) fn of(
        &self,
        (application, owner): &(String, String),
    ) -> anyhow::Result<(String, String)> {
        let by = |url: &str| {
            let mut url = Url::parse(url).context("PostgreSQL's URL")?;
            url.set_ip_host(self.address.ip())
                .and_then(|()| url.set_port(Some(self.address.port())))
                .map_err(|()| anyhow!("PostgreSQL's URL names no host"))?;
            anyhow::Ok(String::from(url))
        };
        Ok((by(application)?, by(owner)?))
    }

    /// From now on it is like this.
    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn serve(
    listener: TcpListener,
    server: (String, u16),
    state: watch::Receiver<State>,
) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.context("the way to PostgreSQL failed")?;
                connections.spawn(connection(client, server.clone(), state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either side closes it or PostgreSQL is gone.
async fn connection(
    client: TcpStream,
    server: (String, u16),
    state: watch::Receiver<State>,
) -> anyhow::Result<()> {
    let mut other = state.clone();
    tokio::select! {
        done = forward(client, server, state) => done,
        () = until(State::Gone, &mut other) => Ok(()),
    }
}

async fn forward(
    mut client: TcpStream,
    (host, port): (String, u16),
    mut state: watch::Receiver<State>,
) -> anyhow::Result<()> {
    until(State::There, &mut state).await;
    let mut server = TcpStream::connect((host.as_str(), port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let piece = &asked[..length?];
                if piece.is_empty() {
                    return Ok(());
                }
                until(State::There, &mut state).await;
                server.write_all(piece).await?;
            }
            length = server.read(&mut answered) => {
                let piece = &answered[..length?];
                if piece.is_empty() {
                    return Ok(());
                }
                until(State::There, &mut state).await;
                client.write_all(piece).await?;
            }
        }
    }
}

/// Waits until it is like this; whoever could change it being gone is as good.
async fn until(wanted: State, state: &mut watch::Receiver<State>) {
    drop(state.wait_for(|state| *state == wanted).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(stream: &mut TcpStream) -> std::io::Result<usize> {
        stream.write_all(b"?").await?;
        stream.read(&mut [0; 1]).await
    }

    #[tokio::test]
    async fn the_way_hangs_ends_and_is_there_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let mut echoing = JoinSet::new();
        echoing.spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((mut stream, _)) = server.accept().await {
                streams.spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    tokio::io::copy(&mut reader, &mut writer).await
                });
            }
        });
        let url = format!("postgres://somebody@{address}/db");
        let way = Way::to(&url).await.unwrap();
        let (by, _) = way.of(&(url.clone(), url)).unwrap();
        assert_eq!(by, format!("postgres://somebody@{}/db", way.address));
        let mut first = TcpStream::connect(way.address).await.unwrap();
        assert_eq!(ask(&mut first).await.unwrap(), 1);
        way.set(State::Hangs);
        {
            let answer = ask(&mut first);
            tokio::pin!(answer);
            let a_while = std::time::Duration::from_millis(50);
            let none = tokio::time::timeout(a_while, &mut answer).await;
            assert!(none.is_err(), "nobody answers");
            way.set(State::There);
            assert_eq!(answer.await.unwrap(), 1, "what was asked is answered later");
        }
        way.set(State::Gone);
        let ended = ask(&mut first).await;
        assert!(!matches!(ended, Ok(1)), "{ended:?}");
        let mut second = TcpStream::connect(way.address).await.unwrap();
        let ended = ask(&mut second).await;
        assert!(!matches!(ended, Ok(1)), "{ended:?}");
        way.set(State::There);
        let mut third = TcpStream::connect(way.address).await.unwrap();
        assert_eq!(ask(&mut third).await.unwrap(), 1);
    }
}
