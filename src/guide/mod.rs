//! A guide for those who build meshward into a router, and for those who run it.
//!
//! | chapter | for whom | what it answers |
//! |---|---|---|
//! | [`embedding`] | who writes the host | how a router and its health loop come to carry meshward, step by step |
//! | [`threats`] | everybody, first | who is taken for an enemy, what holds against them, what does not, and what is left to the host |
//! | [`parameters`] | who sets a mesh up | which numbers to set for 10, 100 and 1000 nodes, and what that costs |
//! | [`operations`] | who runs it | rotation, backup, recovery, rollout, changes of the members, and what to do when something is wrong |
//! | [`comparison`] | who has to choose | what else one could use, and when that is the better choice |
//!
//! It exists in the documentation alone, in builds of it that have the default features.

pub mod comparison {
    #![doc = include_str!("comparison.md")]
}
pub mod embedding {
    #![doc = include_str!("embedding.md")]
}
pub mod operations {
    #![doc = include_str!("operations.md")]
}
pub mod parameters {
    #![doc = include_str!("parameters.md")]
}
pub mod threats {
    #![doc = include_str!("threats.md")]
}
