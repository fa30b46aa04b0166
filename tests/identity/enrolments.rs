//! Which enrolments are believed, and why others are not.

use meshward::identity::{Enrolment, EnrolmentError, MAX_ENROLMENT_LEN, SvidError, TrustBundles};
use meshward::membership::{KeyRecord, MAX_NAME_LEN};
use meshward::suite::{Purpose, VerifyError};
use meshward::{Change, Digest, Identity, Member, MeshId, OsEntropy, Suite, View, ViewNumber};

use crate::authority::{Authority, Key, authority, extension, now, svid, workload};
use crate::forge::{Forge, HERE, identity, node, view};
use crate::provoked::Provoked;
use crate::support::Disk;
use crate::svids::bundles;

fn root() -> Authority {
    Authority::new("root", "example.org")
}

fn verify(bytes: &[u8], view: &View, root: &Authority) -> Result<Member, EnrolmentError> {
    let enrolment = Enrolment::from_bytes(bytes)?;
    assert_eq!(enrolment.to_bytes().unwrap(), bytes, "it is written as it was read");
    let verified = enrolment.verify(view, &bundles(&[("example.org", root)]), now())?;
    assert_eq!((verified.member(), verified.view()), (enrolment.member(), view.digest()));
    Ok(verified.member().clone())
}

#[test]
fn what_a_workload_seals_is_believed_and_is_the_documented_form() {
    let (root, view) = (root(), view());
    let svid = root.svid(HERE);
    let (identity, _) = identity(4);
    let sealed = Enrolment::seal(&view, (&identity, "north"), &svid, &OsEntropy, now()).unwrap();
    let member = verify(&sealed.to_bytes().unwrap(), &view, &root).unwrap();
    let expected = identity.member("north").with_spiffe_id(HERE.parse().unwrap());
    assert_eq!(member, Member { joined: ViewNumber(1), ..expected });
    // Written by the test itself, from the words of the documentation.
    let forge = Forge::new(&view, &root);
    assert_eq!(verify(&forge.bytes(), &view, &root).unwrap(), forge.claim.member);
    assert_eq!(format!("{svid:?}"), format!("Svid {{ spiffe_id: {HERE}, .. }}"), "no secret");
}

/// All lengths in it are fixed, but for one of the certificate's.
#[test]
fn the_longest_enrolment_that_is_written_is_believed() {
    let root = Authority::of(authority("root", "example.org"), Key::ed25519());
    let (view, key, identity) = (view(), Key::ed25519(), identity(4).0);
    let sealed = |length: usize| {
        let mut params = workload(HERE);
        params.custom_extensions = vec![extension(&[1, 3, 6, 1, 4, 1], &vec![0; length])];
        let svid = svid([root.issue(&params, &key)], &key).unwrap();
        Enrolment::seal(&view, (&identity, "north"), &svid, &OsEntropy, now()).unwrap().to_bytes()
    };
    let (long, begin) = (MAX_ENROLMENT_LEN, 40_000);
    let room = long - sealed(begin).unwrap().len();
    let longest = sealed(begin + room).unwrap();
    assert_eq!(longest.len(), long);
    verify(&longest, &view, &root).unwrap();
    assert_eq!(sealed(begin + room + 1), Err(EnrolmentError::TooLong(long + 1)));
}

/// Both keys have to be at hand: neither signature does for the other, and none for another statement.
#[test]
fn possession_of_both_keys_is_shown() {
    let (root, view) = (root(), view());
    let refused = |bytes: Vec<u8>| verify(&bytes, &view, &root).unwrap_err();
    let not_held = EnrolmentError::Possession(VerifyError::BadSignature);
    let forge = || Forge::new(&view, &root);

    // Another's key, which who asks has not.
    let stolen = identity(5).1;
    let claimed = forge();
    let thief = Forge { key: stolen, ..forge() };
    let claim = claimed.claimed();
    let svid = claimed.by_svid(&claim);
    assert_eq!(
        refused(claimed.with(&claim, &svid, &thief.by_key(&claim, Purpose::Enrolment))),
        not_held
    );
    assert_eq!(refused(claimed.with(&claim, &svid, b"")), not_held);
    for purpose in [Purpose::Possession, Purpose::Frame] {
        assert_eq!(
            refused(claimed.with(&claim, &svid, &claimed.by_key(&claim, purpose))),
            not_held
        );
    }
    // Another's certificate.
    let key = claimed.by_key(&claim, Purpose::Enrolment);
    let swapped = Forge { svid_key: Key::p256(), ..forge() };
    for by_svid in
        [swapped.by_svid(&claim), Vec::new(), key.clone(), claimed.svid_key.sign_enrolment(&claim)]
    {
        assert_eq!(refused(claimed.with(&claim, &by_svid, &key)), EnrolmentError::SvidSignature);
    }
    // What both have signed, with one letter of the name changed.
    let mut other = claimed.claim.clone();
    other.member.name = "n0rth".into();
    let other = Forge { claim: other, ..forge() };
    let other = Forge { chain: claimed.chain.clone(), ..other }.claimed();
    assert_eq!(refused(claimed.with(&other, &svid, &key)), EnrolmentError::SvidSignature);
    let svid = claimed.by_svid(&other);
    assert_eq!(refused(claimed.with(&other, &svid, &key)), not_held);
    assert!(verify(&claimed.with(&claim, &claimed.by_svid(&claim), &key), &view, &root).is_ok());
}

