//! Where a host takes enrolments, and asks before it votes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::held::Held;
use super::{Enrolment, EnrolmentError, JoinPolicy, NotPermitted, TrustBundles, VerifiedEnrolment};
use crate::id::{NodeId, SpiffeId};
use crate::membership::{Change, Member, View};

/// The enrolments for the current view that were taken here, and what they permit to vote for.
///
/// It holds one of each workload, the one that was made last, and of two of the same second the one that it was
/// shown first: so nobody takes back what a host may have voted for by playing another again, and only who
/// holds both keys can make two of one second. It holds at most as many as it was made for and one for each
/// member, 48 KiB each or less, and forgets them with the view that they are for. A host that starts anew knows
/// none.
#[derive(Debug)]
pub struct Admissions {
    policy: JoinPolicy,
    limit: usize,
    held: Mutex<Held>,
}

impl Admissions {
    /// Takes the enrolments of whom `policy` lets join, of at most `limit` workloads that are no members for
    /// one view. Members that ask for another key take none of their places: they are as many as the view has.
    /// When all places are taken, a joiner whose certificate has ended leaves for a new one; those whom nothing is
    /// held of, and who asked before that one did, have to ask anew then.
    pub const fn new(policy: JoinPolicy, limit: usize) -> Self {
        Self { policy, limit, held: Mutex::new(Held::new()) }
    }

    /// Looks at an enrolment, and takes it if all of it holds; see [`Enrolment::verify`] for what is looked at
    /// and what it costs. The policy, and whether it comes too late, are asked first, since they cost nothing. Gives
    /// what is to be proposed.
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
        let spiffe_id = enrolment.spiffe_id()?;
        self.policy.check(spiffe_id, enrolment.member().id)?;
        self.held.lock().admits(enrolment, view)?;
        let verified = enrolment.verify(view, bundles, at)?;
        let member = verified.member().clone();
        let mut held = self.held.lock();
        // Again: another may have been taken in the meantime.
        held.admits(enrolment, view)?;
        held.take(verified, spiffe_id, view, self.limit, at)?;
        Ok(member)
    }

    /// Lets what was taken of a workload count no more, and takes nothing of it until it is
    /// [readmitted](Self::readmit), in whatever view: it is not registered any more, say. Its certificate may hold
    /// yet, and whoever heard its enrolment would play it again. Each that is withdrawn is remembered, and what was
    /// taken of it as long as the view lasts: how many is the host's to say.
    pub fn withdraw(&self, spiffe_id: &SpiffeId) {
        self.held.lock().withdraw(spiffe_id);
    }

    /// Takes enrolments of a workload again that was [withdrawn](Self::withdraw): in the same view the one that
    /// had been taken, or a later one.
    pub fn readmit(&self, spiffe_id: &SpiffeId) {
        self.held.lock().readmit(spiffe_id);
    }

    /// Whether this host may vote for `change` of `view`, the current one: whether it has taken an enrolment,
    /// whose certificates hold by `bundles` at `at`, of each member that the change lets in or gives a key in
    /// the place of a lost one, and for that very record. Who leaves, and newer keys that follow from those
    /// that are known, are no matter of enrolments.
    ///
    /// That is so at the moment when it is asked: who is withdrawn, or has a later enrolment taken, while the
    /// certificates are looked at is as one of whom that becomes known right after.
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
        for (spiffe_id, known) in self.enrolled(view, change, at)? {
            known
                .holds(bundles, at)
                .map_err(|error| NotPermitted::Untrusted { spiffe_id, error })?;
        }
        Ok(())
    }

    /// All that `change` needs, at one moment: signatures are not checked while others wait.
    fn enrolled(
        &self,
        view: &View,
        change: &Change,
        at: SystemTime,
    ) -> Result<Vec<(SpiffeId, Arc<VerifiedEnrolment>)>, NotPermitted> {
        let replaced = change.replaced(view).map(|(node, record)| {
            let before = view.index_of(node).and_then(|place| view.member(place));
            let before = before.ok_or(NotPermitted::Unbound(*node))?;
            Ok(Member { key: record.clone().into(), ..before.clone() })
        });
        let members = change.joins().iter().cloned().map(Ok).chain(replaced);
        let held = self.held.lock();
        members.map(|member| held.enrolled(view, &member?, at)).collect()
    }
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
