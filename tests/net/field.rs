//! A mesh of namespaces, cables and processes, and what a test does to it.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use meshward::{DurableStore, Identity, NodeId, OsEntropy, View};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::hostile::HOSTILE;
use crate::node::NODE;
use crate::plan::{MTU, PORT, Plan};
use crate::relay::{Job, RELAY};
use crate::said::Said;
use crate::space::Space;

/// When the line came, from which party, and what it was.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) by: usize,
    pub(crate) said: Said,
}

type Log = Arc<Mutex<Vec<Entry>>>;

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

pub(crate) struct Field {
    pub(crate) plan: Plan,
    log: Log,
    // Processes go before the namespaces that they are in, and the directory.
    processes: Vec<Option<Process>>,
    _relay: Process,
    spaces: Vec<Space>,
    air: Space,
    directory: TempDir,
}

impl Field {
    /// Builds the mesh, and waits until everybody hears everybody.
    pub(crate) fn start(plan: Plan) -> Self {
        let field = Self::build(plan);
        let begin = Instant::now();
        let took = field.wait("everybody hears everybody", 20_000, |_| field.all_hear(begin));
        println!("{} nodes hear each other after {} ms", field.plan.nodes, took.as_millis());
        field
    }

    /// Builds the mesh and starts its nodes. A stranger has to be [started](Self::run).
    pub(crate) fn build(plan: Plan) -> Self {
        // On the disk that the build is on; the one for temporary files may be memory.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let air = Space::new("air");
        let spaces = (0..plan.parties()).map(|party| Space::new(&party.to_string()));
        let spaces: Vec<_> = spaces.collect();
        lay_cables(&plan, &air, &spaces);
        let log = Log::default();
        let job = Job { cables: plan.cables.len(), delay_ms: plan.delay_ms };
        let job = serde_json::to_string(&job).unwrap();
        let relay = spawn(&air, "relay::relay_process", (RELAY, job), usize::MAX, &log);
        let mut field = Self {
            processes: (0..plan.parties()).map(|_| None).collect(),
            plan,
            log,
            _relay: relay,
            spaces,
            air,
            directory,
        };
        field.wait("the relay is ready", 10_000, |log| {
            log.iter().any(|one| one.said == Said::Ready)
        });
        field.make_identities();
        (0..field.plan.nodes).for_each(|node| field.run(node));
        field
    }

    fn make_identities(&self) {
        let id = |node: usize| NodeId::from_bytes([u8::try_from(node).unwrap() + 1; 32]);
        let ids: Vec<_> = (0..self.plan.nodes).map(id).collect();
        let members = (0..self.plan.parties()).filter_map(|party| {
            let setup = serde_json::to_vec(&self.plan.setup(party, &ids)).unwrap();
            fs::create_dir(self.path(party)).unwrap();
            fs::write(self.path(party).join("setup"), setup).unwrap();
            let store = || DurableStore::open(&self.path(party).join("store")).unwrap();
            let make = |id: &NodeId| Identity::create(&store(), *id, self.plan.suite, &OsEntropy);
            ids.get(party).map(|id| make(id).unwrap().member(format!("n{party}")))
        });
        let view = View::genesis(members.collect()).unwrap().to_bytes().unwrap();
        (0..self.plan.nodes)
            .for_each(|node| fs::write(self.path(node).join("view"), &view).unwrap());
    }

    fn path(&self, party: usize) -> PathBuf {
        self.directory.path().join(party.to_string())
    }

    /// Starts the process of a party, with whatever is on its disk.
    pub(crate) fn run(&mut self, party: usize) {
        let (test, variable) = match party < self.plan.nodes {
            true => ("node::node_process", NODE),
            false => ("hostile::hostile_process", HOSTILE),
        };
        let path = self.path(party).into_os_string().into_string().unwrap();
        let process = spawn(&self.spaces[party], test, (variable, path), party, &self.log);
        self.processes[party] = Some(process);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, party: usize) {
        drop(self.processes[party].take().unwrap());
    }

