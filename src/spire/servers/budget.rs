//! How many calls may be tried again.

use parking_lot::Mutex;

/// A try more costs as much as ten calls that went well earn, and at most ten can be saved up: when all servers
/// are in trouble, tries again make a tenth of the load more and not a multiple of it.
#[derive(Debug)]
pub(super) struct Budget(Mutex<u32>);

const COST: u32 = 10;
const MOST: u32 = 100;

impl Budget {
    pub(super) fn new() -> Self {
        Self(Mutex::new(MOST))
    }

    /// A call went well.
    pub(super) fn earn(&self) {
        let mut saved = self.0.lock();
        *saved = saved.saturating_add(1).min(MOST);
    }

    /// Takes the cost of a try more; whether there was enough.
    pub(super) fn spend(&self) -> bool {
        let mut saved = self.0.lock();
        let left = saved.checked_sub(COST);
        *saved = left.unwrap_or(*saved);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_and_then_one_for_ten_calls() {
        let budget = Budget::new();
        assert_eq!((0..20).filter(|_| budget.spend()).count(), 10);
        (0..9).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend() && !budget.spend());
    }
}
