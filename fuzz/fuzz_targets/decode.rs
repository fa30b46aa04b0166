//! Any bytes, through everything that reads bytes of a peer, and through what reads a backup: nothing
//! panics, and what is read is written again as the very same bytes, so no two packets mean the same.

#![no_main]

mod members;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use meshward::keyring::backup::{Backup, BackupContents};
use meshward::keyring::verify_rotation;
use meshward::quorum::{Attestation, UncheckedBallot};
use meshward::wire::{Container, Packet, Tag};
use meshward::{
    Certificate, Chain, Change, Directory, EquivocationProof, KeyHistory, Millis, View,
};

static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| Directory::new(members::view(), 8));

fuzz_target!(|bytes: &[u8]| {
    let view = DIRECTORY.view();
    if let Ok(view) = View::from_bytes(bytes) {
        assert_eq!(view.to_bytes().unwrap(), bytes);
    }
    if let Ok(history) = KeyHistory::from_bytes(bytes) {
        assert_eq!(history.to_bytes().unwrap(), bytes);
    }
    if let Ok(change) = Change::from_bytes(bytes) {
        assert_eq!(change.to_bytes().unwrap(), bytes);
        let _refused = DIRECTORY.view().changed(&change, Vec::new());
    }
    if let Ok(backup) = Backup::parse(bytes.to_vec()) {
        assert_eq!(backup.as_bytes(), bytes);
    }
    if let Ok(contents) = BackupContents::from_bytes(bytes) {
        // Keys of suites that are not compiled in are left out, so it need not be the same again.
        BackupContents::from_bytes(&contents.to_bytes().unwrap()).unwrap();
    }
    let _refused = Chain::from_view(DIRECTORY.view().clone()).extend(bytes);
    let _refused = Certificate::verify(bytes, &DIRECTORY);
    let _refused = EquivocationProof::verify(bytes, &DIRECTORY);
    let Ok(packet) = Packet::parse(bytes) else { return };
    let again = match &packet {
        Packet::Frame(frame) => {
            let _compared = frame.body_matches();
            let header = frame.header().to_bytes().unwrap();
            [&header, frame.signed_header().signature(), frame.body()].concat()
        }
        Packet::Statement(statement) => {
            let member = view.indices().next().unwrap();
            let _refused = verify_rotation(statement, &DIRECTORY, member, Millis(0));
            if let Ok(ballot) = UncheckedBallot::read(statement.clone(), view) {
                let _refused = ballot.verify(&DIRECTORY, Millis(0));
            }
            if let Ok(attestation) = Attestation::read(statement.clone(), view) {
                let _refused = attestation.verify(&DIRECTORY, Millis(0));
            }
            let signed = statement.head().signed_bytes(statement.tag(), statement.content());
            [&signed.unwrap(), statement.signature(), statement.attachment()].concat()
        }
        Packet::Certificate(container)
        | Packet::Prevotes(container)
        | Packet::Change(container)
        | Packet::View(container)
        | Packet::Proof(container)
        | Packet::Cookie(container)
        | Packet::CookieEcho(container) => {
            Container::to_bytes(Tag::of(bytes).unwrap(), container.mesh(), container.payload())
        }
    };
    assert_eq!(again, bytes, "{packet:?}");
});