/// Attack K11: an enrolment is for one place in one history, and for no other.
#[test]
fn k11_an_enrolment_is_worth_nothing_in_any_other_view() {
    let (root, first) = (root(), view());
    let forge = Forge::new(&first, &root);
    let bytes = forge.bytes();
    let member = verify(&bytes, &first, &root).unwrap();
    let joined = first.changed(&Change::of(&first).join(member), Vec::new()).unwrap();
    let expelled = joined.changed(&Change::of(&joined).leave(node(4)), Vec::new()).unwrap();
    let sibling = first.changed(&Change::of(&first).leave(node(1)), Vec::new()).unwrap();
    for later in [&joined, &expelled, &sibling] {
        let (number, digest) = (first.number(), first.digest());
        let refused = verify(&bytes, later, &root).unwrap_err();
        assert_eq!(refused, EnrolmentError::OtherView { number, digest });
    }
    // One that speaks of the later view is another statement, for which both keys would have to sign.
    let anew = Forge { claim: Forge::new(&expelled, &root).claim, ..Forge::new(&first, &root) };
    let (anew, old) = (anew.claimed(), forge.claimed());
    let (by_svid, by_key) = (forge.by_svid(&old), forge.by_key(&old, Purpose::Enrolment));
    assert!(verify(&forge.with(&anew, &by_svid, &by_key), &expelled, &root).is_err());
    // The workload itself may ask again, if the policy lets it.
    assert!(verify(&Forge::new(&expelled, &root).bytes(), &expelled, &root).is_ok());
}

#[test]
fn a_lost_key_is_replaced_by_the_workload_of_the_member_alone() {
    let (root, first) = (root(), view());
    let member = verify(&Forge::new(&first, &root).bytes(), &first, &root).unwrap();
    let lost = KeyRecord::clone(&member.key);
    let view = first.changed(&Change::of(&first).join(member), Vec::new()).unwrap();
    let found = |lost| {
        Identity::replace(&Disk::default(), (node(4), lost), Suite::MlDsa65, &OsEntropy).unwrap()
    };
    let identity = found(&lost);
    let sealed = |id| Enrolment::seal(&view, (&identity, "x"), &root.svid(id), &OsEntropy, now());
    let anew = verify(&sealed(HERE).unwrap().to_bytes().unwrap(), &view, &root).unwrap();
    assert_eq!((anew.id, anew.name.as_str()), (node(4), "north"), "the name is the view's");
    assert_eq!(anew.key.epoch, lost.epoch.next_replacement().unwrap());
    let other = "spiffe://example.org/router/south";
    let refused = sealed(other).unwrap_err();
    let (node, spiffe_id) = (node(4), other.parse().unwrap());
    assert_eq!(refused, EnrolmentError::OtherWorkload { node, spiffe_id });
}

