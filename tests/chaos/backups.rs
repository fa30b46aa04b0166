//! K4: backups that are not what was written, and what a hostile one could ask for.

use std::fs;
use std::time::{Duration, Instant};

use meshward::keyring::backup::{
    Backup, BackupDirectory, BackupError, KdfCost, Owner, Passphrase, Retention,
};
use meshward::{Digest, MeshId, NodeId, OsEntropy};
use zeroize::Zeroizing;

const CONTENT: &[u8] = b"the recovery key, the next key, the history, the view";
/// Bytes of a backup of nothing.
const FRAME: usize = 168 + 48 + 16 + 32;

fn owner() -> Owner {
    Owner { node: NodeId::from_bytes([1; 32]), mesh: MeshId::from_bytes([2; 32]) }
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn right() -> Passphrase {
    passphrase("six words that dice have chosen")
}

fn content() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(CONTENT.to_vec())
}

fn sealed() -> Vec<u8> {
    let cheap = KdfCost::new(8, 1, 1).unwrap();
    let backup = Backup::seal(&content(), &right(), cheap, owner(), 7, &OsEntropy).unwrap();
    backup.as_bytes().to_vec()
}

/// The checksum has no key, so whoever changes a backup makes it fit.
fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    let (body, _) = bytes.split_at(bytes.len() - 32);
    let checksum = Digest::of("meshward 2026 checksum of a backup", body);
    [body, checksum.as_bytes()].concat()
}

fn changed(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    with_checksum(&bytes)
}

#[test]
fn k04_a_backup_that_was_cut_off_is_told() {
    let whole = sealed();
    assert_eq!(whole.len(), FRAME + CONTENT.len());
    for length in 0..whole.len() {
        let error = Backup::parse(whole[..length].to_vec()).unwrap_err();
        let BackupError::Length { found, expected } = error else { panic!("{length}: {error}") };
        let least = if length < FRAME { FRAME } else { whole.len() };
        assert_eq!((found, expected), (length as u64, least as u64));
        // Whoever cut it off may have made the checksum fit.
        if length >= 168 + 32 {
            let error = Backup::parse(with_checksum(&whole[..length])).unwrap_err();
            assert!(matches!(error, BackupError::Length { .. }), "{length}: {error}");
        }
    }
    for more in [1, 32, 1000] {
        let longer = [whole.as_slice(), &vec![0; more]].concat();
        let error = Backup::parse(longer).unwrap_err();
        assert!(matches!(error, BackupError::Length { .. }), "{error}");
    }
    Backup::parse(whole).unwrap().open(&right()).unwrap();
}

#[test]
fn k04_no_byte_can_be_altered() {
    let whole = sealed();
    let mut told = [0; 4];
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1 << (at % 8);
        // By chance: seen at once, with no work done for it.
        let error = Backup::parse(altered.clone()).unwrap_err();
        let expected = match at {
            0..8 => matches!(error, BackupError::NotABackup),
            8..12 => matches!(error, BackupError::UnknownVersion { .. }),
            12..24 | 160..168 => matches!(
                error,
                BackupError::OutOfRange { .. } | BackupError::Damaged | BackupError::Length { .. }
            ),
            _ => matches!(error, BackupError::Damaged),
        };
        assert!(expected, "byte {at}: {error}");

        // By an enemy, who makes the checksum fit.
        if at >= whole.len() - 32 {
            continue;
        }
        let opened = Backup::parse(with_checksum(&altered)).and_then(|backup| {
            let required = backup.require(owner());
            assert_eq!(required.is_err(), (32..96).contains(&at), "byte {at}");
            backup.open(&right())
        });
        match opened.unwrap_err() {
            BackupError::NotABackup | BackupError::UnknownVersion { .. } if at < 12 => told[0] += 1,
            BackupError::OutOfRange { .. } | BackupError::Length { .. } if matches!(at, 12..24 | 160..168) =>
            {
                told[1] += 1;
            }
            BackupError::WrongPassphrase if matches!(at, 12..160 | 168..216) => told[2] += 1,
            BackupError::Altered if at >= 216 => told[3] += 1,
            error => panic!("byte {at}: {error}"),
        }
    }
    assert_eq!((told[0], told[3]), (12, CONTENT.len() + 16), "{told:?}");
    assert!(told[1] >= 12 && told[2] >= 136 + 48, "{told:?}");
}

#[test]
fn k04_a_backup_of_another_node_or_mesh_or_under_another_passphrase_is_named() {
    let backup = Backup::parse(sealed()).unwrap();
    let [node, mesh] = [NodeId::from_bytes([9; 32]), owner().node];
    let error = backup.require(Owner { node, ..owner() }).unwrap_err();
    assert!(
        matches!(error, BackupError::OtherNode { found, expected } if found == owner().node && expected == node)
    );
    let mesh = MeshId::from_bytes(*mesh.as_bytes());
    let error = backup.require(Owner { mesh, ..owner() }).unwrap_err();
    assert!(
        matches!(error, BackupError::OtherMesh { found, expected } if found == owner().mesh && expected == mesh)
    );
    for wrong in ["six words that dice have chosen ", "Six words that dice have chosen", "12345678"]
    {
        let error = backup.open(&passphrase(wrong)).unwrap_err();
        assert!(matches!(error, BackupError::WrongPassphrase), "{error}");
    }
    assert_eq!(backup.open(&right()).unwrap().as_slice(), CONTENT);
}

