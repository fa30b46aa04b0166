//! What adversaries send: signed once, since signing is dear, and played in any order.

use meshward::suite::Purpose;
use meshward::wire::{Container, HEADER_LEN, Header, Kind, Tag, seal_statement};
use meshward::{
    CriticalEvent, Digest, Epoch, EquivocationProof, MeshId, NodeId, Nonce, OsEntropy, SentAt,
    Suite,
};

use crate::attack::{PROVEN, V, X};
use crate::support::{Liar, Mesh, certificate, failure, id, with_signature};

/// Packets that are sent one after the other.
pub(crate) type Volley = Vec<Vec<u8>>;

fn nonce(sequence: u32) -> Nonce {
    Nonce { boot: 1, sequence }
}

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let [topic, content] = [9, content].map(|byte| Digest::from_bytes([byte; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

/// A statement under the name in `head`, with a signature that is none.
fn unsigned(tag: Tag, who: &Liar, content: &[u8]) -> Vec<u8> {
    let signed = who.head().signed_bytes(tag, content).unwrap();
    [signed.as_slice(), &vec![7; who.key.suite().signature_len()]].concat()
}

/// What a challenge says that asks V, and X.
fn question(who: &Liar, number: u32) -> Vec<u8> {
    let mut subjects = [V, X];
    subjects.sort_unstable();
    let places = subjects.map(|place| u32::try_from(place).unwrap().to_le_bytes()).concat();
    let view = who.view.digest();
    let numbers = [9, number].map(u32::to_le_bytes).concat();
    [view.as_bytes().as_slice(), &numbers, &[7; 16], &2_u64.to_le_bytes(), &places].concat()
}

/// What an answer says, to V, to what it never asked.
fn answer(who: &Liar, number: u32) -> Vec<u8> {
    let view = who.view.digest();
    let numbers = [9, number].map(u32::to_le_bytes).concat();
    let sent_at = u64::MAX.to_le_bytes();
    let to = u32::try_from(V).unwrap().to_le_bytes();
    let [newest, one] = [u64::from(u32::MAX), 1].map(u64::to_le_bytes);
    let newest = &newest[..4];
    [view.as_bytes().as_slice(), &numbers, &sent_at, newest, &one, &to, &[7; 16]].concat()
}

/// What a claim of a boot says.
fn claim(who: &Liar, boot: u32) -> Vec<u8> {
    let (view, number) = (who.view.digest(), who.view.number().0.to_le_bytes());
    [view.as_bytes().as_slice(), &number, &[7; 16], &boot.to_le_bytes()].concat()
}

/// What a witness to a claim of V says.
fn witness(who: &Liar, boot: u32) -> Vec<u8> {
    let (view, one) = (who.view.digest(), 1_u64.to_le_bytes());
    let claimant = u32::try_from(V).unwrap().to_le_bytes();
    [view.as_bytes().as_slice(), &one, &claimant, &[7; 16], &boot.to_le_bytes()].concat()
}

/// An attestation of `event` in X's name that X did not sign.
fn accusation(x: &Liar, event: &CriticalEvent) -> Vec<u8> {
    let mut bytes = x.attest(event);
    let signature = bytes.len() - x.key.suite().signature_len();
    bytes[signature..].fill(7);
    bytes
}

/// Under X's name, which costs no more than bytes.
fn in_the_name_of_x(mesh: &Mesh) -> Vec<Volley> {
    let x = mesh.steal(X);
    let suite = x.key.suite();
    let signature = vec![7; suite.signature_len()];
    let beacon = |number| x.header(Kind::Beacon, nonce(number));
    let forged = |header: Header| with_signature(header, &signature, b"");
    let single = |bytes: Vec<u8>| vec![bytes];
    let update = x.header(Kind::RouteUpdate, nonce(160));
    let other = [Suite::Dilithium3, Suite::MlDsa65][usize::from(suite == Suite::Dilithium3)];
    let unknown = Epoch { recovery: 0, operational: 7 };
    let mut unknown_event = x.attest(&failure(3, None));
    let event_at = unknown_event.len() - suite.signature_len() - 33;
    unknown_event[event_at - 4..event_at].fill(0xee);
    let mut volleys: Vec<Volley> = [
        forged(beacon(150)),
        forged(beacon(2_000)),
        forged(Header { mesh: MeshId::from_bytes([9; 32]), ..beacon(151) }),
        forged(Header { view: meshward::id::ViewNumber(9), ..beacon(152) }),
        forged(Header { epoch: unknown, ..beacon(153) }),
        forged(Header { suite: other, ..beacon(154) }),
        forged(Header { sent_at: SentAt(u64::MAX), ..beacon(u32::MAX) }),
        forged(update.clone()),
        unsigned(Tag::Attestation, &x, b"nonsense"),
        unsigned(Tag::Rotation, &x, b"nonsense"),
        unsigned(Tag::Hello, &x, &[1; 8]),
        unsigned(Tag::Challenge, &x, b"nonsense"),
        unsigned(Tag::Answer, &x, b"nonsense"),
        unsigned(Tag::Claim, &x, b"nonsense"),
        unsigned(Tag::Witness, &x, b"nonsense"),
        unsigned(Tag::Claim, &x, &claim(&x, u32::MAX)),
        unsigned(Tag::Witness, &x, &witness(&x, u32::MAX)),
        unsigned(Tag::Challenge, &x, &question(&x, 1)),
        unsigned(Tag::Answer, &x, &answer(&x, 1)),
        unknown_event,
        accusation(&x, &failure(X, None)),
        accusation(&x, &failure(3, None)),
        accusation(&x, &proposal(7, 1)),
        accusation(&x, &proposal(8, 1)),
    ]
    .map(single)
    .into();
    // As many as spend any budget of checks.
    volleys.push((0..30).map(|number| forged(beacon(200 + number))).collect());
    volleys
}

/// A chain of rotations of `liar`, one after the other.
fn rotations(mesh: &Mesh, liar: usize, length: u32) -> Volley {
    let mut from = mesh.steal(liar);
    let mut chain = Vec::new();
    for _ in 0..length {
        let (rotation, to) = from.rotate(mesh.suite, nonce(9_999));
        chain.push(rotation);
        from = to;
    }
    chain
}

fn certificates(mesh: &Mesh) -> Vec<Volley> {
    let votes = |sequence| {
        let vote = |place: u32| (place, mesh.steal(place as usize).attest(&proposal(sequence, 1)));
        [2, 3, 4, 5, 6].map(vote)
    };
    let agreed = votes(7);
    let mut forged = votes(8);
    let signature = forged[2].1.len() - mesh.suite.signature_len();
    forged[2].1[signature..].fill(7);
    let mut unknown_key = votes(8);
    unknown_key[1].0 = u32::try_from(X).unwrap();
    unknown_key.sort_by_key(|(place, _)| *place);
    vec![
        agreed.iter().map(|(_, vote)| vote.clone()).collect(),
        vec![certificate(&mesh.view, &agreed)],
        vec![certificate(&mesh.view, &forged)],
        vec![certificate(&mesh.view, &agreed[..2])],
        vec![certificate(&mesh.view, &unknown_key)],
    ]
}

/// Under names of adversaries, with their own keys.
fn under_their_own_names(mesh: &Mesh) -> Vec<Volley> {
    let [liar, hasty, two_faced, voter] = [3, 4, PROVEN, 6].map(|place| mesh.steal(place));
    let head = HEADER_LEN + mesh.suite.signature_len();
    let update = |sequence| liar.header(Kind::RouteUpdate, nonce(sequence));
    let at_once = |sequence| {
        let header = hasty.header(Kind::RouteUpdate, nonce(sequence));
        hasty.frame(Header { sent_at: SentAt(0), ..header }, b"")
    };
    let halves = [b"a", b"b"].map(|body| two_faced.beacon(nonce(5), body));
    let seal = |halves: [&[u8]; 2]| EquivocationProof::seal_headers(mesh.view.mesh(), halves);
    let mut refuted = halves[1][..head].to_vec();
    refuted[head - 1] ^= 1;
    let captured = mesh.steal(X).header(Kind::Beacon, nonce(9)).to_bytes().unwrap();
    let captured = [captured.as_slice(), &vec![7; head - HEADER_LEN]].concat();
    let hello = |number: u32| {
        let content = [9, number].map(u32::to_le_bytes).concat();
        seal_statement(Tag::Hello, &liar.head(), &content, &liar.key, &OsEntropy).unwrap()
    };
    let order = {
        let from = mesh.steal(6);
        let to = Liar { epoch: Epoch { recovery: 0, operational: 9 }, ..from.after(mesh.suite) };
        from.rotation(&to, from.claim(&to, nonce(9)))
    };
    let own = mesh.steal(V);
    let stranger = Header { origin: NodeId::from_bytes([0xee; 32]), ..update(1) };
    let mut cookie = [9; 50].to_vec();
    cookie[..32].copy_from_slice(id(X).as_bytes());
    let cookie = |tag| Container::to_bytes(tag, mesh.view.mesh(), &cookie[..48]);
    let mut volleys = vec![
        (1..20).map(|sequence| liar.frame(update(sequence), b"true")).collect(),
        vec![liar.beacon(nonce(700), b"true"), liar.beacon(nonce(9), b"old")],
        (1..=44).map(at_once).collect(),
        halves.to_vec(),
        vec![seal([&halves[0][..head], &halves[1][..head]]).unwrap()],
        vec![seal([&halves[0][..head], &refuted]).unwrap()],
        vec![seal([&captured, &halves[0][..head]]).unwrap()],
        vec![voter.attest(&proposal(3, 1)), voter.attest(&proposal(3, 2))],
        (100..120).map(|sequence| liar.attest(&proposal(sequence, 1))).collect(),
        vec![liar.attest(&failure(X, None))],
        vec![hello(1), hello(2)],
        (1..20).map(|number| liar.say(Tag::Challenge, &question(&liar, number))).collect(),
        (1..20).map(|number| liar.say(Tag::Answer, &answer(&liar, number))).collect(),
        vec![order],
        rotations(mesh, 6, 34),
        vec![own.beacon(nonce(5), b"")],
        vec![liar.forge(stranger, b"", Purpose::Frame)],
        vec![liar.frame(update(160), b"no beacon")],
        vec![cookie(Tag::Cookie), cookie(Tag::CookieEcho)],
        vec![vec![1, 1, 1], vec![1, 77], vec![9, 1, 1], Vec::new()],
    ];
    volleys.extend(certificates(mesh));
    volleys
}

/// Everything there is.
pub(crate) fn arsenal(mesh: &Mesh) -> Vec<Volley> {
    let mut volleys = in_the_name_of_x(mesh);
    volleys.extend(under_their_own_names(mesh));
    volleys
}
