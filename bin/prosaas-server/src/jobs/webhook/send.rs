//! Sends one signed request to one address, and to no other place than the one that was checked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prosaas_crm::webhook::signing::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use prosaas_crm::webhook::{SignedHeaders, Target, TargetError, TargetPolicy};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RETRY_AFTER;

/// How long the connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the whole exchange may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// Every address of `name`.
    ///
    /// # Errors
    /// When the name has none or nobody answers.
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The system's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Why a request was not sent or not answered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address is not allowed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Its name has no address.
    #[error("the host's name cannot be resolved")]
    Resolve,
    /// The request could not be made.
    #[error("the request cannot be made")]
    Request,
    /// There was no answer.
    #[error("{0}")]
    NoAnswer(&'static str),
}

/// What the receiver answered. Its body is not read: nothing in it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How many seconds the receiver wants to be left alone.
    pub retry_after_s: Option<u32>,
}

/// Sends signed events.
#[derive(Clone)]
pub struct Sender {
    resolver: Arc<dyn Resolver>,
    policy: TargetPolicy,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Sender {
    /// Sends to where `policy` allows.
    pub fn new(resolver: Arc<dyn Resolver>, policy: TargetPolicy) -> Self {
        Self { resolver, policy }
    }

    /// Where it may send.
    pub const fn policy(&self) -> &TargetPolicy {
        &self.policy
    }

    /// Posts a signed event; see [`Sender::post`].
    ///
    /// # Errors
    /// When the address is not allowed or does not answer.
    pub async fn send(
        &self,
        url: &str,
        headers: &SignedHeaders,
        body: Vec<u8>,
    ) -> Result<Answered, SendError> {
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "ProSaaS-Webhooks/1"),
            (ID_HEADER, headers.id.as_str()),
            (TIMESTAMP_HEADER, headers.timestamp.as_str()),
            (SIGNATURE_HEADER, headers.signature.as_str()),
        ];
        self.post(url, &headers, body).await
    }

    /// Posts `body` to `url`. The name is resolved here, once; the connection goes to what was found, and
    /// no redirect or proxy leads it elsewhere.
    ///
    /// # Errors
    /// When the address is not allowed or does not answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<Answered, SendError> {
        let target = Target::parse(url, self.policy.clone())?;
        let client = self.client_for(&target).await?;
        let mut request = client.post(target.url().clone()).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // The error of the client could name the address, which may hold a secret of the receiver's.
        let response = request.send().await.map_err(|error| {
            SendError::NoAnswer(match () {
                () if error.is_timeout() => "the receiver did not answer in time",
                () if error.is_connect() => "the receiver cannot be reached",
                () => "the receiver's answer cannot be read",
            })
        })?;
        let retry_after_s = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answered {
            status: response.status().as_u16(),
            retry_after_s,
        })
    }

    /// A client that knows the addresses of this target and of nothing else.
    async fn client_for(&self, target: &Target) -> Result<reqwest::Client, SendError> {
        let pinned = match target.name() {
            None => Vec::new(),
            Some(name) => {
                let found = self.resolver.resolve(name).await;
                target.admit(&found.map_err(|_| SendError::Resolve)?)?
            }
        };
        reqwest::Client::builder()
            .dns_resolver(Arc::new(Pinned(pinned)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!target.may_be_private())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|_| SendError::Request)
    }
}

/// Answers every question with the addresses that were checked, whatever is asked.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Another answer at every question, and how many were asked.
    #[derive(Default)]
    struct Flipping {
        answers: Vec<Vec<IpAddr>>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Resolver for Flipping {
        async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
            let n = self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(self.answers[n % self.answers.len()].clone())
        }
    }

    fn sender(answers: &[&[&str]], policy: TargetPolicy) -> (Sender, Arc<Flipping>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let parse = |answer: &&[&str]| answer.iter().map(|a| a.parse().unwrap()).collect();
        let resolver = Arc::new(Flipping {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        });
        (Sender::new(Arc::clone(&resolver) as _, policy), resolver)
    }

    fn headers() -> SignedHeaders {
        SignedHeaders {
            id: "dlv_1".to_owned(),
            timestamp: "1".to_owned(),
            signature: "v1,x".to_owned(),
        }
    }

    /// Answers one request and returns what was asked.
    async fn answer_one(listener: TcpListener, answer: &'static str) -> String {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4_096];
        let n = socket.read(&mut asked).await.unwrap();
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&asked[..n]).into_owned()
    }

    #[tokio::test]
    async fn the_name_is_resolved_once_and_the_connection_goes_where_it_led() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: [&[&str]; 2] = [&["127.0.0.1"], &["127.0.0.2"]];
        let (sender, resolver) = sender(&answers, TargetPolicy::Development);
        let url = format!("http://hook.test:{port}/x?y=1");
        let served = answer_one(
            listener,
            "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        );
        let headers = headers();
        let (sent, asked) = tokio::join!(sender.send(&url, &headers, b"{}".to_vec()), served);
        let answered = Answered {
            status: 503,
            retry_after_s: Some(7),
        };
        assert_eq!(sent.unwrap(), answered);
        assert!(asked.starts_with("POST /x?y=1 HTTP/1.1\r\n"), "{asked}");
        let lower = asked.to_lowercase();
        for part in [
            "webhook-id: dlv_1",
            "webhook-signature: v1,x",
            "host: hook.test",
            "{}",
        ] {
            assert!(lower.contains(part), "{part}: {asked}");
        }
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_a_way() {
        let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, _) = sender(&[&["127.0.0.1"]], TargetPolicy::Development);
        let elsewhere: &'static str = Box::leak(
            format!(
                "HTTP/1.1 307 Go\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
                canary.local_addr().unwrap()
            )
            .into_boxed_str(),
        );
        let url = format!("http://hook.test:{port}/");
        let headers = headers();
        let (sent, _) = tokio::join!(
            sender.send(&url, &headers, Vec::new()),
            answer_one(listener, elsewhere)
        );
        assert_eq!(sent.unwrap().status, 307);
        assert_untouched(&canary).await;
    }

    #[tokio::test]
    async fn what_is_not_public_gets_no_packet() {
        let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = canary.local_addr().unwrap().port();
        let answers: [&[&str]; 4] = [
            &["127.0.0.1"],
            &["8.8.8.8", "127.0.0.1"],
            &["::ffff:127.0.0.1"],
            &[],
        ];
        let (sender, resolver) = sender(&answers, TargetPolicy::Public);
        for _ in answers {
            let sent = sender
                .send("https://hooks.shop.co.il/", &headers(), Vec::new())
                .await;
            assert!(matches!(sent, Err(SendError::Target(TargetError::Address))));
        }
        assert_eq!(resolver.asked.load(Ordering::SeqCst), answers.len());
        for direct in [
            format!("https://127.0.0.1:{port}/"),
            format!("http://127.0.0.1:{port}/"),
            format!("https://localhost:{port}/"),
        ] {
            let sent = sender.send(&direct, &headers(), Vec::new()).await;
            assert!(matches!(sent, Err(SendError::Target(_))), "{direct}");
        }
        assert_eq!(resolver.asked.load(Ordering::SeqCst), answers.len());
        assert_untouched(&canary).await;
    }

    async fn assert_untouched(canary: &TcpListener) {
        let touched = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
        assert!(touched.is_err(), "something connected to the canary");
    }
}
