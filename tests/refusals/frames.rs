//! Why packets and frames are refused.

use meshward::gossip::GossipConfig;
use meshward::id::ViewNumber;
use meshward::limit::Rate;
use meshward::reputation::Offence;
use meshward::wire::{Header, Kind, WireError};
use meshward::{Config, Epoch, MeshId, NodeId, Nonce, Refusal, SentAt, Suite};

use crate::payment::{OVER, Pays, Refusals, V};
use crate::provoked::Provoked;
use crate::support::{Liar, Mesh, id, with_signature};

/// Whose name is used.
const X: usize = 0;

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}

/// Seven members, in each call anew, whose links have room for a few packets and checks.
fn mesh(suite: Suite, met: &mut Provoked) -> Refusals<'_> {
    mesh_at(GossipConfig::default().origin_rate, suite, met)
}

/// The same, in which each may send at `origin_rate`.
fn mesh_at(origin_rate: Rate, suite: Suite, met: &mut Provoked) -> Refusals<'_> {
    let rate = |per_second, burst| Rate { per_second, burst };
    let gossip = GossipConfig {
        link_packets: rate(1, 1),
        link_checks: rate(20, 100),
        newcomer_checks: rate(20, 100),
        origin_rate,
        ..GossipConfig::default()
    };
    let mut mesh = Mesh::with(suite, 7, Config { gossip, ..Config::default() });
    mesh.foretells = true;
    Refusals { mesh, met }
}

pub(crate) fn refused(suite: Suite, met: &mut Provoked) {
    unreadable(suite, met);
    out_of_place(suite, met);
    untrue(suite, met);
    too_late(suite, met);
    too_much(suite, met);
    of_the_quarantined(suite, met);
}

fn unreadable(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let short = WireError::Truncated { needed: 2, found: 1 };
    at.refuse(
        [vec![1]],
        &Refusal::Malformed(short),
        "malformed: the packet ends after 1 bytes where 2 are needed",
        Pays::TheLink(Offence::Malformed),
    );
    at.refuse(
        [vec![9, 1, 1]],
        &Refusal::NotUnderstood(WireError::Version { found: 9 }),
        "not understood: packet format version 9 is not the one known here",
        Pays::Nobody,
    );
}

fn out_of_place(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let x = at.mesh.steal(X);
    let header = x.header(Kind::RouteUpdate, nonce(1));
    let other = MeshId::from_bytes([9; 32]);
    at.refuse(
        [x.frame(Header { mesh: other, ..header.clone() }, b"")],
        &Refusal::OtherMesh(other),
        &format!("it is meant for mesh {other}"),
        Pays::Nobody,
    );
    let stranger = NodeId::from_bytes([0xee; 32]);
    at.refuse(
        [x.frame(Header { origin: stranger, ..header.clone() }, b"")],
        &Refusal::UnknownOrigin(stranger),
        &format!("{stranger} is no member"),
        Pays::Nobody,
    );
    let epoch = Epoch { recovery: 0, operational: 7 };
    at.refuse(
        [x.frame(Header { epoch, ..header.clone() }, b"")],
        &Refusal::UnknownKey { origin: id(X), epoch },
        &format!("the key of {} for epoch {epoch} is unknown here", id(X)),
        Pays::Nobody,
    );
    at.refuse(
        [x.frame(Header { view: ViewNumber(9), ..header.clone() }, b"")],
        &Refusal::OtherView { found: ViewNumber(9), current: ViewNumber(0) },
        "it belongs to view 9, the current one is 0",
        Pays::Nobody,
    );
    let own = at.mesh.beacon(V);
    at.refuse([own], &Refusal::Own, "it is this node's own", Pays::Nobody);
    let before = at.standing();
    let update = x.frame(header, b"no beacon");
    let refusal = at.mesh.guard(V).verify_beacon(OVER, &update, at.mesh.now).unwrap_err();
    assert_eq!(refusal, Refusal::NotABeacon);
    at.met.meet(&refusal, "it is no beacon");
    at.assert_paid(&before, &refusal, Pays::Nobody);
}

