//! The keys that this node may go on with: made, named and durable before they are needed.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Error, Fault, Misuse};
use crate::membership::NextKeys;
use crate::store::{Batch, Store, Table};
use crate::suite::{Entropy, SigningKey, Suite, SuiteError};
use crate::wire::{self, WireError};

const NEXT: &[u8] = b"next/";

/// One secret key for each suite that is compiled in, and what the current key commits to.
#[derive(Debug)]
pub(super) struct Candidates {
    keys: Vec<SigningKey>,
    /// They may name keys of suites that are not compiled in here and were where they were made.
    names: NextKeys,
}

impl Candidates {
    pub(super) fn generate(entropy: &dyn Entropy) -> Result<Self, SuiteError> {
        let keys: Result<Vec<_>, _> =
            Suite::available().map(|suite| SigningKey::generate(suite, entropy)).collect();
        let keys = keys?;
        let names = NextKeys::of(keys.iter().map(SigningKey::public_key));
        Ok(Self { keys, names })
    }

    pub(super) const fn names(&self) -> NextKeys {
        self.names
    }

    /// Whether there is one of `suite`.
    pub(super) fn has(&self, suite: Suite) -> bool {
        self.keys.iter().any(|key| key.suite() == suite)
    }

    /// A copy of the one of `suite`.
    pub(super) fn copy(&self, suite: Suite) -> Result<SigningKey, Error> {
        let key = self.keys.iter().find(|key| key.suite() == suite);
        let key = key.ok_or(match suite.is_available() {
            true => Error::from(Misuse::NoNextKey(suite)),
            false => SuiteError::SuiteUnavailable(suite).into(),
        })?;
        Ok(SigningKey::from_secret_bytes(suite, &key.to_secret_bytes())?)
    }

    /// Puts them in the place of those that are stored.
    pub(super) fn put(&self, batch: &mut Batch) {
        for suite in Suite::ALL {
            let key = self.keys.iter().find(|key| key.suite() == suite);
            match key {
                Some(key) => batch.put(Table::Identity, &row(suite), &key.to_secret_bytes()),
                None => batch.delete(Table::Identity, &row(suite)),
            };
        }
    }

    /// Those that are stored; they have to be the ones that `names` names.
    pub(super) fn load(store: &dyn Store, names: NextKeys) -> Result<Self, Error> {
        let mut keys = Vec::new();
        for suite in Suite::available() {
            if let Some(secret) = store.get(Table::Identity, &row(suite))? {
                keys.push(SigningKey::from_secret_bytes(suite, &secret)?);
            }
        }
        Self::named(keys, names)
    }

    fn named(keys: Vec<SigningKey>, names: NextKeys) -> Result<Self, Error> {
        match keys.iter().all(|key| names.contains(key.public_key())) {
            true => Ok(Self { keys, names }),
            false => Err(Fault::from(WireError::Field { what: "the next keys" }).into()),
        }
    }

    /// The secret halves, as a backup has them.
    pub(super) fn to_secret(&self) -> Vec<(Suite, Zeroizing<Vec<u8>>)> {
        self.keys.iter().map(|key| (key.suite(), key.to_secret_bytes())).collect()
    }

    pub(super) fn from_secret(keys: &[(Suite, &[u8])], names: NextKeys) -> Result<Self, Error> {
        let here = keys.iter().filter(|(suite, _)| suite.is_available());
        let keys = here.map(|(suite, bytes)| SigningKey::from_secret_bytes(*suite, bytes));
        Self::named(keys.collect::<Result<_, _>>()?, names)
    }
}

fn row(suite: Suite) -> Vec<u8> {
    [NEXT, &[suite.code()]].concat()
}

/// What the key that is stored as active commits to, as it is stored beside it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRecord {
    pub(super) record: crate::membership::KeyRecord,
    pub(super) next: NextKeys,
}

const RECORD: &[u8] = b"record";

impl StoredRecord {
    pub(super) fn put(&self, batch: &mut Batch) -> Result<(), Error> {
        batch.put(Table::Identity, RECORD, &wire::encode("the key record", self)?);
        Ok(())
    }

    pub(super) fn load(store: &dyn Store) -> Result<Self, Error> {
        let bytes = store.get(Table::Identity, RECORD)?;
        let missing = Fault::from(WireError::Field { what: "the stored key record" });
        Ok(wire::decode("the stored key record", &bytes.ok_or(missing)?)?)
    }
}
