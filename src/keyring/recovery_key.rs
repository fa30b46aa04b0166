//! The key that takes an identity back from whoever has stolen the others.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Error;
use crate::id::NodeId;
use crate::suite::{Entropy, PublicKey, SigningKey, Suite};
use crate::wire;

/// The secret that outranks all others of a node: with it [`Identity::recover`](super::Identity::recover)
/// takes the identity back, whatever keys were stolen and whatever was done with them.
///
/// It is handed out once, when the identity is made or recovered, and is in no store. Write it into a
/// backup at once and keep that away from the host; who has it is the node. Once used it is spent: the
/// recovery makes the next one.
#[derive(Debug)]
pub struct RecoveryKey {
    pub(super) node: NodeId,
    /// How often the keys were recovered when it is used.
    pub(super) count: u32,
    pub(super) key: SigningKey,
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    node: NodeId,
    count: u32,
    suite: Suite,
    secret: &'a [u8],
}

impl RecoveryKey {
    /// The recovery key of `node` whose keys were recovered `count` times before.
    pub const fn of(node: NodeId, count: u32, key: SigningKey) -> Self {
        Self { node, count, key }
    }

    pub(super) fn generate(
        node: NodeId,
        count: u32,
        suite: Suite,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        Ok(Self { node, count, key: SigningKey::generate(suite, entropy)? })
    }

    /// Whose it is.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// How often the keys of the node were recovered before.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The public half. Its digest is what the member's [record](crate::membership::KeyRecord) names.
    pub const fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// The key as bytes, to be sealed into a backup; zeroized when dropped.
    ///
    /// # Errors
    /// None that a key made by this type can cause.
    pub fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (node, count, suite) = (self.node, self.count, self.key.suite());
        let secret = &self.key.to_secret_bytes();
        Ok(wire::encode_secret("the recovery key", &Written { node, count, suite, secret })?)
    }

    /// Reads what [`to_secret_bytes`](Self::to_secret_bytes) wrote.
    ///
    /// # Errors
    /// [`Fault`](super::Fault) for anything else, or for a suite that is not compiled in.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let Written { node, count, suite, secret } = wire::decode("the recovery key", bytes)?;
        Ok(Self { node, count, key: SigningKey::from_secret_bytes(suite, secret)? })
    }
}
