//! Writes the seeds of `enrol`, and the authority that vouches for them. Run it when the format changes.

#[path = "../../tests/identity/authority.rs"]
#[allow(dead_code, reason = "not all that the tests have is of use here")]
mod authority;
#[path = "../fuzz_targets/members.rs"]
#[allow(dead_code, reason = "not all of the members is of use here")]
mod members;

use std::path::Path;
use std::time::Duration;

use authority::{Authority, Key, now, svid, workload};
use meshward::identity::{Enrolment, Svid};
use meshward::{Identity, MemoryStore, OsEntropy, Suite};

fn main() {
    let view = members::view();
    let root = Authority::new("root", "example.org");
    let identity = |place| {
        let store = MemoryStore::new();
        Identity::create(&store, members::id(place), Suite::MlDsa65, &OsEntropy).unwrap()
    };
    let seal = |identity: &Identity, svid: &Svid, after: u64| {
        let at = now() + Duration::from_secs(after);
        let enrolment = Enrolment::seal(&view, (identity, "north"), svid, &OsEntropy, at).unwrap();
        enrolment.verify(&view, &bundles(&root), now()).unwrap();
        enrolment.to_bytes().unwrap()
    };
    let north = identity(8);
    let [older, newer] =
        [1, 2].map(|after| seal(&north, &root.svid("spiffe://example.org/north"), after));
    let params = |name| authority::authority(name, "example.org");
    let upper = root.beneath(params("upper"), Key::p384());
    let lower = upper.beneath(params("lower"), Key::ed25519());
    let key = Key::rsa();
    let leaf = lower.issue(&workload("spiffe://example.org/south"), &key);
    let south = svid([leaf, lower.der, upper.der], &key).unwrap();
    let issuers = seal(&identity(9), &south, 1);

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(here.join("fuzz_targets/authority.der"), &root.der).unwrap();
    for (name, bytes) in [("older", older), ("newer", newer), ("issuers", issuers)] {
        std::fs::write(here.join("seeds/enrol").join(name), bytes).unwrap();
    }
}

fn bundles(root: &Authority) -> meshward::identity::TrustBundles {
    let mut bundles = meshward::identity::TrustBundles::default();
    assert_eq!(bundles.set("example.org", [&root.der]), []);
    bundles
}
