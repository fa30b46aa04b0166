//! A node that starts anew from its disk, as one of 1000 members.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use meshward::keyring::{ActiveKey, RotationClaim, seal_rotation};
use meshward::membership::{KeyRecord, NextKeys};
use meshward::suite::SigningKey;
use meshward::{
    Core, DurableStore, Epoch, Identity, Member, Millis, Nonce, OsEntropy, Suite, View,
};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::mesh::{LINK, carry_out, id, unlimited};
use crate::speaker::at;
use crate::timing::{median, nanoseconds};

const STARTS: usize = 5;

/// `keys` are those of the other members, and `next` those that they rotate to.
pub(crate) fn run(
    suite: Suite,
    (keys, next): (&[SigningKey], &[SigningKey]),
    figures: &mut Figures,
) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let store = DurableStore::open(directory.path())?;
    let identity = Identity::create(&store, id(0), suite, &OsEntropy)?;
    let mut members = vec![identity.member("")];
    for ((key, next), place) in keys.iter().zip(next).zip(1..) {
        let record = record(key, Epoch::FIRST, names(next).commitment());
        members.push(Member {
            key: Arc::new(record),
            ..Member::new(id(place), "", key.public_key().clone())
        });
    }
    let view = Arc::new(View::genesis(members)?);
    drop((identity, store));
    let name = "start with 1000 members from the durable store, ms";
    figures.print(suite, name, starts(directory.path(), &view)?, Bar::Most(250.0));

    let (store, now) = (DurableStore::open(directory.path())?, at(1));
    let core = start(&store, &view, now)?;
    let after = Epoch::FIRST.next_operational().ok_or("no next epoch")?;
    for ((key, next), place) in keys.iter().zip(next).zip(1..) {
        let (to, opens) = (record(next, after, NextKeys::NONE), names(next));
        let closing = Nonce { boot: 1, sequence: 100 };
        let claim = RotationClaim { to, closing, opens, compromised: false };
        let key = SigningKey::from_secret_bytes(suite, &key.to_secret_bytes())?;
        let from = ActiveKey { epoch: Epoch::FIRST, key };
        let rotation = seal_rotation((view.mesh(), id(place)), &from, next, claim, &OsEntropy)?;
        let step = core.handle_frame(LINK, &rotation, now);
        step.result?;
        carry_out(&core, &store, step.outputs, now);
    }
    carry_out(&core, &store, core.tick(now), now);
    drop((core, store));
    let name = "the same when all have rotated, two checks each, ms";
    figures.print(suite, name, starts(directory.path(), &view)?, Bar::Most(5_000.0));
    Ok(())
}

fn names(key: &SigningKey) -> NextKeys {
    NextKeys::of([key.public_key()])
}

fn record(key: &SigningKey, epoch: Epoch, next: meshward::Digest) -> KeyRecord {
    KeyRecord { epoch, key: key.public_key().clone(), next, recovery: NextKeys::NONE }
}

fn start(store: &DurableStore, view: &Arc<View>, now: Millis) -> Outcome<Core> {
    let (view, entropy) = (Arc::clone(view), Arc::new(OsEntropy));
    Ok(Core::start(unlimited(1_000), view, Identity::load(store)?, store, entropy, now)?)
}

/// The median of some, in milliseconds, from opening the store to the running node.
fn starts(directory: &Path, view: &Arc<View>) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        let store = DurableStore::open(directory)?;
        let core = start(&store, view, at(2))?;
        times.push(nanoseconds(begin) / 1e6);
        drop((core, store));
    }
    Ok(median(times))
}
