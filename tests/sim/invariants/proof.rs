//! P11: no proof is ever held against an honest member, and a contradiction that has reached an honest
//! node is proven.

use std::collections::{BTreeMap, BTreeSet};

use meshward::wire::Packet;
use meshward::{Event, Mark};

use super::Invariant;
use crate::mesh::{Happened, Heard, Step, Told, World};

#[derive(Default)]
pub(super) struct Proof {
    /// Under which number which of the hostile has said what: each is under its signature, since an honest
    /// node has delivered it.
    said: BTreeMap<(usize, Mark), BTreeSet<Vec<u8>>>,
    /// What each node has delivered of it, in which of its lives.
    delivered: BTreeMap<(usize, u32, usize, Mark), Vec<u8>>,
    contradicted: BTreeSet<usize>,
    proven: BTreeSet<usize>,
}

impl Proof {
    /// A node has delivered something else than what it hears now, under the same number.
    fn notes(&mut self, world: &World, at: usize, bytes: &[u8], heard: &Heard) {
        let Ok(Packet::Frame(frame)) = Packet::parse(bytes) else { return };
        let (mark, body) = (frame.header().mark(), frame.body());
        let Some(place) = world.place(&frame.header().origin) else { return };
        let life = world.members[at].life;
        if world.is_honest(place) || !world.is_honest(at) {
            return;
        }
        match heard {
            Heard::Delivered(_) => {
                self.said.entry((place, mark)).or_default().insert(body.to_vec());
                self.delivered.insert((at, life, place, mark), body.to_vec());
            }
            Heard::Refused(why) if matches!(why.reason(), "duplicate" | "replay") => {
                let first = self.delivered.get(&(at, life, place, mark));
                let is_signed = self.said.get(&(place, mark)).is_some_and(|all| all.contains(body));
                if is_signed && first.is_some_and(|first| first != body) {
                    self.contradicted.insert(place);
                }
            }
            Heard::Taken | Heard::Refused(_) => {}
        }
    }
}

impl Invariant for Proof {
    fn name(&self) -> &'static str {
        "proof (P11)"
    }

    fn after(&mut self, world: &World, (happened, told): &Step) -> Result<(), String> {
        for (at, told) in told {
            let Told::Other(Event::Equivocation(proof)) = told else { continue };
            let Some(place) = world.place(&proof.node()) else { continue };
            if world.is_honest(place) {
                return Err(format!("{at} holds a proof against {place}, which is honest"));
            }
            self.proven.insert(place);
        }
        if let Happened::Took { at, bytes, heard, .. } = happened {
            self.notes(world, *at, bytes, heard);
        }
        match self.contradicted.difference(&self.proven).next() {
            Some(place) => Err(format!("{place} has contradicted itself, and nobody can prove it")),
            None => Ok(()),
        }
    }
}
