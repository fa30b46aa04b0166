//! The processes: made, spoken to, killed, started again, and none left behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use meshward::{DurableStore, Entropy, Identity, NodeId, OsEntropy, View};
use tempfile::TempDir;

use crate::options::Options;
use crate::plan::Plan;
use crate::protocol::{Command, Notice, Setup, say};
use crate::rotation::FROM;

/// How long a node may take to end when it is told to.
const END: Duration = Duration::from_secs(5);

/// What came from a node, and when.
pub(crate) struct Heard {
    pub(crate) node: usize,
    pub(crate) at: Instant,
    pub(crate) what: What,
}

pub(crate) enum What {
    Said(Box<Notice>),
    /// It said something that is no notice.
    Babbled(String),
    /// Its output ended, in this start of it.
    Ended(u32),
}

struct Running {
    child: Child,
    input: Option<ChildStdin>,
    start: u32,
}

/// All nodes of one run. Dropped, it kills what still runs.
pub(crate) struct Fleet {
    dir: TempDir,
    metrics: Option<SocketAddr>,
    running: BTreeMap<usize, Running>,
    sender: Sender<Heard>,
    heard: Receiver<Heard>,
}

impl Fleet {
    /// Makes keys, view, links and directories of all nodes. Nothing runs yet.
    ///
    /// # Errors
    /// A sentence about what failed.
    pub(crate) fn create(options: &Options, plan: &Plan) -> Result<(Self, View), String> {
        let dir = TempDir::with_prefix("failover_mesh.").map_err(|e| e.to_string())?;
        let ids: Vec<NodeId> = (0..plan.nodes)
            .map(|node| {
                let name = format!("failover_mesh {} node {node}", options.seed);
                NodeId::from_bytes(*blake3::hash(name.as_bytes()).as_bytes())
            })
            .collect();
        let mut members = Vec::new();
        for (node, id) in ids.iter().enumerate() {
            let store = DurableStore::open(&node_dir(dir.path(), node).join("state"))
                .map_err(|e| e.to_string())?;
            // The one that moves to another suite begins with the one before.
            let suite = if node == plan.victim { FROM } else { options.suite };
            let identity =
                Identity::create(&store, *id, suite, &OsEntropy).map_err(|e| e.to_string())?;
            members.push(identity.member(format!("n{node}")));
        }
        let view = View::genesis(members).map_err(|e| e.to_string())?;
        let keys = link_keys(plan)?;
        for node in 0..plan.nodes {
            let links = keys.iter().filter_map(|((one, two), key)| match node {
                _ if node == *one => Some((*two, *key)),
                _ if node == *two => Some((*one, *key)),
                _ => None,
            });
            let setup = Setup {
                index: node,
                ids: ids.clone(),
                links: links.collect(),
                liar: plan.is_liar(node),
            };
            write_setup(&node_dir(dir.path(), node), &setup, &view)?;
        }
        let (sender, heard) = channel();
        let (running, metrics) = (BTreeMap::new(), options.metrics);
        Ok((Self { dir, metrics, running, sender, heard }, view))
    }

