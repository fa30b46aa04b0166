//! Five nodes of a mesh with real SPIRE: three servers that share one PostgreSQL, two agents behind a balancer.
//! They enrol. Servers and agents are killed and stopped, the database is restarted, the CA is changed, and no
//! node is ever without its identity or unheard by another.
//!
//! `tests/spire/prepare` gets what it needs. Then, as root (each workload is a user of its own):
//! `cargo test --release --features spiffe --test spire_ha -- --ignored --nocapture`.

#![cfg(unix)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod node;
mod workload;
mod world;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use meshward::identity::{Admissions, JoinPolicy, removed};
use meshward::spire::{
    Endpoint, PoolConfig, ServerAddress, ServerPool, SourceConfig, TrustDomain, WorkloadSource,
    trust_bundles,
};
use meshward::{
    Change, Identity, Member, MemoryStore, NodeId, OsEntropy, SpiffeId, Suite, View, ViewNumber,
};
use tokio::runtime::Runtime;
use workload::{Workload, all_renew, all_say};
use world::{TRUST_DOMAIN, World, id, is_ready, until};

/// The first of the users that the workloads are.
const USER: u32 = 61_001;

struct Pool {
    pool: ServerPool,
    source: WorkloadSource,
    runtime: Runtime,
}

impl Pool {
    /// As the test's own user, whose entry has `admin` set.
    fn start(world: &World) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let sockets = world.agents.iter().map(|agent| agent.socket.to_str().unwrap());
        let endpoints = sockets.map(|path| Endpoint::parse(&format!("unix:{path}")).unwrap());
        let (source, _) = WorkloadSource::start(SourceConfig::new(endpoints)).unwrap();
        let address =
            |server: &world::Server| ServerAddress { api: server.api, ready: Some(server.ready) };
        let servers = world.servers.iter().map(address).collect();
        let config = PoolConfig::new(TrustDomain::new(TRUST_DOMAIN).unwrap(), servers);
        let (pool, _) = ServerPool::start(config, &source).unwrap();
        drop(guard);
        Self { pool, source, runtime }
    }

    /// How many servers it uses.
    fn up(&self) -> usize {
        self.pool.health().iter().filter(|(_, fault)| fault.is_none()).count()
    }

    /// Calls for four seconds after `cause`: how many failed, of how many, and how long the longest took.
    fn calls(&self, what: &str, cause: impl FnOnce()) {
        cause();
        let (started, mut longest) = (Instant::now(), Duration::ZERO);
        let (mut made, mut failed) = (0, 0);
        while started.elapsed() < Duration::from_secs(4) {
            let began = Instant::now();
            made += 1;
            if let Err(error) = self.runtime.block_on(self.pool.bundle()) {
                println!("  {what}: {error}");
                failed += 1;
            }
            longest = longest.max(began.elapsed());
            thread::sleep(Duration::from_millis(10));
        }
        println!("{what}: {failed} of {made} calls failed, the longest took {longest:?}");
        assert_eq!(failed, 0, "{what}");
    }

    fn entries(&self) -> BTreeSet<SpiffeId> {
        self.runtime.block_on(self.pool.entries()).unwrap()
    }
}

#[test]
#[ignore = "needs root and what tests/spire/prepare gets"]
fn identities_outlive_servers_and_agents() {
    // Agents renew at half of it.
    let mut world = World::new("30s");
    let names: Vec<_> = (1..=5).map(|node| format!("node/{node}")).collect();
    let mut entries = Vec::new();
    for ((at, name), user) in names.iter().enumerate().zip(USER..) {
        // Any server may be told.
        entries.push(world.enter(at % 3, name, user, &[]));
    }
    world.enter(0, "admin", 0, &["-admin"]);
    // The agents learn of them one after the other, and a workload stays with the one that served it first.
    for user in (USER..).take(names.len()) {
        until("both agents serve it", || (0..2).all(|agent| world.serves(agent, user)));
    }
    let genesis = genesis();
    let start = |(node, user)| Workload::start(&world, &genesis, node, user);
    let mut workloads: Vec<_> = (1..=5).zip(USER..).map(start).collect();
    for (workload, name) in workloads.iter().zip(&names) {
        let line = format!("svid {} ", id(name));
        until("an SVID", || !workload.said(&line).is_empty());
    }
    let first = ["event Recovered { by: 0 }"];
    workloads.iter().for_each(|workload| assert_eq!(workload.said("event"), first));
    println!("five workloads have their SVIDs, of the first agent");
    an_impostor_gets_none(&world, &genesis);

    let pool = Pool::start(&world);
    until("all servers are used", || pool.up() == 3);
    assert!(names.iter().all(|name| pool.entries().contains(&spiffe_id(name))));
    let view = all_enrol(&genesis, &workloads, &pool);
    assert!(removed(&view, &pool.entries()).is_empty());
    found_a_mesh(&view, &mut workloads);

    pool.calls("one server killed", || world.servers[0].process.kill());
    println!("renewed within {:?}", all_renew(&workloads));
    pool.calls("two servers killed", || world.servers[1].process.kill());
    println!("renewed within {:?}", all_renew(&workloads));
    world.servers[2].process.kill();
    until("no server is used", || pool.up() == 0);
    println!("all servers killed: {}", pool.runtime.block_on(pool.pool.bundle()).unwrap_err());
    thread::sleep(Duration::from_secs(2));
    assert!(workloads.iter().all(|workload| workload.said("gap").is_empty()));
    for server in &mut world.servers {
        server.process.start();
    }
    println!("started again: used after {:?}", until("servers are used", || pool.up() == 3));
    println!("renewed within {:?}", all_renew(&workloads));

    pool.calls("one server stopped", || world.servers[2].process.signal("STOP"));
    println!("renewed within {:?}", all_renew(&workloads));
    world.servers[2].process.signal("CONT");
    until("all servers are used", || pool.up() == 3);

    // Servers are no business of the workloads, and signs of life do not trouble an agent.
    for workload in &workloads {
        assert_eq!(workload.said("event FailedOver"), [""; 0]);
        assert_eq!(workload.said("event Degraded"), [""; 0]);
    }
    agents_are_lost(&mut world, &workloads);
    the_ca_is_changed(&world, &pool, &workloads);
    all_enrol(&genesis, &workloads, &pool);

    world.postgres("-m fast -w restart");
    println!("database restarted: used after {:?}", until("servers are used", || pool.up() == 3));
    until("servers are ready", || world.servers.iter().all(|server| is_ready(server.ready)));
    println!("renewed within {:?}", all_renew(&workloads));
    for workload in &workloads {
        assert_eq!(workload.said("gap"), [""; 0]);
    }

    // All heard all others all the time.
    for workload in &workloads {
        assert_eq!(workload.said("hears").last().unwrap(), "hears 4");
        assert!(workload.said("hears").is_sorted(), "{:?}", workload.said("hears"));
    }
    // Who loses its entry stays a member until the others expel it.
    let gone = workloads.pop().unwrap();
    world.server(1, "entry delete", &["-entryID", &entries[4]]);
    let took = until("it is denied", || !gone.said("gap").is_empty());
    println!("entry removed: denied after {took:?}");
    assert_eq!(gone.said("gap"), ["gap this workload has no registration entry for its identity"]);
    assert_eq!(removed(&view, &pool.entries()), [NodeId::from_bytes([5; 32])]);
    assert!(workloads.iter().all(|workload| workload.said("gap").is_empty()));
}

