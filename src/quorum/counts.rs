//! How many members say each of a few things.

/// A running count of what members say on one matter, so that what they said need not be walked for it.
/// What is said is mostly one thing, or two; the order is that of who said it first.
#[derive(Debug)]
pub(super) struct Counts<T>(Vec<(T, usize)>);

impl<T: PartialEq> Counts<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more says `said`.
    pub(super) fn add(&mut self, said: &T)
    where
        T: Clone,
    {
        match self.0.iter_mut().find(|(held, _)| held == said) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((said.clone(), 1)),
        }
    }

    /// One fewer says `said`.
    pub(super) fn remove(&mut self, said: &T) {
        let Some(place) = self.0.iter().position(|(held, _)| held == said) else { return };
        match self.0.get_mut(place) {
            Some((_, count)) if *count > 1 => *count = count.saturating_sub(1),
            _ => drop(self.0.remove(place)),
        }
    }

    /// How many say `said`.
    pub(super) fn of(&self, said: &T) -> usize {
        self.0.iter().find(|(held, _)| held == said).map_or(0, |(_, count)| *count)
    }

    /// How many say what most do.
    pub(super) fn most(&self) -> usize {
        self.0.iter().map(|(_, count)| *count).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn what_is_taken_back_no_longer_counts() {
        let mut counts = Counts::new();
        for said in ["a", "b", "a", "c"] {
            counts.add(&said);
        }
        assert_eq!((counts.of(&"a"), counts.of(&"b"), counts.most()), (2, 1, 2));
        counts.remove(&"a");
        counts.remove(&"a");
        counts.remove(&"never said");
        assert_eq!((counts.of(&"a"), counts.of(&"c"), counts.most()), (0, 1, 1));
        assert_eq!(counts.0.len(), 2, "nothing is kept of what nobody says");
    }
}
