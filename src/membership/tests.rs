//! What holds for views and for the keys in force.

use std::sync::Arc;

use super::*;
use crate::id::{Epoch, MeshId, Millis, NodeId, Nonce};
use crate::suite::{OsEntropy, PublicKey, Purpose, SigningKey, Suite, VerifyError};
use crate::wire::WireError;

/// Any bytes are a public key, so views need no suite that is compiled in.
fn key(seed: u8) -> PublicKey {
    let suite = Suite::MlDsa65;
    PublicKey::from_bytes(suite, &vec![seed; suite.public_key_len()]).unwrap()
}

fn id(seed: u8) -> NodeId {
    NodeId::from_bytes([seed; 32])
}

fn member(seed: u8) -> Member {
    Member::new(id(seed), format!("node {seed}"), key(seed))
}

fn members(seeds: impl IntoIterator<Item = u8>) -> Vec<Member> {
    seeds.into_iter().map(member).collect()
}

#[test]
fn a_genesis_view_does_not_depend_on_who_lists_it_how() {
    let view = View::genesis(members([3, 1, 4, 2])).unwrap();
    let again = View::genesis(members([1, 2, 3, 4])).unwrap();
    assert_eq!((view.digest(), view.mesh()), (again.digest(), again.mesh()));
    assert_eq!(view.mesh(), MeshId::from_bytes(*view.digest().as_bytes()));
    assert_eq!(view.number().0, 0);
    assert!(view.members().is_sorted_by_key(|member| member.id));
    assert_eq!((view.len(), view.quorum(), view.faults_tolerated()), (4, 3, 1));
    for (place, index) in view.indices().enumerate() {
        let found = view.member(index).unwrap();
        assert_eq!((index.place(), view.index_of(&found.id)), (place, Some(index)));
    }
    assert_eq!(view.index_of(&id(9)), None);
    assert_eq!(view.member(MemberIndex(4)), None);
    assert_eq!(view.member(MemberIndex(u32::MAX)), None);
}

#[test]
fn any_change_of_a_member_makes_another_mesh() {
    let before = View::genesis(members([1, 2, 3])).unwrap().digest();
    let changed = |change: fn(&mut Vec<Member>)| {
        let mut members = members([1, 2, 3]);
        change(&mut members);
        View::genesis(members).unwrap().digest()
    };
    assert_eq!(changed(|_| {}), before);
    assert_ne!(changed(|members| members[1].id = id(9)), before);
    assert_ne!(changed(|members| members[1].name.push('x')), before);
    assert_ne!(changed(|members| Arc::make_mut(&mut members[1].key).key = key(9)), before);
    assert_ne!(changed(|members| Arc::make_mut(&mut members[1].key).epoch.recovery = 1), before);
    assert_ne!(changed(|members| drop(members.pop())), before);
    assert_ne!(changed(|members| members.push(member(4))), before);
}

#[test]
fn what_is_no_view_is_named() {
    let refused = |members: Vec<Member>| View::genesis(members).unwrap_err();
    assert_eq!(refused(Vec::new()), ViewError::Empty);
    assert_eq!(refused(members([2, 1, 2])), ViewError::DuplicateId(id(2)));
    let shared = vec![member(1), Member::new(id(2), "two", key(1))];
    assert_eq!(refused(shared), ViewError::SharedKey(id(1), id(2)));
    let named = |len: usize| vec![Member::new(id(1), "x".repeat(len), key(1))];
    assert!(View::genesis(named(MAX_NAME_LEN)).is_ok());
    assert_eq!(refused(named(MAX_NAME_LEN + 1)), ViewError::LongName(id(1)));
    let many = vec![member(1); MAX_MEMBERS + 1];
    assert_eq!(refused(many), ViewError::TooMany(MAX_MEMBERS + 1));
}

