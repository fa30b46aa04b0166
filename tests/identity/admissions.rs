//! Who may ask, and for what a host may vote.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use meshward::identity::{
    Admissions, Enrolment, EnrolmentError, JoinPolicy, NotPermitted, TrustBundles, removed,
};
use meshward::membership::{KeyRecord, NextKeys};
use meshward::{Change, Identity, Member, OsEntropy, SpiffeId, Suite, View};

use crate::authority::{Authority, now};
use crate::forge::{Forge, HERE, identity, node, view};
use crate::provoked::Provoked;
use crate::support::Disk;
use crate::svids::{bundles, trusted};

fn spiffe_id(text: &str) -> SpiffeId {
    text.parse().unwrap()
}

struct World {
    root: Authority,
    bundles: TrustBundles,
    view: View,
    desk: Admissions,
}

impl World {
    fn new() -> Self {
        let (root, bundles) = trusted();
        let policy = JoinPolicy::default().allow_under(spiffe_id("spiffe://example.org/router"));
        Self { root, bundles, view: view(), desk: Admissions::new(policy, 2) }
    }

    fn consider(&self, enrolment: &Enrolment) -> Result<Member, EnrolmentError> {
        self.desk.consider(enrolment, &self.view, &self.bundles, now())
    }

    /// The enrolment of that workload as that node, with a key of its own, as many seconds later as its number.
    fn enrolment(&self, id: &str, seed: u8) -> Enrolment {
        self.made(id, seed, seed.into())
    }

    fn made(&self, id: &str, seed: u8, later: u64) -> Enrolment {
        let ((identity, _), svid) = (identity(seed), self.root.svid(id));
        let at = now() + Duration::from_secs(later);
        Enrolment::seal(&self.view, (&identity, "new"), &svid, &OsEntropy, at).unwrap()
    }

    fn permits(&self, change: &Change) -> Result<(), NotPermitted> {
        self.desk.permits(&self.view, change, &self.bundles, now())
    }
}

#[test]
fn the_policy_names_workloads_what_is_beneath_and_whole_trust_domains() {
    let nobody = JoinPolicy::default();
    let (north, south) = (spiffe_id(HERE), spiffe_id("spiffe://example.org/router/south"));
    assert_eq!(nobody.check(&north, node(1)), Err(EnrolmentError::Policy(north.clone())));
    let one = JoinPolicy::default().allow(north.clone());
    assert_eq!(one.check(&north, node(1)), Ok(()));
    assert_eq!(one.check(&south, node(1)), Err(EnrolmentError::Policy(south.clone())));

    let under = JoinPolicy::default().allow_under(spiffe_id("spiffe://example.org/router"));
    for allowed in [HERE, "spiffe://example.org/router", "spiffe://example.org/router/a/b"] {
        assert_eq!(under.check(&spiffe_id(allowed), node(1)), Ok(()), "{allowed}");
    }
    let beside = [
        "spiffe://example.org/router2",
        "spiffe://example.org/route",
        "spiffe://other.org/router/a",
    ];
    for refused in beside.map(spiffe_id) {
        assert_eq!(under.check(&refused, node(1)), Err(EnrolmentError::Policy(refused.clone())));
    }
    let whole = JoinPolicy::default().allow_trust_domain("example.org").unwrap();
    for none in ["", "spiffe://example.org", "Example.org", "example.org/a", "example.org/"] {
        assert!(JoinPolicy::default().allow_trust_domain(none).is_err(), "{none}");
    }
    assert_eq!(whole.check(&south, node(1)), Ok(()));
    for refused in ["spiffe://example.org.uk/a", "spiffe://sub.example.org/a"].map(spiffe_id) {
        assert_eq!(whole.check(&refused, node(1)), Err(EnrolmentError::Policy(refused.clone())));
    }

    // One that is named as a node is that one and no other, and nobody else is.
    let named = whole.allow_as(north.clone(), node(1));
    assert_eq!(named.check(&north, node(1)), Ok(()));
    let other = |spiffe_id: &SpiffeId, node| {
        Err(EnrolmentError::PolicyNode { spiffe_id: spiffe_id.clone(), node })
    };
    assert_eq!(named.check(&north, node(2)), other(&north, node(2)));
    assert_eq!(named.check(&south, node(1)), other(&south, node(1)));
    assert_eq!(named.check(&south, node(2)), Ok(()));
}