#[test]
fn k04_parts_of_two_backups_do_not_make_one() {
    let [one, two] = [sealed(), sealed()];
    let splices = [0..168, 168..216, 216..216 + CONTENT.len() + 16, 136..160, 96..136];
    for part in splices {
        let mixed = changed(&one, part.start, &two[part.clone()]);
        let error = Backup::parse(mixed).unwrap().open(&right()).unwrap_err();
        let content = part.start == 216;
        assert_eq!(matches!(error, BackupError::Altered), content, "{part:?}: {error}");
        assert_eq!(matches!(error, BackupError::WrongPassphrase), !content, "{part:?}: {error}");
    }
}

#[test]
fn k04_a_version_that_is_not_known_is_named() {
    for version in [0, 2, u32::MAX] {
        let other = changed(&sealed(), 8, &version.to_le_bytes());
        let error = Backup::parse(other).unwrap_err();
        assert!(
            matches!(error, BackupError::UnknownVersion { found, known: 1 } if found == version)
        );
    }
}

/// Terabytes, hours, and lengths that overflow: refused before anything is allocated or computed.
#[test]
fn k04_a_hostile_backup_asks_for_nothing() {
    let whole = sealed();
    let kdf = |memory: u32, passes: u32, lanes: u32| {
        [memory.to_le_bytes(), passes.to_le_bytes(), lanes.to_le_bytes()].concat()
    };
    let costs = [
        kdf(u32::MAX, 1, 1),
        kdf(1 << 30, 1, 1),
        kdf(8, u32::MAX, 1),
        kdf(2 << 20, 32, 1),
        kdf(1 << 20, 5, 1),
        kdf(2 << 20, 1, u32::MAX),
        kdf(2 << 20, 1, 17),
        kdf(8, 1, 2),
        kdf(8, 0, 1),
        kdf(8, 1, 0),
        kdf(0, 0, 0),
    ];
    let began = Instant::now();
    for cost in costs {
        let error = Backup::parse(changed(&whole, 12, &cost)).unwrap_err();
        assert!(matches!(error, BackupError::OutOfRange { .. }), "{cost:?}: {error}");
    }
    for length in [u64::MAX, u64::MAX - 300, 1 << 40, (64 << 20) + 1] {
        let error = Backup::parse(changed(&whole, 160, &length.to_le_bytes())).unwrap_err();
        assert!(matches!(error, BackupError::OutOfRange { .. }), "{length}: {error}");
    }
    let error = Backup::parse(changed(&whole, 160, &(64_u64 << 20).to_le_bytes())).unwrap_err();
    assert!(matches!(error, BackupError::Length { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// A sparse file of a terabyte under the name of the newest backup.
#[test]
fn k04_a_directory_names_the_damaged_one_and_opens_the_one_before() {
    let parent = tempfile::tempdir().unwrap();
    let directory = BackupDirectory::new(parent.path(), owner(), Retention::default());
    let cheap = KdfCost::new(8, 1, 1).unwrap();
    let write = |now| directory.write(&content(), &right(), cheap, now, &OsEntropy).unwrap();
    let (first, second) = (write(1), write(2));
    let path = directory.path_of(&second);
    let whole = fs::read(&path).unwrap();
    for damage in [&whole[..whole.len() - 1], &[], &changed(&whole, 300, &[0])[..299]] {
        fs::write(&path, damage).unwrap();
        let error = directory.read_newest().unwrap_err();
        assert!(matches!(error, BackupError::Length { .. }), "{error}");
    }
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let error = directory.read_newest().unwrap_err();
    assert!(matches!(error, BackupError::Length { found, .. } if found == 1 << 40), "{error}");
    let before = directory.read(&first).unwrap().open(&right()).unwrap();
    assert_eq!(before.as_slice(), CONTENT);

    // That of another node under our name.
    let other = Owner { node: NodeId::from_bytes([9; 32]), ..owner() };
    let theirs = Backup::seal(&content(), &right(), cheap, other, 2, &OsEntropy).unwrap();
    fs::write(&path, theirs.as_bytes()).unwrap();
    let error = directory.read_newest().unwrap_err();
    assert!(matches!(error, BackupError::OtherNode { .. }), "{error}");
    // It is the newest all the same: the next one has a number of its own.
    assert_eq!(write(3).counter(), 3);
    assert_eq!(directory.list().unwrap().len(), 3);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    /// Any bytes, and any behind the beginning of a backup, with a checksum that fits.
    #[test]
    fn k04_no_bytes_make_it_panic(bytes: Vec<u8>, keep in 0..FRAME + CONTENT.len(), lucky: bool) {
        assert!(Backup::parse(bytes.clone()).is_err());
        let whole = sealed();
        let mut mixed = whole[..keep].to_vec();
        mixed.extend(&bytes);
        if lucky {
            mixed.resize(whole.len(), 0);
        }
        if mixed.len() > 32 {
            mixed = with_checksum(&mixed);
        }
        if let Ok(backup) = Backup::parse(mixed)
            && backup.cost().memory_kib() <= 1024
        {
            assert_eq!(backup.open(&right()).is_ok(), backup.as_bytes() == whole);
        }
    }
}
