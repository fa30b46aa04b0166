//! Certificates that are none.

use meshward::quorum::{Ballot, Phase};
use meshward::reputation::Reputation;
use meshward::wire::{Container, Packet, Tag};
use meshward::{
    Accepted, Blame, Certificate, CriticalEvent, Digest, Directory, Link, LinkId, Suite,
};

use crate::support::{Mesh, certificate, failure, id};

/// Each under the place in the view that it is to stand for.
type Votes = Vec<(u32, Vec<u8>)>;

/// A certificate's payload under another tag, or altered.
fn repacked(mesh: &Mesh, tag: Tag, bytes: &[u8], alter: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let Ok(Packet::Certificate(container)) = Packet::parse(bytes) else { panic!("a certificate") };
    let mut payload = container.payload().to_vec();
    alter(&mut payload);
    Container::to_bytes(tag, mesh.view.mesh(), &payload)
}

/// Q7, promise P6: certificates with all but one signature in order (66 of 67 in a mesh of a hundred),
/// with a member twice, for a view that never was, out of order, with bytes behind it, with too few, in
/// which not all precommitted in its round, and made of prevotes. Each is void as a whole, on the wire
/// and offline, for one and the same reason; nothing of it is believed; the link it came over pays if it
/// is proven and nobody honest would pass that on, and nobody else; and it costs no more checks than
/// it has signatures, none at all if its form tells.
#[test]
fn q07_a_certificate_with_one_flaw_is_void() {
    for suite in Suite::available() {
        let n = if Some(suite) == Suite::available().last() { 100 } else { 10 };
        let mut mesh = Mesh::new(suite, n);
        let q = mesh.view.quorum();
        let members: Vec<_> = (0..n).map(|place| mesh.steal(place)).collect();
        let event = failure(n - 1, None);
        let place = |of: usize| u32::try_from(of).unwrap();
        let votes: Vec<_> = (0..q).map(|of| (place(of), members[of].attest(&event))).collect();
        let spare = (place(q), members[q].attest(&event));
        let flawed = |alter: &dyn Fn(&mut Votes)| {
            let mut votes = votes.clone();
            alter(&mut votes);
            certificate(&mesh.view, &votes)
        };
        let (topic, content) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let proposal = CriticalEvent::GovernanceProposal { topic, sequence: 1, content };
        let ballots = |round: &dyn Fn(usize) -> u32, phase| {
            let ballot = |of| Ballot::for_event(&proposal, round(of), phase).unwrap();
            let votes = (0..q).map(|of| (place(of), members[of].vote(&ballot(of))));
            certificate(&mesh.view, &votes.collect::<Vec<_>>())
        };
        let good = certificate(&mesh.view, &votes);
        let precommits = ballots(&|_| 1, Phase::Precommit);
        let prevotes = ballots(&|_| 0, Phase::Prevote);
        let decided_later = ballots(&|of| u32::from(of == 0), Phase::Precommit);
        let as_is = |_: &mut Vec<u8>| {};
        // What is wrong, the bytes, the reason, and how many checks it takes at most.
        let cases: Vec<(&str, Vec<u8>, &str, usize)> = vec![
            (
                "one bad signature of all",
                flawed(&|votes| *votes[q - 1].1.last_mut().unwrap() ^= 1),
                "refuted",
                q,
            ),
            (
                "the first is bad",
                flawed(&|votes| *votes[0].1.last_mut().unwrap() ^= 1),
                "refuted",
                1,
            ),
            (
                "one on another event",
                flawed(&|votes| {
                    let other = members[q - 1].attest(&failure(n - 2, None));
                    votes[q - 1].1 = other;
                }),
                "refuted",
                q,
            ),
            (
                "one member twice",
                flawed(&|votes| votes[q - 1] = votes[q - 2].clone()),
                "certificate_shape",
                0,
            ),
            (
                "one member twice beside a quorum",
                flawed(&|votes| votes.insert(1, votes[0].clone())),
                "certificate_shape",
                0,
            ),
            ("out of order", flawed(&|votes| votes.swap(0, 1)), "certificate_shape", 0),
            ("too few", flawed(&|votes| drop(votes.pop())), "certificate_shape", 0),
            (
                "the subject among them",
                flawed(&|votes| votes[q - 1] = (place(n - 1), spare.1.clone())),
                "certificate_shape",
                0,
            ),
            (
                "a view that never was",
                repacked(&mesh, Tag::Certificate, &good, |payload| payload[..32].fill(7)),
                "nonsense",
                0,
            ),
            ("a byte behind it", [good.as_slice(), &[0]].concat(), "malformed", 0),
            ("a byte less", good[..good.len() - 1].to_vec(), "malformed", 0),
            ("a wrong round", decided_later, "refuted", 2),
            (
                "a round on what is observed",
                repacked(&mesh, Tag::Certificate, &good, |payload| {
                    let at = payload.windows(9).position(|bytes| {
                        bytes == [&[0_u8][..], &(q as u64).to_le_bytes()].concat()
                    });
                    payload.splice(at.unwrap()..=at.unwrap(), [1, 0, 0, 0, 0]);
                }),
                "certificate_shape",
                0,
            ),
            ("prevotes as a certificate", prevotes.clone(), "refuted", 1),
            (
                "precommits as prevotes",
                repacked(&mesh, Tag::Prevotes, &precommits, as_is),
                "refuted",
                1,
            ),
        ];
        let mut links = (2_000..).map(LinkId);
        for (what, bytes, reason, most) in &cases {
            // The checks of strangers, too.
            mesh.now = mesh.now.after(60_000);
            let directory = Directory::new(mesh.view.clone(), 1);
            let offline = Certificate::verify(bytes, &directory).unwrap_err();
            if *what == "precommits as prevotes" {
                assert_eq!(offline.reason(), "nonsense", "{suite}, {what}: {offline}");
            } else {
                assert_eq!(offline.reason(), *reason, "{suite}, {what}: {offline}");
                assert!(directory.signature_checks() <= *most as u64, "{suite}, {what}");
            }
            let (proven, claimed) = (links.next().unwrap(), links.next().unwrap());
            for link in [Link::Proven(proven), Link::Claimed(claimed)] {
                let core = mesh.guard(0).core();
                let before = core.directory().signature_checks();
                let refusal = mesh.give(0, link, bytes).unwrap_err();
                assert_eq!(refusal.reason(), *reason, "{suite}, {what}: {refusal}");
                let checks = core.directory().signature_checks() - before;
                assert!(checks <= *most as u64, "{suite}, {what}: {checks} checks");
                let pays = matches!(Blame::of(&refusal), Blame::Link(_));
                assert_eq!(pays, *reason != "nonsense", "{suite}, {what}");
                let (Link::Proven(id) | Link::Claimed(id)) = link;
                let is_full = core.link_reputation(id, mesh.now) == Reputation::FULL;
                assert_eq!(is_full, !(pays && id == proven), "{suite}, {what}");
            }
            for of in 0..n {
                let score = mesh.guard(0).core().reputation(&id(of), mesh.now);
                assert_eq!(score, Reputation::FULL, "{suite}, {what}: {of}");
            }
            assert!(!mesh.certified(0, n - 1), "{suite}, {what}");
            assert!(!mesh.guard(0).is_validated(&event) && !mesh.guard(0).is_validated(&proposal));
        }
        // Two thirds of prevotes, under their own tag, are true, and certify nothing.
        mesh.now = mesh.now.after(60_000);
        let prevotes = repacked(&mesh, Tag::Prevotes, &prevotes, as_is);
        let taken = mesh.give(0, Link::Proven(LinkId(1)), &prevotes).unwrap();
        assert!(matches!(taken, Accepted::Prevotes(_)), "{taken:?}");
        assert!(!mesh.guard(0).is_validated(&proposal));
        // None of it is in the way of the true ones.
        mesh.now = mesh.now.after(60_000);
        for (bytes, event) in [(&good, &event), (&precommits, &proposal)] {
            let taken = mesh.give(0, Link::Claimed(LinkId(1)), bytes).unwrap();
            assert!(matches!(taken, Accepted::Certificate(_)), "{taken:?}");
            assert!(mesh.guard(0).is_validated(event), "{suite}");
            let checked = Certificate::verify(bytes, mesh.guard(1).core().directory()).unwrap();
            assert_eq!(checked.attestors().len(), q);
        }
    }
}
