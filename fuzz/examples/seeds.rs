//! Writes the seeds of `decode`: one of every packet there is, and what a backup holds. Run it when the format changes.

#[path = "../fuzz_targets/members.rs"]
mod members;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::Path;

use meshward::keyring::backup::BackupContents;
use meshward::keyring::{RecoveryKey, seal_recovery};
use meshward::membership::KeyRecord;
use meshward::wire::{HEADER_LEN, Kind, Tag, seal_statement};
use meshward::{
    Epoch, EquivocationProof, Identity, Link, LinkId, MemoryStore, Nonce, OsEntropy, Suite, View,
};
use support::{Liar, Mesh, certificate, failure};

fn main() {
    let view = members::view();
    let nonce = |sequence| Nonce { boot: 1, sequence };
    let who = [0, 1, 2, 3].map(|place| Liar {
        id: members::id(place),
        epoch: Epoch::FIRST,
        key: members::key(place),
        next: members::next(place),
        recovery: members::recovery(place).public_key().digest(),
        view: view.clone(),
        chance: support::Chance::default(),
    });
    let frame = who[0].frame(who[0].header(Kind::Beacon, nonce(1)), b"here");
    let hello =
        seal_statement(Tag::Hello, &who[0].head(), &[1; 8], &who[0].key, &OsEntropy).unwrap();
    let votes = [0_u32, 1, 2].map(|place| (place, who[place as usize].attest(&failure(3, None))));
    let halves = [b"a", b"b"].map(|body| who[3].beacon(nonce(2), body));
    let halves =
        [0, 1].map(|half: usize| &halves[half][..HEADER_LEN + Suite::MlDsa65.signature_len()]);
    let (rotation, _) = who[0].rotate(Suite::MlDsa65, nonce(9));
    let (recovered, with) = (who[0].after(Suite::MlDsa65), members::recovery(0));
    let epoch = Epoch { recovery: 1, operational: 0 };
    let to = KeyRecord { epoch, ..who[0].claim(&recovered, nonce(9)).to };
    let with = RecoveryKey::of(members::id(0), 0, with);
    let recovery =
        seal_recovery((view.mesh(), members::id(0)), &with, (&to, &recovered.key), &OsEntropy);
    let mesh = Mesh::new(Suite::MlDsa65, 4);
    mesh.give(1, Link::Claimed(LinkId(7)), &mesh.beacon(0)).unwrap();
    let (_, cookie) = mesh.nodes[1].host.replies.lock().pop().unwrap();
    let mut echo = cookie.clone();
    echo[1] = Tag::CookieEcho.code();
    let owner = Identity::create(&MemoryStore::new(), members::id(0), Suite::MlDsa65, &OsEntropy);
    let mut owner = owner.unwrap();
    let with_recovery = owner.recovery_key().unwrap();
    let alone = View::genesis(vec![owner.member("x")]).unwrap();
    let contents = BackupContents::new(owner, with_recovery, Some(alone.into())).unwrap();
    let seeds = [
        ("frame", frame),
        ("attestation", votes[0].1.clone()),
        ("rotation", rotation),
        ("recovery", recovery.unwrap()),
        ("hello", hello),
        ("certificate", certificate(&view, &votes)),
        ("proof", EquivocationProof::seal_headers(view.mesh(), halves).unwrap()),
        ("view", view.to_bytes().unwrap()),
        ("cookie", cookie),
        ("cookie_echo", echo),
        ("backup_contents", contents.to_bytes().unwrap().to_vec()),
    ];
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/decode");
    for (name, bytes) in seeds {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
}
