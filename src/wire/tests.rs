//! What holds for every packet: one encoding for a value, and an error for everything else.

use proptest::prelude::*;

use super::packet::PRELUDE_LEN;
use super::*;
use crate::id::{Digest, Epoch, MeshId, NodeId, Nonce, SentAt, ViewNumber};
use crate::suite::{OsEntropy, PublicKey, Purpose, SigningKey, Suite};

const MESH: MeshId = MeshId::from_bytes([0x4d; 32]);
const BODY: &[u8] = b"a body";

/// Where fields of a header start on the wire, by the table in the module's documentation.
const SUITE_AT: usize = PRELUDE_LEN + 32;
const KIND_AT: usize = SUITE_AT + 1 + 8 + 32 + 8 + 32 + 8 + 8;
const BODY_LEN_AT: usize = KIND_AT + 2;

/// Where fields of a statement's head start on the wire.
const CONTENT_LEN_AT: usize = SUITE_AT + 1 + 32 + 8 + 32;
const STATEMENT_HEAD_LEN: usize = CONTENT_LEN_AT + 4;

fn header(suite: Suite, body: &[u8]) -> Header {
    Header {
        mesh: MESH,
        suite,
        view: ViewNumber(3),
        origin: NodeId::from_bytes([7; 32]),
        epoch: Epoch { recovery: 1, operational: 2 },
        key: Digest::from_bytes([8; 32]),
        nonce: Nonce { boot: 4, sequence: 5 },
        sent_at: SentAt(6),
        kind: Kind::Beacon,
        body_len: u32::try_from(body.len()).unwrap(),
        body: Header::digest_body(body),
    }
}

/// Well-formed and unsigned, so that form can be tried for suites that are not compiled in.
fn frame(suite: Suite, body: &[u8]) -> Vec<u8> {
    let head = header(suite, body).to_bytes().unwrap();
    [head.as_slice(), &vec![0x5a; suite.signature_len()], body].concat()
}

fn statement(suite: Suite, content: &[u8], attachment: &[u8]) -> Vec<u8> {
    let key = PublicKey::from_bytes(suite, &vec![1; suite.public_key_len()]).unwrap();
    let head = StatementHead::new(MESH, NodeId::from_bytes([7; 32]), Epoch::FIRST, &key);
    let signed = head.signed_bytes(Tag::Attestation, content).unwrap();
    [signed.as_slice(), &vec![0x5a; suite.signature_len()], attachment].concat()
}

/// One well-formed packet of each kind.
fn packets() -> Vec<Vec<u8>> {
    let mut packets: Vec<_> = Suite::ALL.map(|suite| frame(suite, BODY)).into();
    packets.extend(Suite::ALL.map(|suite| statement(suite, b"content", b"attachment")));
    let containers = [
        Tag::Certificate,
        Tag::Prevotes,
        Tag::Change,
        Tag::View,
        Tag::Proof,
        Tag::Cookie,
        Tag::CookieEcho,
    ];
    packets.extend(containers.map(|tag| Container::to_bytes(tag, MESH, b"payload")));
    packets.push(Container::to_bytes(Tag::Proof, MESH, b""));
    packets
}

/// Writes down what was read, from its parts alone.
fn written(packet: &Packet<'_>) -> Vec<u8> {
    let (tag, inside) = match packet {
        Packet::Frame(frame) => {
            let head = frame.header().to_bytes().unwrap();
            return [head.as_slice(), frame.signed_header().signature(), frame.body()].concat();
        }
        Packet::Statement(statement) => {
            let signed = statement.head().signed_bytes(statement.tag(), statement.content());
            return [&signed.unwrap(), statement.signature(), statement.attachment()].concat();
        }
        Packet::Certificate(inside) => (Tag::Certificate, inside),
        Packet::Prevotes(inside) => (Tag::Prevotes, inside),
        Packet::Change(inside) => (Tag::Change, inside),
        Packet::View(inside) => (Tag::View, inside),
        Packet::Proof(inside) => (Tag::Proof, inside),
        Packet::Cookie(inside) => (Tag::Cookie, inside),
        Packet::CookieEcho(inside) => (Tag::CookieEcho, inside),
    };
    Container::to_bytes(tag, inside.mesh(), inside.payload())
}

