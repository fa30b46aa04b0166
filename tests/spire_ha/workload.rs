//! A process of its own, under a user of its own, that follows both agents and says what it has.

use std::io::{BufRead, BufReader, Write, stdin};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use std::{env, process, thread};

use meshward::identity::Enrolment;
use meshward::spire::{Endpoint, SourceConfig, WorkloadSource};
use meshward::{Identity, MemoryStore, NodeId, OsEntropy, Suite, View};
use x509_parser::parse_x509_certificate;

use super::node;
use super::world::{World, until};

const SOCKETS: &str = "MESHWARD_TEST_WORKLOAD_APIS";
const VIEW: &str = "MESHWARD_TEST_VIEW";
const NODE: &str = "MESHWARD_TEST_NODE";

/// The process. Without its environment this is no test and passes.
#[test]
fn process() {
    let Ok(sockets) = env::var(SOCKETS) else { return };
    // Behind the name of the test, which has no end of line.
    say("");
    let node = NodeId::from_bytes([env::var(NODE).unwrap().parse().unwrap(); 32]);
    let store = MemoryStore::new();
    let identity = Identity::create(&store, node, Suite::MlDsa65, &OsEntropy).unwrap();
    thread::spawn(|| obey(store));
    let endpoints = sockets.split(' ').map(|socket| Endpoint::parse(socket).unwrap());
    let config = SourceConfig::new(endpoints);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(follow(config, &identity));
}

/// Becomes a node of the mesh that it is told of, and ends with whoever started it.
fn obey(store: MemoryStore) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    say(&format!("port {}", socket.local_addr().unwrap().port()));
    let mut lines = stdin().lines().map_while(Result::ok);
    if let Some(line) = lines.next() {
        let (view, peers) = line.split_once(' ').unwrap();
        let view = View::from_bytes(&from_hex(view)).unwrap();
        let peers = peers.split(' ').map(|port| port.parse().unwrap()).collect();
        let hears = |others| say(&format!("hears {others}"));
        thread::spawn(move || node::run(store, view, socket, peers, hears));
        let _ = lines.count();
    }
    process::exit(0);
}

async fn follow(config: SourceConfig, identity: &Identity) {
    let (source, mut events) = WorkloadSource::start(config).unwrap();
    let view = View::from_bytes(&from_hex(&env::var(VIEW).unwrap())).unwrap();
    let (mut before, mut gap) = (String::new(), true);
    loop {
        while let Ok(event) = events.try_recv() {
            say(&format!("event {event:?}"));
        }
        match source.current() {
            Ok(context) => {
                let svid = context.default_svid().unwrap();
                let (_, certificate) = parse_x509_certificate(svid.leaf().as_bytes()).unwrap();
                let until = certificate.validity().not_after.timestamp();
                let bundle = context.bundle_set().get(svid.spiffe_id().trust_domain()).unwrap();
                let now =
                    format!("svid {} {until} {}", svid.spiffe_id(), bundle.authorities().len());
                if now != before {
                    // With each renewed SVID again.
                    let svid = meshward::spire::svid(&context).unwrap();
                    let enrolment = Enrolment::seal(
                        &view,
                        (identity, "node"),
                        &svid,
                        &OsEntropy,
                        SystemTime::now(),
                    );
                    say(&format!("enrolment {}", to_hex(&enrolment.unwrap().to_bytes().unwrap())));
                    say(&now);
                    before = now;
                }
                gap = false;
            }
            Err(error) if !gap => {
                say(&format!("gap {error}"));
                gap = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|digits| std::str::from_utf8(digits).unwrap());
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The process as seen by the test, with all that it said.
pub(crate) struct Workload {
    node: u8,
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Workload {
    /// As node `node` of the mesh that `view` is of, for the user `uid`.
    pub(crate) fn start(world: &World, view: &View, node: u8, uid: u32) -> Self {
        let program = world.for_all_users(&env::current_exe().unwrap());
        let sockets = world.agents.iter().map(|agent| format!("unix:{}", agent.socket.display()));
        let mut child = Command::new(program)
            .args(["--exact", "workload::process", "--nocapture", "--test-threads=1"])
            .env(SOCKETS, sockets.collect::<Vec<_>>().join(" "))
            .env(VIEW, to_hex(&view.to_bytes().unwrap()))
            .env(NODE, node.to_string())
            .uid(uid)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line));
        });
        Self { node, child, said }
    }

    /// The lines that begin with `what`.
    pub(crate) fn said(&self, what: &str) -> Vec<String> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line.starts_with(what)).cloned().collect()
    }

    /// Has it be a node of the mesh of `view`, with `peers` as its neighbours.
    pub(crate) fn join(&mut self, view: &View, peers: &[String]) {
        let line = format!("{} {}\n", to_hex(&view.to_bytes().unwrap()), peers.join(" "));
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// The port of its node.
    pub(crate) fn port(&self) -> String {
        self.said("port")[0].split_once(' ').unwrap().1.to_owned()
    }

    /// The last enrolment that it asked for.
    pub(crate) fn enrolment(&self) -> Enrolment {
        let line = self.said("enrolment").pop().unwrap();
        Enrolment::from_bytes(&from_hex(line.split_once(' ').unwrap().1)).unwrap()
    }

    /// How long its SVID holds, in seconds since 1970, and how many authorities it knows; 0 without one.
    pub(crate) fn holds(&self) -> (u64, usize) {
        let Some(line) = self.said("svid").pop() else { return (0, 0) };
        let mut words = line.split(' ').skip(2);
        let until = words.next().unwrap().parse().unwrap();
        (until, words.next().unwrap().parse().unwrap())
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if thread::panicking() {
            println!("== node {}: {:?}, {:?}", self.node, self.said("event"), self.said("gap"));
        }
    }
}

/// Waits until each of `workloads` says `what` once more than now; how long the last took after `cause` began.
pub(crate) fn all_say(workloads: &[Workload], what: &str, cause: impl FnOnce()) -> Duration {
    let before: Vec<_> = workloads.iter().map(|workload| workload.said(what).len()).collect();
    let started = Instant::now();
    cause();
    for (workload, before) in workloads.iter().zip(before) {
        until(what, || workload.said(what).len() > before);
    }
    started.elapsed()
}

/// Waits until each of `workloads` has an SVID that was made after now.
pub(crate) fn all_renew(workloads: &[Workload]) -> Duration {
    let started = Instant::now();
    let before: Vec<_> = workloads.iter().map(|workload| workload.holds().0).collect();
    for (workload, before) in workloads.iter().zip(before) {
        until("a renewed SVID", || workload.holds().0 > before);
    }
    started.elapsed()
}