#[test]
fn the_reasons_of_the_policy_and_of_the_desk_say_what_they_are_about() {
    let mut world = World::new();
    let outside = "spiffe://example.org/printer";
    let error = world.consider(&world.enrolment(outside, 4)).unwrap_err();
    assert_eq!(error.to_string(), format!("the policy does not let {outside} join"));
    let policy = JoinPolicy::default().allow_as(spiffe_id(HERE), node(5));
    let error = policy.check(&spiffe_id(HERE), node(4)).unwrap_err();
    assert_eq!(error.to_string(), format!("the policy does not let {HERE} join as {}", node(4)));

    let ids = ["a", "b", "c"].map(|last| format!("spiffe://example.org/router/{last}"));
    for (id, seed) in ids.iter().zip(4..).take(2) {
        world.consider(&world.enrolment(id, seed)).unwrap();
    }
    let error = world.consider(&world.enrolment(&ids[2], 6)).unwrap_err();
    assert_eq!(error, EnrolmentError::Full(2));
    assert_eq!(error.to_string(), "2 enrolments are pending, as many as there may be");
    // Another of one that has one takes its place; who is withdrawn makes room, and so does the next view.
    world.consider(&world.enrolment(&ids[1], 7)).unwrap();
    world.desk.withdraw(&spiffe_id(&ids[0]));
    world.consider(&world.enrolment(&ids[2], 6)).unwrap();
    world.view = world.view.changed(&Change::of(&world.view).leave(node(1)), Vec::new()).unwrap();
    let withdrawn = EnrolmentError::Withdrawn(spiffe_id(&ids[0]));
    assert_eq!(world.consider(&world.enrolment(&ids[0], 4)), Err(withdrawn), "in any view");
    world.desk.readmit(&spiffe_id(&ids[0]));
    world.consider(&world.enrolment(&ids[0], 4)).unwrap();
}

/// Whoever heard an enrolment can play it again; the workload may have made another since.
#[test]
fn an_older_enrolment_for_the_same_view_takes_nothing_back() {
    let world = World::new();
    let [older, newer, twin] = [10, 20, 20].map(|later| world.made(HERE, 4, later));
    let asks = |of: &Enrolment| Change::of(&world.view).join(of.member().clone());
    for (taken, refused) in [(&older, None), (&newer, Some(&older)), (&newer, Some(&twin))] {
        assert_eq!(world.consider(taken).as_ref(), Ok(taken.member()));
        if let Some(refused) = refused {
            let error = world.consider(refused).unwrap_err();
            assert_eq!(error, EnrolmentError::Superseded(spiffe_id(HERE)));
            assert_eq!(error.to_string(), format!("a later enrolment of {HERE} has been taken"));
            assert!(matches!(world.permits(&asks(refused)), Err(NotPermitted::OtherRecord { .. })));
        }
        assert_eq!(world.permits(&asks(taken)), Ok(()));
    }
}

