//! Keys that change: what outlives them, what waits for the disk, and how often others are asked.

use meshward::wire::{Kind, Tag};
use meshward::{
    Accepted, Certificate, EquivocationProof, Error, Event, Misuse, Nonce, Refusal, Suite,
};

use crate::support::{Fault, Liar, Mesh, certificate, id, link};
use crate::{STRANGER, proposal, sent, tagged};

/// A minute and two rotations later only the newest key of `node` speaks for it.
fn outlive(mesh: &mut Mesh, suite: Suite, nodes: &[usize]) {
    for _ in 0..2 {
        for node in nodes {
            mesh.guard(*node).rotate_keys(suite, mesh.now).unwrap();
        }
        mesh.run();
        mesh.now = mesh.now.after(60_000);
    }
}

/// P6, P11: what was signed under a key that is no more still proves what it proves: certificates
/// hold and proofs convince, though a proof under a key that was given up long ago costs nothing any
/// more. Frames under it are refused.
#[test]
fn certificates_and_proofs_outlive_rotations() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        let event = proposal(1, 1);
        let members: Vec<_> = (0..3).map(|place| mesh.steal(place)).collect();
        let votes = [0, 1, 2].map(|place: u32| (place, members[place as usize].attest(&event)));
        let made = certificate(&mesh.view, &votes);
        let said = |sequence, body: &[u8]| {
            let frame = members[2].beacon(Nonce { boot: 9, sequence }, body);
            frame[..frame.len() - body.len()].to_vec()
        };
        let proof = EquivocationProof::seal_headers(
            mesh.view.mesh(),
            [&said(1, b"left"), &said(1, b"right")],
        );
        let (proof, late) = (proof.unwrap(), said(2, b""));
        outlive(&mut mesh, suite, &[0, 1, 2]);

        let checked = Certificate::verify(&made, mesh.guard(3).core().directory()).unwrap();
        assert_eq!(checked.event(), &event);
        let taken = mesh.give(3, STRANGER, &made);
        assert!(matches!(taken, Ok(Accepted::Certificate(_))), "{suite}: {taken:?}");
        let taken = mesh.give(3, STRANGER, &proof);
        assert!(matches!(taken, Ok(Accepted::Proof(_))), "{suite}: {taken:?}");
        // A key that its owner gave up twice over may be in anybody's hands by now.
        assert!(!mesh.guard(3).is_node_quarantined(&id(2), mesh.now));

        let (unknown, link) =
            (Refusal::UnknownKey { origin: id(2), epoch: members[2].epoch }, link(2));
        assert_eq!(mesh.give(0, link, &late).unwrap_err(), unknown);
        let vote = members[2].attest(&proposal(2, 1));
        assert_eq!(mesh.give(0, link, &vote).unwrap_err(), unknown);
    }
}

/// P9: a rotation whose write fails holds the node to the closing nonce that it names. The next tick
/// writes it again, and then there is no end to what can be said.
#[test]
fn a_rotation_that_failed_is_written_again_by_the_next_tick() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 2);
        mesh.nodes[0].disk.fault(Fault::Refuses);
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap_err();
        let before = mesh.steal(0).epoch;
        let say = |mesh: &mut Mesh| {
            mesh.now = mesh.now.after(100);
            mesh.guard(0).core().sign_message(Kind::RouteUpdate, b"", mesh.now)
        };
        // 10 seconds of the full rate and a burst.
        let said = (0..200).take_while(|_| say(&mut mesh).is_ok()).count();
        assert_eq!(said, 121, "{suite}");
        let refused = say(&mut mesh).unwrap_err();
        assert!(matches!(refused, Error::Misuse(Misuse::RotationPending)), "{refused}");
        mesh.now = mesh.now.after(1000);
        assert!(mesh.guard(0).tick(mesh.now).is_err(), "the disk still fails");

        mesh.nodes[0].disk.fault(Fault::None);
        mesh.nodes[0].host.sent();
        mesh.now = mesh.now.after(1000);
        mesh.guard(0).tick(mesh.now).unwrap();
        let rotations = tagged(sent(&mesh, 0), Tag::Rotation);
        assert_eq!(rotations.len(), 1);
        mesh.give(1, link(0), &rotations[0]).unwrap();
        assert!(mesh.steal(0).epoch > before);
        for _ in 0..3 {
            let said = say(&mut mesh).unwrap();
            let taken = mesh.give(1, link(0), &said);
            assert!(matches!(taken, Ok(Accepted::Message(_))), "{suite}: {taken:?}");
        }
    }
}

fn equivocations(mesh: &Mesh, at: usize) -> Vec<Vec<u8>> {
    let events = mesh.nodes[at].host.events.lock();
    let found = events.iter().filter_map(|event| match event {
        Event::Equivocation(proof) => Some(proof.as_bytes().to_vec()),
        _ => None,
    });
    found.collect()
}