#[test]
fn a_change_leads_to_the_next_view_or_says_why_not() {
    let view = View::genesis(members([1, 2, 3])).unwrap();
    let newer =
        KeyRecord { epoch: Epoch { recovery: 0, operational: 3 }, ..KeyRecord::first(key(7)) };
    let change = Change::of(&view).join(member(9)).join(member(4)).leave(id(2));
    let change = change.anchor(id(3), newer.clone());
    let next = view.changed(&change, vec![5, 6]).unwrap();
    assert_eq!((next.number().0, next.mesh(), next.carried()), (1, view.mesh(), &[5, 6][..]));
    assert_eq!((next.previous(), view.previous()), (Some(view.digest()), None));
    let of: Vec<_> = next.members().iter().map(|one| (one.id, one.joined.0)).collect();
    assert_eq!(of, [(id(1), 0), (id(3), 0), (id(4), 1), (id(9), 1)]);
    assert_eq!(*next.member(MemberIndex(1)).unwrap().key, newer);
    assert_eq!(Change::from_bytes(&change.to_bytes().unwrap()), Ok(change.clone()));
    let back = View::from_bytes(&next.to_bytes().unwrap()).unwrap();
    assert_eq!((back.digest(), back.mesh()), (next.digest(), view.mesh()));
    assert_ne!(view.changed(&change, vec![5]).unwrap().digest(), next.digest());

    let refused = |change: Change| view.changed(&change, Vec::new()).unwrap_err();
    let other = ViewError::OtherView { found: next.digest(), here: view.digest() };
    assert_eq!(refused(Change::of(&next).leave(id(1))), other);
    assert_eq!(refused(Change::of(&view)), ViewError::Form);
    assert_eq!(refused(Change::of(&view).leave(id(1)).leave(id(1))), ViewError::Form);
    assert_eq!(refused(Change::of(&view).join(member(1))), ViewError::JoinsTwice(id(1)));
    let anew = Change::of(&view).leave(id(1)).join(member(1));
    assert_eq!(refused(anew), ViewError::JoinsTwice(id(1)));
    assert_eq!(refused(Change::of(&view).leave(id(4))), ViewError::NoMember(id(4)));
    let old = Change::of(&view).anchor(id(1), KeyRecord::first(key(7)));
    assert_eq!(refused(old), ViewError::OldKey(id(1)));
    let all = Change::of(&view).leave(id(1)).leave(id(2)).leave(id(3));
    assert_eq!(refused(all), ViewError::Empty);
    let shared = Change::of(&view).join(Member::new(id(4), "four", key(2)));
    assert_eq!(refused(shared), ViewError::SharedKey(id(2), id(4)));
    let much = view.changed(&change, vec![0; MAX_CARRIED_LEN + 1]).unwrap_err();
    assert_eq!(much, ViewError::Carried(MAX_CARRIED_LEN + 1));
}

#[test]
fn bytes_are_read_back_as_the_same_view_or_not_at_all() {
    let view = View::genesis(members([1, 2, 3])).unwrap();
    let bytes = view.to_bytes().unwrap();
    let back = View::from_bytes(&bytes).unwrap();
    assert_eq!((back.digest(), back.members()), (view.digest(), view.members()));
    assert_eq!(back.to_bytes().unwrap(), bytes);

    let longer = View::from_bytes(&[bytes.as_slice(), &[0]].concat());
    assert_eq!(longer.err(), Some(ViewError::Wire(WireError::Trailing { extra: 1 })));
    for len in (0..200).chain([bytes.len() - 1]) {
        let cut = View::from_bytes(&bytes[..len]);
        assert!(matches!(cut, Err(ViewError::Wire(_))), "{len}: {cut:?}");
    }
    // Number and count of members, then members of one length each.
    let (front, rest) = bytes.split_at(16);
    let (rest, end) = rest.split_at(rest.len() - 1);
    let each: Vec<_> = rest.chunks_exact(rest.len() / 3).collect();
    let unsorted = [front, each[1], each[0], each[2], end].concat();
    assert_eq!(View::from_bytes(&unsorted).err(), Some(ViewError::Order));
    let twice = [front, each[0], each[1], each[1], end].concat();
    assert_eq!(View::from_bytes(&twice).err(), Some(ViewError::DuplicateId(id(2))));
    let lying = [&front[..8], &u64::MAX.to_le_bytes(), rest].concat();
    assert!(matches!(View::from_bytes(&lying), Err(ViewError::Wire(_))));
}

const GRACE_UNTIL: Millis = Millis(1_000);
const CLOSING: Nonce = Nonce { boot: 1, sequence: 50 };

fn directory() -> Directory {
    Directory::new(Arc::new(View::genesis(members([1, 2])).unwrap()), 4)
}

fn rotated(seed: u8, epoch: Epoch) -> RotatedKey {
    let to = KeyRecord { epoch, ..KeyRecord::first(key(seed)) };
    RotatedKey { to, closing: CLOSING, grace_until: GRACE_UNTIL }
}