#[test]
fn a_host_votes_for_the_very_record_that_was_enrolled() {
    let mut met = Provoked::of("NotPermitted", include_str!("../../src/identity/error.rs"));
    let world = World::new();
    let enrolment = world.enrolment(HERE, 4);
    let asked = Change::of(&world.view).join(enrolment.member().clone());
    let missing = world.permits(&asked).unwrap_err();
    met.meet(&missing, &format!("{HERE} has not enrolled {} here for this view", node(4)));
    let member = world.consider(&enrolment).unwrap();
    assert_eq!(world.permits(&asked), Ok(()));
    assert_eq!(world.permits(&Change::of(&world.view).join(member.clone()).leave(node(1))), Ok(()));

    // Anything else under the same name.
    let says =
        format!("{HERE} has enrolled something else than what the change has of {}", node(4));
    let south = Some(spiffe_id("spiffe://example.org/router/south"));
    let with_key = |change: fn(&mut KeyRecord)| {
        let mut key = KeyRecord::clone(&member.key);
        change(&mut key);
        Member { key: Arc::new(key), ..member.clone() }
    };
    let others = [
        Member { id: node(5), ..member.clone() },
        Member { name: "other".into(), ..member.clone() },
        with_key(|key| key.recovery = NextKeys::NONE),
        with_key(|key| key.next = NextKeys::NONE),
        Member { key: identity(4).0.member("").key, ..member.clone() },
    ];
    for other in &others {
        let refused = world.permits(&Change::of(&world.view).join(other.clone())).unwrap_err();
        assert!(matches!(refused, NotPermitted::OtherRecord { .. }), "{refused}");
    }
    met.meet(&world.permits(&Change::of(&world.view).join(others[1].clone())).unwrap_err(), &says);
    let rebound = Member { spiffe_id: south, ..member.clone() };
    let refused = world.permits(&Change::of(&world.view).join(rebound)).unwrap_err();
    assert!(matches!(refused, NotPermitted::NotEnrolled { .. }));
    let unbound = Member { spiffe_id: None, ..member.clone() };
    let refused = world.permits(&Change::of(&world.view).join(unbound)).unwrap_err();
    met.meet(&refused, &format!("{} is bound to no SPIFFE id", node(4)));
    // One that is enrolled vouches for no other.
    let both =
        asked.clone().join(world.enrolment("spiffe://example.org/router/b", 5).member().clone());
    assert!(matches!(world.permits(&both), Err(NotPermitted::NotEnrolled { .. })));

    // What was taken lasts as long as its certificate, and as its view.
    let (last, day) = (Duration::from_secs(144_000), Duration::from_secs(86_400));
    let at = |later| world.desk.permits(&world.view, &asked, &world.bundles, now() + later);
    assert_eq!((at(day), at(last)), (Ok(()), Ok(())));
    met.meet(
        &at(last + Duration::from_secs(1)).unwrap_err(),
        &format!("the certificate of {HERE} has ended"),
    );
    let next = world.view.changed(&Change::of(&world.view).leave(node(1)), Vec::new()).unwrap();
    let stale = world.desk.permits(&next, &asked, &world.bundles, now()).unwrap_err();
    // What was taken lasts no longer than the trust in who vouched for it.
    let anew = bundles(&[("example.org", &Authority::new("root", "example.org"))]);
    met.meet(
        &world.desk.permits(&world.view, &asked, &anew, now()).unwrap_err(),
        &format!(
            "the certificates of {HERE} do not hold any more: \
             no authority of example.org issued the certificate"
        ),
    );
    met.meet(&stale, "the change starts from another view");
    let anew = Change::of(&next).join(member);
    let refused = world.desk.permits(&next, &anew, &world.bundles, now());
    assert!(matches!(refused, Err(NotPermitted::NotEnrolled { .. })), "K11: {refused:?}");
    world.desk.withdraw(&spiffe_id(HERE));
    assert_eq!(world.permits(&asked), Err(missing.clone()));
    // What it said is played again: nobody takes it until the host says so.
    let again = world.consider(&enrolment).unwrap_err();
    assert_eq!(again, EnrolmentError::Withdrawn(spiffe_id(HERE)));
    assert_eq!(again.to_string(), format!("{HERE} was withdrawn"));
    assert_eq!(world.permits(&asked), Err(missing));
    world.desk.readmit(&spiffe_id(HERE));
    world.consider(&enrolment).unwrap();
    assert_eq!(world.permits(&asked), Ok(()));
    met.assert_all();
}

#[test]
fn a_lost_key_is_replaced_by_enrolment_and_what_follows_by_rotation_needs_none() {
    let mut world = World::new();
    let member = world.consider(&world.enrolment(HERE, 4)).unwrap();
    let lost = KeyRecord::clone(&member.key);
    let change = Change::of(&world.view).join(member.clone());
    world.view = world.view.changed(&change, Vec::new()).unwrap();
    let next = lost.epoch.next_operational().unwrap();
    let rotated = KeyRecord { epoch: next, ..KeyRecord::clone(&identity(9).0.member("").key) };
    assert_eq!(world.permits(&Change::of(&world.view).anchor(node(4), rotated)), Ok(()));

    let anew =
        Identity::replace(&Disk::default(), (node(4), &lost), Suite::MlDsa65, &OsEntropy).unwrap();
    let record = KeyRecord::clone(&anew.member("").key);
    let replaced = Change::of(&world.view).replace(node(4), record.clone());
    assert!(matches!(world.permits(&replaced), Err(NotPermitted::NotEnrolled { .. })));
    let svid = world.root.svid(HERE);
    let enrolment = Enrolment::seal(&world.view, (&anew, ""), &svid, &OsEntropy, now()).unwrap();
    assert_eq!(world.consider(&enrolment).unwrap().name, member.name);
    assert_eq!(world.permits(&replaced), Ok(()));
    let mut other = record;
    other.recovery = NextKeys::NONE;
    let other = Change::of(&world.view).replace(node(4), other);
    assert!(matches!(world.permits(&other), Err(NotPermitted::OtherRecord { .. })));
    // A member without a SPIFFE id is no matter of enrolments.
    let bare = KeyRecord::clone(&world.view.members()[0].key);
    let bare = Identity::replace(&Disk::default(), (node(1), &bare), Suite::MlDsa65, &OsEntropy);
    let record = KeyRecord::clone(&bare.unwrap().member("").key);
    let unbound = world.permits(&Change::of(&world.view).replace(node(1), record));
    assert_eq!(unbound, Err(NotPermitted::Unbound(node(1))));
}

