//! The table of verdicts, refusal by refusal.

use std::collections::BTreeSet;

use libp2p::gossipsub::MessageAcceptance;
use meshward::libp2p::Verdict;
use meshward::suite::VerifyError;
use meshward::wire::WireError;
use meshward::{Accepted, Blame, Epoch, MeshId, NodeId, Refusal, Suite, ViewNumber};

fn all() -> Vec<(Refusal, Verdict)> {
    use Verdict::{Drop, DropCopy, Punish};
    let node = NodeId::from_bytes([1; 32]);
    let unknown_key = Refusal::UnknownKey { origin: node, epoch: Epoch::FIRST };
    let other_view = Refusal::OtherView { found: ViewNumber(2), current: ViewNumber(1) };
    vec![
        (Refusal::Malformed(WireError::Trailing { extra: 1 }), Punish),
        (Refusal::BodyMismatch, Punish),
        (Refusal::BadSignature, Punish),
        (Refusal::CertificateShape("too few"), Punish),
        (Refusal::Refuted, Punish),
        (Refusal::LinkBudget, DropCopy),
        (Refusal::CheckBudget, DropCopy),
        (Refusal::LinkQuarantined, DropCopy),
        (Refusal::NotUnderstood(WireError::Version { found: 2 }), Drop),
        (Refusal::OtherMesh(MeshId::from_bytes([2; 32])), Drop),
        (Refusal::UnknownOrigin(node), Drop),
        (unknown_key, Drop),
        (other_view, Drop),
        (Refusal::Own, Drop),
        (Refusal::Duplicate, Drop),
        (Refusal::Replay, Drop),
        (Refusal::Unproven, Drop),
        (Refusal::ClosedEpoch, Drop),
        (Refusal::OriginQuarantined, Drop),
        (Refusal::SuiteUnavailable(Suite::MlDsa65), Drop),
        (Refusal::OverRate, Drop),
        (Refusal::OriginRate, Drop),
        (Refusal::Equivocation, Drop),
        (Refusal::NotABeacon, Drop),
        (Refusal::Nonsense("no"), Drop),
        (Refusal::Outdated, Drop),
        (Refusal::Decided, Drop),
        (Refusal::ContradictoryVote, Drop),
        (Refusal::AttestorRate, Drop),
        (Refusal::BadCookie, Drop),
        (Refusal::RotationRate, Drop),
        (Refusal::RotationOrder, Drop),
        (Refusal::Commitment, Drop),
        (Refusal::RecoveryReplaced, Drop),
        (Refusal::Downgrade, Drop),
        (Refusal::Frozen, Drop),
    ]
}

/// The names of the variants in the source, as rustfmt writes it.
fn in_source() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/wire/refusal.rs");
    let (_, body) = source.split_once("pub enum Refusal {\n").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    named.map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap()).collect()
}

#[test]
fn every_refusal_has_its_verdict() {
    let mut met = BTreeSet::new();
    for (refusal, expected) in all() {
        let verdict = Verdict::of_refusal(&refusal);
        assert_eq!(verdict, expected, "{refusal}");
        assert_eq!(Verdict::of(&Err(refusal.clone())), expected);
        let name = format!("{refusal:?}");
        met.insert(name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned());
    }
    assert_eq!(met, in_source().into_iter().map(str::to_owned).collect());
}

/// Who is not to blame by meshward's own table is never rejected, and who is always is, but for what hangs on
/// the link and not on the bytes.
#[test]
fn only_links_that_pay_are_rejected() {
    for (refusal, verdict) in all() {
        let rejected = matches!(verdict.acceptance(), MessageAcceptance::Reject);
        let pays = matches!(Blame::of(&refusal), Blame::Link(_));
        assert_eq!(rejected, pays && refusal != Refusal::LinkBudget, "{refusal}");
    }
    // That the scheme is not there is no bad signature.
    let missing = Refusal::from(VerifyError::SuiteUnavailable(Suite::Dilithium3));
    assert_eq!(Verdict::of_refusal(&missing), Verdict::Drop);
}

#[test]
fn what_is_taken_is_passed_on_if_others_need_it() {
    let of = |accepted| Verdict::of(&Ok(accepted));
    let node = NodeId::from_bytes([1; 32]);
    assert_eq!(of(Accepted::Hello(node)), Verdict::PassOn);
    assert_eq!(of(Accepted::Cookie), Verdict::Keep);
    assert_eq!(of(Accepted::Challenge { challenger: node, asks_others: false }), Verdict::Keep);
    assert!(matches!(Verdict::PassOn.acceptance(), MessageAcceptance::Accept));
    assert!(matches!(Verdict::Keep.acceptance(), MessageAcceptance::Ignore));
    assert!(matches!(Verdict::DropCopy.acceptance(), MessageAcceptance::Ignore));
}
