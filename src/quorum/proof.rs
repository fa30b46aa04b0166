//! Proof that a member contradicted itself, for anyone to check.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ballot;
use super::ballot::CastBallot;
use crate::id::{Digest, Epoch, MeshId, NodeId, Nonce};
use crate::membership::{Directory, KeyRecord, MemberIndex};
use crate::suite::{Purpose, Suite};
use crate::wire::{self, Container, Packet, Refusal, SignedHeader, Tag, WireError};

#[derive(Serialize, Deserialize)]
pub(super) enum Content<'a> {
    /// Two signed headers with one nonce.
    Headers(&'a [u8], &'a [u8]),
    /// Two ballots in one phase of one round on an exclusive slot.
    Votes(&'a [u8], &'a [u8]),
}

/// A checked proof that one member signed two things of which it may sign one: two headers with one
/// nonce, or two ballots in one phase of one round on an exclusive slot. It condemns one key of that
/// member.
///
/// # What it brings about, and what a rotation clears
///
/// The first proof under a key that speaks for its member, or did before the last rotation, puts the
/// member into quarantine at once; every further one under the same key is a duplicate. A rotation to
/// the next key, signed by the key in use, leaves the condemned key behind: the new one is not
/// condemned, nothing that was or will be shown under the keys before the previous one costs anything,
/// and what is said under the new key is heard as a sign of life meanwhile. The quarantine itself it
/// does not shorten: whoever holds the condemned key, be it a thief, can sign that rotation, too. It
/// ends by its own time. A contradiction under the new key is a new one, and costs twice as long.
///
/// A node keeps the proofs of the last 18 keys of each member, one for each key, over its restarts.
///
/// # When another view follows
///
/// A proof stays one: what was said in a view before contradicts itself as much, and is checked
/// against the view that is current, by the keys that are known of the member. Two ballots contradict
/// each other within one view alone, as each view decides its slots anew.
#[derive(Debug, Clone)]
pub struct EquivocationProof {
    offender: MemberIndex,
    node: NodeId,
    epoch: Epoch,
    key: Digest,
    /// The keys that its halves stand under: one, or two for votes at either side of a rotation.
    keys: Vec<Arc<KeyRecord>>,
    bytes: Vec<u8>,
}

/// Who said what under which key: two of them make a contradiction, or not.
struct Said {
    offender: MemberIndex,
    node: NodeId,
    epoch: Epoch,
    key: Digest,
}

impl EquivocationProof {
    /// Writes two signed headers down as a proof, as it goes on the wire.
    ///
    /// # Errors
    /// None that headers of a legal size can cause.
    pub fn seal_headers(mesh: MeshId, headers: [&[u8]; 2]) -> Result<Vec<u8>, WireError> {
        Self::seal(mesh, &Content::Headers(headers[0], headers[1]))
    }

    /// Writes two ballots down as a proof, as it goes on the wire.
    ///
    /// # Errors
    /// None that ballots of a legal size can cause.
    pub fn seal_votes(mesh: MeshId, votes: [&[u8]; 2]) -> Result<Vec<u8>, WireError> {
        Self::seal(mesh, &Content::Votes(votes[0], votes[1]))
    }

    fn seal(mesh: MeshId, content: &Content<'_>) -> Result<Vec<u8>, WireError> {
        Ok(Container::to_bytes(Tag::Proof, mesh, &wire::encode("a proof", content)?))
    }

    /// Checks a proof offline, against the view and the keys of its members: two signature checks.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong with it.
    pub fn verify(bytes: &[u8], directory: &Directory) -> Result<Self, Refusal> {
        UncheckedProof::read(bytes, directory)?.verify(directory)
    }

    /// The place of the member that contradicted itself, in the view that the proof was checked against.
    /// In another view it stands where that has its [id](Self::node): see [`View::index_of`].
    ///
    /// [`View::index_of`]: crate::membership::View::index_of
    pub const fn offender(&self) -> MemberIndex {
        self.offender
    }

