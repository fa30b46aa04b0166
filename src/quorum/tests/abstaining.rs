//! What a node does in a slot in which it is shown a vote that it does not remember.

use super::*;
use crate::membership::Change;
use crate::store::{Store, Table};

fn ballot(content: u8, round: u32, phase: Phase) -> Ballot {
    Ballot::for_event(&proposal(1, content), round, phase).unwrap()
}

impl Mesh {
    fn signs(&self) -> (&Keyring, &dyn crate::suite::Entropy) {
        (&self.rings[0], &OsEntropy)
    }

    /// Writes to `store` all that is due in the slot of `event` at `now`; what may leave then.
    fn all_due(&self, event: &CriticalEvent, store: &MemoryStore, now: Millis) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while let Some(mut write) = self.quorum.next_write(event.slot(), self.signs(), now).unwrap()
        {
            store.apply(&write.take_batch()).unwrap();
            packets.extend(self.quorum.written(write, now).packets);
        }
        packets
    }

    /// What its store gives back, in the view of `directory`.
    fn restored(&self, directory: &Arc<Directory>, store: &MemoryStore) -> QuorumValidator {
        let me = directory.view().index_of(&id(0)).unwrap();
        let config = QuorumConfig::default();
        let quorum = QuorumValidator::new(Arc::clone(directory), me, config, NOW).unwrap();
        quorum.take_over_carried().unwrap();
        for (slot, part) in store.scan(Table::Vote).unwrap() {
            quorum.restore_part(&slot, &part).unwrap();
        }
        quorum
    }

    fn shown(&self, ballot: &Ballot) -> bool {
        self.quorum.has_forgotten(&self.read_ballot(&self.vote(0, ballot)))
    }
}

/// Whether it votes in the slot of `event`, however long it waits and whatever the others vote.
fn says_something(mesh: &Mesh, event: &CriticalEvent, store: &MemoryStore) -> bool {
    let mut said = Vec::new();
    let accepted = mesh.quorum.accept_content(event, mesh.signs(), NOW);
    assert!(matches!(accepted, Err(Error::Misuse(Misuse::Abstains)) | Ok(_)), "{accepted:?}");
    for round in 0..3 {
        for place in [1, 2, 3] {
            for phase in [Phase::Prevote, Phase::Precommit] {
                let event = if phase == Phase::Prevote { Some(event) } else { None };
                let ballot = match event {
                    Some(event) => Ballot::for_event(event, round, phase),
                    None => Ballot::for_nothing(&proposal(1, 1), round, phase),
                };
                let _counted = mesh.count_bytes(&mesh.vote(place, &ballot.unwrap()), NOW);
            }
        }
        said.extend(mesh.all_due(event, store, NOW.after(1_000_000 * u64::from(round))));
    }
    mesh.quorum.restate(&mesh.rings[0], &OsEntropy, NOW).unwrap();
    said.extend(mesh.quorum.undecided());
    !said.is_empty()
}