fn with(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn lengths_are_what_is_written() {
    assert_eq!(header(Suite::Dilithium3, BODY).to_bytes().unwrap().len(), HEADER_LEN);
    assert_eq!(HEADER_LEN, 169);
    let suite = Suite::Dilithium3;
    assert_eq!(statement(suite, b"", b"").len(), STATEMENT_HEAD_LEN + suite.signature_len());
    for suite in Suite::ALL {
        assert!(HEADER_LEN + suite.signature_len() + MAX_BODY_LEN <= MAX_FRAME_LEN);
        assert!(HEADER_LEN + suite.signature_len() <= MAX_ATTACHMENT_LEN);
    }
}

#[test]
fn what_was_written_is_read_and_written_again_the_same() {
    for bytes in packets() {
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.mesh(), MESH);
        assert_eq!(written(&packet), bytes);
    }
}

#[test]
fn a_sealed_frame_holds_what_was_put_in() {
    for suite in Suite::available() {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let asked = Header { body_len: 9, key: Digest::from_bytes([0; 32]), ..header(suite, b"") };
        let bytes = seal_frame(asked.clone(), BODY, &key, &OsEntropy).unwrap();
        let frame = Frame::parse(&bytes).unwrap();
        let expected = Header { key: key.public_key().digest(), ..header(suite, BODY) };
        assert_eq!((frame.header(), frame.body()), (&expected, BODY));
        assert!(frame.body_matches());
        let signed = frame.signed_header();
        let ready = key.public_key().prepare().unwrap();
        assert_eq!(ready.verify(Purpose::Frame, signed.signed(), signed.signature()), Ok(()));
        let again = SignedHeader::parse(signed.as_bytes()).unwrap();
        assert_eq!((again.header(), again.signature()), (&expected, signed.signature()));
        assert!(SignedHeader::parse(&bytes).is_err(), "a body is no part of a signed header");

        let limit = MAX_BODY_LEN;
        let longest = seal_frame(asked.clone(), &vec![0; limit], &key, &OsEntropy).unwrap();
        assert!(Frame::parse(&longest).is_ok_and(|frame| frame.body_matches()));
        let refused = seal_frame(asked, &vec![0; limit + 1], &key, &OsEntropy);
        let found = limit + 1;
        assert_eq!(refused, Err(WireError::TooLong { what: "a body", found, limit }));
    }
}

#[test]
fn a_sealed_statement_is_signed_for_its_own_purpose() {
    for suite in Suite::available() {
        let key = SigningKey::generate(suite, &OsEntropy).unwrap();
        let origin = NodeId::from_bytes([7; 32]);
        let head = StatementHead::new(MESH, origin, Epoch::FIRST, key.public_key());
        let ready = key.public_key().prepare().unwrap();
        let tags = [Tag::Attestation, Tag::Ballot, Tag::Rotation, Tag::Recovery, Tag::Hello];
        for tag in tags.into_iter().chain([Tag::Claim, Tag::Witness]) {
            let bytes = seal_statement(tag, &head, b"said", &key, &OsEntropy).unwrap();
            let Ok(Packet::Statement(read)) = Packet::parse(&bytes) else { panic!("{tag:?}") };
            assert_eq!(
                (read.tag(), read.content(), read.attachment()),
                (tag, &b"said"[..], &b""[..])
            );
            let holds = |purpose| ready.verify(purpose, read.signed(), read.signature()).is_ok();
            let purpose = tag.purpose().unwrap();
            let others = [Purpose::Frame, Purpose::Attestation, Purpose::Rotation, Purpose::Hello];
            let others = others.into_iter().chain([Purpose::Claim, Purpose::Witness]);
            assert!(others.into_iter().all(|asked| holds(asked) == (asked == purpose)));
        }
        for tag in [Tag::Certificate, Tag::Proof] {
            assert!(seal_statement(tag, &head, b"said", &key, &OsEntropy).is_err(), "{tag:?}");
        }
        let found = MAX_CONTENT_LEN + 1;
        let refused = seal_statement(Tag::Hello, &head, &vec![0; found], &key, &OsEntropy);
        let limit = MAX_CONTENT_LEN;
        assert_eq!(refused, Err(WireError::TooLong { what: "a statement", found, limit }));
    }
}