fn untrue(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let x = at.mesh.steal(X);
    let mut other_body = x.beacon(nonce(1), b"here");
    *other_body.last_mut().unwrap() ^= 1;
    let says = "its body does not match its header";
    let pays = Pays::TheLink(Offence::BodyMismatch);
    at.refuse([other_body], &Refusal::BodyMismatch, says, pays);
    let junk = vec![7; suite.signature_len()];
    let forged = with_signature(x.header(Kind::Beacon, nonce(2)), &junk, b"");
    let says = "its signature does not hold";
    let pays = Pays::TheLink(Offence::BadSignature);
    at.refuse([forged], &Refusal::BadSignature, says, pays);
    let halves = [b"a", b"b"].map(|body| x.beacon(nonce(5), body));
    let says = "its origin signed something else under the same nonce";
    at.refuse(halves, &Refusal::Equivocation, says, Pays::Member(X, Offence::Equivocation));
}

fn too_late(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let x = at.mesh.steal(X);
    let beacon = x.beacon(nonce(2_000), b"here");
    at.give(std::slice::from_ref(&beacon));
    at.refuse([beacon], &Refusal::Duplicate, "it was taken before", Pays::Nobody);
    let old = x.beacon(nonce(9), b"here");
    let says = "its nonce was used before or is too old to tell";
    at.refuse([old], &Refusal::Replay, says, Pays::Nobody);

    let mut at = mesh(suite, at.met);
    at.mesh.restart(V);
    let update = at.mesh.steal(X).beacon(nonce(1), b"here");
    let says =
        "its origin has not answered since this node started, so it may have been taken before";
    at.refuse([update], &Refusal::Unproven, says, Pays::Nobody);

    let mut at = mesh(suite, at.met);
    let x = at.mesh.steal(X);
    let (rotation, _) = x.rotate(suite, nonce(9));
    assert!(at.mesh.give(V, OVER, &rotation).is_ok());
    let says = "its nonce lies beyond the end of its key epoch";
    let beyond = x.beacon(nonce(10), b"here");
    at.refuse([beyond], &Refusal::ClosedEpoch, says, Pays::Nobody);
}

fn too_much(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let x = at.mesh.steal(X);
    let beacon = x.beacon(nonce(1), b"here");
    let says = "its link is over its budget of packets";
    let pays = Pays::TheLink(Offence::OverBudget);
    at.refuse(vec![beacon; 20_000], &Refusal::LinkBudget, says, pays);

    let mut at = mesh_at(Rate { per_second: 10, burst: 1 }, suite, at.met);
    let x = at.mesh.steal(X);
    // Each is dated ahead of the one before, and there is room for 64 bursts of such.
    let jump = |number: u32| {
        let header = x.header(Kind::Beacon, nonce(number));
        x.frame(Header { sent_at: SentAt(u64::from(number) * 10_000), ..header }, b"here")
    };
    let said = (1..=80).map(jump);
    let says = "too many frames of its origin arrive at once";
    at.refuse(said, &Refusal::OriginRate, says, Pays::Nobody);

    // Its own signed times say so, if the first are taken: as fast as they come, none is.
    let mut at = mesh(suite, at.met);
    let hasty = at.mesh.steal(X);
    let at_once = |number| {
        let header = hasty.header(Kind::RouteUpdate, nonce(number));
        hasty.frame(Header { sent_at: SentAt(0), ..header }, b"")
    };
    let says = "its origin sends faster than is allowed";
    let pays = Pays::Member(X, Offence::OverRate);
    at.refuse((1..=44).map(at_once), &Refusal::OverRate, says, pays);

    // True frames of all members, none of which costs the link more than a check.
    let mut at = mesh(suite, at.met);
    let others: Vec<Liar> = [0, 2, 3, 4, 5, 6].map(|place| at.mesh.steal(place)).into();
    let beacons = (1..40).flat_map(|number| {
        let said = |who: &Liar| who.beacon(nonce(number), b"here");
        others.iter().map(said).collect::<Vec<_>>()
    });
    let says = "its link is over its budget of signature checks";
    at.refuse(beacons, &Refusal::CheckBudget, says, Pays::Nobody);
}

fn of_the_quarantined(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let x = at.mesh.steal(X);
    at.give(&vec![vec![1]; 1_000]);
    let update = |sequence| x.frame(x.header(Kind::RouteUpdate, nonce(sequence)), b"true");
    let says = "its link is in quarantine";
    at.refuse([update(1)], &Refusal::LinkQuarantined, says, Pays::Nobody);

    let mut at = mesh(suite, at.met);
    let x = at.mesh.steal(X);
    at.give(&[b"a", b"b"].map(|body| x.beacon(nonce(5), body)));
    let update = x.frame(x.header(Kind::RouteUpdate, nonce(6)), b"true");
    let says = "its origin is in quarantine";
    at.refuse([update], &Refusal::OriginQuarantined, says, Pays::Nobody);
}