#[test]
fn a_key_is_found_by_epoch_digest_and_suite_together() {
    let directory = directory();
    let (one, first) = (MemberIndex(0), Epoch::FIRST);
    let second = first.next_operational().unwrap();
    let found = |key| directory.key(one, key, Millis(0)).is_some();
    let digest = key(1).digest();
    assert!(found((first, digest, Suite::MlDsa65)));
    assert!(!found((second, digest, Suite::MlDsa65)));
    assert!(!found((first, key(2).digest(), Suite::MlDsa65)));
    assert!(!found((first, digest, Suite::Dilithium3)));
    let nobody = MemberIndex(2);
    assert!(directory.key(nobody, (first, digest, Suite::MlDsa65), Millis(0)).is_none());
    assert!(directory.current(nobody).is_none());
    assert_eq!(directory.known_keys(nobody), [None; 2]);
    assert!(!directory.rotate(nobody, first, rotated(9, second)));
}

#[test]
fn a_rotation_keeps_the_key_before_for_its_grace_period() {
    let directory = directory();
    let (one, first) = (MemberIndex(0), Epoch::FIRST);
    let second = first.next_operational().unwrap();
    assert_eq!(directory.known_keys(one), [Some(key(1).digest()), None]);
    assert!(directory.rotate(one, first, rotated(11, second)));

    assert_eq!(*directory.current(one).unwrap(), rotated(11, second).to);
    assert_eq!(directory.known_keys(one), [Some(key(11).digest()), Some(key(1).digest())]);
    let old = |now| directory.key(one, (first, key(1).digest(), Suite::MlDsa65), now);
    let new = |now| directory.key(one, (second, key(11).digest(), Suite::MlDsa65), now);
    for now in [Millis(0), Millis(999)] {
        assert_eq!(old(now).unwrap().closing, Some(CLOSING));
        assert_eq!(new(now).unwrap().closing, None);
    }
    assert!(old(GRACE_UNTIL).is_none());
    assert!(new(Millis(u64::MAX)).is_some());
    // Its window must outlive the grace period, or a clock that steps back would open it anew.
    assert_eq!(directory.known_keys(one)[1], Some(key(1).digest()));

    assert!(!directory.rotate(one, first, rotated(12, second)), "a stale epoch");
    assert_eq!(directory.current(one).unwrap().key, key(11));
    let third = second.next_operational().unwrap();
    assert!(directory.rotate(one, second, rotated(13, third)));
    assert!(old(Millis(0)).is_none(), "two rotations ago");
    assert_eq!(directory.known_keys(one), [Some(key(13).digest()), Some(key(11).digest())]);
    assert_eq!(directory.known_keys(MemberIndex(1)), [Some(key(2).digest()), None]);
}

