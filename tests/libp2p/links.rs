//! What falls on a link, and what does not.

use std::collections::BTreeMap;

use libp2p::PeerId;
use meshward::libp2p::Settings;
use meshward::wire::VERSION;
use meshward::{Config, Kind, Link, MeshRouter, Refusal};

use crate::field::{Field, Shape, id};
use crate::hostile::Manner;
use crate::node::clock;

/// Honest nodes in a line, each of which dials the next, and one hostile member.
pub(crate) fn line(honest: usize) -> Shape {
    let mut config = Config::default();
    config.quorum.suspicion_ms = 120_000;
    Shape {
        members: honest + 1,
        honest,
        dials: |place| place.checked_sub(1).into_iter().collect(),
        config,
        adapt: |_, _, _| {},
        relay: false,
    }
}

/// Tells the nodes which peers they are.
pub(crate) fn bind(settings: &mut Settings, _: usize, peers: &[PeerId]) {
    settings.bindings =
        BTreeMap::from_iter(peers.iter().enumerate().map(|(at, peer)| (id(at), *peer)));
}

/// A message that the node at `place` could send, and does not.
pub(crate) fn unsent(field: &Field, place: usize, body: &[u8]) -> Vec<u8> {
    field.nodes[place].shield.core().sign_message(Kind::RouteUpdate, body, clock()).unwrap()
}

fn is_delivered(field: &Field, at: usize, from: usize, body: &[u8]) -> bool {
    field.nodes[at].seen.lock().delivered.contains_key(&(id(from), body.to_vec()))
}

/// Even if the host lets meshward relay, too, which gossipsub does.
#[test]
fn a_relay_is_not_published_twice() {
    let mut field = Field::start(Shape { relay: true, ..line(2) }).unwrap();
    let ear = field.attack(2, Manner::Told, &[1]).unwrap();
    let said: Vec<_> = (0..5).map(|_| unsent(&field, 0, b"said")).collect();
    let is_connected = |field: &Field| {
        let seen = field.nodes[1].seen.lock();
        seen.mesh.contains(&field.peers[2]) && seen.mesh.contains(&field.peers[0])
    };
    field.until("the ear is in the mesh", is_connected).unwrap();
    said.iter().for_each(|packet| field.nodes[0].router.broadcast(packet, None));
    let heard = || {
        let times = |packet| ear.heard.lock().get(packet).copied().unwrap_or(0);
        said.iter().map(times).collect::<Vec<usize>>()
    };
    field.until("the ear hears all", |_| heard().iter().all(|times| *times > 0)).unwrap();
    // What is on its way arrives before what is said later.
    let last = unsent(&field, 0, b"said");
    field.nodes[0].router.broadcast(&last, None);
    field.until("the last is heard", |_| ear.heard.lock().contains_key(&last)).unwrap();
    assert_eq!(heard(), vec![1; said.len()]);
}

/// A packet that came directly is passed on, and one that no honest node would send costs its sender as one
/// that came by gossipsub does, until they part.
#[test]
fn refused_direct_packets_cost_that_peer() {
    let field = Field::start(line(3)).unwrap();
    let to = |place: usize| Link::Proven(field.nodes[0].links[&field.peers[place]]);
    field.nodes[0].router.send_to(to(1), &unsent(&field, 0, b"said"));
    field.until("it is passed on", |field| is_delivered(field, 2, 0, b"said")).unwrap();

    let garbage = |number: u8| [VERSION, 1, number];
    field.nodes[0].router.send_to(to(1), &garbage(0));
    let lowest = |field: &Field| field.nodes[1].seen.lock().lowest_of(&field.peers[0]);
    field.until("its score is below 0", |field| lowest(field) < 0.0).unwrap();
    assert!(is_connected(&field, 1, 0), "one malformed packet may be an accident");
    (1..16).for_each(|number| field.nodes[0].router.send_to(to(1), &garbage(number)));
    field.until("they part", |field| !is_connected(field, 1, 0)).unwrap();
    assert!(field.nodes[1].quarantines(&field.peers[0]));
    // It dials again, in vain.
    let lost = field.nodes[0].router.packets_lost();
    field.nodes[0].router.send_to(to(1), &garbage(16));
    field.until("nobody is there", |field| field.nodes[0].router.packets_lost() > lost).unwrap();
    // Nobody else pays.
    assert!(lowest_between(&field, 1, 2) >= 0.0 && lowest_between(&field, 2, 1) >= 0.0);
    let stats = field.nodes[1].shield.stats(clock());
    assert!(stats.quarantined_nodes.is_empty());
}

fn is_connected(field: &Field, at: usize, with: usize) -> bool {
    field.nodes[at].seen.lock().connected.contains(&field.peers[with])
}

fn lowest_between(field: &Field, at: usize, of: usize) -> f64 {
    field.nodes[at].seen.lock().lowest_of(&field.peers[of])
}

