//! Was this request made by our own pages? Asked of requests whose cookie was sent by a browser.
//!
//! A cookie comes along with whatever page sends the request. Three signs are read, each of which a
//! foreign page cannot forge: `Sec-Fetch-Site`, `Origin`, and a header of ours that makes a browser ask
//! our permission first. A request signed by an API key carries no cookie and is not asked.

use prosaas_core::{Error, Result};

/// The header our own pages add. Its value does not matter: a foreign page cannot add any.
pub const CUSTOM_HEADER: &str = "x-prosaas-request";

/// What a request says about where it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOrigin<'a> {
    /// `Sec-Fetch-Site`, if there is one.
    pub sec_fetch_site: Option<&'a str>,
    /// `Origin`, if there is one.
    pub origin: Option<&'a str>,
    /// Whether [`CUSTOM_HEADER`] is there.
    pub custom_header: bool,
}

/// Passes a request that changes something if our own pages made it: every sign that is there must be
/// ours, and the custom header must be there.
///
/// # Errors
/// `Forbidden`, without saying which sign was wrong.
pub fn require_own_origin(request: RequestOrigin<'_>, own_origin: &str) -> Result<()> {
    // `same-site` is not enough: a neighbour's page on a sibling domain is not ours.
    let site = request
        .sec_fetch_site
        .is_none_or(|site| site == "same-origin");
    let origin = request.origin.is_none_or(|origin| origin == own_origin);
    if site && origin && request.custom_header {
        return Ok(());
    }
    Err(Error::Forbidden {
        detail: "the request was not made by this site's own pages".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://crm.example.com";

    fn check(site: Option<&str>, origin: Option<&str>, custom_header: bool) -> bool {
        let request = RequestOrigin {
            sec_fetch_site: site,
            origin,
            custom_header,
        };
        require_own_origin(request, OWN).is_ok()
    }

    #[test]
    fn our_own_pages_pass() {
        assert!(check(Some("same-origin"), Some(OWN), true));
        assert!(check(None, Some(OWN), true), "an older browser");
        assert!(check(None, None, true), "a program with a cookie");
    }

    #[test]
    fn foreign_pages_do_not() {
        for site in ["cross-site", "same-site", "none", "", "SAME-ORIGIN"] {
            assert!(!check(Some(site), Some(OWN), true), "{site}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://crm.example.com",
            "https://crm.example.com:8443",
            "https://crm.example.com.evil.example",
        ] {
            assert!(!check(Some("same-origin"), Some(origin), true), "{origin}");
            assert!(!check(None, Some(origin), true), "{origin}");
        }
    }

    #[test]
    fn a_form_cannot_add_our_header() {
        assert!(!check(Some("same-origin"), Some(OWN), false));
        assert!(!check(None, None, false));
    }
}