#[test]
fn every_reason_not_to_believe_an_enrolment_is_named() {
    let mut met = Provoked::of("EnrolmentError", include_str!("../../src/identity/error.rs"));
    let (root, view) = (root(), view());
    let fails = |bytes: &[u8]| verify(bytes, &view, &root).unwrap_err();
    let changed = |change: &dyn Fn(&mut Forge)| {
        let mut forge = Forge::new(&view, &root);
        change(&mut forge);
        fails(&forge.bytes())
    };
    let whole = Forge::new(&view, &root).bytes();
    met.meet(&fails(b"meshward\x01"), "these bytes are no enrolment: they do not begin as one");
    assert_eq!(fails(&whole[..8]), EnrolmentError::Beginning);
    let mut later = whole.clone();
    later[8] = 1;
    met.meet(&fails(&later), "version 1 of the enrolment is not known here");
    let long = vec![0; MAX_ENROLMENT_LEN + 1];
    met.meet(&fails(&long), "an enrolment of 49153 bytes, 49152 are allowed");
    let heavy = Forge { chain: vec![vec![0; MAX_ENROLMENT_LEN]; 1], ..Forge::new(&view, &root) };
    assert!(matches!(fails(&heavy.bytes()), EnrolmentError::TooLong(_)));
    met.meet(
        &fails(&whole[..whole.len() - 1]),
        "these bytes are no enrolment: an enrolment cannot be read",
    );
    assert!(matches!(fails(&[whole.as_slice(), b"x"].concat()), EnrolmentError::Wire(_)));

    let unbound = changed(&|forge| forge.claim.member.spiffe_id = None);
    met.meet(&unbound, &format!("the enrolment of {} names no SPIFFE id", node(4)));
    let mesh = MeshId::from_bytes([9; 32]);
    met.meet(&changed(&|forge| forge.claim.mesh = mesh), &format!("it is for the mesh {mesh}"));
    let digest = Digest::from_bytes([9; 32]);
    let elsewhere = changed(&|forge| forge.claim.view = digest);
    met.meet(&elsewhere, &format!("it is for view 0 ({digest}), which is not the current one"));
    let number = changed(&|forge| forge.claim.number = ViewNumber(1));
    assert!(matches!(number, EnrolmentError::OtherView { number: ViewNumber(1), .. }));
    let slot = changed(&|forge| forge.claim.member.joined = ViewNumber(0));
    met.meet(&slot, "it is for joining with view 0, which is not the next");
    let other = changed(&|forge| forge.claim.member.id = node(1));
    met.meet(&other, &format!("{} is a member, and not bound to {HERE}", node(1)));

    let long = "x".repeat(MAX_NAME_LEN + 1);
    let says = format!("the name of {} is longer than {MAX_NAME_LEN} bytes", node(4));
    let named = changed(&|forge| forge.claim.member.name = long.clone());
    met.meet(&named, &format!("no view can have it: {says}"));
    let (unnamed, _) = identity(4);
    let sealed = Enrolment::seal(&view, (&unnamed, &long), &root.svid(HERE), &OsEntropy, now());
    assert_eq!(sealed.unwrap_err(), named, "who asks is told as well");

    let here = Some(HERE.parse().unwrap());
    let mut members = view.members().to_vec();
    members[0].spiffe_id = here;
    let bound = View::genesis(members).unwrap();
    let twice = verify(&Forge::new(&bound, &root).bytes(), &bound, &root).unwrap_err();
    met.meet(&twice, &format!("{HERE} is bound to {}", node(1)));
    let (identity, _) = identity(4);
    let sealed = Enrolment::seal(&bound, (&identity, ""), &root.svid(HERE), &OsEntropy, now());
    assert_eq!(sealed.unwrap_err(), twice, "who asks is told as well");

    let south = "spiffe://example.org/router/south";
    let misnamed = changed(&|forge| forge.claim.member.spiffe_id = Some(south.parse().unwrap()));
    met.meet(&misnamed, &format!("it is for {south}, the certificate is that of {HERE}"));
    let key = Key::p256();
    let again = root.issue(&workload(HERE), &key);
    let exchanged = changed(&|forge| {
        forge.claim.certificate =
            Digest::of("meshward 2026 certificate of a workload", &forge.chain[0]);
        (forge.chain, forge.keeps_digest) = (vec![again.clone()], true);
    });
    met.meet(&exchanged, "it was signed for another certificate");
    let not_held = changed(&|forge| forge.svid_key = Key::p256());
    met.meet(&not_held, "the key of the certificate has not signed it");
    let stranger = changed(&|forge| forge.key = crate::forge::identity(5).1);
    met.meet(&stranger, "possession of the key is not shown: the signature does not hold");
    // For three days, of which the middle one begins here.
    for made in [1_799_884_799, 1_800_144_001, u64::MAX] {
        met.meet(
            &changed(&|forge| forge.claim.made = made),
            &format!("it says that it was made at {made}, when its certificate was not in force"),
        );
    }
    for made in [1_799_884_800, 1_800_144_000] {
        let mut forge = Forge::new(&view, &root);
        forge.claim.made = made;
        assert_eq!(verify(&forge.bytes(), &view, &root), Ok(forge.claim.member.clone()));
    }
    let none = changed(&|forge| forge.chain.clear());
    met.meet(&none, &SvidError::Empty.to_string());
    met.elsewhere("Policy", "admissions.rs");
    met.elsewhere("PolicyNode", "admissions.rs");
    met.elsewhere("Superseded", "admissions.rs");
    met.elsewhere("TooOld", "order.rs");
    met.elsewhere("Withdrawn", "admissions.rs");
    met.elsewhere("Full", "admissions.rs");
    met.elsewhere("Suite", "a key of a suite that is not compiled in, or broken entropy");
    met.assert_all();
}

/// Anybody can write an enrolment that only the last check refuses: whatever needs no signature is looked at
/// before any authority is.
#[test]
fn what_costs_nothing_is_looked_at_first() {
    let (root, view) = (root(), view());
    let nobody = TrustBundles::default();
    let refused = |change: &dyn Fn(&mut Forge)| {
        let mut forge = Forge::new(&view, &root);
        change(&mut forge);
        let enrolment = Enrolment::from_bytes(&forge.bytes()).unwrap();
        enrolment.verify(&view, &nobody, now()).unwrap_err()
    };
    assert_eq!(refused(&|_| ()), SvidError::NoBundle("example.org".into()).into());
    assert_eq!(refused(&|forge| forge.claim.made = 1), EnrolmentError::Made(1));
    let south = "spiffe://example.org/router/south";
    let misnamed = refused(&|forge| forge.claim.member.spiffe_id = Some(south.parse().unwrap()));
    assert!(matches!(misnamed, EnrolmentError::OtherIdentity { .. }), "{misnamed}");
}
