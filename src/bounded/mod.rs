//! Containers that take their capacity in the constructor and never grow beyond it, whatever a
//! peer invents.

mod map;
mod ring;

pub use map::BoundedMap;
pub use ring::ByteRing;
