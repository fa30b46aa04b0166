//! Why statements, certificates, rotations and cookies are refused.

use meshward::keyring::{ActiveKey, seal_rotation};
use meshward::limit::Rate;
use meshward::quorum::QuorumConfig;
use meshward::reputation::Offence;
use meshward::suite::SigningKey;
use meshward::wire::{Container, Tag};
use meshward::{Config, CriticalEvent, Digest, Epoch, Nonce, OsEntropy, Refusal, Suite};

use crate::payment::{Pays, Refusals};
use crate::provoked::Provoked;
use crate::support::{Liar, Mesh, certificate, failure, id};

/// Who lies.
const LIAR: usize = 3;

fn mesh(suite: Suite, met: &mut Provoked) -> Refusals<'_> {
    let attestor_rate = Rate { per_second: 1, burst: 1 };
    let quorum = QuorumConfig { attestor_rate, ..QuorumConfig::default() };
    Refusals { mesh: Mesh::with(suite, 7, Config { quorum, ..Config::default() }), met }
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
    let who = (at.mesh.view.mesh(), id(LIAR));
    let rotate = |from: &ActiveKey, operational| {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let to = ActiveKey { epoch: Epoch { recovery: 0, operational }, key };
        let closing = Nonce { boot: 1, sequence: 9_999 };
        (seal_rotation(who, from, &to, closing, &OsEntropy).unwrap(), to)
    };
    let Liar { epoch, key, .. } = at.mesh.steal(LIAR);
    let mut from = ActiveKey { epoch, key };
    let (skips, _) = rotate(&from, 9);
    let says = "the rotation does not follow the current key";
    at.refuse([skips], &Refusal::RotationOrder, says, Pays::Nobody);
    let mut chain = Vec::new();
    for operational in 1..=40 {
        let (bytes, to) = rotate(&from, operational);
        chain.push(bytes);
        from = to;
    }
    let says = "its origin rotates its key faster than is taken";
    at.refuse(chain, &Refusal::RotationRate, says, Pays::Nobody);
}

fn cookies(suite: Suite, met: &mut Provoked) {
    let mut at = mesh(suite, met);
    let invented = [id(LIAR).as_bytes(), [9; 16].as_slice()].concat();
    let echo = Container::to_bytes(Tag::CookieEcho, at.mesh.view.mesh(), &invented);
    let says = "it echoes no cookie of this node";
    at.refuse([echo], &Refusal::BadCookie, says, Pays::Nobody);
}
