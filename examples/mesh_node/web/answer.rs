//! What is answered to a request.

use std::net::IpAddr;

use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::Source;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What goes with each answer. The policy lets the page load its style, its script and its numbers from here
/// and nothing else from anywhere; with trusted types no string can become markup, by mistake either.
const HEADERS: [(header::HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The answer to `request`, of which only method, address and headers matter.
pub(super) fn answer<B>(request: &Request<B>, source: &dyn Source) -> Response<String> {
    let (status, kind, body) = match refusal(request) {
        Some((status, why)) => (status, PLAIN, why.to_owned()),
        None => match request.uri().path() {
            "/" => (StatusCode::OK, HTML, include_str!("page.html").to_owned()),
            "/page.css" => (StatusCode::OK, CSS, include_str!("page.css").to_owned()),
            "/page.js" => (StatusCode::OK, SCRIPT, include_str!("page.js").to_owned()),
            "/status" => match serde_json::to_string(&source.status()) {
                Ok(json) => (StatusCode::OK, JSON, json),
                Err(fault) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("no status: {fault}\n"))
                }
            },
            "/metrics" => (StatusCode::OK, PROMETHEUS, source.metrics()),
            _ => (StatusCode::NOT_FOUND, PLAIN, "here are /, /status and /metrics\n".to_owned()),
        },
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// Why `request` is not answered, if it is not.
fn refusal<B>(request: &Request<B>) -> Option<(StatusCode, &'static str)> {
    if !names_this_host(request) {
        let why =
            "ask for 127.0.0.1, [::1] or localhost: another name may have been pointed here\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, why));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some((StatusCode::METHOD_NOT_ALLOWED, "there is only to read: GET or HEAD\n"));
    }
    let costs = matches!(request.uri().path(), "/status" | "/metrics");
    if costs && asked_by_another_site(request.headers()) {
        return Some((StatusCode::FORBIDDEN, "another site may not ask for this\n"));
    }
    None
}

/// Whether `request` is for this host by a name that nobody else can point here. A page that was loaded
/// from a name of an attacker's, which then became 127.0.0.1, still asks for that name. The port does not
/// matter: `ssh -L` changes it.
fn names_this_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    is_loopback(&host) && request.uri().authority().is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a browser says that the request is not from this page or from the user. It could not be read
/// there, but costs work here. Other clients say nothing.
fn asked_by_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}
