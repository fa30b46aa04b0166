//! What a caller asked for and cannot have.

use std::sync::Arc;

use meshward::gossip::GossipConfig;
use meshward::id::ViewNumber;
use meshward::reputation::Reputation;
use meshward::store::{Batch, Table};
use meshward::wire::{Header, Kind, MAX_BODY_LEN};
use meshward::{
    Change, Config, Core, CriticalEvent, Digest, DiskTrust, Epoch, Error, Identity, LinkId,
    MemoryStore, Misuse, NodeId, Nonce, OsEntropy, RolloutConfig, Rule, Store, Suite, View,
};

use crate::provoked::Provoked;
use crate::support::{Mesh, id, link};

const STRANGER: NodeId = NodeId::from_bytes([0xee; 32]);

/// Each is met over the public API and says why; none is held against the member it is about.
#[test]
fn every_misuse_is_provoked() {
    for suite in Suite::available() {
        let mut met = Provoked::of("Misuse", include_str!("../../src/keyring/error.rs"));
        starting(suite, &mut met);
        sending(suite, &mut met);
        reporting(suite, &mut met);
        rotating(suite, &mut met);
        staging(suite, &mut met);
        met.elsewhere("NoncesExhausted", "in the crate: 2^32 messages take too long");
        met.elsewhere("OtherSelf", "among the attacks: K3");
        met.assert_all();
    }
}

fn misuse(result: Result<impl std::fmt::Debug, impl Into<Error>>) -> Misuse {
    match result.map_err(Into::into) {
        Err(Error::Misuse(misuse)) => misuse,
        other => panic!("no misuse: {other:?}"),
    }
}

fn starting(suite: Suite, met: &mut Provoked) {
    let mesh = Mesh::new(suite, 4);
    let start = |identity, store: &dyn Store, config| {
        let view: Arc<View> = Arc::clone(&mesh.view);
        Core::start(config, view, identity, store, Arc::new(OsEntropy), mesh.now)
    };
    let create = |store: &MemoryStore, node| Identity::create(store, node, suite, &OsEntropy);

    let empty = MemoryStore::new();
    met.meet(&misuse(Identity::load(&empty)), "the store holds no identity");
    let store = MemoryStore::new();
    let stranger = create(&store, STRANGER).unwrap();
    let exists = misuse(create(&store, id(0)));
    assert_eq!(exists, Misuse::IdentityExists(STRANGER));
    met.meet(&exists, &format!("the store already holds the identity of {STRANGER}"));
    let outside = misuse(start(stranger, &store, Config::default()));
    assert_eq!(outside, Misuse::NotAMember(STRANGER));
    met.meet(&outside, &format!("{STRANGER} is no member of the view"));

    let store = MemoryStore::new();
    let foreign = misuse(start(create(&store, id(0)).unwrap(), &store, Config::default()));
    assert_eq!(foreign, Misuse::ForeignKey(Epoch::FIRST));
    let says = format!("the view does not know the key of this node for epoch {}", Epoch::FIRST);
    met.meet(&foreign, &says);

    let disk = &mesh.nodes[0].disk;
    let mut last_boot = Batch::new();
    last_boot.put(Table::Boot, b"boot", &u32::MAX.to_le_bytes());
    disk.apply(&last_boot).unwrap();
    let used_up = misuse(start(Identity::load(disk).unwrap(), disk, Config::default()));
    assert_eq!(used_up, Misuse::CounterExhausted("boot counter"));
    met.meet(&used_up, "the boot counter is used up");

    let config = Config { grace_ms: 3_600_001, ..Config::default() };
    let disk = &mesh.nodes[1].disk;
    let config = misuse(start(Identity::load(disk).unwrap(), disk, config));
    met.meet(&config, "configuration: grace_ms is 3600001, it may be 0 to 3600000");
}

