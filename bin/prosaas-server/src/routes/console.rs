//! The console: the web pages built from `web/`, embedded into this program.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// A file of the console.
#[derive(Debug)]
struct File {
    /// Its path below the site's root, such as `assets/index-4f2a.js`.
    path: &'static str,
    /// Its strong entity tag.
    tag: &'static str,
    body: &'static [u8],
    /// The same, packed.
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// The files, by path; none when the console was not built before this program was.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// What is shown when there are none.
const NOT_BUILT: &str = include_str!("console_not_built.html");

/// The page of every screen: its script looks at the address.
const PAGE: &str = "index.html";
/// Files whose names change with what is in them.
const HASHED: &str = "assets/";

/// What the pages may do: run and style themselves with files of this site, talk to its API, and nothing
/// else. No inline script or style, no other site, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; \
                      worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SECURITY: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        // The agent is talked to from one of its screens.
        "camera=(), microphone=(self), geolocation=()",
    ),
];

/// Answers whatever no other route does.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) || uri.path().starts_with("/api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = answer(FILES, uri.path(), &headers);
    for (name, value) in SECURITY {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn answer(files: &'static [File], path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let find = |path: &str| files.iter().find(|file| file.path == path);
    if let Some(file) = find(path) {
        return send(file, headers);
    }
    // An address of the console's own; a file that is not there is not one of its screens.
    let is_screen =
        !path.starts_with(HASHED) && !path.rsplit('/').next().unwrap_or("").contains('.');
    match find(PAGE) {
        Some(page) if is_screen => send(page, headers),
        None if is_screen => (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-store"),
            ],
            NOT_BUILT,
        )
            .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn send(file: &'static File, headers: &HeaderMap) -> Response {
    let caching = if file.path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let about = [
        (header::CACHE_CONTROL, caching),
        (header::ETAG, file.tag),
        (header::VARY, "accept-encoding"),
    ];
    if says(headers, &header::IF_NONE_MATCH, file.tag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, media_type(file.path))];
    match packed(file, headers) {
        Some((encoding, body)) => {
            (about, kind, [(header::CONTENT_ENCODING, encoding)], body).into_response()
        }
        None => (about, kind, file.body).into_response(),
    }
}

/// The smallest form of a file that the browser can unpack, with its name.
fn packed(file: &File, headers: &HeaderMap) -> Option<(&'static str, &'static [u8])> {
    [("br", file.brotli), ("gzip", file.gzip)]
        .into_iter()
        .filter(|(name, _)| says(headers, &header::ACCEPT_ENCODING, name))
        .find_map(|(name, body)| Some((name, body?)))
}

/// Whether a header's list has this element.
fn says(headers: &HeaderMap, name: &HeaderName, element: &str) -> bool {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.split(';').next().unwrap_or("").trim() == element)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static BUILT: &[File] = &[
        File {
            path: "assets/a-1.js",
            tag: "\"1\"",
            body: b"script",
            brotli: Some(b"smallest"),
            gzip: Some(b"packed"),
        },
        File {
            path: PAGE,
            tag: "\"2\"",
            body: b"page",
            brotli: None,
            gzip: None,
        },
    ];

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn header(response: &Response, name: HeaderName) -> &str {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn what_is_hashed_is_kept_and_the_page_is_not() {
        let script = answer(BUILT, "/assets/a-1.js", &HeaderMap::new());
        assert_eq!(script.status(), StatusCode::OK);
        assert!(header(&script, header::CACHE_CONTROL).ends_with("immutable"));
        assert_eq!(header(&script, header::CONTENT_ENCODING), "");
        for (accepted, encoding) in [
            ("gzip, deflate, br", "br"),
            ("gzip, deflate", "gzip"),
            ("deflate", ""),
        ] {
            let accepted = asked(header::ACCEPT_ENCODING, accepted);
            let packed = answer(BUILT, "/assets/a-1.js", &accepted);
            assert_eq!(header(&packed, header::CONTENT_ENCODING), encoding);
        }
        let page = answer(BUILT, "/leads/lead_1", &HeaderMap::new());
        assert_eq!(header(&page, header::CACHE_CONTROL), "no-cache");
        let again = answer(BUILT, "/", &asked(header::IF_NONE_MATCH, "\"2\""));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_missing_file_is_not_a_screen() {
        for path in ["/assets/gone", "/favicon.ico", "/leads/../x.js"] {
            let response = answer(BUILT, path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn every_page_is_strict_and_nothing_else_is_a_page() {
        let get = |path: &'static str| serve(Method::GET, Uri::from_static(path), HeaderMap::new());
        let page = get("/leads").await;
        assert_eq!(page.status(), StatusCode::OK);
        let policy = header(&page, header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(get("/api/nothing").await.status(), StatusCode::NOT_FOUND);
        let post = serve(Method::POST, Uri::from_static("/leads"), HeaderMap::new()).await;
        assert_eq!(post.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn without_the_console_the_page_says_how_to_get_it() {
        let page = answer(&[], "/", &HeaderMap::new());
        assert_eq!(page.status(), StatusCode::OK);
        assert!(NOT_BUILT.contains("npm run build"));
    }
}
