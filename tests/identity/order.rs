//! Whoever heard an enrolment can play it again, as long as the view lasts: the one that was made last counts,
//! whatever becomes of it.

use std::time::{Duration, SystemTime};

use meshward::identity::{
    Admissions, Enrolment, EnrolmentError, JoinPolicy, NotPermitted, Svid, TrustBundles,
};
use meshward::{Change, Member, OsEntropy, SpiffeId, View};
use rcgen::date_time_ymd;

use crate::authority::{Authority, Key, now, svid, workload};
use crate::forge::{HERE, identity, node, view};
use crate::svids::trusted;

/// When the certificates have ended that end early, and the others have not.
fn later() -> SystemTime {
    now() + Duration::from_secs(100_000)
}

fn id(last: &str) -> String {
    format!("spiffe://example.org/router/{last}")
}

fn here() -> SpiffeId {
    HERE.parse().unwrap()
}

/// A desk with two places.
struct World {
    root: Authority,
    bundles: TrustBundles,
    view: View,
    desk: Admissions,
}

impl World {
    fn new() -> Self {
        let (root, bundles) = trusted();
        let policy = JoinPolicy::default().allow_trust_domain("example.org").unwrap();
        Self { root, bundles, view: view(), desk: Admissions::new(policy, 2) }
    }

    /// One that was made so many seconds after [`now`], with a certificate that ends on the next day but one.
    fn long(&self, id: &str, seed: u8, made: u64) -> Enrolment {
        self.made(&self.root.svid(id), seed, made)
    }

    /// The same with a certificate that ends on the next day.
    fn short(&self, id: &str, seed: u8, made: u64) -> Enrolment {
        let (key, mut params) = (Key::p256(), workload(id));
        params.not_after = date_time_ymd(2027, 1, 16);
        let of = svid([self.root.issue(&params, &key)], &key).unwrap();
        self.made(&of, seed, made)
    }

    fn made(&self, of: &Svid, seed: u8, made: u64) -> Enrolment {
        let at = now() + Duration::from_secs(made);
        Enrolment::seal(&self.view, (&identity(seed).0, ""), of, &OsEntropy, at).unwrap()
    }

    fn consider(&self, of: &Enrolment, at: SystemTime) -> Result<Member, EnrolmentError> {
        self.desk.consider(of, &self.view, &self.bundles, at)
    }

    fn takes(&self, of: &Enrolment, at: SystemTime) {
        assert_eq!(self.consider(of, at).as_ref(), Ok(of.member()));
        assert_eq!(self.permits(of, at), Ok(()));
    }

    fn permits(&self, of: &Enrolment, at: SystemTime) -> Result<(), NotPermitted> {
        let change = Change::of(&self.view).join(of.member().clone());
        self.desk.permits(&self.view, &change, &self.bundles, at)
    }
}

fn superseded() -> Result<Member, EnrolmentError> {
    Err(EnrolmentError::Superseded(here()))
}

#[test]
fn an_older_enrolment_whose_certificate_lives_longer_takes_nothing_back() {
    let world = World::new();
    let (older, newer) = (world.long(HERE, 4, 10), world.short(HERE, 4, 20));
    world.takes(&older, now());
    world.takes(&newer, now());
    // Something else is looked at, as when places of those whose certificates have ended are wanted.
    world.takes(&world.long(&id("other"), 5, 30), later());
    assert_eq!(world.consider(&older, later()), superseded());
    for of in [&older, &newer] {
        assert_eq!(world.permits(of, later()), Err(NotPermitted::Expired(here())));
    }
    // It may ask anew; and a clock that was ahead and is set back has changed nothing.
    assert_eq!(world.permits(&newer, now()), Ok(()));
    assert_eq!(world.consider(&older, now()), superseded());
    assert!(matches!(world.permits(&older, now()), Err(NotPermitted::OtherRecord { .. })));
    world.takes(&world.long(HERE, 4, 30), later());
}

