//! The tables of a store.

/// Which part of the store a key belongs to. Keys of different tables never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// What names this node and its mesh.
    Meta,
    /// Own keys and what belongs to them. Holds secrets.
    Identity,
    /// The boot counter, and the highest boot that each other member is known to have claimed.
    Boot,
    /// Own votes and locks in exclusive slots, so that a restart does not vote again.
    Vote,
    /// The steps from view to view.
    View,
    /// Proofs that a member contradicted itself, so that a restart does not forget them.
    Proof,
    /// How members stand here: scores, quarantines. A restart does not launder them.
    Standing,
    /// The rotations of others' keys, so that who starts while they are away knows the newest.
    Rotation,
    /// The newest frame that each member was charged for as over its rate. A restart does not charge it
    /// again.
    Excess,
    /// The stages of a rollout, and who was heard signed. A restart takes no member unsigned that was.
    Rollout,
}

impl Table {
    /// Every table, in order.
    pub const ALL: &'static [Self] = &[
        Self::Meta,
        Self::Identity,
        Self::Boot,
        Self::Vote,
        Self::View,
        Self::Proof,
        Self::Standing,
        Self::Rotation,
        Self::Excess,
        Self::Rollout,
    ];

    /// The name under which the table is kept. It is part of the format on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Identity => "identity",
            Self::Boot => "boot",
            Self::Vote => "vote",
            Self::View => "view",
            Self::Proof => "proof",
            Self::Standing => "standing",
            Self::Rotation => "rotation",
            Self::Excess => "excess",
            Self::Rollout => "rollout",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_the_list_is_ordered() {
        let names: BTreeSet<_> = Table::ALL.iter().map(|table| table.name()).collect();
        assert_eq!(names.len(), Table::ALL.len());
        assert!(Table::ALL.is_sorted());
    }
}
