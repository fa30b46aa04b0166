//! Containers that take their capacity in the constructor and never grow beyond it, whatever a
//! peer invents.

mod map;
mod ring;

pub(crate) use map::BoundedMap;
pub(crate) use ring::ByteRing;