/// Attack K14: what a part that knows of nothing is shown, it has forgotten.
#[test]
fn k14_a_vote_that_is_not_remembered_silences_its_voter_in_its_slot_for_good() {
    for suite in Suite::available() {
        for forgotten in [
            ballot(1, 0, Phase::Prevote),
            ballot(1, 3, Phase::Precommit),
            Ballot::for_nothing(&proposal(1, 1), 0, Phase::Prevote).unwrap(),
        ] {
            let (mut mesh, store) = (Mesh::new(suite, 4), MemoryStore::new());
            assert!(mesh.shown(&forgotten), "{forgotten:?}");
            mesh.quorum.abstain(forgotten.slot());
            assert!(!mesh.shown(&forgotten), "once is enough");
            assert!(!says_something(&mesh, &proposal(1, 2), &store), "{forgotten:?}");
            let stays_free = mesh.quorum.accept_content(&proposal(2, 1), mesh.signs(), NOW);
            assert!(stays_free.is_ok(), "other slots are others");

            mesh.quorum = mesh.restored(&Arc::clone(&mesh.directory), &store);
            assert!(!says_something(&mesh, &proposal(1, 2), &store), "after a restart");

            // A member leaves, and the slot goes on in the next view.
            let view = mesh.directory.view();
            let view = Arc::new(view.changed(&Change::of(view).leave(id(3)), Vec::new()).unwrap());
            let next = Arc::new(mesh.directory.succeed(Arc::clone(&view), NOW));
            let quorum = mesh.quorum.succeed(Arc::clone(&next), ME, NOW).unwrap();
            let mut batch = crate::store::Batch::new();
            mesh.quorum.put_parts_after(&view, &mut batch).unwrap();
            store.apply(&batch).unwrap();
            (mesh.quorum, mesh.directory) = (quorum, next);
            assert!(!says_something(&mesh, &proposal(1, 2), &store), "in the next view");
            mesh.quorum = mesh.restored(&Arc::clone(&mesh.directory), &store);
            assert!(!says_something(&mesh, &proposal(1, 2), &store), "and after a restart in it");
        }
    }
}

/// A restart on its own disk forgets nothing, and what comes back of it is no news.
#[test]
fn what_is_remembered_silences_nobody() {
    for suite in Suite::available() {
        let (mut mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        let mut write = mesh.quorum.accept_content(&event, mesh.signs(), NOW).unwrap();
        if let Some(mut write) = write.take() {
            store.apply(&write.take_batch()).unwrap();
            mesh.quorum.written(write, NOW);
        }
        for place in [1, 2, 3] {
            let _counted = mesh.count_bytes(&mesh.vote(place, &ballot(1, 0, Phase::Prevote)), NOW);
        }
        mesh.all_due(&event, &store, NOW);
        for _ in 0..2 {
            let said = Ballot::for_event(&event, 0, Phase::Precommit).unwrap();
            assert!(!mesh.shown(&said));
            let other = Ballot::for_event(&proposal(1, 2), 0, Phase::Precommit).unwrap();
            assert!(mesh.shown(&other) && mesh.shown(&ballot(1, 1, Phase::Prevote)));
            mesh.quorum = mesh.restored(&Arc::clone(&mesh.directory), &store);
        }
    }
}

/// A ballot that was signed before its voter was shown another never leaves, and counts nowhere.
#[test]
fn what_was_signed_before_it_was_shown_does_not_leave() {
    for suite in Suite::available() {
        let (mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        for place in [1, 2, 3] {
            let _counted = mesh.count_bytes(&mesh.vote(place, &ballot(1, 0, Phase::Prevote)), NOW);
        }
        let mut write = mesh.quorum.next_write(event.slot(), mesh.signs(), NOW).unwrap().unwrap();
        store.apply(&write.take_batch()).unwrap();
        mesh.quorum.abstain(event.slot());
        assert!(mesh.quorum.next_write(event.slot(), mesh.signs(), NOW).unwrap().is_none());
        assert!(mesh.quorum.written(write, NOW).packets.is_empty());
        assert!(mesh.all_due(&event, &store, NOW).is_empty(), "the abstention is written");
        assert!(mesh.quorum.undecided().is_empty());
        let again = mesh.restored(&mesh.directory, &store);
        assert!(again.state.lock().parts.values().all(|part| part.abstains.is_some()));
    }
}

/// Whoever forgot a lock does not carry it on, so it leaves the hand-over of that view to the others.
#[test]
fn who_forgot_a_vote_does_not_hand_over_its_view() {
    for suite in Suite::available().take(1) {
        let (mesh, store) = (Mesh::new(suite, 4), MemoryStore::new());
        let view = crate::id::ViewNumber(1);
        let next = CriticalEvent::ViewChange { view, digest: Digest::from_bytes([7; 32]) };
        let prevote = Ballot::for_event(&next, 0, Phase::Prevote).unwrap();
        let prevotes = |mesh: &Mesh| {
            for place in [1, 2, 3] {
                mesh.count_bytes(&mesh.vote(place, &prevote), NOW).unwrap();
            }
            !mesh.all_due(&next, &store, NOW).is_empty()
        };
        assert!(prevotes(&mesh), "it follows two thirds");
        let mesh = Mesh::new(suite, 4);
        mesh.quorum.abstain(proposal(1, 1).slot());
        assert!(!prevotes(&mesh));

        // And whoever forgot a vote on the next view says nothing more in this one.
        let mesh = Mesh::new(suite, 4);
        assert!(mesh.shown(&prevote));
        mesh.quorum.abstain(next.slot());
        let store = MemoryStore::new();
        assert!(!says_something(&mesh, &proposal(1, 1), &store) && !prevotes(&mesh));
    }
}

/// A thief of the key can show votes without end: there is room for some, and then for none.
#[test]
fn more_forgotten_votes_than_slots_silence_their_voter_everywhere() {
    for suite in Suite::available().take(1) {
        let config = QuorumConfig { slots_per_member: 2, ..QuorumConfig::default() };
        let mesh = Mesh::with(suite, 4, config);
        for sequence in 1..=100 {
            mesh.quorum.abstain(proposal(sequence, 1).slot());
        }
        assert_eq!(mesh.quorum.state.lock().parts.len(), 2);
        let other = mesh.quorum.accept_content(&proposal(1_000, 1), mesh.signs(), NOW);
        assert!(matches!(other, Err(Error::Misuse(Misuse::Abstains))), "{other:?}");
    }
}

/// Its own proof silences it, too, in the view of the votes and in the next.
#[test]
fn a_proof_of_its_own_votes_silences_it_in_their_slot() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let votes = [1, 2].map(|content| mesh.vote(0, &ballot(content, 0, Phase::Precommit)));
        let mesh_id = mesh.directory.view().mesh();
        let proof = EquivocationProof::seal_votes(mesh_id, [&votes[0], &votes[1]]).unwrap();
        let proof = EquivocationProof::verify(&proof, &mesh.directory).unwrap();
        assert_eq!(mesh.quorum.abstain_for(&proof), Some(ballot(1, 0, Phase::Precommit)));
        assert_eq!(mesh.quorum.abstain_for(&proof), None, "once");
        assert!(!says_something(&mesh, &proposal(1, 3), &MemoryStore::new()));
    }
}