fn sending(suite: Suite, met: &mut Provoked) {
    let gossip = GossipConfig { links: 1, ..GossipConfig::default() };
    let mesh = Mesh::with(suite, 4, Config { gossip, ..Config::default() });
    let core = mesh.guard(0).core();
    let found = MAX_BODY_LEN + 1;
    let long = misuse(core.sign_message(Kind::RouteUpdate, &vec![0; found], mesh.now));
    assert_eq!(long, Misuse::BodyTooLong { found, limit: MAX_BODY_LEN });
    let doubtful = Config { disk: DiskTrust::MayBeRolledBack, ..Config::default() };
    let doubtful = Mesh::with(suite, 4, doubtful);
    let unconfirmed = misuse(doubtful.guard(0).core().sign_beacon(b"here", doubtful.now));
    assert_eq!(unconfirmed, Misuse::Unconfirmed);
    met.meet(&unconfirmed, "no quorum has witnessed the number of this start yet");
    met.meet(&long, &format!("a body of {found} bytes, {MAX_BODY_LEN} are allowed"));
    for _ in 0..20 {
        core.sign_beacon(b"here", mesh.now).unwrap();
    }
    let fast = misuse(core.sign_beacon(b"here", mesh.now));
    assert_eq!(fast, Misuse::RateExceeded { wait_ms: 100 });
    met.meet(&fast, "the sending rate is used up; try again in 100 ms");
    // The wait that it names is enough.
    core.sign_beacon(b"here", mesh.now.after(100)).unwrap();
    mesh.guard(0).reserve_link(LinkId(1), mesh.now).unwrap();
    let full = misuse(mesh.guard(0).reserve_link(LinkId(2), mesh.now));
    assert_eq!(full, Misuse::NoPlaceLeft { links: 1 });
    met.meet(&full, "all 1 places for links are reserved");
}

fn reporting(suite: Suite, met: &mut Provoked) {
    let mesh = Mesh::new(suite, 4);
    let report = |node| misuse(mesh.guard(0).report_node_failure(node, mesh.now));
    let unknown = report(STRANGER);
    assert_eq!(unknown, Misuse::UnknownSubject(STRANGER));
    met.meet(&unknown, &format!("{STRANGER}, which the event is about, is no member"));
    met.meet(&report(id(0)), "a node does not attest its own failure");
    let early = report(id(1));
    let (ago_ms, needed_ms) = (0, 3_000);
    assert_eq!(early, Misuse::NotSilent { subject: id(1), ago_ms, needed_ms });
    let says = format!("{} was heard 0 ms ago, a failure is reported after 3000 ms", id(1));
    met.meet(&early, &says);
    let liar = mesh.steal(3);
    let header = liar.header(Kind::Beacon, Nonce { boot: 1, sequence: 1 });
    let elsewhere = liar.frame(Header { view: ViewNumber(9), ..header }, b"");
    assert!(mesh.give(0, link(3), &elsewhere).is_err());
    let unasked = misuse(mesh.guard(0).report_node_failure(id(3), mesh.now.after(3_000)));
    assert_eq!(unasked, Misuse::NotAsked(id(3)));
    let says = "may be alive and is refused or late here: it has not been asked for long enough";
    met.meet(&unasked, &format!("{} {says}", id(3)));

    let proposal = |content: u8| CriticalEvent::GovernanceProposal {
        topic: Digest::from_bytes([9; 32]),
        sequence: 1,
        content: Digest::from_bytes([content; 32]),
    };
    let vote = |content| mesh.guard(0).report_critical_event(proposal(content), mesh.now);
    for content in 1..=16 {
        vote(content).unwrap();
    }
    met.meet(&misuse(vote(17)), "too many proposals are undecided here");
    let other = CriticalEvent::GovernanceProposal {
        topic: Digest::from_bytes([8; 32]),
        sequence: 1,
        content: Digest::from_bytes([1; 32]),
    };
    // Signed with its key, and it knows nothing of it.
    assert!(mesh.give(0, link(1), &mesh.steal(0).attest(&other)).is_err());
    let forgotten = misuse(mesh.guard(0).report_critical_event(other, mesh.now));
    let says = "this node does not know what it voted in that slot, and abstains";
    met.meet(&forgotten, says);
    let stranger = Change::of(&mesh.view).leave(STRANGER);
    let change = misuse(mesh.guard(0).propose_change(stranger, mesh.now));
    met.meet(&change, &format!("the change of the members: {STRANGER} is no member"));
    let nobody = CriticalEvent::TopologyPartition { unreachable: Vec::new() };
    let nonsense = misuse(mesh.guard(0).report_critical_event(nobody, mesh.now));
    let says = "the event makes no sense: a partition names 1 to 128 members";
    met.meet(&nonsense, says);
    for place in 0..4 {
        let score = mesh.guard(0).core().reputation(&id(place), mesh.now);
        assert_eq!(score, Reputation::FULL);
    }
}

