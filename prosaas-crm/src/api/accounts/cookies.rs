//! The cookies: the session, and the mark of a browser that signed in before.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::auth::token::OpaqueToken;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The session.
    Session,
    /// A browser from which somebody signed in: it is slowed less. It proves nothing.
    Device,
}

impl Cookie {
    /// Over HTTPS the prefix makes browsers refuse the cookie from anybody but this host. Over plain
    /// HTTP on one's own machine browsers would refuse the prefix.
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, true) => "__Host-prosaas_session",
            (Self::Session, false) => "prosaas_session",
            (Self::Device, true) => "__Host-prosaas_device",
            (Self::Device, false) => "prosaas_device",
        }
    }

    const fn max_age_s(self) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        match self {
            Self::Session => 30 * DAY,
            Self::Device => 400 * DAY,
        }
    }

    /// The token in a request's cookie. Of several with one name none is believed: one of them was put
    /// there by somebody else.
    pub(super) fn read(self, headers: &HeaderMap, secure: bool) -> Option<OpaqueToken> {
        let name = self.name(secure);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(value), None) => OpaqueToken::parse(value).ok(),
            _ => None,
        }
    }

    /// The header that sets it.
    pub(super) fn set(self, token: &OpaqueToken, secure: bool) -> HeaderValue {
        self.header(token.expose(), self.max_age_s(), secure)
    }

    /// The header that removes it.
    pub(super) fn clear(self, secure: bool) -> HeaderValue {
        self.header("", 0, secure)
    }

    fn header(self, value: &str, max_age_s: i64, secure: bool) -> HeaderValue {
        let name = self.name(secure);
        let secure = if secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
        let mut header =
            HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_reads_back() {
        let token = OpaqueToken::generate().unwrap();
        let set = Cookie::Session.set(&token, true);
        let set = set.to_str().unwrap();
        assert!(set.starts_with("__Host-prosaas_session="));
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"));
        let pair = set.split(';').next().unwrap();
        let read = Cookie::Session
            .read(&headers(&["other=1", pair]), true)
            .unwrap();
        assert_eq!(read.hash(), token.hash());
        assert!(Cookie::Session.read(&headers(&[pair]), false).is_none());
        assert!(Cookie::Device.read(&headers(&[pair]), true).is_none());
    }

    #[test]
    fn two_cookies_of_one_name_are_none() {
        let (one, two) = (
            OpaqueToken::generate().unwrap(),
            OpaqueToken::generate().unwrap(),
        );
        let pair = |token: &OpaqueToken| format!("__Host-prosaas_session={}", token.expose());
        let both = format!("{}; {}", pair(&one), pair(&two));
        assert!(Cookie::Session.read(&headers(&[&both]), true).is_none());
        assert!(
            Cookie::Session
                .read(&headers(&[&pair(&one), &pair(&one)]), true)
                .is_none()
        );
    }

    #[test]
    fn over_plain_http_there_is_no_prefix_and_no_secure() {
        let token = OpaqueToken::generate().unwrap();
        let set = Cookie::Session.set(&token, false);
        let set = set.to_str().unwrap();
        assert!(set.starts_with("prosaas_session=") && !set.contains("Secure"));
        assert!(
            Cookie::Session
                .clear(true)
                .to_str()
                .unwrap()
                .contains("Max-Age=0")
        );
    }
}