#[test]
fn of_any_number_of_threads_one_rotates() {
    let directory = directory();
    let second = Epoch::FIRST.next_operational().unwrap();
    let done: usize = std::thread::scope(|scope| {
        let rotate = |seed| directory.rotate(MemberIndex(0), Epoch::FIRST, rotated(seed, second));
        let threads: Vec<_> = (10..18).map(|seed| scope.spawn(move || rotate(seed))).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert_eq!(done, 1);
}

/// The first member leaves, a third joins, and the second has its place.
fn next_of(view: &View, anchor: Option<KeyRecord>) -> Arc<View> {
    let mut change = Change::of(view).leave(id(1)).join(member(3));
    if let Some(record) = anchor {
        change = change.anchor(id(2), record);
    }
    Arc::new(view.changed(&change, Vec::new()).unwrap())
}

fn operational(operational: u32) -> Epoch {
    Epoch { recovery: 0, operational }
}

#[test]
fn who_stays_has_the_same_keys_in_both_views() {
    let directory = directory();
    let (before, after) = (MemberIndex(1), MemberIndex(0));
    let (first, second) = (Epoch::FIRST, Epoch::FIRST.next_operational().unwrap());
    assert!(directory.rotate(before, first, rotated(12, second)));
    let next = directory.succeed(next_of(directory.view(), None), Millis(0));
    assert_eq!(next.known_keys(after), [Some(key(12).digest()), Some(key(2).digest())]);
    assert_eq!(next.known_keys(MemberIndex(1)), [Some(key(3).digest()), None], "a joiner");
    assert!(next.current(MemberIndex(2)).is_none());

    // A rotation that either of the two takes has happened in the other.
    let third = second.next_operational().unwrap();
    assert!(next.rotate(after, second, rotated(22, third)));
    assert!(!directory.rotate(before, second, rotated(32, third)));
    assert_eq!(directory.current(before).unwrap().key, key(22));
    assert!(directory.rotate(before, third, rotated(42, third.next_operational().unwrap())));
    for (of, place) in [(&directory, before), (&next, after)] {
        assert_eq!(of.known_keys(place), [42, 22].map(|seed| Some(key(seed).digest())));
        assert!(of.key_ever(place, (first, key(2).digest(), Suite::MlDsa65)).is_some());
    }
    // The leaver's key goes on to speak for it in the view before, alone.
    assert!(directory.rotate(MemberIndex(0), first, rotated(11, second)));
    assert_eq!(next.current(after).unwrap().key, key(42));
}

#[test]
fn who_joins_again_has_no_key_of_before() {
    let directory = directory();
    let second = Epoch::FIRST.next_operational().unwrap();
    assert!(directory.rotate(MemberIndex(0), Epoch::FIRST, rotated(11, second)));
    let left = next_of(directory.view(), None);
    let change = Change::of(&left).join(member(1));
    let back = Arc::new(left.changed(&change, Vec::new()).unwrap());
    for next in [
        directory.succeed(Arc::clone(&left), Millis(0)).succeed(Arc::clone(&back), Millis(0)),
        directory.succeed(back, Millis(0)),
    ] {
        assert_eq!(next.known_keys(MemberIndex(0)), [Some(key(1).digest()), None]);
        let old = (second, key(11).digest(), Suite::MlDsa65);
        assert!(next.key_ever(MemberIndex(0), old).is_none());
    }
}

#[test]
fn a_newer_key_that_the_view_gives_is_taken_over_in_both() {
    let directory = directory();
    let (before, after) = (MemberIndex(1), MemberIndex(0));
    let record = KeyRecord { epoch: operational(3), ..KeyRecord::first(key(12)) };
    let view = next_of(directory.view(), Some(record.clone()));
    let next = directory.succeed(view, GRACE_UNTIL);
    for (of, place) in [(&directory, before), (&next, after)] {
        assert_eq!(*of.current(place).unwrap(), record);
        let old = |now| of.key(place, (Epoch::FIRST, key(2).digest(), Suite::MlDsa65), now);
        let end = Nonce { boot: u32::MAX, sequence: u32::MAX };
        assert_eq!(old(Millis(999)).unwrap().closing, Some(end), "when it closed is not known");
        assert!(old(GRACE_UNTIL).is_none());
    }
}

#[test]
fn a_key_that_is_known_or_older_changes_nothing() {
    let anchored = KeyRecord { epoch: operational(2), ..KeyRecord::first(key(12)) };
    // Known as the current key, the previous, a past one; and one that is not known, and older.
    let chains: [&[u8]; 4] = [&[22, 12], &[22, 12, 13], &[22, 12, 13, 14], &[22, 23, 24]];
    for chain in chains {
        let directory = directory();
        for (epoch, seed) in (0_u32..).zip(chain) {
            let to = rotated(*seed, operational(epoch + 1));
            assert!(directory.rotate(MemberIndex(1), operational(epoch), to));
        }
        let known = directory.known_keys(MemberIndex(1));
        let view = next_of(directory.view(), Some(anchored.clone()));
        let next = directory.succeed(view, Millis(5_000));
        assert_eq!(next.known_keys(MemberIndex(0)), known);
        let previous = next.known_keys(MemberIndex(0))[1].unwrap();
        let epoch = operational(u32::try_from(chain.len()).unwrap() - 1);
        let in_force = |now| next.key(MemberIndex(0), (epoch, previous, Suite::MlDsa65), now);
        assert_eq!(in_force(Millis(0)).unwrap().closing, Some(CLOSING));
        assert!(in_force(GRACE_UNTIL).is_none());
    }
}

#[test]
fn of_two_keys_of_one_epoch_the_view_decides() {
    let directory = directory();
    let second = Epoch::FIRST.next_operational().unwrap();
    assert!(directory.rotate(MemberIndex(1), Epoch::FIRST, rotated(12, second)));
    let anchored = KeyRecord { epoch: second, ..KeyRecord::first(key(22)) };
    let view = next_of(directory.view(), Some(anchored.clone()));
    let next = directory.succeed(view, GRACE_UNTIL);
    assert_eq!(*next.current(MemberIndex(0)).unwrap(), anchored);
    let other = (second, key(12).digest(), Suite::MlDsa65);
    assert!(next.key(MemberIndex(0), other, Millis(0)).is_none(), "no grace");
    assert!(next.key_ever(MemberIndex(0), other).is_some(), "what it said can be proven");
}

/// Promise P9, attack K8: which of two ways a frozen member went the quorum says, with a view that names a
/// key from after they parted; a view that does not leaves it as it is.
#[test]
fn a_frozen_member_goes_on_as_a_later_view_says() {
    let second = Epoch::FIRST.next_operational().unwrap();
    let other = KeyRecord { epoch: second, ..KeyRecord::first(key(22)) };
    let here = rotated(12, second).to;
    for (anchor, is_frozen) in [(None, true), (Some(&here), false), (Some(&other), false)] {
        let directory = directory();
        let (before, after) = (MemberIndex(1), MemberIndex(0));
        assert!(!directory.freeze(before, Epoch::FIRST, other.clone()), "nothing was taken yet");
        assert!(directory.rotate(before, Epoch::FIRST, rotated(12, second)));
        assert!(directory.freeze(before, Epoch::FIRST, other.clone()));
        assert!(!directory.freeze(before, Epoch::FIRST, other.clone()), "once is enough");
        assert!(directory.is_frozen(before) && !directory.is_frozen(MemberIndex(0)));
        let third = second.next_operational().unwrap();
        assert!(!directory.rotate(before, second, rotated(13, third)));
        let name = (second, key(22).digest(), Suite::MlDsa65);
        assert!(
            directory.key_ever(before, name).is_some()
                && directory.key(before, name, Millis(0)).is_none()
        );

        let next = directory.succeed(next_of(directory.view(), anchor.cloned()), GRACE_UNTIL);
        assert_eq!(next.is_frozen(after), is_frozen);
        let current = next.current(after).unwrap();
        assert_eq!(*current, *anchor.unwrap_or(&here));
        assert_eq!(next.rotate(after, second, rotated(13, third)), !is_frozen);
    }
}

/// Promise P9, attacks K8 and K13: a recovery outranks whatever is known, and what it outranks does nothing.
#[test]
fn a_recovery_outranks_and_unfreezes() {
    let (directory, member) = (directory(), MemberIndex(1));
    let second = Epoch::FIRST.next_operational().unwrap();
    let other = KeyRecord { epoch: second, ..KeyRecord::first(key(22)) };
    assert!(directory.rotate(member, Epoch::FIRST, rotated(12, second)));
    assert!(directory.freeze(member, Epoch::FIRST, other.clone()));
    let epoch = Epoch { recovery: 1, operational: 0 };
    let recovered = KeyRecord { epoch, ..KeyRecord::first(key(30)) };
    assert!(directory.recover(member, recovered.clone()));
    assert!(!directory.recover(member, recovered.clone()), "once");
    assert!(!directory.is_frozen(member));
    for seed in [2, 12] {
        let epoch = if seed == 2 { Epoch::FIRST } else { second };
        let name = (epoch, key(seed).digest(), Suite::MlDsa65);
        assert!(directory.key(member, name, Millis(0)).is_none(), "no grace");
        assert!(directory.key_ever(member, name).is_some());
    }
    assert!(!directory.freeze(member, Epoch::FIRST, other));
    assert!(!directory.rotate(member, second, rotated(13, second)));
    assert_eq!(*directory.current(member).unwrap(), recovered);
}

#[test]
fn checks_are_counted_and_opaque() {
    for suite in Suite::available() {
        let secret = SigningKey::generate(suite, &OsEntropy).unwrap();
        let own = Member::new(id(1), "one", secret.public_key().clone());
        let directory = Directory::new(Arc::new(View::genesis(vec![own]).unwrap()), 1);
        let record = directory.current(MemberIndex(0)).unwrap();
        let signature = secret.sign(Purpose::Frame, b"x", &OsEntropy).unwrap();
        let check = |message: &[u8]| {
            directory.verify(&record, Purpose::Frame, message, signature.as_bytes())
        };
        assert_eq!(check(b"x"), Ok(()));
        assert_eq!(check(b"y"), Err(VerifyError::BadSignature));
        assert_eq!((directory.signature_checks(), directory.message_checks()), (2, 0));
        let held = directory.verify_message(&record, b"x", signature.as_bytes());
        assert_eq!(held, Ok(()));
        let held = directory.verify_message(&record, b"y", signature.as_bytes());
        assert_eq!(held, Err(VerifyError::BadSignature));
        let change = Change::of(directory.view()).join(member(2));
        let view = Arc::new(directory.view().changed(&change, Vec::new()).unwrap());
        let next = directory.succeed(view, Millis(0));
        assert_eq!((next.signature_checks(), next.message_checks()), (4, 2));
    }
}
