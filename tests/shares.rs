//! The key of a backup, split m of n.

#![cfg(feature = "shamir")]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

use meshward::keyring::backup::{
    Backup, BackupError, KdfCost, MAX_SHARES, Owner, Passphrase, Share, ShareError,
};
use meshward::{Digest, MeshId, NodeId, OsEntropy};
use zeroize::Zeroizing;

const CONTENT: &[u8] = b"the recovery key";

fn passphrase() -> Passphrase {
    Passphrase::new(Zeroizing::new(b"correct horse battery staple".to_vec())).unwrap()
}

fn backup() -> Backup {
    let owner = Owner { node: NodeId::from_bytes([1; 32]), mesh: MeshId::from_bytes([2; 32]) };
    let content = Zeroizing::new(CONTENT.to_vec());
    let cost = KdfCost::new(8, 1, 1).unwrap();
    Backup::seal(&content, &passphrase(), cost, owner, 1, &OsEntropy).unwrap()
}

fn split(backup: &Backup, threshold: u8, shares: u8) -> Vec<Share> {
    backup.split(&passphrase(), threshold, shares, &OsEntropy).unwrap()
}

fn refused(backup: &Backup, shares: &[Share]) -> ShareError {
    match backup.open_with_shares(shares).unwrap_err() {
        BackupError::Shares(error) => error,
        error => panic!("{error}"),
    }
}

fn pick(shares: &[Share], numbers: &[u8]) -> Vec<Share> {
    numbers.iter().map(|number| shares[usize::from(*number) - 1].clone()).collect()
}

/// Whoever changes a share makes its checksum fit.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 16);
    let checksum = Digest::of("meshward 2026 checksum of a share", &bytes);
    bytes.extend(&checksum.as_bytes()[..16]);
    bytes
}

