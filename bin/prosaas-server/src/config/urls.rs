//! The rules for URLs: which schemes, and that nothing travels in the clear beyond this machine.

use std::net::IpAddr;

use url::{Host, Url};

/// Schemes a variable accepts: the encrypted one, and the plain one that only loopback may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schemes {
    encrypted: &'static str,
    plain: &'static str,
}

/// `https`, or `http` towards loopback.
pub(super) const HTTP: Schemes = Schemes {
    encrypted: "https",
    plain: "http",
};
/// `wss`, or `ws` towards loopback.
pub(super) const WEBSOCKET: Schemes = Schemes {
    encrypted: "wss",
    plain: "ws",
};

/// Whether a URL points to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Checks a URL and returns it as written, without a trailing slash: Twilio signs the URL's exact
/// text, so it must not be normalised.
pub(super) fn checked(text: &str, schemes: Schemes) -> Result<String, String> {
    let Schemes { encrypted, plain } = schemes;
    let url = Url::parse(text).map_err(|error| {
        format!("expected a URL such as {encrypted}://voice.example.com: {error}")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not carry a `#fragment`".to_owned());
    }
    if url.host().is_none() {
        return Err(format!(
            "expected a URL with a host, such as {encrypted}://voice.example.com"
        ));
    }
    match url.scheme() {
        scheme if scheme == encrypted => {}
        scheme if scheme == plain && is_loopback(&url) => {}
        scheme if scheme == plain => {
            return Err(format!(
                "plain {plain}:// is allowed towards this machine only; use {encrypted}://"
            ));
        }
        _ => return Err(format!("expected a URL that begins with {encrypted}://")),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// As [`checked`], for URLs that other paths are appended to.
pub(super) fn checked_base(text: &str, schemes: Schemes) -> Result<String, String> {
    let base = checked(text, schemes)?;
    if base.contains('?') {
        return Err("must not carry a `?query`: paths are appended to it".to_owned());
    }
    Ok(base)
}

/// The websocket URL beside an HTTP one: `https` becomes `wss`, `http` becomes `ws`.
pub(super) fn websocket_of(http_url: &str) -> String {
    match http_url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws://{rest}"),
        Some((_, rest)) => format!("wss://{rest}"),
        None => format!("wss://{http_url}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_schemes_reach_loopback_only() {
        for text in [
            "http://127.0.0.1:5000",
            "http://localhost:1",
            "http://[::1]:8",
            "https://a.example",
        ] {
            assert_eq!(checked(text, HTTP).as_deref(), Ok(text));
        }
        for text in [
            "http://a.example",
            "http://10.0.0.1",
            "http://0.0.0.0:5000",
            "http://localhost.evil.example",
            "ftp://a.example",
            "a.example",
            "https://user:pw@a.example",
            "https://a.example/#x",
            "https://",
            "",
        ] {
            assert!(checked(text, HTTP).is_err(), "{text} must be refused");
        }
        assert!(checked("ws://10.1.2.3/x", WEBSOCKET).is_err());
        assert!(checked("ws://127.1.2.3/x", WEBSOCKET).is_ok());
    }

    #[test]
    fn the_text_stays_as_written() {
        assert_eq!(
            checked("https://Voice.Example.com/base//", HTTP).as_deref(),
            Ok("https://Voice.Example.com/base")
        );
        assert_eq!(
            websocket_of("https://Voice.Example.com/base"),
            "wss://Voice.Example.com/base"
        );
        assert_eq!(websocket_of("http://127.0.0.1:5000"), "ws://127.0.0.1:5000");
    }

    #[test]
    fn a_base_has_no_query() {
        assert!(checked_base("https://a.example/?x=1", HTTP).is_err());
        assert!(checked("wss://a.example/realtime?x=1", WEBSOCKET).is_ok());
    }
}
