//! Chromium without a screen, told what to do over a pipe ([DevTools protocol]).
//!
//! [DevTools protocol]: https://chromedevtools.github.io/devtools-protocol/

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Long enough for whatever is to happen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it may take to end.
const CLOSING: Duration = Duration::from_secs(10);

/// The pipe's ends are to be the files 3 and 4 of the browser.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A browser with one page.
pub(crate) struct Chromium {
    browser: Child,
    orders: ChildStdin,
    reports: Receiver<Value>,
    page: Option<String>,
    number: u64,
    /// What the page or the browser complained about: exceptions, violations of the policy, failures.
    pub(crate) complaints: Vec<String>,
    _profile: TempDir,
}

impl Chromium {
    /// A fresh browser; `None`, with a message, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let Some(program) =
            env::split_paths(&path).map(|folder| folder.join("chromium")).find(|it| it.is_file())
        else {
            eprintln!("skipped: chromium is not here");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh")
            .args(["-c", PIPES])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = browser.stdin.take().unwrap();
        let mut lines = BufReader::new(browser.stdout.take().unwrap()).split(0);
        let (report, reports) = channel();
        thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                // Nobody listens any more once the test is over.
                if report.send(serde_json::from_slice(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut chromium = Self {
            browser,
            orders,
            reports,
            page: None,
            number: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = chromium.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chromium.call("Target.attachToTarget", target);
        chromium.page = attached["sessionId"].as_str().map(str::to_owned);
        for part in ["Page", "Runtime", "Log"] {
            chromium.call(&format!("{part}.enable"), json!({}));
        }
        Some(chromium)
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut order = json!({ "id": self.number, "method": method, "params": params });
        if let Some(page) = &self.page {
            order["sessionId"] = json!(page);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let mut report = self.reports.recv_timeout(PATIENCE).unwrap();
            if report["id"] == self.number {
                assert!(report["error"].is_null(), "{method}: {report}");
                return report["result"].take();
            }
            if report["method"] == "Log.entryAdded" || report["method"] == "Runtime.exceptionThrown"
            {
                self.complaints.push(report["params"].to_string());
            }
        }
    }

    /// Opens `address` in a window of `width` pixels.
    pub(crate) fn open(&mut self, address: &str, width: u32) {
        let window =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", window);
        self.call("Page.navigate", json!({ "url": address }));
        // It has said something about the node.
        self.until("(document.getElementById('view')?.textContent ?? '') !== ''");
    }

    /// Shows the page in the colours of `scheme`, `light` or `dark`.
    pub(crate) fn colours(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// The value of `expression` in the page.
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        let order = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", order);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until `expression` holds in the page.
    pub(crate) fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.ask(expression) != true {
            if begun.elapsed() > PATIENCE {
                let text = self.ask("document.body.innerText");
                panic!("{expression} never held; the page: {text}\n{:?}", self.complaints);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends what it started, and then itself; only after that its profile can be removed.
        let told = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let begun = Instant::now();
        let runs = |browser: &mut Child| matches!(browser.try_wait(), Ok(None));
        while told.is_ok() && runs(&mut self.browser) && begun.elapsed() < CLOSING {
            thread::sleep(Duration::from_millis(20));
        }
        // It is gone already, unless it did not listen.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