/// A member is shown what it may have forgotten, and nothing that it does not need.
#[test]
fn what_goes_beyond_a_ballot_is_shown() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let bytes = |vote: &[u8]| mesh.quorum.beyond(&mesh.read_ballot(vote));
        let prevote = mesh.vote(1, &ballot(1, 2, Phase::Prevote));
        assert_eq!(bytes(&prevote), None, "nothing is held");
        mesh.count_bytes(&prevote, NOW).unwrap();
        assert_eq!(bytes(&prevote), None);
        let precommit = mesh.vote(1, &ballot(1, 2, Phase::Precommit));
        assert_eq!(bytes(&precommit), None, "it has gone on");
        mesh.count_bytes(&precommit, NOW).unwrap();
        assert_eq!(bytes(&prevote), None, "it says both, one after the other");
        assert_eq!(bytes(&mesh.vote(1, &ballot(1, 2, Phase::Prevote))), Some(precommit.clone()));
        assert_eq!(bytes(&mesh.vote(1, &ballot(1, 1, Phase::Prevote))), Some(precommit.clone()));
        assert_eq!(bytes(&mesh.vote(1, &ballot(2, 2, Phase::Precommit))), Some(precommit.clone()));
        assert_eq!(bytes(&mesh.vote(1, &ballot(2, 2, Phase::Prevote))), Some(prevote));
        assert_eq!(bytes(&mesh.vote(1, &ballot(2, 3, Phase::Prevote))), None);
        assert_eq!(bytes(&mesh.vote(2, &ballot(1, 0, Phase::Prevote))), None, "another's");
        assert_eq!(mesh.quorum.votes_of(MemberIndex(1), 8), [precommit]);
    }
}
