//! The texts a URL may have been signed as.
//!
//! All of this is slicing: no part of the URL is ever normalised.

use std::borrow::Cow;

/// Which texts besides the usual ones are tried. The usual ones, always tried: the URL as it is, without
/// its port, and with the default port of its scheme when it has none.
///
/// Turn one of these on when signatures fail although the key is right and the public URL is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Websocket upgrades: also the path with one more `/`. Older Twilio documents advise it.
    pub trailing_slash: bool,
    /// Websocket upgrades: also the URL without its query, the query's pairs signed like a form's.
    pub query_as_params: bool,
    /// Also the URL without its `user:password@`. Whether Twilio signs those is not documented.
    pub without_userinfo: bool,
}

/// The URL with the websocket scheme that belongs to it: `https` becomes `wss`, `http` becomes `ws`.
/// Twilio signs upgrades under the scheme of the TwiML, which is `wss`.
pub fn websocket_url(url: &str) -> Cow<'_, str> {
    match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            format!("wss://{rest}").into()
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            format!("ws://{rest}").into()
        }
        _ => url.into(),
    }
}

/// The URL's texts with other ports, and without userinfo if asked; the URL itself first.
pub(super) fn variants(url: &str, without_userinfo: bool) -> Vec<String> {
    let Some(parts) = Parts::of(url) else {
        return vec![url.to_owned()];
    };
    let mut texts = parts.port_variants(url);
    if without_userinfo && !parts.userinfo.is_empty() {
        let bare = Parts {
            userinfo: "",
            ..parts
        };
        texts.extend(bare.port_variants(&bare.text(bare.port)));
    }
    texts
}

/// The URL with one more slash at the end of its path.
pub(super) fn with_trailing_slash(url: &str) -> String {
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    format!("{}/{}", &url[..path_end], &url[path_end..])
}

/// The URL before its query, and the query without `?`.
pub(super) fn split_query(url: &str) -> Option<(&str, &str)> {
    let (before, query) = url.split_once('?')?;
    Some((
        before,
        query.split_once('#').map_or(query, |(query, _)| query),
    ))
}

/// The path of the URL, without query; what a key source looks at to find the tenant.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.find('/').map_or("", |start| &rest[start..]);
    rest.find(['?', '#']).map_or(rest, |end| &rest[..end])
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: &'a str,
    /// With its `@`.
    userinfo: &'a str,
    host: &'a str,
    /// With its `:`.
    port: &'a str,
    /// Path, query and fragment.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (userinfo, host_port) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        // An IPv6 literal holds colons of its own, inside its brackets.
        let host_end = match host_port.rfind(']') {
            Some(bracket) => bracket + 1,
            None => host_port.find(':').unwrap_or(host_port.len()),
        };
        let (host, port) = host_port.split_at(host_end);
        let is_port = port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        is_port.then_some(Self {
            scheme,
            userinfo,
            host,
            port,
            rest,
        })
    }

    fn text(&self, port: &str) -> String {
        let Self {
            scheme,
            userinfo,
            host,
            rest,
            ..
        } = self;
        format!("{scheme}://{userinfo}{host}{port}{rest}")
    }

    fn port_variants(&self, as_is: &str) -> Vec<String> {
        let mut texts = vec![as_is.to_owned()];
        if self.port.is_empty() {
            texts.extend(self.default_ports().iter().map(|port| self.text(port)));
        } else {
            texts.push(self.text(""));
        }
        texts
    }

    /// The helpers append 80 to every scheme but `https`; a `wss` client really uses 443.
    const fn default_ports(&self) -> &'static [&'static str] {
        if self.scheme.eq_ignore_ascii_case("https") {
            &[":443"]
        } else if self.scheme.eq_ignore_ascii_case("wss") {
            &[":443", ":80"]
        } else {
            &[":80"]
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(url: &str, expected: &[&str]) {
        assert_eq!(variants(url, false), expected, "{url}");
    }

    #[test]
    fn ports_are_stripped_and_added_and_nothing_else_changes() {
        check(
            "https://H.example/a%20b//c?q=%2B",
            &[
                "https://H.example/a%20b//c?q=%2B",
                "https://H.example:443/a%20b//c?q=%2B",
            ],
        );
        check("https://h:8443/x", &["https://h:8443/x", "https://h/x"]);
        check("http://h", &["http://h", "http://h:80"]);
        check(
            "http://h?q=a:b@c",
            &["http://h?q=a:b@c", "http://h:80?q=a:b@c"],
        );
        check("wss://h/m", &["wss://h/m", "wss://h:443/m", "wss://h:80/m"]);
        check("wss://h:443/m", &["wss://h:443/m", "wss://h/m"]);
    }

    #[test]
    fn ipv6_literals_and_userinfo_keep_their_colons() {
        check(
            "https://[2001:db8::1]/x",
            &["https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"],
        );
        check(
            "https://[2001:db8::1]:444/x",
            &["https://[2001:db8::1]:444/x", "https://[2001:db8::1]/x"],
        );
        check(
            "https://u:p@h:1/x",
            &["https://u:p@h:1/x", "https://u:p@h/x"],
        );
        check(
            "https://u:p@h/x",
            &["https://u:p@h/x", "https://u:p@h:443/x"],
        );
        assert_eq!(
            variants("https://u:p@h:1/x", true),
            [
                "https://u:p@h:1/x",
                "https://u:p@h/x",
                "https://h:1/x",
                "https://h/x",
            ]
        );
    }

    #[test]
    fn what_is_no_url_is_only_itself() {
        check("not a url", &["not a url"]);
        check("https://h:port/x", &["https://h:port/x"]);
    }

    #[test]
    fn schemes_paths_and_slashes() {
        assert_eq!(websocket_url("HTTPS://h/x"), "wss://h/x");
        assert_eq!(websocket_url("http://h/x"), "ws://h/x");
        assert_eq!(websocket_url("wss://h/x"), "wss://h/x");
        assert_eq!(path("wss://h:1/media/ten_1?x=/y"), "/media/ten_1");
        assert_eq!(path("wss://h"), "");
        assert_eq!(with_trailing_slash("wss://h/m?t=1"), "wss://h/m/?t=1");
        assert_eq!(split_query("wss://h/m?t=1&u"), Some(("wss://h/m", "t=1&u")));
    }

    proptest! {
        #[test]
        fn any_text_has_itself_as_first_variant(url in "(https|wss|x)?(://)?[\\PC:/@\\[\\]?#]{0,40}") {
            let texts = variants(&url, true);
            prop_assert_eq!(&texts[0], &url);
            prop_assert!(texts.len() <= 6);
            let _ = (path(&url), split_query(&url), with_trailing_slash(&url), websocket_url(&url));
        }
    }
}
