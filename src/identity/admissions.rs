//! Where a host takes enrolments, and asks before it votes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::{Enrolment, EnrolmentError, JoinPolicy, NotPermitted, TrustBundles, VerifiedEnrolment};
use crate::id::{NodeId, SpiffeId, ViewNumber};
use crate::membership::{Change, Member, View};

/// The enrolments for the current view that were taken here, and what they permit to vote for.
///
/// It holds one of each workload, the one that was made last, and of two of the same second the one that it was
/// shown first: so nobody takes back what a host may have voted for by playing another again, and only who
/// holds both keys can make two of one second. It holds at most as many as it was made for and one for each member, 48 KiB
/// each or less, and forgets them with the view that they are for.
#[derive(Debug)]
pub struct Admissions {
    policy: JoinPolicy,
    limit: usize,
    held: Mutex<Held>,
}

/// Nothing is taken of who is barred.
#[derive(Debug)]
struct Held {
    taken: BTreeMap<SpiffeId, VerifiedEnrolment>,
    barred: BTreeSet<SpiffeId>,
}

impl Admissions {
    /// Takes the enrolments of whom `policy` lets join, of at most `limit` workloads that are no members for
    /// one view. Members that ask for another key take none of their places: they are as many as the view has.
    pub const fn new(policy: JoinPolicy, limit: usize) -> Self {
        let held = Held { taken: BTreeMap::new(), barred: BTreeSet::new() };
        Self { policy, limit, held: Mutex::new(held) }
    }

    /// Looks at an enrolment, and takes it if all of it holds; see [`Enrolment::verify`] for what is looked at
    /// and what it costs. The policy is asked first, since it costs nothing. Gives what is to be proposed.
    ///
    /// # Errors
    /// [`EnrolmentError`]; nothing is taken then.
    pub fn consider(
        &self,
        enrolment: &Enrolment,
        view: &View,
        bundles: &TrustBundles,
        at: SystemTime,
    ) -> Result<Member, EnrolmentError> {
        let Member { id: node, spiffe_id, .. } = enrolment.member();
        let spiffe_id = spiffe_id.as_ref().ok_or(EnrolmentError::Unbound(*node))?;
        self.policy.check(spiffe_id, *node)?;
        let verified = enrolment.verify(view, bundles, at)?;
        let member = verified.member().clone();
        let mut held = self.held.lock();
        let Held { taken, barred } = &mut *held;
        if barred.contains(spiffe_id) {
            return Err(EnrolmentError::Withdrawn(spiffe_id.clone()));
        }
        // A thread that still has an older view does not make those for the newer one forgotten.
        if taken.values().any(|known| known.member().joined > member.joined) {
            let (number, digest) = (view.number(), view.digest());
            return Err(EnrolmentError::OtherView { number, digest });
        }
        taken.retain(|_, known| known.view() == view.digest() && !known.has_ended(at));
        let joins = |member: &Member| view.index_of(&member.id).is_none();
        let joining = taken.values().filter(|known| joins(known.member())).count();
        if joins(&member) && joining >= self.limit && !taken.contains_key(spiffe_id) {
            return Err(EnrolmentError::Full(self.limit));
        }
        if taken.get(spiffe_id).is_some_and(|known| verified.yields_to(known)) {
            return Err(EnrolmentError::Superseded(spiffe_id.clone()));
        }
        taken.insert(spiffe_id.clone(), verified);
        Ok(member)
    }

    /// Forgets what was taken of a workload, and takes nothing of it until it is [readmitted](Self::readmit),
    /// in whatever view: it is not registered any more, say. Its certificate may hold yet, and whoever
    /// heard its enrolment would play it again. Each that is withdrawn is remembered: how many is the host's to
    /// say.
    pub fn withdraw(&self, spiffe_id: &SpiffeId) {
        let mut held = self.held.lock();
        held.taken.remove(spiffe_id);
        held.barred.insert(spiffe_id.clone());
    }

    /// Takes enrolments of a workload again that was [withdrawn](Self::withdraw).
    pub fn readmit(&self, spiffe_id: &SpiffeId) {
        self.held.lock().barred.remove(spiffe_id);
    }

    /// Whether this host may vote for `change` of `view`, the current one: whether it has taken an enrolment,
    /// whose certificates hold by `bundles` at `at`, of each member that the change lets in or gives a key in the place of a
    /// lost one, and for that very record. Who leaves, and newer keys that follow from those that are known,
    /// are no matter of enrolments.
    ///
    /// # Errors
    /// [`NotPermitted`] says what is missing. It may be on its way.
    pub fn permits(
        &self,
        view: &View,
        change: &Change,
        bundles: &TrustBundles,
        at: SystemTime,
    ) -> Result<(), NotPermitted> {
        if change.from() != view.digest() {
            return Err(NotPermitted::OtherView);
        }
        for member in change.joins() {
            self.permits_record(view, member, bundles, at)?;
        }
        for (node, record) in change.replaced(view) {
            let before = view.index_of(node).and_then(|place| view.member(place));
            let before = before.ok_or(NotPermitted::Unbound(*node))?;
            let member = Member { key: record.clone().into(), ..before.clone() };
            self.permits_record(view, &member, bundles, at)?;
        }
        Ok(())
    }

    fn permits_record(
        &self,
        view: &View,
        member: &Member,
        bundles: &TrustBundles,
        at: SystemTime,
    ) -> Result<(), NotPermitted> {
        let node = member.id;
        let spiffe_id = member.spiffe_id.clone().ok_or(NotPermitted::Unbound(node))?;
        let held = self.held.lock();
        match held.taken.get(&spiffe_id).filter(|known| known.view() == view.digest()) {
            None => Err(NotPermitted::NotEnrolled { node, spiffe_id }),
            Some(known) if known.has_ended(at) => Err(NotPermitted::Expired(spiffe_id)),
            // With which view it begins follows from the view that the change starts from.
            Some(known) if anywhen(known.member()) == anywhen(member) => known
                .holds(bundles, at)
                .map_err(|error| NotPermitted::Untrusted { spiffe_id, error }),
            Some(_) => Err(NotPermitted::OtherRecord { node, spiffe_id }),
        }
    }
}

/// A record whenever it begins.
fn anywhen(member: &Member) -> Member {
    Member { joined: ViewNumber(0), ..member.clone() }
}

/// The members that are bound to workloads which are not `registered` any more, in the order of the view: for
/// each a host may propose that it [leaves](Change::leave). Members that are bound to none stay out of it.
///
/// To be given what the servers say themselves, never what is left of it when they are away: an empty set
/// names every member. And no more members than may be faulty should go in one change, since those that are
/// named have votes, too.
pub fn removed(view: &View, registered: &BTreeSet<SpiffeId>) -> Vec<NodeId> {
    let is_gone = |member: &&Member| {
        member.spiffe_id.as_ref().is_some_and(|bound| !registered.contains(bound))
    };
    view.members().iter().filter(is_gone).map(|member| member.id).collect()
}