/// Every cut, but where a shorter packet of the kind is one: an attachment and a container's payload
/// reach to the end of the packet, whoever carries it says where that is.
#[test]
fn every_truncation_is_an_error() {
    for bytes in packets() {
        let least = match Packet::parse(&bytes).unwrap() {
            Packet::Frame(_) => bytes.len(),
            Packet::Statement(statement) => bytes.len() - statement.attachment().len(),
            Packet::Certificate(inside)
            | Packet::Prevotes(inside)
            | Packet::Change(inside)
            | Packet::View(inside)
            | Packet::Proof(inside)
            | Packet::Cookie(inside)
            | Packet::CookieEcho(inside) => bytes.len() - inside.payload().len(),
        };
        for len in 0..least {
            let cut = Packet::parse(&bytes[..len]);
            assert!(matches!(cut, Err(WireError::Truncated { .. })), "{len}: {cut:?}");
        }
        assert!((least..=bytes.len()).all(|len| Packet::parse(&bytes[..len]).is_ok()));
    }
    let bytes = frame(Suite::MlDsa65, b"");
    assert!((0..bytes.len()).all(|len| SignedHeader::parse(&bytes[..len]).is_err()));
    assert!(SignedHeader::parse(&bytes).is_ok());
}

#[test]
fn trailing_bytes_are_errors() {
    let longer = [frame(Suite::MlDsa65, BODY), vec![0]].concat();
    assert_eq!(Packet::parse(&longer).err(), Some(WireError::Trailing { extra: 1 }));
    let longer = [frame(Suite::MlDsa65, b""), vec![0; 3]].concat();
    assert_eq!(SignedHeader::parse(&longer).err(), Some(WireError::Trailing { extra: 3 }));
    assert_eq!(decode::<u16>("a number", &[1, 0, 0]), Err(WireError::Trailing { extra: 1 }));
}

#[test]
fn lengths_that_lie_are_errors() {
    let lying =
        |claimed: u32| with(frame(Suite::MlDsa65, BODY), BODY_LEN_AT, &claimed.to_le_bytes());
    let longer = Packet::parse(&lying(7)).err();
    assert!(matches!(longer, Some(WireError::Truncated { .. })), "{longer:?}");
    assert_eq!(Packet::parse(&lying(5)).err(), Some(WireError::Trailing { extra: 1 }));
    let limit = MAX_BODY_LEN;
    for claimed in [u32::try_from(limit).unwrap() + 1, u32::MAX] {
        let found = usize::try_from(claimed).unwrap();
        let refused = Some(WireError::TooLong { what: "a body", found, limit });
        assert_eq!(Packet::parse(&lying(claimed)).err(), refused);
    }

    let honest = statement(Suite::MlDsa65, b"content", b"");
    let lying = |claimed: u32| with(honest.clone(), CONTENT_LEN_AT, &claimed.to_le_bytes());
    let longer = Packet::parse(&lying(8)).err();
    assert!(matches!(longer, Some(WireError::Truncated { .. })), "{longer:?}");
    let refused = Packet::parse(&lying(u32::MAX)).err();
    assert!(matches!(refused, Some(WireError::TooLong { what: "a statement", .. })), "{refused:?}");

    // A sequence that claims more than there is reserves nothing for it.
    let claims = [u64::MAX.to_le_bytes().as_slice(), &[1; 16]].concat();
    assert!(decode::<Vec<[u64; 4]>>("a list", &claims).is_err());
    assert!(decode::<&[u8]>("bytes", &claims).is_err());
    assert!(decode::<String>("a text", &claims).is_err());
    let claims = [(1_u64 << 26).to_le_bytes().as_slice(), &[1; 16]].concat();
    assert!(decode::<Vec<[u64; 4]>>("a list", &claims).is_err());
}

