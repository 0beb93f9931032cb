//! The two ceremonies against an authenticator of our own.

use prosaas_core::UnixMillis;
use prosaas_crm::auth::passkey::{CeremonyState, Passkeys, StoredPasskey};
use prosaas_crm::model::id::UserId;

use super::authenticator::Authenticator;

const ORIGIN: &str = "https://crm.example.com";

fn passkeys() -> Passkeys {
    Passkeys::new(&ORIGIN.parse().unwrap(), "ProSaaS").unwrap()
}

fn device(seed: u8) -> Authenticator {
    Authenticator::new(seed, ORIGIN, "crm.example.com")
}

fn register(passkeys: &Passkeys, device: &Authenticator) -> StoredPasskey {
    let user = UserId::mint(UnixMillis(1));
    let ceremony = passkeys
        .begin_registration(user, "dana@example.com", "Dana", &[])
        .unwrap();
    let answer = device.create(&ceremony.challenge);
    // Both go through the store as text.
    let state = CeremonyState::from_json(ceremony.state.as_json().to_owned());
    let key = passkeys.end_registration(&state, answer).unwrap();
    StoredPasskey::from_json(&key.to_json().unwrap()).unwrap()
}

#[test]
fn a_registered_passkey_proves_its_owner() {
    let passkeys = passkeys();
    let mut device = device(7);
    let mut key = register(&passkeys, &device);
    for _ in 0..2 {
        let ceremony = passkeys.begin_authentication(&[key.clone()]).unwrap();
        let answer = device.get(&ceremony.challenge);
        key = passkeys
            .end_authentication(&ceremony.state, answer, &[key.clone()])
            .unwrap();
    }
}

#[test]
fn an_answer_to_another_challenge_proves_nothing() {
    let passkeys = passkeys();
    let mut device = device(7);
    let key = register(&passkeys, &device);
    let keys = [key];
    let first = passkeys.begin_authentication(&keys).unwrap();
    let second = passkeys.begin_authentication(&keys).unwrap();
    let answer = device.get(&first.challenge);
    assert!(
        passkeys
            .end_authentication(&second.state, answer, &keys)
            .is_err()
    );
}

#[test]
fn another_device_another_origin_and_a_copied_key_are_refused() {
    let passkeys = passkeys();
    let mut device = device(7);
    let keys = [register(&passkeys, &device)];
    let attempt = |device: &mut Authenticator, keys: &[StoredPasskey]| {
        let ceremony = passkeys.begin_authentication(keys).unwrap();
        let answer = device.get(&ceremony.challenge);
        passkeys.end_authentication(&ceremony.state, answer, keys)
    };
    assert!(attempt(&mut self::device(8), &keys).is_err());

    let mut phished = Authenticator::new(7, "https://evil.example", "crm.example.com");
    assert!(attempt(&mut phished, &keys).is_err());

    let later = [attempt(&mut device, &keys).unwrap()];
    // The copy did not see the counter move.
    let mut copy = self::device(7);
    copy.counter = 0;
    assert!(attempt(&mut copy, &later).is_err());
}

#[test]
fn nonsense_from_the_browser_is_refused() {
    let passkeys = passkeys();
    let device = device(7);
    let keys = [register(&passkeys, &device)];
    let ceremony = passkeys.begin_authentication(&keys).unwrap();
    for nonsense in [
        serde_json::json!(null),
        serde_json::json!({"id": "x"}),
        serde_json::json!([1, 2, 3]),
    ] {
        let end = passkeys.end_authentication(&ceremony.state, nonsense, &keys);
        assert!(end.is_err());
    }
}