/// The member at 3 was charged once at `at`, and neither `packets` nor its proof charge it again.
fn charged_once(mesh: &Mesh, at: usize, packets: &[Vec<u8>]) {
    let found = equivocations(mesh, at);
    assert_eq!(found.len(), 1);
    let sealed = mesh.nodes[at].host.sent();
    for bytes in packets.iter().chain(&found).chain(sealed.iter().map(|(bytes, _)| bytes)) {
        for _ in 0..3 {
            let refusal = mesh.give(at, link(1), bytes).unwrap_err();
            let free = [Refusal::Duplicate, Refusal::Replay, Refusal::OriginQuarantined];
            assert!(free.contains(&refusal), "{refusal}");
        }
    }
    assert_eq!(equivocations(mesh, at).len(), 1, "it was found once more");
    let charged = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
    assert_eq!(mesh.nodes[at].host.count(charged), 1);
}

/// P10: one contradiction under one key is charged once, whether it shows in frames, in votes, or in
/// proofs that arrive in any order and written either way round.
#[test]
fn one_equivocation_is_charged_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(3);
        let nonce = Nonce { boot: 9, sequence: 1 };
        let update = || liar.header(Kind::RouteUpdate, nonce);
        let frames = [b"left".as_slice(), b"right"].map(|body| liar.frame(update(), body));
        let votes = [1, 2].map(|content| liar.attest(&proposal(1, content)));
        let headers = [&frames[0][..frames[0].len() - 4], &frames[1][..frames[1].len() - 5]];
        let seal = |headers: [&[u8]; 2]| {
            EquivocationProof::seal_headers(mesh.view.mesh(), headers).unwrap()
        };
        let either_way = [seal(headers), seal([headers[1], headers[0]])];

        mesh.give(0, link(1), &frames[0]).unwrap();
        assert_eq!(mesh.give(0, link(1), &frames[1]).unwrap_err(), Refusal::Equivocation);
        charged_once(&mesh, 0, &[frames.as_slice(), &either_way].concat());
        mesh.give(0, link(1), &votes[0]).unwrap();
        assert_eq!(mesh.give(0, link(1), &votes[1]).unwrap_err(), Refusal::Duplicate);
        charged_once(&mesh, 0, &votes);

        mesh.give(1, link(2), &votes[0]).unwrap();
        assert_eq!(mesh.give(1, link(2), &votes[1]).unwrap_err(), Refusal::ContradictoryVote);
        charged_once(&mesh, 1, &[votes.as_slice(), &either_way].concat());

        mesh.give(2, link(0), &either_way[1]).unwrap();
        charged_once(&mesh, 2, &[either_way.as_slice(), &frames[1..]].concat());
    }
}

/// P10: two votes under two keys, during the grace period, are one contradiction in either order.
#[test]
fn votes_under_two_keys_are_charged_once() {
    for (suite, newer) in Suite::available().flat_map(|suite| [(suite, false), (suite, true)]) {
        let mut mesh = Mesh::new(suite, 4);
        let old = mesh.steal(3).attest(&proposal(1, 1));
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        let new = mesh.steal(3).attest(&proposal(1, 2));
        let votes = if newer { [new, old] } else { [old, new] };
        mesh.give(0, link(1), &votes[0]).unwrap();
        assert_eq!(mesh.give(0, link(1), &votes[1]).unwrap_err(), Refusal::ContradictoryVote);
        charged_once(&mesh, 0, &votes);
    }
}

/// P5: made-up packets under keys that do not exist make a node ask a handful of times in a minute;
/// as soon as asking helps, it asks at once again.
#[test]
fn junk_under_unknown_keys_makes_few_hellos() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 3);
        let junk = Liar::impostor(suite, id(2), &mesh.view);
        let junk = junk.beacon(Nonce { boot: 1, sequence: 1 }, b"");
        let hellos = |mesh: &mut Mesh, quarters: u32| {
            let said = (0..quarters).map(|_| {
                mesh.give(1, STRANGER, &junk).unwrap_err();
                mesh.guard(1).tick(mesh.now).unwrap();
                mesh.now = mesh.now.after(250);
                tagged(sent(mesh, 1), Tag::Hello).len()
            });
            said.sum::<usize>()
        };
        // At 0, 4, 12, 28 and 44 seconds.
        assert_eq!(hellos(&mut mesh, 50 * 4), 5, "{suite}");
        mesh.guard(0).rotate_keys(suite, mesh.now).unwrap();
        let rotation = tagged(sent(&mesh, 0), Tag::Rotation).remove(0);
        mesh.give(1, link(0), &rotation).unwrap();
        assert_eq!(hellos(&mut mesh, 4), 1, "{suite}: a key was learnt");
        assert_eq!(hellos(&mut mesh, 20), 1, "{suite}: four seconds later");
    }
}