#[test]
fn as_many_as_are_needed_open_it() {
    let backup = backup();
    let shares = split(&backup, 3, 5);
    let numbers: Vec<_> = shares.iter().map(Share::number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    for set in 0_u8..32 {
        let numbers: Vec<u8> = (1..=5).filter(|number| set >> (number - 1) & 1 == 1).collect();
        let chosen = pick(&shares, &numbers);
        if numbers.len() >= 3 {
            let content = backup.open_with_shares(&chosen).unwrap();
            assert_eq!(content.as_slice(), CONTENT);
        } else {
            let error = refused(&backup, &chosen);
            assert!(
                matches!(error, ShareError::TooFew { given, .. } if given == numbers.len()),
                "{error}"
            );
        }
    }
    for (threshold, dealt) in [(2, 2), (2, MAX_SHARES), (MAX_SHARES, MAX_SHARES)] {
        let shares = split(&backup, threshold, dealt);
        assert_eq!((shares[0].threshold(), shares[0].dealt()), (threshold, dealt));
        let last = &shares[shares.len() - usize::from(threshold)..];
        assert_eq!(backup.open_with_shares(last).unwrap().as_slice(), CONTENT);
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    let backup = backup();
    for (threshold, shares) in [(0, 0), (1, 5), (3, 2), (2, 33), (255, 255)] {
        let error = backup.split(&passphrase(), threshold, shares, &OsEntropy).unwrap_err();
        assert!(matches!(error, BackupError::Shares(ShareError::OutOfRange { .. })), "{error}");
    }
    let wrong = Passphrase::new(Zeroizing::new(b"wrong horse".to_vec())).unwrap();
    let error = backup.split(&wrong, 2, 3, &OsEntropy).unwrap_err();
    assert!(matches!(error, BackupError::WrongPassphrase), "{error}");
}

#[test]
fn a_share_is_the_same_as_bytes_and_as_text() {
    let backup = backup();
    let shares = split(&backup, 2, 3);
    let read = |share: &Share| {
        let text = share.to_text();
        assert_eq!(Share::from_bytes(&share.to_bytes()).unwrap().to_text(), text);
        let typed: String = text.to_uppercase().chars().flat_map(|digit| [digit, '\n']).collect();
        Share::from_text(&typed).unwrap()
    };
    let read: Vec<_> = shares.iter().map(read).collect();
    assert_eq!(backup.open_with_shares(&read[1..]).unwrap().as_slice(), CONTENT);
    for text in ["", "00", "0", "xyz", &"0".repeat(5000), &"4d57425348415245".repeat(2)] {
        Share::from_text(text).unwrap_err();
    }
    let newer = [&shares[0].to_bytes()[..8], &[2, 0, 0, 0], &shares[0].to_bytes()[12..]].concat();
    let error = Share::from_bytes(&newer).unwrap_err();
    assert_eq!(error, ShareError::UnknownVersion { found: 2, known: 1 });
}

#[test]
fn the_wrong_share_is_named() {
    let backup = backup();
    let shares = split(&backup, 3, 5);
    let [other_deal, other_backup] = [split(&backup, 3, 5), split(&self::backup(), 3, 5)];

    let mut mixed = pick(&shares, &[1, 3, 4]);
    mixed[1] = other_backup[2].clone();
    assert!(matches!(refused(&backup, &mixed), ShareError::OtherBackup { number: 3, .. }));
    mixed[1] = other_deal[2].clone();
    assert_eq!(refused(&backup, &mixed), ShareError::Mixed { numbers: vec![3] });
    // Whatever the order they come in.
    mixed.rotate_left(1);
    assert_eq!(refused(&backup, &mixed), ShareError::Mixed { numbers: vec![3] });
    assert_eq!(refused(&backup, &pick(&shares, &[1, 3, 3])), ShareError::Twice { number: 3 });
    // All of the other splitting are of one again.
    backup.open_with_shares(&other_deal[..3]).unwrap();
}

/// Every byte of a share, by chance and on purpose: nothing that was changed opens the backup, and who
/// is at fault is told.
#[test]
fn no_byte_of_a_share_can_be_altered() {
    let backup = backup();
    let shares = split(&backup, 2, 3);
    let whole = shares[1].to_bytes().to_vec();
    let mut told = [0; 3];
    for at in 0..whole.len() {
        assert!(Share::from_bytes(&whole[..at]).is_err());
        let mut altered = whole.clone();
        altered[at] ^= 1 << (at % 8);
        let error = Share::from_bytes(&altered).unwrap_err();
        assert!(at < 12 || error == ShareError::Damaged, "byte {at}: {error}");
        if at >= whole.len() - 16 {
            continue;
        }
        match Share::from_bytes(&with_checksum(altered)) {
            Err(_) => told[0] += 1,
            Ok(share) => match refused(&backup, &[shares[0].clone(), shares[2].clone(), share]) {
                ShareError::Mixed { numbers } => {
                    assert_eq!(numbers, [2], "byte {at}");
                    told[1] += 1;
                }
                ShareError::OtherBackup { number: 2, .. } => told[2] += 1,
                error => panic!("byte {at}: {error}"),
            },
        }
    }
    // The fingerprints of the other two shares are what it can still change.
    assert_eq!((told[0], told[1], told[2]), (8 + 4 + 32 + 3 + 32 + 16, 32, 0));

    // Value and fingerprint in one: the others do not agree with it.
    let other = split(&backup, 2, 3)[1].to_bytes();
    let (value, own) = (47..79, 79 + 16..79 + 32);
    let mut forged = whole;
    forged[value.clone()].copy_from_slice(&other[value]);
    forged[own.clone()].copy_from_slice(&other[own]);
    let forged = Share::from_bytes(&with_checksum(forged)).unwrap();
    let error = refused(&backup, &[shares[0].clone(), forged, shares[2].clone()]);
    assert_eq!(error, ShareError::Mixed { numbers: vec![2] });
}

#[test]
fn a_share_is_not_shown() {
    let shares = split(&backup(), 2, 3);
    let shown = format!("{:?}", shares[0]);
    assert_eq!(shown, "Share { number: 1, threshold: 2, .. }");
    // And says nothing alone: the key stands in no share, and no two shares are alike.
    assert_ne!(*shares[0].to_bytes(), *shares[1].to_bytes());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, keep in 0..140_usize, text: String) {
        assert!(Share::from_bytes(&bytes).is_err());
        assert!(Share::from_text(&text).is_err());
        let whole = split(&backup(), 2, 3)[0].to_bytes().to_vec();
        let mixed = [&whole[..keep.min(whole.len())], &bytes].concat();
        if mixed.len() > 16 {
            let _ = Share::from_bytes(&with_checksum(mixed));
        }
    }
}
