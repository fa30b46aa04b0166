//! What members, links and views are called.

use std::collections::{BTreeMap, VecDeque};

use meshward::{Digest, LinkId, Member, NodeId, View};
use parking_lot::RwLock;

/// Views whose digests are remembered.
const VIEWS: usize = 8;

/// The names of the members of the newest view, who is at the other end of which link, and the numbers of the
/// last views.
pub(crate) struct Names {
    known: RwLock<Known>,
    links: BTreeMap<LinkId, NodeId>,
}

#[derive(Default)]
struct Known {
    /// Of those whose name could be another's, the id.
    members: BTreeMap<NodeId, String>,
    ids: BTreeMap<String, NodeId>,
    /// The newest first.
    views: VecDeque<(Digest, u64)>,
}

impl Names {
    /// `links` lead to neighbours.
    pub(crate) fn new(view: &View, links: impl IntoIterator<Item = (LinkId, NodeId)>) -> Self {
        let links = links.into_iter().collect();
        let names = Self { known: RwLock::default(), links };
        names.change(view);
        names
    }

    /// Goes on to the next view.
    pub(crate) fn change(&self, view: &View) {
        let known = &mut *self.known.write();
        known.members = names(view);
        known.ids = known.members.iter().map(|(id, name)| (name.clone(), *id)).collect();
        known.views.push_front((view.digest(), view.number().0));
        known.views.truncate(VIEWS);
    }

    pub(crate) fn name(&self, node: &NodeId) -> String {
        self.known.read().members.get(node).cloned().unwrap_or_else(|| node.to_string())
    }

    /// A link, by who is at its other end.
    pub(crate) fn link(&self, link: LinkId) -> String {
        match self.links.get(&link) {
            Some(node) => format!("the link to {}", self.name(node)),
            None => format!("link {}", link.0),
        }
    }

    pub(crate) fn id(&self, name: &str) -> Option<NodeId> {
        self.known.read().ids.get(name).copied()
    }

    /// The number of a view; the newest, if this one is not remembered.
    pub(crate) fn view(&self, digest: &Digest) -> u64 {
        let known = self.known.read();
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
    let is_shared = |name: &str| holders.get(name).is_some_and(|of| *of > 1);
    // An id as a name would be taken for the member that has that id.
    let is_unclear =
        |name: &str| name.is_empty() || is_shared(name) || name.parse::<NodeId>().is_ok();
    let name = |member: &Member| match is_unclear(&member.name) {
        true => member.id.to_string(),
        false => member.name.clone(),
    };
    view.members().iter().map(|member| (member.id, name(member))).collect()
}