    /// Starts a node for the `start`th time.
    ///
    /// # Errors
    /// A sentence about what failed.
    pub(crate) fn start(&mut self, node: usize, start: u32) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("n{node} could not be started: {error}.");
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Process::new(program)
            .arg("node")
            .arg("--dir")
            .arg(node_dir(self.dir.path(), node))
            .arg("--start")
            .arg(start.to_string())
            .args(self.metrics.into_iter().flat_map(|first| serving(first, node)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        if let Some(output) = output {
            let sender = self.sender.clone();
            std::thread::spawn(move || read(node, start, output, &sender));
        }
        self.running.insert(node, Running { child, input, start });
        Ok(())
    }

    /// Tells a node something. One that was killed hears nothing.
    ///
    /// # Errors
    /// When the node is gone without having been told to.
    pub(crate) fn tell(&mut self, node: usize, command: &Command) -> Result<(), String> {
        let Some(input) = self.running.get_mut(&node).and_then(|running| running.input.as_mut())
        else {
            return Ok(());
        };
        say(input, command).map_err(|error| format!("n{node} no longer listens: {error}."))
    }

    /// What a node says next, if anything until then.
    pub(crate) fn next(&self, until: Instant) -> Option<Heard> {
        self.heard.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    /// The processes that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = usize> {
        self.running.keys().copied()
    }

    /// Whether the node runs in this start of it.
    pub(crate) fn runs(&self, node: usize, start: u32) -> bool {
        self.running.get(&node).is_some_and(|running| running.start == start)
    }

    /// Kills a node: SIGKILL on Unix, so it has no chance to say goodbye or to write anything.
    ///
    /// # Errors
    /// A sentence about what failed.
    pub(crate) fn kill(&mut self, node: usize) -> Result<(), String> {
        let Some(mut running) = self.running.remove(&node) else { return Ok(()) };
        let killed = running.child.kill().and_then(|()| running.child.wait());
        killed.map(drop).map_err(|error| format!("n{node} could not be killed: {error}."))
    }

    /// Ends all nodes in peace. Tells how many ended by themselves and without complaint.
    pub(crate) fn end(mut self) -> usize {
        let mut running = std::mem::take(&mut self.running);
        for one in running.values_mut() {
            // The end of its input is the order to end, too.
            if let Some(mut input) = one.input.take() {
                let _told = say(&mut input, &Command::Stop);
            }
        }
        let deadline = Instant::now() + END;
        running.values_mut().filter_map(|one| wait(&mut one.child, deadline)).count()
    }
}

/// Waits for a process; one that takes too long is killed. Gives something if it ended well.
/// How a node is told where to answer Prometheus.
fn serving(first: SocketAddr, node: usize) -> [String; 2] {
    let port = first.port() + u16::try_from(node).unwrap_or(0);
    ["--metrics".to_owned(), SocketAddr::new(first.ip(), port).to_string()]
}

fn wait(child: &mut Child, deadline: Instant) -> Option<()> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success().then_some(()),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => {
                let _killed = child.kill().and_then(|()| child.wait());
                return None;
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for running in self.running.values_mut() {
            let _killed = running.child.kill().and_then(|()| running.child.wait());
        }
    }
}

fn node_dir(dir: &Path, node: usize) -> PathBuf {
    dir.join(format!("n{node}"))
}

fn write_setup(dir: &Path, setup: &Setup, view: &View) -> Result<(), String> {
    let json = serde_json::to_vec(setup).map_err(|e| e.to_string())?;
    fs::write(dir.join("setup.json"), json).map_err(|e| e.to_string())?;
    let view = view.to_bytes().map_err(|e| e.to_string())?;
    fs::write(dir.join("view"), view).map_err(|e| e.to_string())
}

fn link_keys(plan: &Plan) -> Result<BTreeMap<(usize, usize), [u8; 32]>, String> {
    let mut keys = BTreeMap::new();
    for link in plan.links() {
        let mut key = [0; 32];
        OsEntropy.fill(&mut key).map_err(|e| e.to_string())?;
        keys.insert(link, key);
    }
    Ok(keys)
}

/// Passes on what a node says until it ends.
fn read(node: usize, start: u32, output: ChildStdout, to: &Sender<Heard>) {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    // A line without an end is what a killed node did not finish saying.
    while output.read_line(&mut line).is_ok() && line.ends_with('\n') {
        let at = Instant::now();
        let what = match serde_json::from_str(&line) {
            Ok(notice) => What::Said(Box::new(notice)),
            Err(_) => What::Babbled(line.trim_end().to_owned()),
        };
        line.clear();
        if to.send(Heard { node, at, what }).is_err() {
            return;
        }
    }
    let _told = to.send(Heard { node, at: Instant::now(), what: What::Ended(start) });
}
