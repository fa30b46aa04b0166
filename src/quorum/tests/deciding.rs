//! This node's part in exclusive slots: what it writes down, and what it says then.

use super::*;
use crate::store::{Store, Table};

fn ballot(content: u8, round: u32, phase: Phase) -> Ballot {
    Ballot::for_event(&proposal(1, content), round, phase).unwrap()
}

impl Mesh {
    fn accept(&self, event: &CriticalEvent) -> Result<Option<PartWrite>, Error> {
        self.quorum.accept_content(event, (&self.rings[0], &OsEntropy), NOW)
    }

    fn due(&self, event: &CriticalEvent, now: Millis) -> Option<PartWrite> {
        self.quorum.next_write(event.slot(), (&self.rings[0], &OsEntropy), now).unwrap()
    }

    /// Writes to `store` and says what that allows; the ballots among it.
    fn write(&self, mut write: PartWrite, store: &MemoryStore) -> Vec<Ballot> {
        store.apply(&write.take_batch()).unwrap();
        let cast = self.quorum.written(write, NOW);
        let ballot = |bytes: &Vec<u8>| match Packet::parse(bytes) {
            Ok(Packet::Statement(_)) => Some(*self.read_ballot(bytes).ballot()),
            _ => None,
        };
        cast.packets.iter().filter_map(ballot).collect()
    }

    fn restarted(self, store: &MemoryStore) -> Self {
        let quorum =
            QuorumValidator::new(Arc::clone(&self.directory), ME, QuorumConfig::default(), NOW);
        let quorum = quorum.unwrap();
        for (slot, part) in store.scan(Table::Vote).unwrap() {
            quorum.restore_part(&slot, &part).unwrap();
        }
        Self { quorum, ..self }
    }
}

/// A node accepts `proposal(1, 1)`, sees the others prevote it, and is locked.
fn locked(mesh: &Mesh, store: &MemoryStore) -> Vec<Ballot> {
    let event = proposal(1, 1);
    let mut said = Vec::new();
    said.extend(mesh.accept(&event).unwrap().map(|write| mesh.write(write, store)));
    for place in [1, 2, 3] {
        let _counted = mesh.count_bytes(&mesh.vote(place, &ballot(1, 0, Phase::Prevote)), NOW);
    }
    while let Some(write) = mesh.due(&event, NOW) {
        said.push(mesh.write(write, store));
    }
    said.concat()
}

