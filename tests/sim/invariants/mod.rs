//! What holds whatever happens: one promise a file, looked at after every step.

mod agreement;
mod authentic;
mod bounded_memory;
mod bounded_work;
mod continuity;
mod heard;
mod liveness;
mod no_framing;
mod once;
mod proof;
mod proportion;
mod rebuttal;
mod truth;

use crate::mesh::{Step, World};

pub(crate) trait Invariant {
    fn name(&self) -> &'static str;

    fn after(&mut self, _world: &World, _step: &Step) -> Result<(), String> {
        Ok(())
    }

    /// In the end, when all faults have been over for a while.
    fn at_end(&mut self, _world: &World) -> Result<(), String> {
        Ok(())
    }
}

pub(crate) fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(authentic::Authentic),
        Box::new(once::Once::default()),
        Box::new(no_framing::NoFraming),
        Box::new(bounded_work::BoundedWork::default()),
        Box::new(bounded_memory::BoundedMemory),
        Box::new(truth::Truth),
        Box::new(agreement::Agreement::default()),
        Box::new(liveness::Liveness::default()),
        Box::new(heard::Heard::default()),
        Box::new(rebuttal::Rebuttal),
        Box::new(continuity::Continuity),
        Box::new(proportion::Proportion),
        Box::new(proof::Proof::default()),
    ]
}
