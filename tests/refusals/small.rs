//! The small enums: numbers out of their range, texts and keys that are none.

use std::sync::Arc;

use meshward::limit::{Rate, RateError};
use meshward::membership::{KeyRecord, MAX_CARRIED_LEN, MAX_MEMBERS, Member, ViewError};
use meshward::replay::{WindowWidth, WindowWidthError};
use meshward::reputation::{
    Ledger, Penalties, Reputation, ReputationConfig, ReputationConfigError,
};
use meshward::suite::{PublicKey, Purpose, SigningKey, SuiteError, UnknownSuite, VerifyError};
use meshward::{Change, NodeId, OsEntropy, SpiffeId, Suite, View};

use crate::faults::{Dry, dry};
use crate::provoked::Provoked;
use crate::support::{Mesh, id};

#[test]
fn every_number_out_of_its_range_is_named() {
    let mut met = Provoked::of("RateError", include_str!("../../src/limit/rate.rs"));
    let rate = |per_second, burst| Rate { per_second, burst }.validate().unwrap_err();
    assert_eq!(rate(0, 1), RateError::PerSecond { found: 0 });
    met.meet(&rate(0, 1), "a rate is 1 to 1000000 tokens per second, not 0");
    met.meet(&rate(1, 1_000_001), "a burst is 1 to 1000000 tokens, not 1000001");
    met.assert_all();

    let mut met = Provoked::of("WindowWidthError", include_str!("../../src/replay/width.rs"));
    let width = |sequences| WindowWidth::new(sequences).unwrap_err();
    assert_eq!(width(63), WindowWidthError::Range { found: 63 });
    met.meet(&width(63), "a replay window spans 64 to 65536 sequences, not 63");
    met.meet(&width(100), "the width of a replay window is a multiple of 64, 100 is not");
    met.assert_all();

    let source = include_str!("../../src/reputation/config.rs");
    let mut met = Provoked::of("ReputationConfigError", source);
    let penalties = |penalties| {
        ReputationConfig { penalties, ..ReputationConfig::default() }.validate().unwrap_err()
    };
    let config = ReputationConfig { first_quarantine_ms: 999, ..ReputationConfig::default() };
    let range = config.validate().unwrap_err();
    met.meet(&range, "first_quarantine_ms is 999, it must be in 1000..=86400000");
    let free = penalties(Penalties { malformed: Reputation::ZERO, ..Penalties::default() });
    let says = "the penalty for malformed is 0, so it would never be held against anybody";
    met.meet(&free, says);
    let equivocation = Reputation::from_ppm(700_000);
    let mild = penalties(Penalties { equivocation, ..Penalties::default() });
    let says = "the penalty for equivocation must lead from 1.0 to below quarantine_below at once";
    met.meet(&mild, says);
    let empty = Ledger::<NodeId>::new(ReputationConfig::default(), 0, None).unwrap_err();
    assert_eq!(empty, ReputationConfigError::NoCapacity);
    met.meet(&empty, "a ledger needs room for at least one record");
    met.assert_all();
}

#[test]
fn every_text_that_is_none_is_named() {
    let mut met = Provoked::of("ParseIdError", include_str!("../../src/id/bytes32.rs"));
    let parse = |text: String| text.parse::<NodeId>().unwrap_err();
    let says = "an identifier is 64 hexadecimal digits, this text has 63 characters";
    met.meet(&parse("a".repeat(63)), says);
    let says = "character 63 (counted from 0) of the identifier is not a hexadecimal digit";
    met.meet(&parse("a".repeat(63) + "g"), says);
    met.assert_all();

    let mut met = Provoked::of("SpiffeIdError", include_str!("../../src/id/spiffe_id.rs"));
    let parse = |text: &str| text.parse::<SpiffeId>().unwrap_err();
    let long = parse(&format!("spiffe://d/{}", "a".repeat(2038)));
    met.meet(&long, "2049 bytes, a SPIFFE id has at most 2048");
    met.meet(&parse("https://d/a"), "a SPIFFE id begins with spiffe://");
    let says = "a trust domain is 1 to 255 of the characters a-z, 0-9, '.', '-', '_'";
    met.meet(&parse("spiffe://D/a"), says);
    met.meet(&parse("spiffe://d"), "a SPIFFE id of a workload has a path");
    let says = "each part of a path is some of a-z, A-Z, 0-9, '.', '-', '_', and not '.' or '..'";
    met.meet(&parse("spiffe://d/.."), says);
    met.assert_all();

    let mut met = Provoked::of("UnknownSuite", include_str!("../../src/suite/error.rs"));
    assert_eq!(Suite::try_from(77), Err(UnknownSuite::Code(77)));
    met.meet(&Suite::try_from(77).unwrap_err(), "no signature suite has the code 77");
    let says = "no signature suite is named \"rsa\"; there are \"dilithium3\" and \"ml-dsa-65\"";
    met.meet(&"rsa".parse::<Suite>().unwrap_err(), says);
    met.assert_all();
}