#[test]
fn a_ballot_leaves_when_it_is_durable_and_is_due_until_then() {
    for suite in Suite::available() {
        let (mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        let write = mesh.accept(&event).unwrap().unwrap();
        assert!(mesh.due(&event, NOW).is_none(), "one write at a time");
        mesh.quorum.not_written(&write);
        assert!(mesh.quorum.open_slots().is_empty(), "nothing was accepted");

        let said = locked(&mesh, &store);
        assert_eq!(said.last(), Some(&ballot(1, 0, Phase::Precommit)));
        assert_eq!(mesh.quorum.undecided().len(), said.len(), "and is sent again");
        assert!(mesh.accept(&event).unwrap().is_none(), "it was accepted before");
    }
}

#[test]
fn a_restart_keeps_what_was_said_and_the_lock() {
    for suite in Suite::available() {
        let (mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        let said = locked(&mesh, &store);
        let mesh = mesh.restarted(&store);
        assert!(mesh.quorum.undecided().is_empty(), "it is signed under the numbers of this boot");
        mesh.quorum.restate(&mesh.rings[0], &OsEntropy, NOW).unwrap();
        let again: Vec<_> = mesh.quorum.undecided();
        let again =
            again.iter().filter(|bytes| matches!(Packet::parse(bytes), Ok(Packet::Statement(_))));
        let again: Vec<_> = again.map(|bytes| *mesh.read_ballot(bytes).ballot()).collect();
        assert_eq!(again, said);

        // All others go on to another content: it has no right to, in this round or in later ones.
        for round in 1..5 {
            for place in [1, 2] {
                let other = mesh.vote(place, &ballot(2, round, Phase::Prevote));
                mesh.count_bytes(&other, NOW).unwrap();
            }
            mesh.accept(&proposal(1, 2)).unwrap().map(|write| mesh.write(write, &store));
            let mut now = NOW;
            for _ in 0..10 {
                now = now.after(1_000_000);
                while let Some(write) = mesh.due(&event, now) {
                    for ballot in mesh.write(write, &store) {
                        assert_ne!(ballot.event(), Some(proposal(1, 2)), "it left its lock");
                    }
                }
            }
        }
    }
}

#[test]
fn a_part_that_cannot_be_read_is_a_fault() {
    for suite in Suite::available().take(1) {
        let (mesh, store) = (Mesh::new(suite, 4), MemoryStore::new());
        locked(&mesh, &store);
        let (slot, part) = store.scan(Table::Vote).unwrap().pop().unwrap();
        assert!(mesh.quorum.restore_part(b"junk", &part).is_err());
        assert!(mesh.quorum.restore_part(&slot, b"junk").is_err());
        assert!(mesh.quorum.restore_part(&slot, &part[..part.len() - 1]).is_err());
    }
}

#[test]
fn a_node_takes_part_in_as_many_slots_as_others_keep_of_it() {
    for suite in Suite::available().take(1) {
        let config = QuorumConfig { slots_per_member: 2, ..QuorumConfig::default() };
        let mesh = Mesh::with(suite, 4, config);
        let refused = |event| match mesh.accept(&event) {
            Err(Error::Misuse(misuse)) => misuse,
            other => panic!("{other:?}"),
        };
        for content in 1..=16 {
            assert!(mesh.accept(&proposal(1, content)).is_ok());
        }
        assert_eq!(refused(proposal(1, 17)), Misuse::TooManyProposals);
        assert!(mesh.accept(&proposal(2, 1)).is_ok());
        assert_eq!(refused(proposal(3, 1)), Misuse::TooManyProposals);
        assert!(matches!(refused(failure(3, None)), Misuse::Nonsense(_)));
    }
}

/// Attack Q10: a member that names a high round takes nobody along, and replaces its own ballots alone.
#[test]
fn q10_a_huge_round_moves_nobody() {
    for suite in Suite::available() {
        let (mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        locked(&mesh, &store);
        let far = mesh.vote(3, &ballot(2, u32::MAX, Phase::Precommit));
        mesh.count_bytes(&far, NOW).unwrap();
        assert!(mesh.due(&event, NOW).is_none());
        assert_eq!(
            mesh.quorum.undecided().last().map(|bytes| mesh.read_ballot(bytes).ballot().round()),
            Some(0)
        );
        let back = mesh.vote(3, &ballot(1, 0, Phase::Precommit));
        assert_eq!(mesh.count_bytes(&back, NOW).err(), Some(Refusal::Outdated));
        for place in [1, 2] {
            let vote = mesh.vote(place, &ballot(1, 0, Phase::Precommit));
            mesh.count_bytes(&vote, NOW).unwrap();
        }
        assert!(mesh.quorum.is_validated(&event));
        assert!(mesh.quorum.undecided().is_empty(), "there is nothing more to say");
    }
}

/// Two thirds that prevoted a content bring along whoever has not heard of it.
#[test]
fn prevotes_of_two_thirds_are_followed_and_certify_nothing() {
    for suite in Suite::available() {
        let (mesh, store, event) = (Mesh::new(suite, 4), MemoryStore::new(), proposal(1, 1));
        for place in [1, 2, 3] {
            let vote = mesh.vote(place, &ballot(1, 0, Phase::Prevote));
            mesh.count_bytes(&vote, NOW).unwrap();
        }
        assert!(!mesh.quorum.is_validated(&event));
        let write = mesh.due(&event, NOW).unwrap();
        assert_eq!(mesh.write(write, &store), [ballot(1, 0, Phase::Precommit)]);
    }
}

/// What decides how a node votes is the count in one round: a ballot that its voter has left behind, signed
/// anew or that was withdrawn is not in it any more.
#[test]
fn each_member_counts_once_where_it_voted_last() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, 4);
        let (slot, content) = (proposal(1, 1).slot(), proposal(1, 1).content());
        let counts = || {
            let ballots = &mesh.quorum.state.lock().ballots;
            [0, 1].map(|round| ballots.count(&slot, (round, Phase::Prevote), content))
        };
        let votes = |round| {
            let vote = mesh.vote(1, &ballot(1, round, Phase::Prevote));
            mesh.count_bytes(&vote, NOW).map(drop)
        };
        assert_eq!((votes(0), counts()), (Ok(()), [1, 0]));
        assert_eq!((votes(1), counts()), (Ok(()), [0, 1]));
        let voter = mesh.directory.view().index_of(&id(1)).unwrap();
        mesh.quorum.state.lock().ballots.withdraw(slot, voter);
        assert_eq!(counts(), [0, 0]);
    }
}