fn rotating(suite: Suite, met: &mut Provoked) {
    let mesh = Mesh::new(suite, 4);
    let core = mesh.guard(0).core();
    let _not_yet_durable = core.rotate_keys(suite).unwrap();
    met.meet(&misuse(core.rotate_keys(suite)), "a rotation is under way");

    // Made by a build without the suite, as far as this one can tell.
    let mesh = Mesh::new(suite, 4);
    let mut without = Batch::new();
    without.delete(Table::Identity, &[b"next/".as_slice(), &[suite.code()]].concat());
    mesh.nodes[0].disk.apply(&without).unwrap();
    let identity = Identity::load(&mesh.nodes[0].disk).unwrap();
    let (view, entropy) = (Arc::clone(&mesh.view), Arc::new(OsEntropy));
    let disk = &mesh.nodes[0].disk;
    let core = Core::start(Config::default(), view, identity, disk, entropy, mesh.now).unwrap();
    let says = format!("this node's key commits to no next key of {suite}");
    met.meet(&misuse(core.rotate_keys(suite)), &says);

    // Its secrets are in use elsewhere.
    let mesh = Mesh::new(suite, 4);
    let closing = Nonce { boot: 1, sequence: 9_999 };
    let taken = mesh.steal(0).rotate(suite, closing).0;
    mesh.give(0, link(1), &taken).unwrap();
    let superseded = misuse(mesh.guard(0).rotate_keys(suite, mesh.now));
    met.meet(&superseded, "this node's keys were taken over elsewhere");
    let mesh = Mesh::new(suite, 4);
    let other = mesh.steal(0).rotate(suite, closing).0;
    mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
    mesh.give(0, link(1), &other).unwrap();
    let frozen = misuse(mesh.guard(0).rotate_keys(suite, mesh.now));
    met.meet(&frozen, "the keys of this node are frozen until they are recovered");

    let [weak, strong] = [Suite::Dilithium3, Suite::MlDsa65];
    if Suite::available().count() < Suite::ALL.len() {
        return met.elsewhere("Downgrade", "a build with both suites");
    }
    let mesh = Mesh::new(strong, 4);
    let down = misuse(mesh.guard(0).core().rotate_keys(weak));
    assert_eq!(down, Misuse::Downgrade { from: strong, to: weak });
    met.meet(&down, &format!("rotating from {strong} back to {weak} is a downgrade"));
}

fn staging(suite: Suite, met: &mut Provoked) {
    let mesh = Mesh::new(suite, 4);
    let none = misuse(mesh.guard(0).promote(Rule::Signatures, mesh.now));
    met.meet(&none, "this node has no rollout");
    let config = Config { rollout: Some(RolloutConfig::default()), ..Config::default() };
    let mesh = Mesh::with(suite, 4, config);
    let core = mesh.guard(0).core();
    let _not_yet_durable = core.promote(Rule::Signatures, mesh.now).unwrap();
    let changing = misuse(core.promote(Rule::Signatures, mesh.now));
    met.meet(&changing, "a change of that rule's stage is being written");
}
