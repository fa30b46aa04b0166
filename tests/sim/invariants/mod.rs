//! What holds whatever happens: one promise a file, looked at after every step.

mod agreement;
mod authentic;
mod heard;
mod no_framing;
mod once;
mod proportion;
mod truth;

use meshward::Event;

use crate::world::{Happened, World};

pub(crate) trait Invariant {
    fn name(&self) -> &'static str;

    fn after(
        &mut self,
        _world: &World,
        _happened: &Happened,
        _events: &[(usize, Event)],
    ) -> Result<(), String> {
        Ok(())
    }

    /// In the end, when all faults are over for `World::now` minus the time given.
    fn at_end(&mut self, _world: &World) -> Result<(), String> {
        Ok(())
    }
}

pub(crate) fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(authentic::Authentic),
        Box::new(once::Once::default()),
        Box::new(no_framing::NoFraming),
        Box::new(proportion::Proportion),
        Box::new(truth::Truth),
        Box::new(agreement::Agreement::default()),
        Box::new(heard::Heard::default()),
    ]
}
