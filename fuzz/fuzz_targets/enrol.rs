//! Any bytes as an enrolment, the seeds being real ones, at the time when their certificates are in force: what is
//! read is written again as the very same bytes; what is believed says what a workload has said, to the
//! letter; and whatever a desk is shown, it does not take back what it has taken.

#![no_main]
#![allow(dead_code, reason = "not all of the members is of use here")]

mod members;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use meshward::identity::{Admissions, Enrolment, JoinPolicy, NotPermitted, TrustBundles};
use meshward::{Change, Digest, View};

/// All that workloads have said. The second is of the workload and for the node of the first, and was made later;
/// the third is of another workload, over two issuers.
const SAID: [&[u8]; 3] = [
    include_bytes!("../seeds/enrol/older"),
    include_bytes!("../seeds/enrol/newer"),
    include_bytes!("../seeds/enrol/issuers"),
];

/// On 2027-01-15, and on the 20th, when all of their certificates have ended.
const TIMES: [u64; 2] = [1_800_000_000, 1_800_432_000];

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

struct World {
    view: View,
    bundles: TrustBundles,
    claims: [Vec<u8>; 3],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let view = View::clone(&members::view());
    let bundles = trusting(&[include_bytes!("authority.der")]);
    let claims = SAID.map(|said| {
        let enrolment = Enrolment::from_bytes(said).unwrap();
        enrolment.verify(&view, &bundles, at(TIMES[0])).unwrap();
        let Parts { claim, chain } = Parts::of(said);
        assert_eq!(certificate(claim), digest(chain[0]).as_bytes(), "where a claim has it");
        claim.to_vec()
    });
    World { view, bundles, claims }
});

fn trusting(authorities: &[&[u8]]) -> TrustBundles {
    let mut bundles = TrustBundles::default();
    let _unread = bundles.set("example.org", authorities);
    bundles
}

/// What an enrolment consists of, but for the signatures.
struct Parts<'a> {
    claim: &'a [u8],
    chain: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Of one that was read: behind its beginning and version each part stands behind its length.
    fn of(bytes: &'a [u8]) -> Self {
        let mut rest = &bytes[9..];
        let claim = part(&mut rest);
        let chain = (0..number(&mut rest)).map(|_| part(&mut rest)).collect();
        Self { claim, chain }
    }
}

fn number(rest: &mut &[u8]) -> usize {
    let (number, behind) = rest.split_first_chunk().unwrap();
    *rest = behind;
    usize::try_from(u64::from_le_bytes(*number)).unwrap()
}

fn part<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let len = number(rest);
    let (part, behind) = rest.split_at(len);
    *rest = behind;
    part
}

fn digest(certificate: &[u8]) -> Digest {
    Digest::of("meshward 2026 certificate of a workload", certificate)
}

/// The digest of the certificate stands before the time at the end.
fn certificate(claim: &[u8]) -> &[u8] {
    &claim[claim.len() - 40..claim.len() - 8]
}

fuzz_target!(|bytes: &[u8]| {
    look_at(bytes);
    if Enrolment::from_bytes(bytes).is_err() {
        return;
    }
    // The same by somebody who at least names the certificate that it has.
    let Parts { claim, chain } = Parts::of(bytes);
    let Some(leaf) = chain.first().filter(|leaf| certificate(claim) != digest(leaf).as_bytes())
    else {
        return;
    };
    let mut named = bytes.to_vec();
    let end = 9 + 8 + claim.len() - 8;
    named[end - 32..end].copy_from_slice(digest(leaf).as_bytes());
    look_at(&named);
});

fn look_at(bytes: &[u8]) {
    let Ok(enrolment) = Enrolment::from_bytes(bytes) else { return };
    assert_eq!(enrolment.to_bytes().unwrap(), bytes, "one form");
    let World { view, bundles, claims } = &*WORLD;
    let Parts { claim, chain } = Parts::of(bytes);
    let is_said = claims.iter().any(|said| said == claim);
    // Whom the chain itself names is trusted, too: so what is altered there is looked at to the end.
    for bundles in [bundles, &trusting(&chain)] {
        for time in TIMES {
            let verified = enrolment.verify(view, bundles, at(time));
            assert!(verified.is_err() || (is_said && time == TIMES[0]), "{enrolment:?}");
        }
    }

    let policy = JoinPolicy::default().allow_trust_domain("example.org").unwrap();
    let desk = Admissions::new(policy, 1);
    let newer = Enrolment::from_bytes(SAID[1]).unwrap();
    let consider = |of, time| desk.consider(of, view, bundles, at(time));
    let asked = Change::of(view).join(newer.member().clone());
    let permits = || desk.permits(view, &asked, bundles, at(TIMES[0]));
    consider(&newer, TIMES[0]).unwrap();
    for time in TIMES {
        let taken = consider(&enrolment, time);
        assert!(taken.is_err() || (claim == claims[1] && time == TIMES[0]), "{enrolment:?}");
        assert_eq!(permits(), Ok(()));
    }
    let spiffe_id = newer.member().spiffe_id.clone().unwrap();
    desk.withdraw(&spiffe_id);
    desk.readmit(&spiffe_id);
    // The place is free now for the other workload, and for this one nothing older counts.
    let taken = consider(&enrolment, TIMES[0]);
    assert!(taken.is_err() || claim != claims[0], "{enrolment:?}");
    match claim == claims[1] {
        true => assert_eq!(permits().is_ok(), taken.is_ok()),
        false => assert!(matches!(permits(), Err(NotPermitted::NotEnrolled { .. }))),
    }
}
