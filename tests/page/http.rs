//! Requests, good and bad, byte for byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::shown::{Shown, hostile, member, serve, status};
use super::web::{MemberState, Source, Web};

/// Long enough for whatever is to happen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
struct Answer {
    code: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What is answered on `stream` until its end.
fn read(mut stream: TcpStream) -> Option<Answer> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => {}
        // What it had not read when it closed makes the system answer with a reset.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    let all = String::from_utf8(all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer { code, head: head.to_owned(), body: body.to_owned() })
}

fn send(to: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = connect(to);
    // Who is refused early need not take it all.
    let _ = stream.write_all(request.as_bytes());
    read(stream)
}

fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, &format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n\r\n")).unwrap()
}

fn small() -> Web {
    serve(|| status(vec![member("gate", MemberState::ThisNode)]))
}

#[test]
fn each_route_answers_with_its_kind_and_all_with_the_policy() {
    let web = small();
    for (path, code, kind) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/?since=1", 200, "text/html; charset=utf-8"),
        ("/page.css", 200, "text/css; charset=utf-8"),
        ("/page.js", 200, "text/javascript; charset=utf-8"),
        ("/status", 200, "application/json"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/status/", 404, "text/plain; charset=utf-8"),
        ("/..%2f..%2fetc/passwd", 404, "text/plain; charset=utf-8"),
        ("/favicon.ico", 404, "text/plain; charset=utf-8"),
    ] {
        let answer = get(web.address(), path);
        assert_eq!((answer.code, answer.header("content-type")), (code, Some(kind)), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert!(!answer.body.contains("document.title='owned'"), "{path}");
    }
    web.stop();
}

#[test]
fn the_status_is_json_with_all_that_is_promised() {
    let web = serve(hostile);
    let answer = get(web.address(), "/status");
    let shown: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(shown, serde_json::to_value(hostile()).unwrap());
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut all = fields(&shown);
    all.sort();
    let of_node = [
        "alerts",
        "certificates",
        "events",
        "id",
        "links",
        "members",
        "mesh",
        "node",
        "quorum",
        "rollout",
        "signing",
        "stats",
        "uptime_s",
        "version",
        "view",
    ];
    assert_eq!(all, of_node);
    for (list, of_line) in [
        ("members", "beacon epoch heard_ms id name quarantine_ms reputation state suite"),
        ("links", "address name proven quality quarantine_ms"),
        ("rollout", "refused rule stage would_refuse"),
        ("events", "name text unix_ms"),
        ("certificates", "attestors event unix_ms view"),
    ] {
        let mut of_this = fields(&shown[list][0]);
        of_this.sort();
        assert_eq!(of_this.join(" "), of_line, "{list}");
    }
    assert_eq!(shown["members"][0]["state"], "heard");
    web.stop();
}

#[test]
fn only_reading_is_allowed() {
    let web = small();
    let to = web.address();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get"] {
        let request = format!("{method} /status HTTP/1.1\r\nHost: {to}\r\n\r\n");
        let answer = send(to, &request).unwrap();
        assert_eq!((answer.code, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert!(!answer.body.contains("members"), "{method}");
    }
    let head = send(to, &format!("HEAD /status HTTP/1.1\r\nHost: {to}\r\n\r\n")).unwrap();
    assert_eq!((head.code, head.body.as_str()), (200, ""));
    let full = get(to, "/status");
    assert_eq!(full.header("content-length"), Some(full.body.len().to_string().as_str()));
    web.stop();
}

/// A page of an attacker's whose name was pointed here asks under that name.
#[test]
fn under_another_name_nothing_is_answered() {
    let web = small();
    let port = web.address().port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST:8080", "127.8.9.1:80", "[::1]:7410"] {
        let answer = send(web.address(), &format!("GET /status HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.unwrap().code, 200, "{host}");
    }
    for host in [
        "attacker.example",
        "attacker.example:7410",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "127.0.0.1@attacker.example",
        "localhost, attacker.example",
        "192.0.2.1",
        "[2001:db8::1]",
        "0.0.0.0",
        "",
    ] {
        let answer = send(web.address(), &format!("GET /status HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.unwrap().code, 421, "{host}");
    }
    for request in [
        "GET /status HTTP/1.1\r\n\r\n".to_owned(),
        "GET /status HTTP/1.0\r\n\r\n".to_owned(),
        "GET /status HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\n\r\n".to_owned(),
        format!("GET http://attacker.example:{port}/status HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        let answer = send(web.address(), &request).unwrap();
        assert_eq!(answer.code, 421, "{request}");
        assert!(!answer.body.contains("members"), "{request}");
    }
    web.stop();
}

/// What a browser asks for another site could not be read there, but would cost work here.
#[test]
fn another_site_in_a_browser_gets_no_numbers() {
    let web = small();
    let ask = |path: &str, site: &str| {
        let to = web.address();
        send(to, &format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nSec-Fetch-Site: {site}\r\n\r\n"))
    };
    for path in ["/status", "/metrics"] {
        for (site, code) in
            [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]
        {
            assert_eq!(ask(path, site).unwrap().code, code, "{path} {site}");
        }
    }
    assert_eq!(ask("/", "cross-site").unwrap().code, 200, "a link to the page may be followed");
    web.stop();
}

#[test]
fn large_requests_are_cut_short() {
    let web = small();
    let to = web.address();
    let begin = format!("GET / HTTP/1.1\r\nHost: {to}\r\n");
    let many = "x: y\r\n".repeat(65);
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    let path = format!("GET /{} HTTP/1.1\r\nHost: {to}\r\n", "y".repeat(1 << 20));
    for request in [begin.clone() + &many, begin.clone() + &long, path] {
        // The answer can be lost with the reset that follows what was not read.
        let code = send(to, &(request + "\r\n")).map_or(431, |answer| answer.code);
        assert!([414, 431].contains(&code), "{code}");
    }
    let fits = begin.clone() + &"x: y\r\n".repeat(50) + "\r\n";
    assert_eq!(send(to, &fits).unwrap().code, 200);
    // A body is left where it is.
    let body = begin + &format!("Content-Length: {}\r\n\r\n", 1_u64 << 40);
    assert_eq!(send(to, &body).unwrap().code, 200);
    assert_eq!(send(to, "\0\u{1}\u{2}\r\n\r\n").map_or(400, |answer| answer.code), 400);
    web.stop();
}

/// Who says nothing, or little by little, or does not read, holds a place for some seconds only, and there
/// are no more places than 32.
#[test]
fn slow_clients_lose_their_place() {
    let status = || status(Vec::new());
    let source = Arc::new(Shown { status, delay: Duration::ZERO });
    let web = Web::start(([127, 0, 0, 1], 0).into(), source.clone()).unwrap();
    let mut slow: Vec<_> = (0..70).map(|_| connect(web.address())).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    }
    // The source is held by the test, the server, and each connection.
    let begun = Instant::now();
    while Arc::strong_count(&source) < 2 + 32 {
        assert!(begun.elapsed() < PATIENCE, "{} hold it", Arc::strong_count(&source));
    }
    thread::sleep(Duration::from_millis(200));
    assert_eq!(Arc::strong_count(&source), 2 + 32);
    // Those that wait in the queue come to their turn, in a few rounds, before this one.
    assert_eq!(get(web.address(), "/metrics").code, 200);
    for stream in slow {
        assert!(read(stream).is_none_or(|answer| answer.code == 408));
    }
    web.stop();
}

#[test]
fn stopping_waits_for_no_slow_client() {
    let web = small();
    let to = web.address();
    let slow: Vec<_> = (0..40).map(|_| connect(to)).collect();
    assert_eq!(get(to, "/").code, 200);
    let (begun, patience) = (Instant::now(), PATIENCE);
    web.stop();
    assert!(begun.elapsed() < patience, "it took {:?}", begun.elapsed());
    for stream in slow {
        assert!(read(stream).is_none(), "nothing was asked");
    }
    TcpStream::connect(to).unwrap_err();
}

#[test]
fn stopping_answers_what_is_begun() {
    let status = || status(Vec::new());
    let source = Arc::new(Shown { status, delay: Duration::ZERO });
    let web = Web::start(([127, 0, 0, 1], 0).into(), source.clone()).unwrap();
    let to = web.address();
    let mut stream = connect(to);
    stream.write_all(b"GET /status HTTP/1.1\r\n").unwrap();
    // The source is held by the test, the server, and the connection once it is taken.
    let begun = Instant::now();
    while Arc::strong_count(&source) < 3 {
        assert!(begun.elapsed() < PATIENCE, "the connection was never taken");
    }
    let stop = thread::spawn(|| web.stop());
    while TcpStream::connect(to).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "more connections are taken");
    }
    stream.write_all(b"Host: localhost\r\n\r\n").unwrap();
    assert_eq!(read(stream).unwrap().code, 200);
    stop.join().unwrap();
    assert_eq!(Arc::strong_count(&source), 1, "nothing of it is left");
}

#[test]
fn other_hosts_cannot_be_let_in() {
    let source: Arc<dyn Source> =
        Arc::new(Shown { status: || status(Vec::new()), delay: Duration::ZERO });
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"]
    {
        let refused = Web::start(listen.parse().unwrap(), source.clone()).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{listen}");
        assert!(refused.to_string().contains("ssh -L"), "{refused}");
    }
    let web = Web::start(([127, 0, 0, 1], 0).into(), source.clone()).unwrap();
    assert!(web.address().ip().is_loopback());
    let taken = Web::start(web.address(), source).err().unwrap();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    web.stop();
}