/// A message that no honest peer passes on costs whoever did: gossipsub's own part of the score, and meshward's.
#[test]
fn a_rejected_message_costs_in_both_scores() {
    let mut field = Field::start(line(2)).unwrap();
    let hostile = field.attack(2, Manner::Told, &[1]).unwrap();
    field.until("it is there", |field| is_connected(field, 1, 2)).unwrap();
    hostile.orders.lock().push(vec![VERSION, 1]);
    // 10 of each, of which a little is forgotten each second.
    field.until("both cost", |field| lowest_between(field, 1, 2) < -15.0).unwrap();
    assert!(lowest_between(&field, 1, 2) >= -20.0);
    field
        .until("it is pruned", |field| !field.nodes[1].seen.lock().mesh.contains(&field.peers[2]))
        .unwrap();
    assert!(is_connected(&field, 1, 2));
}

/// An honest node whose only other neighbour is hostile passes on nothing that it would be blamed for.
#[test]
fn an_honest_relay_never_pays_for_what_it_hears() {
    for manner in [Manner::Replay, Manner::Alter] {
        let mut field = Field::start(line(2)).unwrap();
        field.attack(2, manner, &[0]).unwrap();
        let refused = |field: &Field, reasons: [&str; 3]| {
            let seen = field.nodes[0].seen.lock();
            let of = |reason| seen.refused.get(&(field.peers[2], reason)).copied().unwrap_or(0);
            reasons.into_iter().map(of).sum::<usize>()
        };
        let wanted = match manner {
            Manner::Replay => (["duplicate", "replay", "own"], 40),
            _ => (["body_mismatch", "bad_signature", "malformed"], 2),
        };
        field.until("it has heard enough", |field| refused(field, wanted.0) >= wanted.1).unwrap();
        field.nodes[0].say(1);
        let said = (id(0), 1_usize.to_le_bytes().to_vec());
        let arrived = |field: &Field| field.nodes[1].seen.lock().delivered.contains_key(&said);
        field.until("its own word arrives", arrived).unwrap();
        assert!(lowest_between(&field, 1, 0) >= 0.0);
        let seen = field.nodes[1].seen.lock();
        let blamed = seen.refused.keys().filter(|(_, reason)| wanted.0[1..].contains(reason));
        assert_eq!(blamed.count(), 0, "{:?}", seen.refused);
    }
}

/// Whoever is over its link's budget and brings an honest frame first does not take it away: another copy over
/// an honest link is heard (attacks G22 and G23).
#[test]
fn a_copy_that_its_link_cannot_pay_for_censors_nothing() {
    let mut field = Field::start(line(2)).unwrap();
    let hostile = field.attack(2, Manner::Told, &[1]).unwrap();
    field.until("it is there", |field| is_connected(field, 1, 2)).unwrap();
    let (node, link) = (&field.nodes[1], Link::Proven(field.nodes[1].links[&field.peers[2]]));
    let refused = || {
        let refused = node.seen.lock().refused.get(&(field.peers[2], "link_budget")).copied();
        refused.unwrap_or(0)
    };
    // Its packets are used up as fast as they come back. Should one be left all the same when a frame
    // arrives, because the machine had other things to do, the next frame tells.
    let (before, mut number) = (refused(), 0_usize);
    let frame = loop {
        number += 1;
        let frame = unsent(&field, 0, &number.to_le_bytes());
        hostile.orders.lock().push(frame.clone());
        while refused() == before && !is_delivered(&field, 1, 0, &number.to_le_bytes()) {
            let one = || node.shield.handle_frame(link, &[VERSION + 1, 1], clock()).err();
            while one() != Some(Refusal::LinkBudget) {}
        }
        if refused() > before {
            break frame;
        }
    };
    assert!(!is_delivered(&field, 1, 0, &number.to_le_bytes()));
    field.nodes[0].router.broadcast(&frame, None);
    let heard = |field: &Field| is_delivered(field, 1, 0, &number.to_le_bytes());
    field.until("the honest copy is heard", heard).unwrap();
}

/// A peer that the mesh isolates is out of gossipsub's mesh, and what it says is heard.
#[test]
fn who_is_isolated_is_heard() {
    let field = Field::start(Shape { adapt: bind, ..line(2) }).unwrap();
    let in_mesh = |field: &Field| field.nodes[1].seen.lock().mesh.contains(&field.peers[0]);
    field.until("they are in one mesh", in_mesh).unwrap();
    field.nodes[1].router.isolate(id(0));
    field.until("it is pruned", |field| !in_mesh(field)).unwrap();
    field.nodes[0].say(1);
    let said = (id(0), 1_usize.to_le_bytes().to_vec());
    let arrived = |field: &Field| field.nodes[1].seen.lock().delivered.contains_key(&said);
    field.until("its word arrives", arrived).unwrap();
    assert!(is_connected(&field, 1, 0));
    field.nodes[1].router.readmit(id(0));
    let score = |field: &Field| field.nodes[1].seen.lock().scores.get(&field.peers[0]).copied();
    field.until("nothing is held against it", |field| score(field) == Some(0.0)).unwrap();
}
