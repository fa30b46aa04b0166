//! A node that receives, and a view with real keys around it.

use std::sync::Arc;

use meshward::limit::Rate;
use meshward::suite::SigningKey;
use meshward::{
    Accepted, Config, Core, Identity, Link, LinkId, Member, MemoryStore, Millis, NodeId, OsEntropy,
    Output, Refusal, Store, Suite, View,
};

use crate::Outcome;
use crate::speaker::Speaker;

/// Over which most things come.
pub(crate) const LINK: Link = Link::Proven(LinkId(1));

/// A node at place 0 of its view, and the keys of all the others, in the order of the view.
#[derive(Debug)]
pub(crate) struct Mesh<'k> {
    pub(crate) view: Arc<View>,
    pub(crate) receiver: Core,
    store: MemoryStore,
    keys: &'k [SigningKey],
}

/// So many keys, made anew.
pub(crate) fn keys(suite: Suite, count: usize) -> Outcome<Vec<SigningKey>> {
    Ok((0..count).map(|_| SigningKey::generate(suite, &OsEntropy)).collect::<Result<_, _>>()?)
}

/// The id of the member at `place`.
pub(crate) fn id(place: usize) -> NodeId {
    let mut bytes = [0; 32];
    let (number, _) = bytes.split_at_mut(8);
    number.copy_from_slice(&(place as u64).to_be_bytes());
    NodeId::from_bytes(bytes)
}

/// The defaults, but that no budget of a link is reached, and that all keys are kept ready.
pub(crate) fn unlimited(members: usize) -> Config {
    let most = Rate { per_second: Rate::MOST, burst: Rate::MOST };
    let mut config = Config { prepared_keys: members.clamp(16, 1_024), ..Config::default() };
    let gossip = &mut config.gossip;
    gossip.link_packets = most;
    (gossip.link_checks, gossip.newcomer_checks, gossip.claimed_checks) = (most, most, most);
    config
}

impl<'k> Mesh<'k> {
    /// One with a member for each of `keys` beside the node itself.
    pub(crate) fn new(suite: Suite, keys: &'k [SigningKey], config: Config) -> Outcome<Self> {
        let store = MemoryStore::new();
        let identity = Identity::create(&store, id(0), suite, &OsEntropy)?;
        let others = keys.iter().zip(1..);
        let others =
            others.map(|(key, place)| Member::new(id(place), "", key.public_key().clone()));
        let members = std::iter::once(identity.member("")).chain(others).collect();
        let (view, entropy) = (Arc::new(View::genesis(members)?), Arc::new(OsEntropy));
        let receiver =
            Core::start(config, Arc::clone(&view), identity, &store, entropy, Millis(0))?;
        Ok(Self { view, receiver, store, keys })
    }

    /// Who speaks for the member at `place`, from 1.
    pub(crate) fn speaker(&self, place: usize) -> Outcome<Speaker<'k>> {
        let key = place.checked_sub(1).and_then(|place| self.keys.get(place));
        Ok(Speaker::new(id(place), key.ok_or("no such member")?, &self.view))
    }

    /// Gives the node a packet.
    pub(crate) fn give(&self, link: Link, bytes: &[u8], now: Millis) -> Result<Accepted, Refusal> {
        let step = self.receiver.handle_frame(link, bytes, now);
        self.carry_out(step.outputs, now);
        step.result
    }

    /// Writes what is to be durable. What is to be sent goes nowhere.
    pub(crate) fn carry_out(&self, outputs: Vec<Output>, now: Millis) -> Vec<Output> {
        carry_out(&self.receiver, &self.store, outputs, now)
    }
}

/// Writes what is to be durable into `store`, and tells what else is to be done.
pub(crate) fn carry_out(
    core: &Core,
    store: &dyn Store,
    mut outputs: Vec<Output>,
    now: Millis,
) -> Vec<Output> {
    let mut left = Vec::new();
    while !outputs.is_empty() {
        let mut next = Vec::new();
        for output in outputs {
            match output {
                Output::Persist { write, batch } if store.apply(&batch).is_ok() => {
                    next.extend(core.persisted(write, now));
                }
                output => left.push(output),
            }
        }
        outputs = next;
    }
    left
}
