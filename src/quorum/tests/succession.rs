//! What stands when another view follows, and what does not.

use super::*;
use crate::id::ViewNumber;
use crate::membership::Change;
use crate::quorum::proof::verify_header;

/// The directory of the view without the first member, in which the others have moved up by one.
fn without_the_first(mesh: &Mesh) -> Arc<Directory> {
    let view = mesh.directory.view();
    let view = view.changed(&Change::of(view).leave(id(0)), Vec::new()).unwrap();
    Arc::new(mesh.directory.succeed(Arc::new(view), NOW))
}

impl Mesh {
    /// A precommit of the second member in the view of `directory`.
    fn precommit(&self, directory: &Directory, event: &CriticalEvent) -> Vec<u8> {
        let (head, key) = self.rings[1].statement_head();
        let ballot = Ballot::for_event(event, 0, Phase::Precommit).unwrap();
        let about = (directory.view().digest(), self.rings[1].draw_statement().unwrap());
        seal_ballot(&ballot, about, &head, &key.key, &OsEntropy).unwrap()
    }
}

/// Pairs that exclude each other, on every kind of exclusive slot.
fn exclusive() -> [[CriticalEvent; 2]; 4] {
    let digests = [1, 2].map(|seed| Digest::from_bytes([seed; 32]));
    let (node, view) = (id(0), ViewNumber(1));
    let epoch = Epoch { recovery: 0, operational: 1 };
    [
        [proposal(1, 1), proposal(1, 2)],
        // About the one that leaves.
        digests.map(|key| CriticalEvent::KeyRotation { node, epoch, key }),
        // About the view that has come by then.
        digests.map(|change| CriticalEvent::MembershipChange { view, change }),
        digests.map(|digest| CriticalEvent::ViewChange { view, digest }),
    ]
}

/// Promise P11: in the view in which it was found, and in the one after.
#[test]
fn p11_a_proof_by_votes_outlives_its_view() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let next = without_the_first(&mesh);
        for events in exclusive() {
            let [one, other] = events.map(|event| mesh.precommit(&mesh.directory, &event));
            let proof = EquivocationProof::seal_votes(next.view().mesh(), [&one, &other]).unwrap();
            for (directory, place) in [(&mesh.directory, 1), (&next, 0)] {
                let proof = EquivocationProof::verify(&proof, directory).unwrap();
                assert_eq!((proof.offender(), proof.node()), (MemberIndex(place), id(1)));
            }
            // A vote that counts is another matter.
            for bytes in [&one, &other] {
                let Ok(Packet::Statement(vote)) = Packet::parse(bytes) else { panic!("a vote") };
                let refusal = UncheckedBallot::read(vote, next.view()).unwrap_err();
                assert_eq!(refusal, Refusal::Nonsense("it is meant for another view"));
            }
            let spoilt = [proof[..proof.len() - 1].to_vec(), vec![proof.last().unwrap() ^ 1]];
            assert!(EquivocationProof::verify(&spoilt.concat(), &next).is_err());
        }
    }
}

/// A slot that lives on may be decided anew, from its first round.
#[test]
fn votes_in_two_views_contradict_nothing() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let next = without_the_first(&mesh);
        for [one, other] in exclusive() {
            let votes = [mesh.precommit(&mesh.directory, &one), mesh.precommit(&next, &other)];
            let mesh_id = next.view().mesh();
            let proof = EquivocationProof::seal_votes(mesh_id, [&votes[0], &votes[1]]).unwrap();
            let why = "the votes in the proof are of two members, views, slots or rounds";
            for directory in [&mesh.directory, &next] {
                let refusal = EquivocationProof::verify(&proof, directory).unwrap_err();
                assert_eq!(refusal, Refusal::Nonsense(why));
            }
        }
    }
}

/// A header of another life is no sign of life; it is a contradiction if there are two.
#[test]
fn k11_what_was_said_in_another_life_is_no_evidence() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let said = mesh.signed_header(0, 1);
        let signed = SignedHeader::parse(&said).unwrap();
        assert_eq!(verify_header(&signed, &mesh.directory), Ok(MemberIndex(0)));

        let member = mesh.directory.view().members()[0].clone();
        let left = without_the_first(&mesh);
        assert_eq!(verify_header(&signed, &left), Err(Refusal::UnknownOrigin(id(0))));
        let change = Change::of(left.view()).join(member);
        let view = left.view().changed(&change, Vec::new()).unwrap();
        let back = left.succeed(Arc::new(view), NOW);
        let (found, current) = (ViewNumber(0), ViewNumber(2));
        let refusal = Refusal::OtherView { found, current };
        assert_eq!(verify_header(&signed, &back), Err(refusal));

        let other = Header { sent_at: SentAt(9), ..signed.header().clone() };
        let other = seal_frame(other, b"", &mesh.rings[0].active().key, &OsEntropy).unwrap();
        let proof = EquivocationProof::seal_headers(back.view().mesh(), [&said, &other]).unwrap();
        assert_eq!(EquivocationProof::verify(&proof, &back).unwrap().node(), id(0));
    }
}
