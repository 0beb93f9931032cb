//! Changed and random requests.

use proptest::prelude::*;
use prosaas_core::{Rejected, Transport};
use prosaas_twilio::signature::{Candidates, sign};

use super::{FORM, Request, encode, token};

/// SplitMix64: enough randomness for test data, the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn text(&mut self, alphabet: &str, longest: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..=self.below(longest))
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// The text with its `at`-th character replaced by another printable one.
    fn change(&mut self, text: &str, at: usize) -> String {
        let replacement = |old: char, random: &mut Self| loop {
            let new = char::from(b' ' + random.below(95) as u8);
            if new != old {
                return new;
            }
        };
        text.chars()
            .enumerate()
            .map(|(i, c)| if i == at { replacement(c, self) } else { c })
            .collect()
    }
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

const CHANGES: usize = 100_000;

#[test]
fn a_hundred_thousand_single_changes_are_all_refused() {
    let mut random = Random(20_261_123);
    let keys = [token()];
    let (mut refused, mut requests) = (0, 0);
    while refused < CHANGES {
        let port = ["", ":443", ":8443"][random.below(3)];
        let path = random.text("abcXYZ019/%20-_.", 12);
        let url = format!(
            "https://voice.example.com{port}/{path}?q={}",
            random.text("ab+%2B&=", 5)
        );
        let mut pairs: Vec<(String, String)> = (0..random.below(4))
            .map(|i| {
                (
                    format!("K{i}{}", random.text("azAZ_", 5)),
                    random.text("ab 1+=&שלום", 8),
                )
            })
            .collect();
        pairs.push((
            "AccountSid".to_owned(),
            "AC00000000000000000000000000000001".to_owned(),
        ));
        let good = Request::form(
            &url,
            &borrowed(&pairs),
            &sign(&keys[0], &url, borrowed(&pairs)),
        );
        assert_eq!(good.verify_with(&keys, Candidates::default()), Ok(()));
        requests += 1;

        let mut refuse = |changed: Request| {
            let verdict = changed.verify_with(&keys, Candidates::default());
            assert_eq!(
                verdict,
                Err(Rejected::Wrong),
                "{} {:?}",
                changed.url,
                changed.signature
            );
            refused += 1;
        };
        for at in 0..url.len() {
            refuse(Request {
                url: random.change(&url, at),
                ..good.clone()
            });
        }
        let signature = good.signature.clone().unwrap();
        for at in 0..signature.len() {
            refuse(Request {
                signature: Some(random.change(&signature, at)),
                ..good.clone()
            });
        }
        for which in 0..pairs.len() {
            let (name, value) = pairs[which].clone();
            for at in 0..name.chars().count() + value.chars().count() {
                let mut changed = pairs.clone();
                changed[which] = match at.checked_sub(name.chars().count()) {
                    None => (random.change(&name, at), value.clone()),
                    Some(at) => (name.clone(), random.change(&value, at)),
                };
                refuse(Request {
                    body: encode(borrowed(&changed)),
                    ..good.clone()
                });
            }
        }
    }
    assert!(
        requests > 100,
        "the changes are spread over {requests} requests"
    );
}

proptest! {
    #[test]
    fn any_request_is_judged_without_panic(
        websocket in any::<bool>(),
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT")],
        url in prop_oneof!["\\PC{0,40}", "(wss|https)://[\\PC:@\\[\\]]{0,10}[/?]\\PC{0,20}"],
        content_type in prop_oneof![Just(None), Just(Some(FORM)), Just(Some("application/json"))],
        body in proptest::collection::vec(any::<u8>(), 0..100),
        signature in proptest::option::of("\\PC{0,40}"),
        settings in proptest::option::of("[\\PC=,]{0,30}"),
    ) {
        let transport = if websocket { Transport::WebSocket } else { Transport::Http };
        let request = Request { transport, method, url, content_type, body, signature, settings };
        let candidates =
            Candidates { trailing_slash: true, query_as_params: true, without_userinfo: true };
        prop_assert!(request.verify_with(&[token()], candidates).is_err());
    }
}
