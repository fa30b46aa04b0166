//! Two ways through the stages: as packets go, and as somebody looks on.

use super::Stage;
use crate::membership::Directory;

/// How a packet goes through the stages. The functions that screen are written once, over this.
pub(crate) trait Walk {
    /// Whether budgets are spent. If not, it is only looked whether they would last.
    const SPENDS: bool;

    /// Comes to `stage`: the ones before are passed.
    fn enters(&mut self, stage: Stage);

    /// In which keys are looked up, and signatures checked.
    fn directory<'a>(&'a self, real: &'a Directory) -> &'a Directory;

    /// Needs `checks` more signature checks. Tells how many that makes in all which nobody has paid.
    fn needs(&mut self, checks: u32) -> u32;
}

/// As packets go.
pub(crate) struct Taking;

impl Walk for Taking {
    const SPENDS: bool = true;

    #[inline]
    fn enters(&mut self, _stage: Stage) {}

    #[inline]
    fn directory<'a>(&'a self, real: &'a Directory) -> &'a Directory {
        real
    }

    #[inline]
    fn needs(&mut self, checks: u32) -> u32 {
        checks
    }
}

/// As somebody looks on: nothing is spent, and what is changed on the way are copies that nobody else
/// sees.
pub(crate) struct Looking {
    entered: Vec<Stage>,
    directory: Directory,
    checks: u32,
}

impl Looking {
    /// Begins with the keys in `directory`.
    pub(crate) fn at(directory: &Directory) -> Self {
        Self { entered: Vec::new(), directory: directory.copied(), checks: 0 }
    }

    /// Goes aside: the stages there are none of this packet's.
    pub(crate) fn apart<T>(&mut self, aside: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.entered.len();
        let found = aside(self);
        self.entered.truncate(before);
        found
    }

    /// The stages that were come to, each once.
    pub(crate) fn entered(self) -> Vec<Stage> {
        self.entered
    }
}

impl Walk for Looking {
    const SPENDS: bool = false;

    fn enters(&mut self, stage: Stage) {
        if !self.entered.contains(&stage) {
            self.entered.push(stage);
        }
    }

    fn directory<'a>(&'a self, _real: &'a Directory) -> &'a Directory {
        &self.directory
    }

    fn needs(&mut self, checks: u32) -> u32 {
        self.checks = self.checks.saturating_add(checks);
        self.checks
    }
}