    /// Its id.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// The epoch of the key it did it with.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The digest of that key.
    pub const fn key(&self) -> Digest {
        self.key
    }

    /// The proof as it goes on the wire and into files.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number that two headers stand under; `None` if it consists of votes.
    pub(crate) fn nonce(&self, directory: &Directory) -> Option<Nonce> {
        let UncheckedProof { content, .. } = UncheckedProof::read(&self.bytes, directory).ok()?;
        match content {
            Content::Headers(first, _) => Some(SignedHeader::parse(first).ok()?.header().nonce),
            Content::Votes(..) => None,
        }
    }

    /// The first of two votes that it consists of; `None` if it does not consist of votes.
    pub(crate) fn ballot(&self, directory: &Directory) -> Option<Ballot> {
        let UncheckedProof { content, .. } = UncheckedProof::read(&self.bytes, directory).ok()?;
        match content {
            Content::Votes(first, _) => Some(read_vote(first, directory).ok()?.ballot()),
            Content::Headers(..) => None,
        }
    }

    /// The keys that it was checked under, all that is needed to check it again.
    pub(crate) fn keys(&self) -> &[Arc<KeyRecord>] {
        &self.keys
    }
}

/// A proof that has the right form and whose signatures have not been checked.
pub(crate) struct UncheckedProof<'a> {
    said: Said,
    content: Content<'a>,
    bytes: &'a [u8],
}

impl<'a> UncheckedProof<'a> {
    pub(crate) fn read(bytes: &'a [u8], directory: &Directory) -> Result<Self, Refusal> {
        let view = directory.view();
        let Packet::Proof(container) = Packet::parse(bytes)? else {
            return Err(Refusal::Nonsense("it is no proof"));
        };
        if container.mesh() != view.mesh() {
            return Err(Refusal::OtherMesh(container.mesh()));
        }
        let content: Content<'_> = wire::decode("a proof", container.payload())?;
        let (node, epoch, key) = match content {
            Content::Headers(first, second) => contradicting_headers(first, second, directory)?,
            Content::Votes(first, second) => contradicting_votes(first, second, directory)?,
        };
        let offender = view.index_of(&node).ok_or(Refusal::UnknownOrigin(node))?;
        Ok(Self { said: Said { offender, node, epoch, key }, content, bytes })
    }

    /// The place of the member, and the epoch and digest of the key that it condemns.
    pub(crate) const fn condemns(&self) -> (MemberIndex, Epoch, Digest) {
        (self.said.offender, self.said.epoch, self.said.key)
    }

    pub(crate) fn verify(self, directory: &Directory) -> Result<EquivocationProof, Refusal> {
        let Said { offender, node, epoch, key } = self.said;
        let mut keys: Vec<Arc<KeyRecord>> = Vec::new();
        for name in self.verify_halves(directory).map_err(Refusal::of_the_whole)? {
            let record = directory.key_ever(offender, name);
            let record = record.ok_or(Refusal::UnknownKey { origin: node, epoch: name.0 })?;
            if !keys.contains(&record) {
                keys.push(record);
            }
        }
        let bytes = self.bytes.to_vec();
        Ok(EquivocationProof { offender, node, epoch, key, keys, bytes })
    }

    /// Checks both halves and names the keys that they stand under.
    fn verify_halves(&self, directory: &Directory) -> Result<[KeyName; 2], Refusal> {
        match self.content {
            Content::Headers(first, second) => {
                let half = |bytes| verify_signed(bytes, directory);
                Ok([half(first)?, half(second)?])
            }
            Content::Votes(first, second) => {
                let half = |bytes| verify_vote(bytes, directory);
                Ok([half(first)?, half(second)?])
            }
        }
    }
}

/// What a key is called in what is signed with it.
type KeyName = (Epoch, Digest, Suite);

fn verify_signed(bytes: &[u8], directory: &Directory) -> Result<KeyName, Refusal> {
    let signed = SignedHeader::parse(bytes)?;
    verify_header_ever(&signed, directory)?;
    let header = signed.header();
    Ok((header.epoch, header.key, header.suite))
}

