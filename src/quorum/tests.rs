//! What holds for statements on events and for what they add up to, tried with real signatures.

mod abstaining;
mod asking;
mod certificates;
mod deciding;
mod failures;
mod health;
mod pending;
mod shares;
mod statements;
mod succession;

use std::sync::Arc;

use super::*;
use crate::id::{Digest, Epoch, Mark, Millis, NodeId, Nonce, SentAt};
use crate::keyring::{Error, Identity, Keyring, Misuse};
use crate::limit::Rate;
use crate::membership::{Directory, MemberIndex, View};
use crate::store::MemoryStore;
use crate::suite::{OsEntropy, Suite};
use crate::wire::{Header, Kind, Packet, Refusal, SignedHeader, StatementHead, Tag, seal_frame};

/// Late enough for every member to be overdue.
const NOW: Millis = Millis(100_000);

/// The node that counts stands at place 0.
const ME: MemberIndex = MemberIndex(0);

struct Mesh {
    rings: Vec<Keyring>,
    directory: Arc<Directory>,
    quorum: QuorumValidator,
}

fn id(place: usize) -> NodeId {
    let mut bytes = [0; 32];
    bytes[0] = u8::try_from(place).unwrap();
    NodeId::from_bytes(bytes)
}

fn mark(sequence: u32) -> Option<Mark> {
    Some(Mark { epoch: Epoch::FIRST, nonce: Nonce { boot: 1, sequence } })
}

fn failure(subject: usize, mark: Option<Mark>) -> CriticalEvent {
    CriticalEvent::NodeFailure { subject: id(subject), mark }
}

fn proposal(sequence: u64, content: u8) -> CriticalEvent {
    let (topic, content) = (Digest::from_bytes([1; 32]), Digest::from_bytes([content; 32]));
    CriticalEvent::GovernanceProposal { topic, sequence, content }
}

impl Mesh {
    fn new(suite: Suite, members: usize) -> Self {
        Self::with(suite, members, QuorumConfig::default())
    }

    fn with(suite: Suite, members: usize, config: QuorumConfig) -> Self {
        let nodes: Vec<_> = (0..members)
            .map(|place| {
                let store = MemoryStore::new();
                let own = Identity::create(&store, id(place), suite, &OsEntropy).unwrap();
                (store, own)
            })
            .collect();
        let members = nodes.iter().map(|(_, own)| own.member("x")).collect();
        let view = Arc::new(View::genesis(members).unwrap());
        let rate = Rate { per_second: 1_000, burst: 1_000 };
        let rings = nodes
            .into_iter()
            .map(|(store, own)| Keyring::start(own, &store, view.mesh(), rate, NOW).unwrap());
        let rings = rings.collect();
        let directory = Arc::new(Directory::new(view, 64));
        let quorum = QuorumValidator::new(Arc::clone(&directory), ME, config, Millis(0)).unwrap();
        Self { rings, directory, quorum }
    }

    /// A member's statement on an event; in an exclusive slot its precommit in the first round.
    fn attest(&self, place: usize, event: &CriticalEvent) -> Vec<u8> {
        self.attest_as(place, event, self.rings[place].draw_statement().unwrap())
    }

    fn attest_as(&self, place: usize, event: &CriticalEvent, nonce: Nonce) -> Vec<u8> {
        let (head, key) = self.rings[place].statement_head();
        let about = (self.directory.view().digest(), nonce);
        match Ballot::for_event(event, 0, Phase::Precommit) {
            Some(ballot) => seal_ballot(&ballot, about, &head, &key.key, &OsEntropy),
            None => seal_attestation(event, about, &head, &key.key, &OsEntropy),
        }
        .unwrap()
    }

    fn vote(&self, place: usize, ballot: &Ballot) -> Vec<u8> {
        let (head, key) = self.rings[place].statement_head();
        let about = (self.directory.view().digest(), self.rings[place].draw_statement().unwrap());
        seal_ballot(ballot, about, &head, &key.key, &OsEntropy).unwrap()
    }

