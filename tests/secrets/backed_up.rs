//! An identity that is made with its backup, lost, and taken back from it.

use std::fmt::Debug;
use std::sync::Arc;

use meshward::keyring::backup::{
    self, BackupContents, BackupDirectory, KdfCost, NO_MESH, Owner, Passphrase, Retention, Sealer,
};
use meshward::{OsEntropy, Suite, View};
use zeroize::Zeroizing;

use crate::life::{Keep, masked, on_disk};
use crate::support::{Disk, id};

/// 32 bytes that this test alone knows; they are told masked, and unmasked when they are used.
const PASSPHRASE: [u8; 32] = [
    0xd4, 0xc0, 0xd2, 0xc9, 0xc4, 0xd1, 0xc0, 0xd7, 0x88, 0xd6, 0xcc, 0xd3, 0xd5, 0xc9, 0xc0, 0x88,
    0xc7, 0xc0, 0xc4, 0xc6, 0xca, 0xcb, 0x88, 0xd1, 0xcd, 0xd7, 0xc0, 0xc4, 0xc1, 0xd6, 0x94, 0x92,
];

/// Nothing of it is left on return but files.
pub(crate) fn backed_up(suite: Suite, secret: Keep<'_>, show: &mut dyn FnMut(&dyn Debug)) {
    let directory = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new(Zeroizing::new(masked(&PASSPHRASE))).unwrap();
    let wrong = Passphrase::new(Zeroizing::new(b"another passphrase".to_vec())).unwrap();
    let into = |mesh| {
        let owner = Owner { node: id(1), mesh };
        BackupDirectory::new(directory.path(), owner, Retention::default())
    };
    let cost = KdfCost::new(8, 1, 1).unwrap();
    fn sealer<'a>(
        directory: &'a BackupDirectory,
        passphrase: &'a Passphrase,
        cost: KdfCost,
    ) -> Sealer<'a> {
        Sealer { directory, passphrase, cost, now: 1, entropy: &OsEntropy }
    }

    let (first, disk) = (into(NO_MESH), Disk::default());
    let (made, _) =
        backup::generate(&disk, id(1), suite, sealer(&first, &passphrase, cost)).unwrap();
    let view = Arc::new(View::genesis(vec![made.member("node")]).unwrap());
    let (_, sealed) = first.read_newest().unwrap();
    let contents = BackupContents::open(&sealed, &passphrase).unwrap();
    let contents = contents.with_view(Arc::clone(&view)).unwrap();
    let (safe, restored) = (into(view.mesh()), Disk::default());
    let taken =
        backup::restore(&contents, &restored, suite, sealer(&safe, &passphrase, cost)).unwrap();
    let mut kept = vec![PASSPHRASE.to_vec()];
    [&disk, &restored].iter().for_each(|disk| on_disk(disk, suite, &mut kept));
    secret(kept);

    show(&BackupContents::open(&sealed, &wrong).map(|_| "it opens"));
    show(
        &backup::restore(&contents, &restored, suite, sealer(&safe, &passphrase, cost)).map(|_| ()),
    );
    show(&BackupContents::from_bytes(&contents.to_bytes().unwrap()[1..]).map(|_| "it is read"));
    show(&(&made, &contents, &taken, &passphrase, &sealed));
    #[cfg(feature = "shamir")]
    for share in &sealed.split(&passphrase, 2, 3, &OsEntropy).unwrap() {
        show(share);
    }
}
