//! The history of everybody's keys: what is read back is what was written, or nothing is.

use std::sync::Arc;

use super::*;
use crate::id::Nonce;
use crate::membership::{KeyRecord, MAX_VIEW_LEN, MemberIndex, NextKeys, ViewError};
use crate::wire::{Refusal, StatementHead, Tag, WireError, seal_statement};

/// Members with their keys, newest last.
struct Members {
    view: Arc<View>,
    keys: Vec<Vec<ActiveKey>>,
    /// What the newest of them commit to.
    next: Vec<SigningKey>,
    recovery: RecoveryKey,
}

fn key(suite: Suite) -> SigningKey {
    SigningKey::generate(suite, &OsEntropy).unwrap()
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_secret_bytes(key.suite(), &key.to_secret_bytes()).unwrap()
}

/// Before the view in the encoding: beginning, version, length of the view, number of rotations.
const HEAD: usize = 8 + 1 + 4 + 4;

impl Members {
    fn new(suite: Suite, members: u8) -> Self {
        let keys: Vec<_> = (0..members)
            .map(|_| vec![ActiveKey { epoch: Epoch::FIRST, key: key(suite) }])
            .collect();
        let next: Vec<_> = keys.iter().map(|_| key(suite)).collect();
        // One for all, which is nobody's business but theirs.
        let recovery = RecoveryKey::generate(id(1), 0, suite, &OsEntropy).unwrap();
        let members = (1..).zip(&keys).zip(&next).map(|((seed, keys), next)| {
            let key = keys[0].key.public_key().clone();
            let member = Member::new(id(seed), format!("n{seed}"), key);
            let next = NextKeys::of([next.public_key()]).commitment();
            let recovery = recovery.public_key().digest();
            let key = KeyRecord { next, recovery, ..KeyRecord::clone(&member.key) };
            Member { key: Arc::new(key), ..member }
        });
        Self { view: Arc::new(View::genesis(members.collect()).unwrap()), keys, next, recovery }
    }

    fn record(&self, key: &ActiveKey, next: &SigningKey) -> KeyRecord {
        let next = NextKeys::of([next.public_key()]).commitment();
        let (key, recovery) = (key.key.public_key().clone(), self.recovery.public_key().digest());
        KeyRecord { next, recovery, ..KeyRecord::first(key) }
    }

    fn sealed(
        &self,
        place: usize,
        mesh: MeshId,
        keys: [&ActiveKey; 2],
        next: &SigningKey,
    ) -> Vec<u8> {
        let node = self.view.members()[place].id;
        let closing = Nonce { boot: 1, sequence: 50 };
        let [from, to] = keys;
        let record = KeyRecord { epoch: to.epoch, ..self.record(to, next) };
        let opens = NextKeys::of([self.next[place].public_key()]);
        let claim = RotationClaim { to: record, closing, opens, compromised: false };
        seal_rotation((mesh, node), from, &to.key, claim, &OsEntropy).unwrap()
    }

    fn rotate(&mut self, place: usize) -> Vec<u8> {
        let from = self.keys[place].last().unwrap();
        let epoch = from.epoch.next_operational().unwrap();
        let to = ActiveKey { epoch, key: copy(&self.next[place]) };
        let next = key(to.key.suite());
        let statement = self.sealed(place, self.view.mesh(), [from, &to], &next);
        self.keys[place].push(to);
        self.next[place] = next;
        statement
    }

    /// The keys of a member are recovered.
    fn recover(&mut self, place: usize) -> Vec<u8> {
        let suite = self.recovery.public_key().suite();
        let (node, count) = (self.view.members()[place].id, self.recovery.count() + 1);
        let epoch = Epoch { recovery: count, operational: 0 };
        let (to, next) = (ActiveKey { epoch, key: key(suite) }, key(suite));
        let fresh = RecoveryKey::generate(node, count, suite, &OsEntropy).unwrap();
        let with = std::mem::replace(&mut self.recovery, fresh);
        let record = KeyRecord { epoch, ..self.record(&to, &next) };
        let name = (self.view.mesh(), node);
        let statement = seal_recovery(name, &with, (&record, &to.key), &OsEntropy).unwrap();
        self.keys[place].push(to);
        self.next[place] = next;
        statement
    }
}

