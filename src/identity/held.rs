//! What is held of one view's enrolments, and in which order they count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::{Enrolment, EnrolmentError, NotPermitted, VerifiedEnrolment};
use crate::id::{Digest, SpiffeId, ViewNumber};
use crate::membership::{Member, View};

/// What was taken for one view, the last one of each workload; and who is barred, in whatever view.
///
/// As long as the view lasts, nothing older counts than what has once been taken of a workload: not when its
/// certificate has ended, by a clock that may be wrong, and not when it was withdrawn. Only a joiner whose
/// certificate has ended leaves when all places are taken; then nothing counts any more that a joiner
/// who is not known here made as early, since it may be the same one.
#[derive(Debug)]
pub(super) struct Held {
    view: Option<(ViewNumber, Digest)>,
    taken: BTreeMap<SpiffeId, Arc<VerifiedEnrolment>>,
    /// What had been taken of who was withdrawn since: it lets nobody in.
    withdrawn: BTreeMap<SpiffeId, Arc<VerifiedEnrolment>>,
    /// When the latest was made of those that left.
    forgotten: Option<u64>,
    barred: BTreeSet<SpiffeId>,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self {
            view: None,
            taken: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
            forgotten: None,
            barred: BTreeSet::new(),
        }
    }

    /// Whether what `enrolment` says may count in `view`, going by all that was taken; whether it holds is another
    /// question. What was for an older view than that is forgotten.
    pub(super) fn admits(
        &mut self,
        enrolment: &Enrolment,
        view: &View,
    ) -> Result<(), EnrolmentError> {
        self.turn_to(view)?;
        let spiffe_id = enrolment.spiffe_id()?;
        if self.barred.contains(spiffe_id) {
            return Err(EnrolmentError::Withdrawn(spiffe_id.clone()));
        }
        let last = self.taken.get(spiffe_id).or_else(|| self.withdrawn.get(spiffe_id));
        let made = enrolment.made();
        match (last, self.forgotten) {
            // It may be one for another view, which is the better thing to say of it.
            _ if enrolment.view() != view.digest() => Ok(()),
            (Some(last), _) if enrolment.yields_to(last) => {
                Err(EnrolmentError::Superseded(spiffe_id.clone()))
            }
            (None, Some(forgotten)) if made <= forgotten && joins(view, enrolment.member()) => {
                Err(EnrolmentError::TooOld { made, forgotten })
            }
            _ => Ok(()),
        }
    }

    /// A thread that still has an older view does not make what is held for a newer one forgotten.
    fn turn_to(&mut self, view: &View) -> Result<(), EnrolmentError> {
        let (number, digest) = (view.number(), view.digest());
        match self.view {
            Some(held) if held == (number, digest) => {}
            Some((newer, _)) if newer > number => {
                return Err(EnrolmentError::OtherView { number, digest });
            }
            _ => {
                let barred = std::mem::take(&mut self.barred);
                *self = Self { view: Some((number, digest)), barred, ..Self::new() };
            }
        }
        Ok(())
    }

    /// Takes what [`admits`](Self::admits) has let pass and was verified, if there is room for it: there are at
    /// most `limit` joiners.
    pub(super) fn take(
        &mut self,
        verified: VerifiedEnrolment,
        spiffe_id: &SpiffeId,
        view: &View,
        limit: usize,
        at: SystemTime,
    ) -> Result<(), EnrolmentError> {
        if joins(view, verified.member()) && !self.taken.contains_key(spiffe_id) {
            self.make_room(view, limit, at)?;
        }
        self.withdrawn.remove(spiffe_id);
        self.taken.insert(spiffe_id.clone(), Arc::new(verified));
        Ok(())
    }

    fn make_room(
        &mut self,
        view: &View,
        limit: usize,
        at: SystemTime,
    ) -> Result<(), EnrolmentError> {
        let joining = || self.taken.iter().filter(|(_, known)| joins(view, known.member()));
        if joining().count() < limit {
            return Ok(());
        }
        let ended = joining().filter(|(_, known)| known.has_ended(at));
        let first = ended.min_by_key(|(_, known)| known.made());
        let (spiffe_id, made) = first
            .map(|(spiffe_id, known)| (spiffe_id.clone(), known.made()))
            .ok_or(EnrolmentError::Full(limit))?;
        self.taken.remove(&spiffe_id);
        self.forgotten = self.forgotten.max(Some(made));
        Ok(())
    }

    pub(super) fn withdraw(&mut self, spiffe_id: &SpiffeId) {
        if let Some(known) = self.taken.remove(spiffe_id) {
            self.withdrawn.insert(spiffe_id.clone(), known);
        }
        self.barred.insert(spiffe_id.clone());
    }

    pub(super) fn readmit(&mut self, spiffe_id: &SpiffeId) {
        self.barred.remove(spiffe_id);
    }

    /// The workload that `member` is bound to, and what was taken of it for `view`, if it is for that very record.
    pub(super) fn enrolled(
        &self,
        view: &View,
        member: &Member,
        at: SystemTime,
    ) -> Result<(SpiffeId, Arc<VerifiedEnrolment>), NotPermitted> {
        let node = member.id;
        let spiffe_id = member.spiffe_id.clone().ok_or(NotPermitted::Unbound(node))?;
        match self.taken.get(&spiffe_id).filter(|known| known.view() == view.digest()) {
            None => Err(NotPermitted::NotEnrolled { node, spiffe_id }),
            Some(known) if known.has_ended(at) => Err(NotPermitted::Expired(spiffe_id)),
            // With which view it begins follows from the view that the change starts from.
            Some(known) if anywhen(known.member()) == anywhen(member) => {
                let known = known.clone();
                Ok((spiffe_id, known))
            }
            Some(_) => Err(NotPermitted::OtherRecord { node, spiffe_id }),
        }
    }
}

/// Whether that is somebody new: what members enrol is bounded by how many they are.
fn joins(view: &View, member: &Member) -> bool {
    view.index_of(&member.id).is_none()
}

/// A record whenever it begins.
fn anywhen(member: &Member) -> Member {
    Member { joined: ViewNumber(0), ..member.clone() }
}
