//! Which nonces of a key were accepted already.

mod width;
mod window;

pub use width::{WindowWidth, WindowWidthError};
pub use window::{Look, ReplayWindow};
