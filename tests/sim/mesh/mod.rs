//! A whole mesh in virtual time, that a test or a report can look into after every step: its nodes, the
//! air between them, who among them is hostile, and what befalls them.

mod air;
mod dice;
mod entropy;
mod guarded;
mod hostile;
mod naive;
mod node;
mod peer;
mod silences;
#[path = "../../support/mod.rs"]
mod support;
mod topology;
mod world;

pub(crate) use air::{Fault, Hop};
pub(crate) use dice::Dice;
pub(crate) use hostile::{Kind, STRIKE_MS};
pub(crate) use peer::{Heard, Sort, Told};
pub(crate) use topology::{Shape, reached};
pub(crate) use world::{Happened, Plan, Step, Traffic, World};
