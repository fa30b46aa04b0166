//! Stops at every point of an operation and looks at what each loss leaves.

use std::collections::BTreeMap;

use crate::disk::{Disk, Loss, Step, Stop};

/// One way in which an operation ended, and what a restart finds.
pub(crate) struct Crash<'a, T> {
    /// What the restart finds.
    pub(crate) disk: &'a Disk,
    /// What the world had seen of it.
    pub(crate) seen: &'a T,
    /// For the message of an assertion.
    pub(crate) at: &'a str,
}

/// Runs an operation on a copy of `base` again and again, each time stopped one step later, and once
/// more in the middle of each write; `run` tells the disk when to begin counting. `check` is given
/// every disk that can be found after that. Prints how many points there were, and returns them.
pub(crate) fn every<T>(
    operation: &str,
    base: &Disk,
    run: impl Fn(&Disk, Option<Stop>) -> T,
    check: impl Fn(Crash<'_, T>),
) -> usize {
    let whole = base.copy();
    let seen = run(&whole, None);
    let steps = whole.steps();
    let (mut points, mut disks) = (0, 0);
    let mut look = |disk: &Disk, seen: &T, point: &str| {
        points += 1;
        for loss in Loss::ALL {
            disks += 1;
            let at = format!("{operation}, {point}, lost: {loss:?}");
            check(Crash { disk: &disk.after(loss), seen, at: &at });
        }
    };
    for (at, step) in steps.iter().enumerate() {
        let torn = (*step == Step::Write).then_some(true);
        for torn in [Some(false), torn].into_iter().flatten() {
            let disk = base.copy();
            let seen = run(&disk, Some(Stop { at, torn }));
            assert_eq!(disk.steps(), steps[..at], "{operation} is not the same each time");
            let how = if torn { "in the middle of" } else { "before" };
            look(&disk, &seen, &format!("{how} step {at}, {step:?}"));
        }
    }
    look(&whole, &seen, "at the end");
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    steps.iter().for_each(|step| *kinds.entry(*step).or_default() += 1);
    println!("{operation}: {points} points, {disks} disks; {kinds:?}");
    points
}
