//! A mesh in which everything happens that touches a secret key, and all the secrets there were.

use meshward::store::Table;
use meshward::wire::Kind;
use meshward::{Error, Identity, Nonce, OsEntropy, RecoveryKey, Store, Suite};

use crate::support::{Disk, Fault, Liar, Mesh, id, link};

/// Of an encoded secret key the parts that its public key does not tell. Dilithium3 begins with ρ, the
/// seed K and tr (32 bytes each), of which the first and the last are public; its encoded public key
/// follows the secret one (round 3, section 5.4).
pub(crate) fn secret_parts(suite: Suite, stored: &[u8]) -> Vec<&[u8]> {
    match suite {
        Suite::Dilithium3 => vec![&stored[32..64], &stored[96..4000]],
        _ => vec![stored],
    }
}

/// A secret as the tests hold it: so that a search of memory does not find their own notes.
pub(crate) fn masked(secret: &[u8]) -> Vec<u8> {
    secret.iter().map(|byte| byte ^ 0xa5).collect()
}

/// The secret halves on a disk: the key in use and those that may follow it.
pub(crate) fn on_disk(disk: &Disk, suite: Suite, kept: &mut Vec<Vec<u8>>) {
    let active = disk.get(Table::Identity, b"active").unwrap().unwrap();
    // Node, epoch, suite and the length of the secret stand before it.
    let secret = &active[32 + 8 + 1 + 8..];
    kept.extend(secret_parts(suite, secret).into_iter().map(masked));
    for next in Suite::available() {
        let row = [b"next/".as_slice(), &[next.code()]].concat();
        let secret = disk.get(Table::Identity, &row).unwrap().unwrap();
        kept.extend(secret_parts(next, &secret).into_iter().map(masked));
    }
}

fn of_recovery_key(key: &RecoveryKey, suite: Suite, kept: &mut Vec<Vec<u8>>) {
    let bytes = key.to_secret_bytes().unwrap();
    // Node, count, suite and length stand before it.
    kept.extend(secret_parts(suite, &bytes[32 + 4 + 1 + 8..]).into_iter().map(masked));
}

/// To whom the secrets that there are, masked, are told while they are there.
pub(crate) type Keep<'a> = &'a mut dyn FnMut(Vec<Vec<u8>>);

/// An identity is made, written as a backup has it, read back and loaded. Nothing of it is left on return.
pub(crate) fn made(suite: Suite, secret: Keep<'_>) {
    let disk = Disk::default();
    let mut identity = Identity::create(&disk, id(1), suite, &OsEntropy).unwrap();
    let recovery = identity.recovery_key().unwrap();
    let mut kept = Vec::new();
    on_disk(&disk, suite, &mut kept);
    of_recovery_key(&recovery, suite, &mut kept);
    secret(kept);
    let written = identity.to_secret_bytes().unwrap();
    let read = Identity::from_secret_bytes(&written).unwrap();
    let loaded = Identity::load(&disk).unwrap();
    assert_eq!((read.node(), loaded.node()), (id(1), id(1)));
}

/// An identity is taken back with its recovery key. Nothing of it is left on return.
pub(crate) fn recovered(suite: Suite, secret: Keep<'_>) {
    let mesh = Mesh::new(suite, 1).view.mesh();
    let (before, disk) = (Disk::default(), Disk::default());
    let mut identity = Identity::create(&before, id(1), suite, &OsEntropy).unwrap();
    let with = identity.recovery_key().unwrap();
    let with = RecoveryKey::from_secret_bytes(&with.to_secret_bytes().unwrap()).unwrap();
    let mut taken = Identity::recover(&disk, mesh, &with, [], suite, &OsEntropy).unwrap();
    let mut kept = Vec::new();
    [&before, &disk].iter().for_each(|disk| on_disk(disk, suite, &mut kept));
    of_recovery_key(&with, suite, &mut kept);
    of_recovery_key(&taken.recovery_key().unwrap(), suite, &mut kept);
    secret(kept);
}

/// Lives through a mesh of `suite` and shows everything that can be shown to `show`; what is to be secret
/// is told to `secret`, [`masked`], as soon as it is there. Nothing of the mesh is left when it returns.
pub(crate) fn lived(
    suite: Suite,
    mut secret: impl FnMut(Vec<Vec<u8>>),
    mut show: impl FnMut(&dyn std::fmt::Debug),
) {
    let mut mesh = Mesh::new(suite, 4);
    let mut note = |mesh: &Mesh| {
        let mut kept = Vec::new();
        for node in &mesh.nodes {
            on_disk(&node.disk, suite, &mut kept);
            node.recovery.iter().for_each(|key| of_recovery_key(key, suite, &mut kept));
        }
        secret(kept);
    };
    note(&mesh);
    mesh.pass(2000);
    mesh.guard(1).rotate_keys(suite, mesh.now).unwrap();
    note(&mesh);
    mesh.pass(2000);
    mesh.guard(2).rotate_compromised_keys(suite, mesh.now).unwrap();
    note(&mesh);
    mesh.pass(2000);

    // What fails says why.
    mesh.nodes[1].disk.fault(Fault::Refuses);
    show(&mesh.guard(1).rotate_keys(suite, mesh.now));
    mesh.pass(1000);
    mesh.nodes[1].disk.fault(Fault::None);
    note(&mesh);
    mesh.pass(2000);
    let forged = Liar::impostor(suite, id(1), &mesh.view);
    let nonce = Nonce { boot: 1, sequence: 900 };
    let beacon = forged.frame(forged.header(Kind::Beacon, nonce), b"forged");
    show(&mesh.give(0, link(3), &beacon));
    show(&Identity::create(&mesh.nodes[1].disk, id(1), suite, &OsEntropy).unwrap_err());
    for cut in [b"active".as_slice(), &[b"next/".as_slice(), &[suite.code()]].concat()] {
        let damaged = mesh.nodes[1].disk.copied();
        let row = damaged.get(Table::Identity, cut).unwrap().unwrap();
        let mut batch = meshward::store::Batch::new();
        batch.put(Table::Identity, cut, &row[..row.len() - 1]);
        damaged.apply(&batch).unwrap();
        let error: Error = Identity::load(&damaged).unwrap_err();
        show(&error);
        show(&error.to_string());
    }

    mesh.restart(1);
    mesh.settle(1);
    mesh.nodes[3].down = true;
    mesh.pass(6000);
    mesh.recover(3, Disk::default(), suite);
    note(&mesh);
    mesh.pass(5000);
    for node in &mesh.nodes {
        let identity = Identity::load(&node.disk).unwrap();
        show(&identity);
        show(&identity.to_secret_bytes().map(|bytes| bytes.len()));
        show(&node.recovery);
        show(&node.guard);
        show(&node.guard.core());
        show(&*node.host.events.lock());
        show(&node.inbox);
        let shown = std::panic::AssertUnwindSafe((&identity, &node.recovery));
        let panicked = std::panic::catch_unwind(|| panic!("{:?}", *shown));
        assert!(panicked.is_err());
    }
}
