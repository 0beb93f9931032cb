//! What every [`SignatureVerifier`] must do.

use std::sync::Arc;

use crate::signature::{Rejected, SignatureVerifier, SignedRequest, Transport};

/// A request that owns its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How it arrives.
    pub transport: Transport,
    /// The HTTP method, upper case.
    pub method: String,
    /// The public URL.
    pub url: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers.
    pub fn new(transport: Transport, method: &str, url: &str, body: &[u8]) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self {
            transport,
            method,
            url,
            headers: Vec::new(),
            body: body.to_vec(),
        }
    }

    /// Lends the request out as a verifier takes it.
    pub fn lend<T>(&self, use_it: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let header = |name: &str| self.header(name);
        use_it(&self.borrowed(&header))
    }

    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn borrowed<'a>(
        &'a self,
        header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync),
    ) -> SignedRequest<'a> {
        SignedRequest {
            transport: self.transport,
            method: &self.method,
            url: &self.url,
            header,
            body: &self.body,
        }
    }

    async fn verified_by(&self, verifier: &dyn SignatureVerifier) -> Result<(), Rejected> {
        let header = |name: &str| self.header(name);
        verifier.verify(&self.borrowed(&header)).await
    }
}

/// How the suite gets at a backend.
pub trait Fixture: Send + Sync {
    /// The verifier, with a key that [`Fixture::sign`] signs with.
    fn verifier(&self) -> Arc<dyn SignatureVerifier>;

    /// A verifier of the same kind without any key; `None` when this kind always has one.
    fn verifier_without_key(&self) -> Option<Arc<dyn SignatureVerifier>> {
        None
    }

    /// Makes the request genuine: adds the signature's header, and what else the scheme wants in the URL.
    fn sign(&self, request: &mut Request);

    /// The (lower-case) name of the header that carries the signature.
    fn signature_header(&self) -> &'static str;

    /// Requests to be signed. Give those your scheme treats differently from each other.
    ///
    /// They are tampered with by flipping the lowest bit of each byte in turn, so avoid bytes to which
    /// the scheme is meant to be indifferent.
    fn requests(&self) -> Vec<Request> {
        let base = "https://voice.example.com";
        let form = b"AccountSid=AC1&Called=%2B97231234567&SpeechResult=two+words&Empty=";
        vec![
            Request::new(
                Transport::Http,
                "POST",
                &format!("{base}/webhook/incoming_call"),
                form,
            ),
            Request::new(
                Transport::Http,
                "POST",
                &format!("{base}/hook?tenant=7&a=%2Fb"),
                b"x=1",
            ),
            Request::new(
                Transport::Http,
                "GET",
                &format!("{base}/hook?Digits=12&CallSid=CA1"),
                b"",
            ),
            Request::new(
                Transport::WebSocket,
                "GET",
                "wss://voice.example.com/media",
                b"",
            ),
        ]
    }
}

/// Runs every rule.
pub async fn suite(fixture: &impl Fixture) {
    genuine_requests_are_believed(fixture).await;
    a_request_without_signature_is_missing_one(fixture).await;
    every_changed_byte_is_noticed(fixture).await;
    a_signature_fits_one_request_only(fixture).await;
    without_a_key_nothing_is_believed(fixture).await;
}

/// Rule: a signed request is believed, as often as it is asked.
pub async fn genuine_requests_are_believed(fixture: &impl Fixture) {
    let verifier = fixture.verifier();
    for request in signed(fixture) {
        for _ in 0..2 {
            let verdict = request.verified_by(&*verifier).await;
            assert_eq!(
                verdict,
                Ok(()),
                "rule `genuine requests are believed`: {request:?}"
            );
        }
    }
}

/// Rule: no signature is [`Rejected::Missing`]; an empty one is rejected too.
pub async fn a_request_without_signature_is_missing_one(fixture: &impl Fixture) {
    let rule = "rule `a request without signature is missing one`";
    let verifier = fixture.verifier();
    for mut request in signed(fixture) {
        request
            .headers
            .retain(|(name, _)| name != fixture.signature_header());
        let verdict = request.verified_by(&*verifier).await;
        assert_eq!(verdict, Err(Rejected::Missing), "{rule}: {request:?}");
        request
            .headers
            .push((fixture.signature_header().to_owned(), String::new()));
        let verdict = request.verified_by(&*verifier).await;
        assert!(
            verdict.is_err(),
            "{rule}: an empty signature was believed: {request:?}"
        );
    }
}

/// Rule: a request changed in any byte of URL, body or signature is rejected, as is a longer or shorter one.
pub async fn every_changed_byte_is_noticed(fixture: &impl Fixture) {
    let verifier = fixture.verifier();
    for request in signed(fixture) {
        for tampered in tampered(&request, fixture.signature_header()) {
            let verdict = tampered.verified_by(&*verifier).await;
            assert!(
                verdict.is_err(),
                "rule `every changed byte is noticed`: {request:?} was signed, {tampered:?} believed"
            );
        }
    }
}

/// Rule: the signature of one request does not make another one believed.
pub async fn a_signature_fits_one_request_only(fixture: &impl Fixture) {
    let verifier = fixture.verifier();
    let requests = signed(fixture);
    for (i, request) in requests.iter().enumerate() {
        for (j, donor) in requests.iter().enumerate() {
            let borrowed = Request {
                headers: donor.headers.clone(),
                ..request.clone()
            };
            let believed = borrowed.verified_by(&*verifier).await.is_ok();
            assert_eq!(
                believed,
                i == j,
                "rule `a signature fits one request only`: {request:?} with the headers of {donor:?}"
            );
        }
    }
}

/// Rule: without a key, every request is rejected.
pub async fn without_a_key_nothing_is_believed(fixture: &impl Fixture) {
    let Some(verifier) = fixture.verifier_without_key() else {
        return;
    };
    for request in signed(fixture) {
        let verdict = request.verified_by(&*verifier).await;
        let expected = Err(Rejected::NoKey);
        assert_eq!(
            verdict, expected,
            "rule `without a key nothing is believed`: {request:?}"
        );
    }
}

fn signed(fixture: &impl Fixture) -> Vec<Request> {
    let mut requests = fixture.requests();
    assert!(
        !requests.is_empty(),
        "the fixture must give at least one request"
    );
    for request in &mut requests {
        fixture.sign(request);
    }
    requests
}

/// The request with one byte changed, one added or one cut, in every place that a signature covers.
fn tampered(request: &Request, signature_header: &str) -> Vec<Request> {
    let mut all = Vec::new();
    for url in changed_texts(&request.url) {
        all.push(Request {
            url,
            ..request.clone()
        });
    }
    for body in changed_bytes(&request.body) {
        all.push(Request {
            body,
            ..request.clone()
        });
    }
    for (at, (name, value)) in request.headers.iter().enumerate() {
        if name != signature_header {
            continue;
        }
        for value in changed_texts(value) {
            let mut changed = request.clone();
            changed.headers[at].1 = value;
            all.push(changed);
        }
    }
    all
}

fn changed_texts(text: &str) -> Vec<String> {
    let changed = changed_bytes(text.as_bytes());
    changed
        .into_iter()
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .collect()
}

fn changed_bytes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1;
        all.push(flipped);
    }
    if !bytes.is_empty() {
        all.push([bytes, b"x"].concat());
        all.push(bytes[..bytes.len() - 1].to_vec());
    }
    all
}