    /// Pulls the cables between these, or plugs them in again.
    pub(crate) fn plug(&self, cables: &[(usize, usize)], way: Plug) {
        let way = if way == Plug::In { "up" } else { "down" };
        let ends = self.interfaces(cables);
        self.air.ip(&ends.iter().fold(String::new(), |mut commands, end| {
            writeln!(commands, "link set {end} {way}").unwrap();
            commands
        }));
    }

    /// Has the air drop all that these cables carry.
    pub(crate) fn cut(&self, cables: &[(usize, usize)]) {
        let ends = self.interfaces(cables).join(", ");
        let rule = format!("iifname {{ {ends} }} drop");
        self.air.nft(&table("cut", &rule));
    }

    pub(crate) fn heal(&self) {
        self.air.nft("delete table inet cut\n");
    }

    /// The air's ends of these cables.
    fn interfaces(&self, cables: &[(usize, usize)]) -> Vec<String> {
        let place = |wanted| self.plan.cables.iter().position(|cable| cable == wanted).unwrap();
        let ends = |cable| [0, 1].map(|side| air_name(cable, side));
        cables.iter().map(place).flat_map(ends).collect()
    }

    /// How many fragments of IP the air refused.
    pub(crate) fn fragments_refused(&self) -> u64 {
        counts(&self.air, "frag exists").iter().sum()
    }

    /// How many datagrams the cables lost, and how many were on their way.
    pub(crate) fn lost(&self) -> (u64, u64) {
        let counts = self.spaces.iter().map(|space| counts(space, "udp dport"));
        counts.fold((0, 0), |(lost, all), of_one| {
            let [before, after] = of_one[..] else { panic!("{of_one:?}") };
            (lost + before - after, all + before)
        })
    }

    /// What was said since then.
    pub(crate) fn since(&self, begin: Instant) -> Vec<Entry> {
        self.log.lock().iter().filter(|one| one.at >= begin).cloned().collect()
    }

    /// Whether this was said by this party since then.
    pub(crate) fn said(&self, by: usize, begin: Instant, wanted: impl Fn(&Said) -> bool) -> bool {
        let log = self.log.lock();
        let newest = log.iter().rev().take_while(|one| one.at >= begin);
        newest.filter(|one| one.by == by).any(|one| wanted(&one.said))
    }

    /// How many beacons of `of` came to `at` since then.
    pub(crate) fn heard(&self, at: usize, of: usize, begin: Instant) -> usize {
        let is_one =
            |one: &&Entry| one.at >= begin && one.by == at && one.said == Said::Heard { of };
        self.log.lock().iter().filter(is_one).count()
    }

    /// Whether each node that runs has heard each other since then.
    pub(crate) fn all_hear(&self, begin: Instant) -> bool {
        let running = || (0..self.plan.nodes).filter(|node| self.processes[*node].is_some());
        running().all(|at| running().all(|of| at == of || self.heard(at, of, begin) > 0))
    }

    /// Whether each node, when it last told its status, knew nobody to have failed.
    pub(crate) fn none_failed(&self) -> bool {
        let log = self.log.lock();
        (0..self.plan.nodes).all(|node| {
            let mut of_node = log.iter().rev().filter(|one| one.by == node);
            let failed = of_node.find_map(|one| match &one.said {
                Said::Status { failed, .. } => Some(failed),
                _ => None,
            });
            failed.is_some_and(Vec::is_empty)
        })
    }