/// Whether the directory knows `key` for the member at `place`.
fn knows(history: &KeyHistory, place: u32, key: &ActiveKey) -> bool {
    let public = key.key.public_key();
    let name = (key.epoch, public.digest(), public.suite());
    history.directory().key_ever(MemberIndex(place), name).is_some()
}

fn refusal(of: Result<MemberIndex, HistoryError>) -> Refusal {
    match of {
        Err(HistoryError::Rotation { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_history_is_read_back_with_every_key_there_ever_was() {
    for suite in Suite::available() {
        let mut members = Members::new(suite, 3);
        let mut history = KeyHistory::new(members.view.clone());
        // More of one than a node keeps, and in no order of the members.
        for place in [2, 0, 2].into_iter().chain([2; 19]) {
            let added = history.add(&members.rotate(place)).unwrap();
            assert_eq!(added.place(), place);
        }
        let bytes = history.to_bytes().unwrap();
        let back = KeyHistory::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        assert_eq!(back.view().digest(), members.view.digest());
        assert!(back.rotations().eq(history.rotations()));
        assert_eq!(back.rotations().count(), 22);
        for (place, keys) in (0..).zip(&members.keys) {
            assert!(keys.iter().all(|key| knows(&back, place, key)), "of {place}");
            let current = back.directory().current(MemberIndex(place)).unwrap();
            assert_eq!(current.epoch, keys.last().unwrap().epoch);
        }
        assert!(!knows(&back, 0, &members.keys[2][1]), "a key speaks for its own member");
    }
}

#[test]
fn what_does_not_follow_is_refused_and_changes_nothing() {
    for suite in Suite::available() {
        let mut members = Members::new(suite, 2);
        let mut history = KeyHistory::new(members.view.clone());
        let first = members.rotate(0);
        let second = members.rotate(0);
        assert!(matches!(refusal(history.add(&second)), Refusal::UnknownKey { .. }));
        assert_eq!(history.add(&first), Ok(MemberIndex(0)));
        assert_eq!(refusal(history.add(&first)), Refusal::Duplicate);

        // A thief of nothing: a key of its own that claims to follow.
        let from = ActiveKey { epoch: Epoch::FIRST, key: key(suite) };
        let epoch = Epoch { recovery: 0, operational: 1 };
        let (to, next) = (ActiveKey { epoch, key: copy(&members.next[1]) }, key(suite));
        let forged = members.sealed(1, members.view.mesh(), [&from, &to], &next);
        assert!(matches!(refusal(history.add(&forged)), Refusal::UnknownKey { .. }));
        // The same under the name of the member's true key.
        let known = members.keys[1][0].key.public_key();
        let head = StatementHead::new(members.view.mesh(), id(2), Epoch::FIRST, known);
        let Ok(crate::wire::Packet::Statement(read)) = crate::wire::Packet::parse(&forged) else {
            panic!("a statement")
        };
        let content = read.content();
        let renamed = seal_statement(Tag::Rotation, &head, content, &from.key, &OsEntropy).unwrap();
        assert_eq!(refusal(history.add(&renamed)), Refusal::BadSignature);
        // By the member, with its true key, for another mesh.
        let elsewhere = MeshId::from_bytes([9; 32]);
        let foreign = members.sealed(1, elsewhere, [&members.keys[1][0], &to], &next);
        assert_eq!(refusal(history.add(&foreign)), Refusal::OtherMesh(elsewhere));
        // Another thing that it signed.
        let hello = seal_statement(Tag::Hello, &head, content, &members.keys[1][0].key, &OsEntropy);
        assert!(matches!(refusal(history.add(&hello.unwrap())), Refusal::Nonsense(_)));
        assert!(matches!(refusal(history.add(b"no packet")), Refusal::NotUnderstood(_)));

        assert_eq!(history.rotations().count(), 1);
        // A key that the member did not commit to.
        let own = ActiveKey { epoch, key: key(suite) };
        let stolen = members.sealed(1, members.view.mesh(), [&members.keys[1][0], &own], &next);
        assert_eq!(refusal(history.add(&stolen)), Refusal::Commitment);
        assert_eq!(history.rotations().count(), 1);
        let untouched = &members.view.members()[1].key;
        assert_eq!(history.directory().current(MemberIndex(1)).unwrap(), *untouched);
        assert_eq!(history.add(&second), Ok(MemberIndex(0)));
    }
}

/// One member without a rotation: each bit and each end.
#[test]
fn a_changed_bit_is_refused_or_makes_another_view() {
    for suite in Suite::available() {
        let members = Members::new(suite, 1);
        let bytes = KeyHistory::new(members.view.clone()).to_bytes().unwrap();
        let digest = members.view.digest();
        let mut others = 0;
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = KeyHistory::from_bytes(&bad) {
                assert_ne!(read.view().digest(), digest, "bit {bit}");
                assert_eq!(read.to_bytes().unwrap(), bad, "one encoding for each history");
                others += 1;
            }
        }
        // The id, the epoch, the key and the commitments may be any; hardly anything else may.
        assert!(
            (8 * (32 + 8 + suite.public_key_len() + 64)..bytes.len() * 8).contains(&others),
            "{others}"
        );
    }
}

#[test]
fn a_changed_rotation_a_cut_and_an_addition_are_refused() {
    for suite in Suite::available() {
        let mut members = Members::new(suite, 1);
        let mut history = KeyHistory::new(members.view.clone());
        for _ in 0..2 {
            history.add(&members.rotate(0)).unwrap();
        }
        let bytes = history.to_bytes().unwrap();
        let view_len = members.view.to_bytes().unwrap().len();
        let rotations_at = HEAD + view_len;
        // All of what stands before the first signed field, then a bit here and there.
        let signed_at = rotations_at + 4 + 2 + 32 + 1 + 32 + 8 + 32 + 4;
        for at in (rotations_at..signed_at).chain((signed_at..bytes.len()).step_by(97)) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(KeyHistory::from_bytes(&bad).is_err(), "byte {at}");
        }
        // A change of the view, too: its rotations are of the mesh that it was.
        for at in [HEAD + 16, HEAD + 16 + 32 + 8, rotations_at - 1] {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(KeyHistory::from_bytes(&bad).is_err(), "byte {at}");
        }
        let one = bytes.len() - (bytes.len() - rotations_at) / 2;
        for len in
            (0..HEAD + 80).chain((HEAD + 80..bytes.len()).step_by(61)).chain([one, bytes.len() - 1])
        {
            let cut = KeyHistory::from_bytes(&bytes[..len]).unwrap_err();
            let most = bytes.len() - len;
            match len {
                0..8 => assert_eq!(cut, HistoryError::Beginning),
                _ => assert!(
                    matches!(cut, HistoryError::Truncated { missing } if missing <= most),
                    "{cut}"
                ),
            }
        }
        let longer = [bytes.as_slice(), &[0, 0]].concat();
        assert_eq!(
            KeyHistory::from_bytes(&longer).err(),
            Some(HistoryError::Trailing { extra: 2 })
        );
        let fewer = [&bytes[..HEAD - 4], &1_u32.to_le_bytes(), &bytes[HEAD..]].concat();
        let extra = bytes.len() - one;
        assert_eq!(KeyHistory::from_bytes(&fewer).err(), Some(HistoryError::Trailing { extra }));
    }
}

#[test]
fn lengths_that_lie_and_other_versions_are_named() {
    for suite in Suite::available().take(1) {
        let members = Members::new(suite, 1);
        let bytes = KeyHistory::new(members.view.clone()).to_bytes().unwrap();
        let with = |at: usize, new: &[u8]| {
            let mut bad = bytes.clone();
            bad[at..at + new.len()].copy_from_slice(new);
            KeyHistory::from_bytes(&bad).unwrap_err()
        };
        assert_eq!(with(0, b"M"), HistoryError::Beginning);
        for found in [0, 1, 3, 255] {
            assert_eq!(with(8, &[found]), HistoryError::Version { found });
        }
        let limit = MAX_VIEW_LEN;
        let found = limit + 1;
        let claimed = u32::try_from(found).unwrap().to_le_bytes();
        assert_eq!(with(9, &claimed), HistoryError::TooLong { what: "a view", found, limit });
        assert!(matches!(with(9, &u32::MAX.to_le_bytes()), HistoryError::TooLong { .. }));
        let missing = limit - (bytes.len() - HEAD);
        let claimed = u32::try_from(limit).unwrap().to_le_bytes();
        assert_eq!(with(9, &claimed), HistoryError::Truncated { missing });
        let most = u32::try_from(MAX_ROTATIONS).unwrap();
        assert_eq!(with(13, &most.to_le_bytes()), HistoryError::Truncated { missing: 4 });
        assert_eq!(with(13, &(most + 1).to_le_bytes()), HistoryError::TooMany);

        let mut one = bytes.clone();
        one[13] = 1;
        one.extend(u32::MAX.to_le_bytes());
        let refused = KeyHistory::from_bytes(&one).unwrap_err();
        assert!(matches!(refused, HistoryError::TooLong { what: "a rotation", .. }), "{refused}");

        let later = View::from_bytes(&[&[1], vec![0; 15].as_slice()].concat()).err();
        assert!(matches!(later, Some(ViewError::Wire(_))));
        let huge = View::from_bytes(&vec![0; MAX_VIEW_LEN + 1]).err();
        let expected = WireError::TooLong { what: "a view", found, limit };
        assert_eq!(huge, Some(ViewError::Wire(expected)));
    }
}

#[test]
fn the_order_of_the_members_is_the_only_one() {
    for suite in Suite::available() {
        let mut members = Members::new(suite, 2);
        let mut history = KeyHistory::new(members.view.clone());
        let (one, two) = (members.rotate(0), members.rotate(1));
        history.add(&two).unwrap();
        history.add(&one).unwrap();
        let bytes = history.to_bytes().unwrap();
        let at = HEAD + members.view.to_bytes().unwrap().len();
        let len = u32::try_from(one.len()).unwrap().to_le_bytes();
        let listed = |order: [&Vec<u8>; 2]| {
            let [first, second] = order.map(|one| [&len, one.as_slice()].concat());
            [&bytes[..at], &first, &second].concat()
        };
        assert_eq!(listed([&one, &two]), bytes);
        let swapped = KeyHistory::from_bytes(&listed([&two, &one]));
        assert_eq!(swapped.err(), Some(HistoryError::Order { number: 2 }));
    }
}

/// A member that rotates for ever fills its own places.
#[test]
fn a_member_has_places_of_its_own() {
    for suite in Suite::available().take(1) {
        let mut members = Members::new(suite, 2);
        let mut history = KeyHistory::new(members.view.clone());
        for _ in 0..MAX_ROTATIONS {
            let statement = members.rotate(0);
            history.add(&statement).unwrap();
        }
        let next = members.rotate(0);
        assert_eq!(history.add(&next), Err(HistoryError::TooMany));
        assert!(history.add(&members.rotate(1)).is_ok());
        assert!(members.keys[0][..MAX_ROTATIONS].iter().all(|key| knows(&history, 0, key)));
        assert!(!knows(&history, 0, members.keys[0].last().unwrap()));
    }
}

/// Promise P9: a recovery leads on from whatever rotation the history has; what was signed with any key on
/// the way can be checked, and a rotation of the time before does nothing any more.
#[test]
fn a_recovery_leads_on_and_ends_what_was_before() {
    for suite in Suite::available() {
        let mut members = Members::new(suite, 1);
        let mut history = KeyHistory::new(members.view.clone());
        let (first, second) = (members.rotate(0), members.rotate(0));
        history.add(&first).unwrap();
        let (recovery, after) = (members.recover(0), members.rotate(0));
        assert!(matches!(refusal(history.add(&after)), Refusal::UnknownKey { .. }));
        history.add(&recovery).unwrap();
        assert_eq!(refusal(history.add(&recovery)), Refusal::Duplicate);
        assert!(matches!(refusal(history.add(&second)), Refusal::UnknownKey { .. }));
        history.add(&after).unwrap();
        let again = members.recover(0);
        history.add(&again).unwrap();

        let bytes = history.to_bytes().unwrap();
        let back = KeyHistory::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        assert_eq!(back.rotations().count(), 4);
        let current = back.directory().current(MemberIndex(0)).unwrap();
        assert_eq!(current.epoch, Epoch { recovery: 2, operational: 0 });
        let known = members.keys[0].iter().map(|key| knows(&back, 0, key));
        assert_eq!(known.collect::<Vec<_>>(), [true, true, false, true, true, true]);

        // By another recovery key, and by one that is spent.
        let mut thief = Members::new(suite, 1);
        thief.view = Arc::clone(&members.view);
        thief.recovery.count = 2;
        assert_eq!(refusal(history.add(&thief.recover(0))), Refusal::Commitment);
    }
}
