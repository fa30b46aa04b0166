//! Who belongs to the mesh, and which keys speak for whom.

mod change;
mod directory;
mod member;
mod next_keys;
mod threshold;
mod view;

pub use change::Change;
pub(crate) use directory::MOST_KEYS;
pub use directory::{Directory, KeyInForce, RotatedKey};
pub use member::{KeyRecord, Member, MemberIndex};
pub use next_keys::NextKeys;
pub use threshold::{faults_tolerated, quorum_size};
pub use view::{MAX_CARRIED_LEN, MAX_MEMBERS, MAX_NAME_LEN, MAX_VIEW_LEN, View, ViewError};

#[cfg(test)]
mod tests;
