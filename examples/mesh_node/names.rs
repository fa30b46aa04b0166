//! What members and views are called.

use std::collections::{BTreeMap, VecDeque};

use meshward::{Digest, Member, NodeId, View};
use parking_lot::RwLock;

/// Views whose digests are remembered.
const VIEWS: usize = 8;

/// The names of the members of the newest view, and the numbers of the last views.
pub(crate) struct Names(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// Of those that share a name, the id.
    members: BTreeMap<NodeId, String>,
    ids: BTreeMap<String, NodeId>,
    /// The newest first.
    views: VecDeque<(Digest, u64)>,
}

impl Names {
    pub(crate) fn new(view: &View) -> Self {
        let names = Self(RwLock::default());
        names.change(view);
        names
    }

    /// Goes on to the next view.
    pub(crate) fn change(&self, view: &View) {
        let known = &mut *self.0.write();
        known.members = names(view);
        known.ids = known.members.iter().map(|(id, name)| (name.clone(), *id)).collect();
        known.views.push_front((view.digest(), view.number().0));
        known.views.truncate(VIEWS);
    }

    pub(crate) fn name(&self, node: &NodeId) -> String {
        self.0.read().members.get(node).cloned().unwrap_or_else(|| node.to_string())
    }

    pub(crate) fn id(&self, name: &str) -> Option<NodeId> {
        self.0.read().ids.get(name).copied()
    }

    /// The number of a view; the newest, if this one is not remembered.
    pub(crate) fn view(&self, digest: &Digest) -> u64 {
        let known = self.0.read();
        let found = known.views.iter().find(|(of, _)| of == digest).or(known.views.front());
        found.map_or(0, |(_, number)| *number)
    }
}

fn names(view: &View) -> BTreeMap<NodeId, String> {
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for member in view.members() {
        let holders = holders.entry(&member.name).or_default();
        *holders = holders.saturating_add(1);
    }
    let is_shared = |name: &str| name.is_empty() || holders.get(name).is_some_and(|of| *of > 1);
    let name = |member: &Member| match is_shared(&member.name) {
        true => member.id.to_string(),
        false => member.name.clone(),
    };
    view.members().iter().map(|member| (member.id, name(member))).collect()
}
