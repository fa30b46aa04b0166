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

/// What holds as long as not more than f members lie or are down.
pub(crate) fn all() -> Vec<Box<dyn Invariant>> {
    let mut all = whoever_lies();
    all.push(Box::new(truth::Truth));
    all.push(Box::new(agreement::Agreement::default()));
    all.push(Box::new(liveness::Liveness::default()));
    all.push(Box::new(rebuttal::Rebuttal));
    all
}

/// What holds however many lie.
pub(crate) fn whoever_lies() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(authentic::Authentic),
        Box::new(once::Once::default()),
        Box::new(no_framing::NoFraming),
        Box::new(bounded_work::BoundedWork::default()),
        Box::new(bounded_memory::BoundedMemory),
        Box::new(heard::Heard::default()),
        Box::new(continuity::Continuity),
        Box::new(proportion::Proportion),
        Box::new(proof::Proof::default()),
    ]
}