/// Memory is bounded, and what had to make room is not played again.
#[test]
fn a_joiner_whose_certificate_has_ended_makes_room_and_nothing_as_old_counts_any_more() {
    let mut world = World::new();
    let south = id("south");
    let member = world.consider(&world.long(&south, 9, 0), now()).unwrap();
    world.view = world.view.changed(&Change::of(&world.view).join(member), Vec::new()).unwrap();

    let older = world.long(HERE, 4, 10);
    world.takes(&older, now());
    let newer = world.short(HERE, 4, 20);
    world.takes(&newer, now());
    let beside = world.short(&id("beside"), 5, 25);
    world.takes(&beside, now());
    let next = world.long(&id("next"), 6, 30);
    assert_eq!(world.consider(&next, now()), Err(EnrolmentError::Full(2)));
    // Places are not taken for good. Who asked first leaves first.
    world.takes(&next, later());
    assert_eq!(world.permits(&beside, now()), Ok(()));

    let base = 1_800_000_000;
    let too_old = |made: u64, forgotten: u64| {
        Err(EnrolmentError::TooOld { made: base + made, forgotten: base + forgotten })
    };
    assert_eq!(world.consider(&older, later()), too_old(10, 20));
    assert_eq!(world.consider(&newer, now()), too_old(20, 20));
    let other = world.long(&id("early"), 7, 20);
    let error = world.consider(&other, later()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it was made at 1800000020; what was made at 1800000020 or before is not taken any more"
    );
    // Who made it later is let in, and who is held here or is a member never comes too late.
    assert_eq!(world.consider(&beside, now()).as_ref(), Ok(beside.member()));
    world.takes(&world.long(&id("early"), 7, 21), later());
    assert_eq!(world.consider(&beside, now()), too_old(25, 25));
    let replaced = world.view.member(world.view.index_of(&node(9)).unwrap()).unwrap();
    let disk = crate::support::Disk::default();
    let of = (node(9), &*replaced.key);
    let anew =
        meshward::Identity::replace(&disk, of, meshward::Suite::MlDsa65, &OsEntropy).unwrap();
    let svid = world.root.svid(&south);
    let asked = Enrolment::seal(&world.view, (&anew, ""), &svid, &OsEntropy, now()).unwrap();
    assert_eq!(world.consider(&asked, later()).as_ref(), Ok(asked.member()));
    assert_eq!(world.consider(&older, later()), too_old(10, 25));
    assert_eq!(
        world.consider(&world.long(&id("one"), 8, 60), later()),
        Err(EnrolmentError::Full(2))
    );

    // The next view begins anew, and the one before is over even where nothing was taken in the next.
    let before = (world.view.clone(), world.long(&id("one"), 8, 60));
    world.view = world.view.changed(&Change::of(&world.view).leave(node(1)), Vec::new()).unwrap();
    assert!(matches!(world.consider(&older, now()), Err(EnrolmentError::OtherView { .. })));
    let late = world.desk.consider(&before.1, &before.0, &world.bundles, now());
    assert!(matches!(late, Err(EnrolmentError::OtherView { .. })), "{late:?}");
    world.takes(&world.long(HERE, 4, 5), now());
}

#[test]
fn who_is_withdrawn_and_readmitted_begins_where_it_was() {
    let mut world = World::new();
    let (older, newer) = (world.long(HERE, 4, 10), world.long(HERE, 4, 20));
    world.takes(&older, now());
    world.takes(&newer, now());
    world.desk.withdraw(&here());
    world.desk.readmit(&here());
    assert_eq!(world.consider(&older, now()), superseded());
    for of in [&older, &newer] {
        let missing = NotPermitted::NotEnrolled { node: node(4), spiffe_id: here() };
        assert_eq!(world.permits(of, now()), Err(missing));
    }
    world.takes(&newer, now());
    world.desk.withdraw(&here());
    world.desk.withdraw(&here());
    world.desk.readmit(&here());
    assert_eq!(world.consider(&older, now()), superseded(), "withdrawn twice");
    world.takes(&world.long(HERE, 4, 30), now());
    assert_eq!(world.consider(&newer, now()), superseded());
    // In the next view anything counts again that is for it.
    world.desk.withdraw(&here());
    world.desk.readmit(&here());
    world.view = world.view.changed(&Change::of(&world.view).leave(node(1)), Vec::new()).unwrap();
    world.takes(&world.long(HERE, 4, 5), now());
}

/// What is played again costs no signature check: there is nobody here to check the chain against.
#[test]
fn what_comes_too_late_is_refused_before_anything_is_checked() {
    let world = World::new();
    let nobody = TrustBundles::default();
    let (older, newer) = (world.long(HERE, 4, 10), world.long(HERE, 4, 20));
    world.takes(&newer, now());
    let consider = |of| world.desk.consider(of, &world.view, &nobody, now());
    assert_eq!(consider(&older), superseded());
    assert!(matches!(consider(&newer), Err(EnrolmentError::Svid(_))));
    world.desk.withdraw(&here());
    assert_eq!(consider(&newer), Err(EnrolmentError::Withdrawn(here())));
}

/// So no signature is checked for a change that lacks an enrolment, nor while others wait for the desk.
#[test]
fn all_that_a_change_needs_is_sought_before_any_chain_is_checked() {
    let world = World::new();
    let (one, other) = (world.long(&id("one"), 4, 10), world.long(&id("other"), 5, 10));
    world.takes(&one, now());
    let both = Change::of(&world.view).join(one.member().clone()).join(other.member().clone());
    let permits = |bundles| world.desk.permits(&world.view, &both, bundles, now());
    let nobody = TrustBundles::default();
    assert!(matches!(permits(&nobody), Err(NotPermitted::NotEnrolled { .. })));
    world.takes(&other, now());
    assert!(matches!(permits(&nobody), Err(NotPermitted::Untrusted { .. })));
    assert_eq!(permits(&world.bundles), Ok(()));
}