#[test]
fn every_key_that_is_none_is_named() {
    let mut met = Provoked::of("SuiteError", include_str!("../../src/suite/error.rs"));
    let mut checked = Provoked::of("VerifyError", include_str!("../../src/suite/error.rs"));
    for suite in Suite::available() {
        let key = PublicKey::from_bytes(suite, &[0; 3]).unwrap_err();
        let needed = suite.public_key_len();
        assert_eq!(key, SuiteError::PublicKeyLength { suite, found: 3 });
        met.meet(&key, &format!("a public key of {suite} has {needed} bytes, this one has 3"));
        let signing = SigningKey::generate(suite, &OsEntropy).unwrap();
        let expected = signing.to_secret_bytes().len();
        let key = SigningKey::from_secret_bytes(suite, &[0; 3]).unwrap_err();
        assert_eq!(key, SuiteError::SecretKeyLength { suite, expected, found: 3 });
        met.meet(&key, &format!("a secret key of {suite} has {expected} bytes, this one has 3"));
        if suite == Suite::MlDsa65 {
            let none = SigningKey::generate(suite, &Dry).unwrap_err();
            assert_eq!(none, dry());
            met.meet(&none, "the entropy source failed: no device");
        }
        let junk = vec![7; suite.signature_len()];
        let key = signing.public_key().prepare().unwrap();
        let refused = VerifyError::from(key.verify(Purpose::Frame, b"", &junk).unwrap_err());
        assert_eq!(refused, VerifyError::BadSignature);
        checked.meet(&refused, "the signature does not hold");
        if suite == Suite::Dilithium3 {
            let mut secret = signing.to_secret_bytes();
            *secret.last_mut().unwrap() ^= 1;
            let torn = SigningKey::from_secret_bytes(suite, &secret).unwrap_err();
            assert_eq!(torn, SuiteError::KeyMismatch(suite));
            let says =
                "the secret and the public half of this dilithium3 key do not belong together";
            met.meet(&torn, says);
        }
    }
    if !Suite::available().any(|suite| suite == Suite::Dilithium3) {
        met.elsewhere("KeyMismatch", "the other suite stores a seed, from which both halves come");
    }
    if !Suite::available().any(|suite| suite == Suite::MlDsa65) {
        met.elsewhere("Entropy", "the other suite draws from the operating system by itself");
    }
    met.elsewhere("SigningFailed", "intact keys fail with negligible probability");
    match Suite::ALL.iter().find(|suite| !Suite::available().any(|there| there == **suite)) {
        Some(absent) => {
            let missing = SigningKey::generate(*absent, &OsEntropy).unwrap_err();
            assert_eq!(missing, SuiteError::SuiteUnavailable(*absent));
            let says = format!(
                "signature suite {absent} is not compiled in; build with the feature of that name"
            );
            met.meet(&missing, &says);
            checked.meet(&VerifyError::from(missing), &says);
        }
        None => {
            met.elsewhere("SuiteUnavailable", "a build without one of the suites");
            checked.elsewhere("SuiteUnavailable", "a build without one of the suites");
        }
    }
    met.assert_all();
    checked.assert_all();
}

