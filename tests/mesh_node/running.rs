//! A node that runs, as a process, and what it shows.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, PipeReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::{Desk, NAMES};
use crate::node;

/// A busy machine may take long for what is done in a second.
const MOST: Duration = Duration::from_secs(120);

/// A process, which ends with its owner.
pub(crate) struct Running {
    process: Child,
    http: SocketAddr,
}

impl Running {
    /// Starts a node of the desk, and waits until it can be asked.
    pub(crate) fn start(desk: &Desk, configuration: &str) -> Self {
        let (running, said) = Self::start_unread(desk, configuration);
        // What it says later is shown if the test fails.
        let lines = said.lines().map_while(Result::ok);
        let name = configuration.to_owned();
        thread::spawn(move || lines.for_each(|line| println!("{name}: {line}")));
        running
    }

    /// The same. What it says later waits to be read.
    pub(crate) fn start_unread(desk: &Desk, configuration: &str) -> (Self, BufReader<PipeReader>) {
        let file = desk.path(configuration);
        let (said, writer) = std::io::pipe().unwrap();
        let mut process = node(&["--config", file.to_str().unwrap()]);
        let process = process.stdout(writer.try_clone().unwrap()).stderr(writer);
        let process = process.spawn().unwrap();
        let mut said = BufReader::new(said);
        let http = said.by_ref().lines().map(Result::unwrap).find_map(|line| {
            let (_, address) = line.split_once("http://")?;
            address.trim_end_matches('/').parse().ok()
        });
        let http = http.unwrap_or_else(|| panic!("{configuration} is not served"));
        (Self { process, http }, said)
    }

    /// What it answers.
    pub(crate) fn ask(&self, path: &str) -> String {
        let mut asked = TcpStream::connect(self.http).unwrap();
        asked.set_read_timeout(Some(MOST)).unwrap();
        write!(asked, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http)
            .unwrap();
        let mut answer = String::new();
        asked.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Where its page is.
    pub(crate) fn page(&self) -> String {
        format!("http://{}/", self.http)
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.ask("/status")).unwrap()
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.ask("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal(&["TERM"])
    }

    /// Signals, one after the other, and how it ended.
    pub(crate) fn signal(mut self, signals: &[&str]) -> ExitStatus {
        let id = self.process.id().to_string();
        for signal in signals {
            let sent = Command::new("kill").args(["-s", signal, &id]).status();
            assert!(sent.unwrap().success());
        }
        wait(|| self.process.try_wait().unwrap().is_some(), || "it does not end".to_owned());
        self.process.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// What a process said that is to end by itself.
pub(crate) fn end_of(mut command: Command) -> Output {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let begin = Instant::now();
    while process.try_wait().unwrap().is_none() && begin.elapsed() < MOST {
        thread::sleep(Duration::from_millis(20));
    }
    // One that has ended is gone already.
    let _ended = process.kill();
    process.wait_with_output().unwrap()
}

/// Waits until it is so; panics with what `what` says if that takes too long.
pub(crate) fn wait(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < MOST, "{}", what());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a node hears all other members.
pub(crate) fn hears_all(status: &Value) -> bool {
    let states = || status["members"].as_array().unwrap().iter().map(|member| &member["state"]);
    states().all(|state| ["heard", "this_node"].map(Value::from).contains(state))
        && status["members"].as_array().unwrap().iter().all(|member| member["beacon"].is_string())
}

/// A configuration of a node for loopback.
pub(crate) struct Written {
    text: String,
}

impl Written {
    pub(crate) fn new(number: usize, port: u16) -> Self {
        Self::listening(number, &format!("127.0.0.1:{port}"))
    }

    pub(crate) fn listening(number: usize, listen: &str) -> Self {
        let name = NAMES[number];
        let text = format!(
            "state = \"{name}\"\nview = \"mesh.view\"\nudp.listen = \"{listen}\"\n\
             http.listen = \"127.0.0.1:0\"\nbeacon.interval_ms = 250\nquorum.suspicion_ms = 10000\n"
        );
        Self { text }
    }

    pub(crate) fn with_peer(mut self, number: usize, at: SocketAddr, proof: &str) -> Self {
        let name = NAMES[number];
        write!(self.text, "[[peer]]\nmember = \"{name}\"\naddress = \"{at}\"\n{proof}\n").unwrap();
        self
    }

    /// Its backups are opened by what is in that file.
    pub(crate) fn with_backups(mut self, number: usize, passphrase: &str) -> Self {
        let name = NAMES[number];
        write!(
            self.text,
            "[backup]\ndirectory = \"{name}.backups\"\npassphrase_file = \"{passphrase}\"\n"
        )
        .unwrap();
        self
    }

    pub(crate) fn write(&self, desk: &Desk, file: &str) {
        desk.write(file, &self.text);
    }
}

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