#[test]
fn whose_registration_has_ended_is_named() {
    let names = [Some("spiffe://d/a"), None, Some("spiffe://d/b")];
    let members = view().members().to_vec().into_iter().zip(names);
    let bound = members.map(|(of, id)| Member { spiffe_id: id.map(spiffe_id), ..of });
    let view = View::genesis(bound.collect()).unwrap();
    let gone = |left: &[&str]| {
        let left: BTreeSet<_> = left.iter().map(|id| spiffe_id(id)).collect();
        removed(&view, &left)
    };
    assert_eq!(gone(&["spiffe://d/a", "spiffe://d/b", "spiffe://d/c"]), []);
    assert_eq!(gone(&["spiffe://d/a"]), [node(3)]);
    assert_eq!(gone(&[]), [node(1), node(3)]);
    let leaves = gone(&["spiffe://d/a"]).into_iter().fold(Change::of(&view), Change::leave);
    assert_eq!(view.changed(&leaves, Vec::new()).unwrap().len(), 2);
}

/// Members that enrol again take no joiner's place, and a thread that is late takes nothing away.
#[test]
fn joiners_are_bounded_whatever_members_enrol_and_the_newest_view_counts() {
    let mut world = World::new();
    let ids = ["a", "b", "c", "d", "e"].map(|last| format!("spiffe://example.org/router/{last}"));
    let joining =
        ids.iter().zip(4..).take(2).fold(Change::of(&world.view), |change, (id, seed)| {
            change.join(world.consider(&world.enrolment(id, seed)).unwrap())
        });
    let before = (world.view.clone(), world.enrolment(&ids[2], 6));
    world.view = world.view.changed(&joining, Vec::new()).unwrap();
    let replaced = ids.iter().zip(4..).take(2).map(|(id, seed)| {
        let lost = world.view.member(world.view.index_of(&node(seed)).unwrap()).unwrap();
        let of = (node(seed), &*lost.key);
        let anew = Identity::replace(&Disk::default(), of, Suite::MlDsa65, &OsEntropy).unwrap();
        let svid = world.root.svid(id);
        let asked = Enrolment::seal(&world.view, (&anew, ""), &svid, &OsEntropy, now()).unwrap();
        let record = KeyRecord::clone(&world.consider(&asked).unwrap().key);
        Change::of(&world.view).replace(node(seed), record)
    });
    let mut permitted: Vec<_> = replaced.collect();
    for (id, seed) in ids.iter().zip(4..).skip(2).take(2) {
        let member = world.consider(&world.enrolment(id, seed)).unwrap();
        permitted.push(Change::of(&world.view).join(member));
    }
    assert_eq!(world.consider(&world.enrolment(&ids[4], 8)), Err(EnrolmentError::Full(2)));

    let (view, late) = before;
    let (number, digest) = (view.number(), view.digest());
    let refused = world.desk.consider(&late, &view, &world.bundles, now());
    assert_eq!(refused, Err(EnrolmentError::OtherView { number, digest }));
    for change in permitted {
        assert_eq!(world.permits(&change), Ok(()));
    }
}

/// A workload cannot take the place that another has, whatever it enrols.
#[test]
fn one_node_for_each_workload_and_one_workload_for_each_node() {
    let mut world = World::new();
    let first = world.consider(&world.enrolment(HERE, 4)).unwrap();
    let change = Change::of(&world.view).join(first);
    world.view = world.view.changed(&change, Vec::new()).unwrap();
    // The same workload as another node.
    let forge = Forge::new(&world.view, &world.root);
    let twice = Forge {
        claim: {
            let mut claim = forge.claim.clone();
            claim.member.id = node(5);
            claim
        },
        ..forge
    };
    let twice = Enrolment::from_bytes(&twice.bytes()).unwrap();
    let bound = EnrolmentError::BoundElsewhere { spiffe_id: spiffe_id(HERE), node: node(4) };
    assert_eq!(world.consider(&twice).unwrap_err(), bound);
    // Another workload as that node.
    let south = "spiffe://example.org/router/south";
    let mut forge = Forge::new(&world.view, &world.root);
    forge.chain = vec![world.root.issue(&crate::authority::workload(south), &forge.svid_key)];
    forge.claim.member.spiffe_id = Some(spiffe_id(south));
    let other = EnrolmentError::OtherWorkload { node: node(4), spiffe_id: spiffe_id(south) };
    let refused = world.consider(&Enrolment::from_bytes(&forge.bytes()).unwrap());
    assert_eq!(refused.unwrap_err(), other);
}