fn verify_vote(bytes: &[u8], directory: &Directory) -> Result<KeyName, Refusal> {
    let vote = read_vote(bytes, directory)?;
    let head = vote.head();
    vote.verify_ever(directory)?;
    Ok((head.epoch, head.key, head.suite))
}

/// Checks a signed header on its own: evidence that its origin lives. What it said before it joined is
/// none, as that was in another life (attack K11).
pub(super) fn verify_header(
    signed: &SignedHeader<'_>,
    directory: &Directory,
) -> Result<MemberIndex, Refusal> {
    let (view, header) = (directory.view(), signed.header());
    let member = view.index_of(&header.origin).and_then(|place| view.member(place));
    if member.is_some_and(|member| header.view < member.joined) {
        return Err(Refusal::OtherView { found: header.view, current: view.number() });
    }
    verify_header_ever(signed, directory)
}

/// The same of what may have been said long ago, which contradicts itself all the same.
pub(super) fn verify_header_ever(
    signed: &SignedHeader<'_>,
    directory: &Directory,
) -> Result<MemberIndex, Refusal> {
    let header = signed.header();
    if header.mesh != directory.view().mesh() {
        return Err(Refusal::OtherMesh(header.mesh));
    }
    let origin = header.origin;
    let member = directory.view().index_of(&origin).ok_or(Refusal::UnknownOrigin(origin))?;
    let key = directory
        .key_ever(member, (header.epoch, header.key, header.suite))
        .ok_or(Refusal::UnknownKey { origin, epoch: header.epoch })?;
    directory.verify(&key, Purpose::Frame, signed.signed(), signed.signature())?;
    Ok(member)
}

fn contradicting_headers(
    first: &[u8],
    second: &[u8],
    directory: &Directory,
) -> Result<(NodeId, Epoch, Digest), Refusal> {
    let (first, second) = (SignedHeader::parse(first)?, SignedHeader::parse(second)?);
    let (one, other) = (first.header(), second.header());
    let mesh = directory.view().mesh();
    if one.mesh != mesh || other.mesh != mesh {
        return Err(Refusal::Nonsense("a header in the proof is of another mesh"));
    }
    if (one.origin, one.epoch, one.key, one.nonce)
        != (other.origin, other.epoch, other.key, other.nonce)
    {
        return Err(Refusal::Nonsense("the headers in the proof do not share a nonce"));
    }
    // The signed bytes decide: a hedged scheme signs the same statement differently each time.
    if first.signed() == second.signed() {
        return Err(Refusal::Nonsense("the headers in the proof say the same"));
    }
    Ok((one.origin, one.epoch, one.key))
}

fn read_vote<'a>(bytes: &'a [u8], directory: &Directory) -> Result<CastBallot<'a>, Refusal> {
    match Packet::parse(bytes)? {
        Packet::Statement(statement)
            if statement.tag() == Tag::Ballot
                && statement.head().mesh == directory.view().mesh() =>
        {
            CastBallot::read(statement, directory.view())
        }
        _ => Err(Refusal::Nonsense("a vote in the proof is none of this mesh")),
    }
}

fn contradicting_votes(
    first: &[u8],
    second: &[u8],
    directory: &Directory,
) -> Result<(NodeId, Epoch, Digest), Refusal> {
    let (one, other) = (read_vote(first, directory)?, read_vote(second, directory)?);
    if one.place() != other.place() {
        return Err(Refusal::Nonsense(
            "the votes in the proof are of two members, views, slots or rounds",
        ));
    }
    if one.choice() == other.choice() {
        return Err(Refusal::Nonsense("the votes in the proof say the same"));
    }
    // Voting under two keys contradicts just as much; it is held against the later one.
    let head = if one.head().epoch > other.head().epoch { one.head() } else { other.head() };
    Ok((head.origin, head.epoch, head.key))
}
