//! What gossipsub makes of the packets that it is given, and of those that it is told to drop.

use std::cell::Cell;

use libp2p::PeerId;
use meshward::MeshRouter;
use meshward::limit::Rate;
use meshward::wire::VERSION;

use crate::field::{Field, id};
use crate::hostile::Manner;
use crate::links::{bind, line, unsent};

fn refused(field: &Field, at: usize, peer: &PeerId, reason: &'static str) -> usize {
    field.nodes[at].seen.lock().refused.get(&(*peer, reason)).copied().unwrap_or(0)
}

/// Of all that a peer brings, gossipsub's score of it shows nothing but what no honest peer would bring.
#[test]
fn only_what_is_punished_costs_the_peer() {
    let mut shape = line(2);
    // More true frames than the link has checks for.
    let few = Rate { per_second: 20, burst: 1 };
    (shape.config.gossip.link_checks, shape.config.gossip.newcomer_checks) = (few, few);
    shape.config.gossip.origin_rate = Rate { per_second: 1_000, burst: 2_000 };
    let mut field = Field::start(shape).unwrap();
    let hostile = field.attack(2, Manner::Told, &[1]).unwrap();
    let peer = field.peers[2];
    let is_connected = |field: &Field| field.nodes[1].seen.lock().connected.contains(&peer);
    field.until("it is there", is_connected).unwrap();

    // Of a later release, which is nobody's fault: Drop.
    hostile.orders.lock().push(vec![VERSION + 1, 1]);
    field.until("one is dropped", |it| refused(it, 1, &peer, "not_understood") > 0).unwrap();
    // True: PassOn, and then DropCopy.
    let said = |number: u8| vec![number];
    let true_ones: Vec<_> = (0..100).map(|number| unsent(&field, 0, &said(number))).collect();
    hostile.orders.lock().extend(true_ones);
    let is_delivered = |field: &Field, number: u8| {
        field.nodes[1].seen.lock().delivered.contains_key(&(id(0), said(number)))
    };
    let any = |field: &Field| (0..100).any(|number| is_delivered(field, number));
    field.until("one is passed on", any).unwrap();
    field.until("copies are dropped", |it| refused(it, 1, &peer, "check_budget") > 0).unwrap();
    let lowest = |field: &Field| field.nodes[1].seen.lock().lowest_of(&peer);
    assert_eq!(lowest(&field), 0.0);

    // 10 in gossipsub, 10 in meshward. What else gossipsub had rejected would count by the square now.
    hostile.orders.lock().push(vec![VERSION, 1]);
    field.until("one is punished", |field| lowest(field) < -15.0).unwrap();
    assert!(lowest(&field) >= -20.0);
}

/// Whoever sends a node its own statements does not keep it from repeating them to others.
#[test]
fn an_echo_does_not_silence_a_node() {
    let mut shape = line(2);
    shape.adapt = bind;
    let mut field = Field::start(shape).unwrap();
    // Outside of the mesh it is told what there is, and asks for all of it: to this one nothing is a duplicate.
    field.nodes[0].router.isolate(id(2));
    let hostile = field.attack(2, Manner::Told, &[0]).unwrap();
    let peer = field.peers[2];
    let is_told = |field: &Field| {
        let seen = field.nodes[0].seen.lock();
        seen.scores.get(&peer).is_some_and(|score| *score < 0.0) && !seen.mesh.contains(&peer)
    };
    field.until("it is there", is_told).unwrap();
    let [said, next, last] = [b"said", b"next", b"last"].map(|body| unsent(&field, 0, body));
    let heard = |packet: &[u8]| hostile.heard.lock().get(packet).copied().unwrap_or(0);
    let say = |packet: &[u8]| field.nodes[0].router.broadcast(packet, None);
    say(&said);
    // Until gossipsub has forgotten it, and remembers it as what this peer has brought.
    let echo = |field: &Field| {
        hostile.orders.lock().push(said.clone());
        refused(field, 0, &peer, "own") > 0
    };
    field.until("the echo is first", echo).unwrap();
    let before = heard(&said);
    assert!(before > 0);
    // Twice: the second would be for those that have just heard the first.
    (0..2).for_each(|_| say(&said));
    field.until("it is repeated", |_| heard(&said) > before).unwrap();
    // Nor is it announced: nobody else knows it by the name it has now.
    for packet in [&next, &last] {
        say(packet);
        field.until("it comes unasked, and asked for", |_| heard(packet) > 1).unwrap();
    }
    assert_eq!(heard(&said), before + 1);
}

/// A node that has passed on many messages announces them to whom it does not send them anyway, and is heard
/// by them afterwards.
#[test]
fn many_announcements_break_no_stream() {
    let mut shape = line(2);
    shape.adapt = bind;
    let field = Field::start(shape).unwrap();
    let in_mesh = |field: &Field| field.nodes[1].seen.lock().mesh.contains(&field.peers[0]);
    field.until("they are in one mesh", in_mesh).unwrap();
    field.nodes[1].router.isolate(id(0));
    field.until("it is pruned", |field| !in_mesh(field)).unwrap();
    // By far more than 16 KiB of ids in each heartbeat, for more than the five of them after which gossipsub
    // gives up.
    let round = Cell::new(0_u8);
    let announce = |field: &Field| {
        round.set(round.get() + 1);
        for number in 0..400_u16 {
            let [high, low] = number.to_be_bytes();
            let packet = [VERSION + 1, round.get(), high, low];
            field.nodes[0].router.broadcast(&packet, None);
        }
        round.get() > 20
    };
    field.until("much is announced", announce).unwrap();
    assert!(refused(&field, 1, &field.peers[0], "not_understood") > 0);
    field.nodes[0].say(1);
    let said = (id(0), 1_usize.to_le_bytes().to_vec());
    let arrived = |field: &Field| field.nodes[1].seen.lock().delivered.contains_key(&said);
    field.until("its word arrives", arrived).unwrap();
}