    /// Waits until it is so; panics after `most_ms`.
    pub(crate) fn wait(
        &self,
        what: &str,
        most_ms: u64,
        is_so: impl Fn(&[Entry]) -> bool,
    ) -> Duration {
        let begin = Instant::now();
        loop {
            let log = self.log.lock().clone();
            if is_so(&log) {
                return begin.elapsed();
            }
            if begin.elapsed() > Duration::from_millis(most_ms) {
                panic!("not so after {most_ms} ms: {what}\n{}", self.summary());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets the mesh go on for a while.
    pub(crate) fn go_on(&self, time_ms: u64) {
        thread::sleep(Duration::from_millis(time_ms));
    }

    /// All that was said but beacons, and the newest status of each.
    fn summary(&self) -> String {
        let log = self.log.lock();
        let is_news = |one: &&Entry| !matches!(one.said, Said::Heard { .. } | Said::Status { .. });
        let mut text = String::new();
        let status = (0..self.plan.nodes).filter_map(|node| {
            let of_node = |one: &&Entry| one.by == node && matches!(one.said, Said::Status { .. });
            log.iter().rfind(of_node)
        });
        for one in log.iter().filter(is_news).chain(status) {
            let ago = one.at.elapsed().as_millis();
            writeln!(text, "{ago} ms ago {}: {:?}", one.by, one.said).unwrap();
        }
        text
    }

    /// Nobody honest is held guilty of anything: no member anywhere, and no link between members.
    pub(crate) fn assert_nobody_is_blamed(&self) {
        for one in self.log.lock().iter() {
            let blamed = match &one.said {
                Said::Quarantined { of, .. } => Some(*of),
                Said::LinkQuarantined { to, .. } => Some(*to),
                _ => None,
            };
            assert!(blamed.is_none_or(|who| who >= self.plan.nodes), "{}: {:?}", one.by, one.said);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plug {
    Out,
    In,
}

fn air_name(cable: usize, side: usize) -> String {
    format!("c{cable}s{side}")
}

/// A table with rules for all that arrives, ahead of anything that would put fragments together.
fn table(name: &str, rules: &str) -> String {
    format!(
        "table inet {name} {{\n chain arrives {{\n  type filter hook prerouting priority -450;\n\
         {rules}\n }}\n}}\n"
    )
}

/// Each cable is two of veth, from an end to the air and from the air to the other end.
fn lay_cables(plan: &Plan, air: &Space, spaces: &[Space]) {
    for (cable, (one, other)) in plan.cables.iter().enumerate() {
        for (side, (me, to)) in [(one, other), (other, one)].into_iter().enumerate() {
            let (party, ours) = (&spaces[*me], air_name(cable, side));
            air.ip(&format!(
                "link add {ours} mtu {MTU} type veth peer name to{to} netns {} mtu {MTU}\n\
                 addr add fd00:{cable:x}:{side}::1/64 dev {ours} nodad\nlink set {ours} up\n",
                party.name()
            ));
            party.ip(&format!(
                "addr add fd00:{cable:x}:{side}::2/64 dev to{to} nodad\nlink set to{to} up\n"
            ));
        }
    }
    // As many networks do (RFC 8900). The sender's kernel cuts what is longer than the MTU, whatever the MTU
    // of the cables, so this is what makes it not fit.
    let fragments = "exthdr frag exists counter drop";
    air.nft(&table("cables", fragments));
    // Counted before and after.
    let loss = format!(
        "udp dport {PORT} counter\n\
         udp dport {PORT} numgen random mod 1000 < {} drop\n\
         udp dport {PORT} counter",
        plan.loss
    );
    spaces.iter().for_each(|space| space.nft(&table("cables", &format!("{fragments}\n{loss}"))));
}

/// How many packets met each rule that counts them and has these words in it.
fn counts(space: &Space, words: &str) -> Vec<u64> {
    let rules = space.output(&["nft", "list", "table", "inet", "cables"]);
    let rules = rules.lines().filter(|rule| rule.contains(words));
    let counts = rules.filter_map(|rule| rule.split_once("counter packets "));
    counts.map(|(_, count)| count.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

fn spawn(space: &Space, test: &str, variable: (&str, String), by: usize, log: &Log) -> Process {
    let program = std::env::current_exe().unwrap();
    let mut command: Command = space.command(program.to_str().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(variable.0, variable.1);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let log = log.clone();
    thread::spawn(move || {
        let tell = |said| log.lock().push(Entry { at: Instant::now(), by, said });
        // The test harness says things, too; a kill cuts the last line off.
        let said = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
        said.for_each(tell);
        tell(Said::Ended);
    });
    Process(child)
}