    fn read<'a>(&self, bytes: &'a [u8]) -> Result<Attestation<'a>, Refusal> {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { panic!("a statement") };
        Attestation::read(statement, self.directory.view())
    }

    fn count_bytes(&self, bytes: &[u8], now: Millis) -> Result<Tally, Refusal> {
        if let Ok(Packet::Statement(statement)) = Packet::parse(bytes)
            && statement.tag() == Tag::Ballot
        {
            let ballot = UncheckedBallot::read(statement, self.directory.view())?;
            return self.count_ballot(ballot, now).map_err(|(refusal, _)| refusal);
        }
        let attestation = self.read(bytes)?;
        self.quorum.screen(&attestation, now)?;
        let verified = attestation.verify(&self.directory, now)?;
        self.quorum.validate_event(verified, now)
    }

    fn count_ballot(
        &self,
        ballot: UncheckedBallot<'_>,
        now: Millis,
    ) -> Result<Tally, (Refusal, Option<Contradiction>)> {
        let early = |refusal| (refusal, None);
        self.quorum.screen_ballot(&ballot, now).map_err(early)?;
        let verified = ballot.verify(&self.directory, now).map_err(early)?;
        self.quorum.validate_ballot(verified, now)
    }

    fn read_ballot<'a>(&self, bytes: &'a [u8]) -> UncheckedBallot<'a> {
        let Ok(Packet::Statement(statement)) = Packet::parse(bytes) else { panic!("a statement") };
        UncheckedBallot::read(statement, self.directory.view()).unwrap()
    }

    fn count(&self, place: usize, event: &CriticalEvent) -> Result<Tally, Refusal> {
        self.count_bytes(&self.attest(place, event), NOW)
    }

    fn refusal(&self, place: usize, event: &CriticalEvent) -> Option<Refusal> {
        self.count(place, event).err()
    }

    /// How many add up after this statement; `None` once the event is certified.
    fn pending(&self, place: usize, event: &CriticalEvent) -> Option<usize> {
        match self.count(place, event).unwrap() {
            Tally::Pending { attestations, .. } => Some(attestations),
            Tally::Certified(_) => None,
        }
    }

    /// A signed header of a member. Without a body, a frame is just that.
    fn signed_header(&self, place: usize, sequence: u32) -> Vec<u8> {
        self.signed_header_of(place, Nonce { boot: 1, sequence }, SentAt(0))
    }

    fn signed_header_of(&self, place: usize, nonce: Nonce, sent_at: SentAt) -> Vec<u8> {
        let active = self.rings[place].active();
        let header = Header {
            mesh: self.directory.view().mesh(),
            suite: active.key.suite(),
            view: self.directory.view().number(),
            origin: id(place),
            epoch: active.epoch,
            key: active.key.public_key().digest(),
            nonce,
            sent_at,
            kind: Kind::Beacon,
            body_len: 0,
            body: Header::digest_body(b""),
        };
        seal_frame(header, b"", &active.key, &OsEntropy).unwrap()
    }

    /// A frame arrives when it was said, from a member that has answered a challenge once.
    fn hear(&self, place: usize, sequence: u32, now: Millis) -> bool {
        let (nonce, sent_at) = (Nonce { boot: 1, sequence }, SentAt(now.0));
        let bytes = self.signed_header_of(place, nonce, sent_at);
        let member = self.directory.view().index_of(&id(place)).unwrap();
        self.quorum.marks.prove(member, (1, sent_at), now);
        self.quorum.heard(member, &SignedHeader::parse(&bytes).unwrap(), now)
    }

    fn report(&self, event: CriticalEvent) -> Result<Report, Error> {
        self.quorum.report_critical_event(event, &self.rings[0], &OsEntropy, NOW)
    }

    fn misuse(&self, event: CriticalEvent) -> Misuse {
        match self.report(event) {
            Err(Error::Misuse(misuse)) => misuse,
            other => panic!("{other:?}"),
        }
    }
}
