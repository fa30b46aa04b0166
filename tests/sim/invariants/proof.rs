//! P11: no proof is ever held against an honest member, and who contradicts itself before two honest
//! neighbours of each other is proven to have.

use std::collections::BTreeSet;

use meshward::Event;

use super::Invariant;
use crate::mesh::{Step, Told, World};

#[derive(Default)]
pub(super) struct Proof {
    proven: BTreeSet<usize>,
}

impl Invariant for Proof {
    fn name(&self) -> &'static str {
        "proof (P11)"
    }

    fn after(&mut self, world: &World, (_, told): &Step) -> Result<(), String> {
        for (at, told) in told {
            let Told::Other(Event::Equivocation(proof)) = told else { continue };
            let Some(place) = world.place(&proof.node()) else { continue };
            if world.is_honest(place) {
                return Err(format!("{at} holds a proof against {place}, which is honest"));
            }
            self.proven.insert(place);
        }
        Ok(())
    }

    fn at_end(&mut self, world: &World) -> Result<(), String> {
        let joined = |a: &usize, b: &usize| a != b && world.neighbours[*a].contains(b);
        for place in world.contradict_themselves() {
            let honest = world.neighbours[place].iter().filter(|at| world.is_honest(**at));
            let honest: Vec<_> = honest.collect();
            let witnesses = honest.iter().any(|a| honest.iter().any(|b| joined(a, b)));
            if witnesses && !self.proven.contains(&place) {
                return Err(format!(
                    "{place} contradicts itself all the time, and nobody can prove it"
                ));
            }
        }
        Ok(())
    }
}