fn spiffe_id(path: &str) -> SpiffeId {
    id(path).parse().unwrap()
}

/// A mesh of one founder, that the five are to join.
fn genesis() -> View {
    let founder = NodeId::from_bytes([200; 32]);
    let founder = Identity::create(&MemoryStore::new(), founder, Suite::MlDsa65, &OsEntropy);
    View::genesis(vec![founder.unwrap().member("founder")]).unwrap()
}

/// The view in which all of them are members, by what they asked for with the SVIDs that they have now.
fn all_enrol(genesis: &View, workloads: &[Workload], pool: &Pool) -> View {
    let policy = JoinPolicy::default().allow_under(spiffe_id("node"));
    let desk = Admissions::new(policy, 8);
    let context = pool.source.current().unwrap();
    let (bundles, unread) = trust_bundles(context.bundle_set());
    assert_eq!(unread, []);
    let join = |change: Change, workload: &Workload| {
        let asked = workload.enrolment();
        change.join(desk.consider(&asked, genesis, &bundles, SystemTime::now()).unwrap())
    };
    let change = workloads.iter().fold(Change::of(genesis), join);
    desk.permits(genesis, &change, &bundles, SystemTime::now()).unwrap();
    genesis.changed(&change, Vec::new()).unwrap()
}

/// Those that are bound to a SPIFFE id in `view` found a mesh, under the records that were enrolled.
fn found_a_mesh(view: &View, workloads: &mut [Workload]) {
    let enrolled = view.members().iter().filter(|member| member.spiffe_id.is_some());
    let founders = enrolled.map(|member| Member { joined: ViewNumber(0), ..member.clone() });
    let mesh = View::genesis(founders.collect()).unwrap();
    assert_eq!(mesh.len(), workloads.len());
    let ports: Vec<_> = workloads.iter().map(Workload::port).collect();
    for (workload, own) in workloads.iter_mut().zip(&ports) {
        let peers: Vec<_> = ports.iter().filter(|port| *port != own).cloned().collect();
        workload.join(&mesh, &peers);
    }
    for workload in workloads {
        until("it hears all others", || workload.said("hears 4").len() == 1);
    }
    println!("five nodes are a mesh and hear one another");
}

fn an_impostor_gets_none(world: &World, genesis: &View) {
    let impostor = Workload::start(world, genesis, 99, USER + 98);
    until("it is denied", || !impostor.said("event Denied").is_empty());
    assert_eq!(impostor.said("svid"), [""; 0]);
}

fn agents_are_lost(world: &mut World, workloads: &[Workload]) {
    let failed_over = "event FailedOver";
    let took = all_say(workloads, failed_over, || world.agents[0].process.kill());
    println!("agent killed: the last workload failed over after {took:?}");
    until("it serves again", || {
        world.agents[0].process.keep();
        world.is_healthy(0)
    });
    let took = all_say(workloads, failed_over, || world.agents[1].process.signal("STOP"));
    println!("agent stopped: the last workload failed over after {took:?}");
    world.agents[1].process.signal("CONT");
    until("it serves again", || world.is_healthy(1));
}

fn the_ca_is_changed(world: &World, pool: &Pool, workloads: &[Workload]) {
    let before = workloads[0].holds().1;
    world.server(0, "localauthority x509 prepare", &[]);
    let told = until("a new authority", || workloads.iter().all(|one| one.holds().1 > before));
    let shown = world.server(0, "localauthority x509 show", &["-output", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let authority = shown["prepared"]["authority_id"].as_str().unwrap();
    world.server(0, "localauthority x509 activate", &["-authorityID", authority]);
    println!("a new CA: told to all workloads after {told:?}, and activated");
    println!("renewed within {:?}", all_renew(workloads));
    pool.calls("a new CA", || {});
    until("all servers are used", || pool.up() == 3);
}