#[test]
fn oversized_parts_are_errors() {
    let oversized = frame(Suite::MlDsa65, &vec![0; MAX_BODY_LEN + 1]);
    assert!(matches!(Packet::parse(&oversized), Err(WireError::TooLong { what: "a body", .. })));
    let oversized = vec![1; MAX_FRAME_LEN + 1];
    assert!(matches!(Packet::parse(&oversized), Err(WireError::TooLong { what: "a frame", .. })));
    let oversized = statement(Suite::MlDsa65, b"", &vec![0; MAX_ATTACHMENT_LEN + 1]);
    let refused = Packet::parse(&oversized);
    assert!(matches!(refused, Err(WireError::TooLong { what: "an attachment", .. })));
    assert!(Packet::parse(&statement(Suite::MlDsa65, b"", &vec![0; MAX_ATTACHMENT_LEN])).is_ok());
}

#[test]
fn unknown_codes_are_errors() {
    for bytes in packets() {
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let refused = Packet::parse(&with(bytes.clone(), 0, &[version])).err();
            assert_eq!(refused, Some(WireError::Version { found: version }));
        }
        for found in (0..=u8::MAX).filter(|tag| !(1..=17).contains(tag)) {
            let refused = Packet::parse(&with(bytes.clone(), 1, &[found])).err();
            assert_eq!(refused, Some(WireError::Tag { found }));
        }
    }
    for suite in (0..=u8::MAX).filter(|code| Suite::from_code(*code).is_none()) {
        for bytes in [frame(Suite::MlDsa65, BODY), statement(Suite::MlDsa65, b"", b"")] {
            let refused = Packet::parse(&with(bytes, SUITE_AT, &[suite])).err();
            assert!(matches!(refused, Some(WireError::Unknown { .. })), "{suite}: {refused:?}");
        }
    }
    for kind in 6_u16..256 {
        let bytes = with(frame(Suite::MlDsa65, BODY), KIND_AT, &kind.to_le_bytes());
        assert_eq!(Packet::parse(&bytes).err(), Some(WireError::Unknown { what: "the header" }));
    }
}

#[test]
fn other_forms_of_a_value_are_errors() {
    assert_eq!(decode::<Option<u8>>("a choice", &[0]), Ok(None));
    assert_eq!(decode::<Option<u8>>("a choice", &[1, 9]), Ok(Some(9)));
    for tag in 2..=u8::MAX {
        let refused = decode::<Option<u8>>("a choice", &[tag, 9]);
        assert_eq!(refused, Err(WireError::Field { what: "a choice" }), "{tag}");
    }
    // Numbers and the tags of an enum have a fixed width: there is no shorter or longer form.
    assert_eq!(encode("a choice", &Ok::<u8, u8>(9)).unwrap(), [0, 0, 0, 0, 9]);
    for tag in [2_u32, 251, 0x0100_0000, u32::MAX] {
        let bytes = [tag.to_le_bytes().as_slice(), &[9]].concat();
        assert!(decode::<Result<u8, u8>>("a choice", &bytes).is_err(), "{tag}");
    }
    assert!(decode::<bool>("a bit", &[2]).is_err());
    assert!(decode::<u32>("a number", &[251, 0, 1]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_a_packet_in_its_one_form_or_an_error(
        front in prop::sample::select((0..=7_u8).collect::<Vec<_>>()),
        rest in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        let bytes = [&[VERSION, front], rest.as_slice()].concat();
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert_eq!(written(&packet), bytes);
        }
        let _no_panic = Packet::parse(&rest);
    }

    #[test]
    fn a_changed_packet_is_a_packet_in_its_one_form_or_an_error(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        near_front in any::<bool>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let all = packets();
        let mut bytes = which.get(&all).clone();
        for (at, new) in changes {
            let span = if near_front { bytes.len().min(200) } else { bytes.len() };
            bytes[at.index(span)] = new;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(more);
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert_eq!(written(&packet), bytes);
        }
    }
}
