//! Why statements, certificates, rotations and cookies are refused.

use meshward::limit::Rate;
use meshward::quorum::QuorumConfig;
use meshward::reputation::Offence;
use meshward::wire::{Container, Tag};
use meshward::{Config, CriticalEvent, Digest, Epoch, Nonce, Refusal, Suite};

use crate::payment::{Pays, Refusals};
use crate::provoked::Provoked;
use crate::support::{Liar, Mesh, certificate, failure, id};

/// Who lies.
const LIAR: usize = 3;

fn mesh(suite: Suite, met: &mut Provoked) -> Refusals<'_> {
    let attestor_rate = Rate { per_second: 1, burst: 1 };
    let quorum = QuorumConfig { attestor_rate, ..QuorumConfig::default() };
    let mut mesh = Mesh::with(suite, 7, Config { quorum, ..Config::default() });
    mesh.foretells = true;
    Refusals { mesh, met }
}

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let [topic, content] = [9, content].map(|byte| Digest::from_bytes([byte; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

pub(crate) fn refused(suite: Suite, met: &mut Provoked) {
    votes(suite, met);
    certificates(suite, met);
    rotations(suite, met);
    cookies(suite, met);
}

fn votes(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let liar = at.mesh.steal(LIAR);
    let own_failure = "a node does not attest its own failure";
    at.refuse(
        [liar.attest(&failure(LIAR, None))],
        &Refusal::Nonsense(own_failure),
        &format!("the statement makes no sense: {own_failure}"),
        Pays::Nobody,
    );
    let heard = at.mesh.beacon(0);
    at.give(&[heard]);
    at.refuse(
        [liar.attest(&failure(0, None))],
        &Refusal::Outdated,
        "its subject has been heard since",
        Pays::Nobody,
    );
    let agreed = [2, 3, 4, 5, 6].map(|place| at.mesh.steal(place).attest(&proposal(1, 1)));
    at.give(&agreed);
    let late = at.mesh.steal(0).attest(&proposal(1, 1));
    let says = "the event is certified already";
    at.refuse([late], &Refusal::Decided, says, Pays::Nobody);
    let many: Vec<_> = (10..60).map(|sequence| liar.attest(&proposal(sequence, 1))).collect();
    let says = "its attestor makes more statements than are taken";
    at.refuse(many, &Refusal::AttestorRate, says, Pays::Nobody);
    let both = [1, 2].map(|content| at.mesh.steal(2).attest(&proposal(3, content)));
    let says = "its attestor voted differently in the same slot";
    at.refuse(both, &Refusal::ContradictoryVote, says, Pays::Member(2, Offence::Equivocation));
}

fn certificates(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let vote = |place: u32| (place, at.mesh.steal(place as usize).attest(&proposal(7, 1)));
    let mut agreed = [2, 3, 4, 5, 6].map(vote);
    let few = certificate(&at.mesh.view, &agreed[..2]);
    let shape = "it has too few attestors";
    let says = format!("the certificate does not add up: {shape}");
    let pays = Pays::TheLink(Offence::Malformed);
    at.refuse([few], &Refusal::CertificateShape(shape), &says, pays);
    let signature = agreed[2].1.len() - suite.signature_len();
    agreed[2].1[signature..].fill(7);
    let forged = certificate(&at.mesh.view, &agreed);
    let says = "a signature inside does not hold";
    let pays = Pays::TheLink(Offence::RefutedCertificate);
    at.refuse([forged], &Refusal::Refuted, says, pays);
}

fn rotations(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let closing = Nonce { boot: 1, sequence: 9_999 };
    let mut from = at.mesh.steal(LIAR);
    let to = from.after(suite);
    let far = Liar { epoch: Epoch { recovery: 0, operational: 9 }, ..to.clone() };
    let skips = from.rotation(&far, from.claim(&far, closing));
    let says = "the rotation does not follow the current key";
    at.refuse([skips], &Refusal::RotationOrder, says, Pays::Nobody);
    let own = Liar::impostor(suite, id(LIAR), &at.mesh.view);
    let own = Liar { epoch: to.epoch, recovery: from.recovery, ..own };
    let stolen = from.rotation(&own, from.claim(&own, closing));
    let says = "it opens no commitment of the key before";
    at.refuse([stolen], &Refusal::Commitment, says, Pays::Nobody);
    let other = Liar { recovery: Digest::from_bytes([9; 32]), ..to.clone() };
    let replaces = from.rotation(&other, from.claim(&other, closing));
    let says = "only a recovery replaces the recovery key";
    at.refuse([replaces], &Refusal::RecoveryReplaced, says, Pays::Nobody);
    freezing(suite, at.met);
    let mut chain = Vec::new();
    for _ in 0..40 {
        let (bytes, to) = from.rotate(suite, closing);
        chain.push(bytes);
        from = to;
    }
    let says = "its origin rotates its key faster than is taken";
    at.refuse(chain, &Refusal::RotationRate, says, Pays::Nobody);
}

/// Two rotations of one key, then a third; and one to a weaker suite.
fn freezing(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let closing = Nonce { boot: 1, sequence: 9_999 };
    let from = at.mesh.steal(LIAR);
    let [(one, to), (other, _)] = [(); 2].map(|()| from.rotate(suite, closing));
    at.give(&[one, other]);
    let says = "its origin's keys are frozen until it recovers them";
    at.refuse([to.rotate(suite, closing).0], &Refusal::Frozen, says, Pays::Nobody);
    let [weak, strong] = [Suite::Dilithium3, Suite::MlDsa65];
    if Suite::available().count() < Suite::ALL.len() {
        return at.met.elsewhere("Downgrade", "a build with both suites");
    }
    let mut at = mesh(strong, at.met);
    let down = at.mesh.steal(LIAR).rotate(weak, closing).0;
    let says = "going on in a weaker suite is a downgrade";
    at.refuse([down], &Refusal::Downgrade, says, Pays::Nobody);
}

fn cookies(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let invented = [id(LIAR).as_bytes(), [9; 16].as_slice()].concat();
    let echo = Container::to_bytes(Tag::CookieEcho, at.mesh.view.mesh(), &invented);
    let says = "it echoes no cookie of this node";
    at.refuse([echo], &Refusal::BadCookie, says, Pays::Nobody);
}