#[test]
fn every_set_of_members_that_is_no_view_is_named() {
    let mut met = Provoked::of("ViewError", include_str!("../../src/membership/view.rs"));
    let mesh = Mesh::new(Suite::available().next().unwrap(), 2);
    let [one, two] = [0, 1].map(|place| mesh.view.members()[place].clone());
    let view = |members| View::genesis(members).unwrap_err();
    let read = |bytes: &[u8]| View::from_bytes(bytes).unwrap_err();
    assert_eq!(view(Vec::new()), ViewError::Empty);
    met.meet(&view(Vec::new()), "a view needs at least one member");
    let many = view(vec![one.clone(); MAX_MEMBERS + 1]);
    met.meet(&many, "16385 members, a view has at most 16384");
    let twice = view(vec![one.clone(), Member { id: one.id, ..two.clone() }]);
    met.meet(&twice, &format!("two members are called {}", one.id));
    let shared = view(vec![one.clone(), Member { key: one.key.clone(), ..two.clone() }]);
    met.meet(&shared, &format!("{} and {} have the same key", id(0), id(1)));
    let bound = [&one, &two].map(|of| of.clone().with_spiffe_id("spiffe://d/a".parse().unwrap()));
    let says = format!("{} and {} have the same SPIFFE id", id(0), id(1));
    met.meet(&view(bound.to_vec()), &says);
    let own = one.key.key.digest();
    let same = Arc::new(KeyRecord { recovery: own, ..KeyRecord::clone(&one.key) });
    let same = view(vec![Member { key: same, ..one.clone() }]);
    let says = format!("the recovery key of {} is the key that it signs with", one.id);
    met.meet(&same, &says);
    let long = view(vec![Member { name: "n".repeat(65), ..one.clone() }]);
    met.meet(&long, &format!("the name of {} is longer than 64 bytes", one.id));

    let bytes = mesh.view.to_bytes().unwrap();
    met.meet(&read(b""), "these bytes are no view: a view cannot be read");
    let mut later = bytes.clone();
    later[0] = 3;
    met.meet(&read(&later), "view 3 does not say what it follows, or is the first and does");
    // The last member's view of joining stands before the word that nothing comes before.
    let mut joins_later = bytes.clone();
    let end = joins_later.len();
    joins_later[end - 9] = 1;
    met.meet(&read(&joins_later), &format!("{} is said to join later", id(1)));

    let genesis = Arc::clone(&mesh.view);
    let changed = |change: Change| genesis.changed(&change, Vec::new()).unwrap_err();
    met.meet(
        &changed(Change::of(&genesis)),
        "the change is empty, or not in order, each member once",
    );
    let again = changed(Change::of(&genesis).join(one.clone()));
    met.meet(&again, &format!("{} is to join and is a member", one.id));
    let stranger = changed(Change::of(&genesis).leave(id(9)));
    met.meet(&stranger, &format!("{} is no member", id(9)));
    let old = changed(Change::of(&genesis).anchor(one.id, KeyRecord::clone(&one.key)));
    met.meet(&old, &format!("the key given for {} is no newer than the one in the view", one.id));
    let change = Change::of(&genesis).leave(one.id);
    let carried = genesis.changed(&change, vec![0; MAX_CARRIED_LEN + 1]).unwrap_err();
    met.meet(&carried, "1048577 bytes are carried on, 1048576 are allowed");
    let next = genesis.changed(&change, Vec::new()).unwrap();
    let (found, here) = (genesis.digest(), next.digest());
    let elsewhere = next.changed(&change, Vec::new()).unwrap_err();
    met.meet(&elsewhere, &format!("the change starts from view {found}, this is {here}"));
    let mut last = next.to_bytes().unwrap();
    last[..8].fill(0xff);
    let last = View::from_bytes(&last).unwrap();
    let after = last.changed(&Change::of(&last), Vec::new()).unwrap_err();
    met.meet(&after, "the view numbers are used up");
    // The first member's id stands after the view's number and the count of its members.
    let mut order = bytes;
    order[16..48].fill(0xff);
    met.meet(&read(&order), "the members are not in the order of their ids");
    met.assert_all();
}
