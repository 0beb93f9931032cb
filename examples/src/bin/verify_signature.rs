//! How do I check that a webhook comes from Twilio, with nothing else of ProSaaS?
//!
//! Exits with 0 when the signature fits, and with 1 when it does not or when a forged one is believed.
//! The request is vector V3 of our tests, computed with Twilio's own Python package: Hebrew text and a
//! `+` in a number, which naive implementations get wrong.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::process::ExitCode;

use prosaas_core::{Rejected, SecretString, SignedRequest, Transport};
use prosaas_twilio::signature::{Candidates, SignatureKey, verify};

fn main() -> ExitCode {
    // The account's auth token. Give two keys while you rotate it: each is tried.
    let keys = [SignatureKey::auth_token(SecretString::from(
        "5f2d1c0b9a8e7d6c5b4a39281706f5e4",
    ))];
    let body = concat!(
        "Body=%D7%A9%D7%9C%D7%95%D7%9D+%D7%A2%D7%95%D7%9C%D7%9D%2C+%D7%9E%D7%94+",
        "%D7%A9%D7%9C%D7%95%D7%9E%D7%9A%3F&From=whatsapp%3A%2B972501234567",
        "&ProfileName=%D7%93%D7%A0%D7%94+%D7%9B%D7%94%D7%9F",
        "&MessageSid=SM00000000000000000000000000000001",
    );
    let genuine = check(&keys, "Hg0MQPICc7XOGa+RvUu4hdpZFJw=", body);
    println!("as Twilio sent it: {genuine:?}");
    let forged = check(
        &keys,
        "Hg0MQPICc7XOGa+RvUu4hdpZFJw=",
        &body.replace("501234567", "501234568"),
    );
    println!("with another number: {forged:?}");
    match (genuine, forged) {
        (Ok(()), Err(Rejected::Wrong)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn check(keys: &[SignatureKey], signature: &str, body: &str) -> Result<(), Rejected> {
    let header = |name: &str| match name {
        "x-twilio-signature" => Some(signature),
        "content-type" => Some("application/x-www-form-urlencoded"),
        _ => None,
    };
    let request = SignedRequest {
        transport: Transport::Http,
        method: "POST",
        // The URL as it was configured at Twilio, not as a proxy passed it on: it is part of what is signed.
        url: "https://voice.example.com/twilio/sms",
        header: &header,
        // The body as it was received, before anything decodes it.
        body: body.as_bytes(),
    };
    verify(keys, &request, Candidates::default())
}
