//! A build without one of the suites: nobody pays for a signature that cannot be checked here.
//!
//! `cargo test --no-default-features --features ml-dsa-65 --test refusals`

#![cfg(not(all(feature = "dilithium3", feature = "ml-dsa-65")))]

use std::sync::Arc;

use meshward::membership::Member;
use meshward::reputation::Reputation;
use meshward::suite::PublicKey;
use meshward::wire::{Header, Kind};
use meshward::{
    Blame, Config, Core, Epoch, Identity, MemoryStore, Millis, Nonce, OsEntropy, Refusal, SentAt,
    Suite, View,
};

use crate::payment::OVER;
use crate::provoked::Provoked;
use crate::support::{id, with_signature};

/// A member whose key is of the suite that is missing here says something.
pub(crate) fn refused(suite: Suite, met: &mut Provoked) {
    let absent = Suite::ALL.into_iter().find(|there| *there != suite).unwrap();
    let key = PublicKey::from_bytes(absent, &vec![5; absent.public_key_len()]).unwrap();
    let store = MemoryStore::new();
    let ours = Identity::create(&store, id(1), suite, &OsEntropy).unwrap();
    let members = vec![ours.member("here"), Member::new(id(0), "there", key.clone())];
    let view = Arc::new(View::genesis(members).unwrap());
    let (now, entropy) = (Millis(1_000_000), Arc::new(OsEntropy));
    let core =
        Core::start(Config::default(), Arc::clone(&view), ours, &store, entropy, now).unwrap();
    let header = Header {
        mesh: view.mesh(),
        suite: absent,
        view: view.number(),
        origin: id(0),
        epoch: Epoch::FIRST,
        key: key.digest(),
        nonce: Nonce { boot: 1, sequence: 1 },
        sent_at: SentAt(0),
        kind: Kind::Beacon,
        body_len: 0,
        body: Header::digest_body(b""),
    };
    let frame = with_signature(header, &vec![7; absent.signature_len()], b"");
    let refusal = core.handle_frame(OVER, &frame, now).result.unwrap_err();
    assert_eq!(refusal, Refusal::SuiteUnavailable(absent));
    met.meet(&refusal, &format!("{absent} is not available in this build"));
    assert_eq!(Blame::of(&refusal), Blame::Nobody);
    assert_eq!(core.reputation(&id(0), now), Reputation::FULL);
    assert_eq!(core.link_reputation(OVER.id(), now), Reputation::FULL);
}
