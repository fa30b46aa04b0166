//! What fails on this side, and what bytes are no packet. None of it is held against a peer.

use std::sync::Arc;

use meshward::store::{Batch, Table};
use meshward::suite::{EntropyError, SigningKey, SuiteError};
use meshward::wire::{HEADER_LEN, MAX_BODY_LEN, seal_statement};
use meshward::wire::{Header, Kind, Packet, Tag, WireError, seal_frame};
use meshward::{Core, Entropy, Error, Fault, Identity, Nonce, OsEntropy, Store, StoreError, Suite};

use crate::provoked::Provoked;
use crate::support::{Disk, Fault as DiskFault, Liar, Mesh, id};

/// A source of randomness that has none.
#[derive(Debug)]
pub(crate) struct Dry;

impl Entropy for Dry {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError::new("no device"))
    }
}

pub(crate) fn dry() -> SuiteError {
    SuiteError::Entropy(EntropyError::new("no device"))
}

fn fault(result: Result<impl std::fmt::Debug, Error>) -> Fault {
    match result {
        Err(Error::Fault(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

/// A disk, a source of randomness and stored bytes that fail.
#[test]
fn every_fault_is_provoked() {
    for suite in Suite::available() {
        let mut met = Provoked::of("Fault", include_str!("../../src/keyring/error.rs"));
        let disk = Disk::default();
        disk.fault(DiskFault::Refuses);
        let full = fault(Identity::create(&disk, id(0), suite, &OsEntropy));
        assert!(matches!(full, Fault::Store(StoreError::Failed { .. })), "{full:?}");
        met.meet(&full, "the store failed: the test wants it so");

        let mesh = Mesh::new(suite, 4);
        let disk = &mesh.nodes[0].disk;
        let view = Arc::clone(&mesh.view);
        let ours = Identity::load(disk).unwrap();
        let start = Core::start(Default::default(), view, ours, disk, Arc::new(Dry), mesh.now);
        let none = fault(start);
        assert!(matches!(&none, Fault::Suite(error) if *error == dry()), "{none:?}");
        met.meet(&none, "the entropy source failed: no device");

        let mut broken = Batch::new();
        broken.put(Table::Identity, b"active", b"broken");
        disk.apply(&broken).unwrap();
        let broken = fault(Identity::load(disk));
        let what = "the stored identity";
        assert!(matches!(&broken, Fault::Wire(error) if *error == WireError::Field { what }));
        met.meet(&broken, "stored or produced data: the stored identity cannot be read");
        met.assert_all();
    }
}

/// Everything that can be wrong with bytes, and with what is to become bytes.
#[test]
fn every_wire_error_is_provoked() {
    for suite in Suite::available() {
        let mut met = Provoked::of("WireError", include_str!("../../src/wire/error.rs"));
        let mesh = Mesh::new(suite, 4);
        let liar = mesh.steal(0);
        let head = HEADER_LEN + suite.signature_len();
        let frame = liar.beacon(Nonce { boot: 1, sequence: 1 }, b"here");
        let mut parse = |bytes: &[u8], expected: WireError, says: &str| {
            assert_eq!(Packet::parse(bytes).unwrap_err(), expected);
            met.meet(&expected, says);
        };
        let truncated = WireError::Truncated { needed: 2, found: 0 };
        parse(b"", truncated, "the packet ends after 0 bytes where 2 are needed");
        let trailing = [&frame[..], &[0; 3]].concat();
        let says = "3 bytes follow the end of the packet";
        parse(&trailing, WireError::Trailing { extra: 3 }, says);
        parse(
            &[9, 1],
            WireError::Version { found: 9 },
            "packet format version 9 is not the one known here",
        );
        parse(&[1, 77], WireError::Tag { found: 77 }, "packet tag 77 is unknown");
        // The suite stands after version, tag and mesh.
        let mut unknown = frame.clone();
        unknown[2 + 32] = 0xee;
        let what = "the header";
        let says = "the header holds a value that is not known here";
        parse(&unknown, WireError::Unknown { what }, says);
        let (found, limit) = (head + MAX_BODY_LEN + 4_096, MAX_BODY_LEN + 4_096);
        let says = format!("a frame of {found} bytes, {limit} are allowed");
        let long = [&frame[..head], &vec![0; found - head]].concat();
        parse(&long, WireError::TooLong { what: "a frame", found, limit }, &says);

        field(&mesh, &mut met);
        writing(&liar, &mut met);
        met.assert_all();
    }
}

/// A view cut short stands for every field whose bytes mean nothing.
fn field(mesh: &Mesh, met: &mut Provoked) {
    let view = mesh.view.to_bytes().unwrap();
    let Err(meshward::membership::ViewError::Wire(error)) =
        meshward::View::from_bytes(&view[..view.len() - 1])
    else {
        panic!("a view cut short is none")
    };
    assert_eq!(error, WireError::Field { what: "a view" });
    met.meet(&error, "a view cannot be read");
}

fn writing(liar: &Liar, met: &mut Provoked) {
    let key: &SigningKey = &liar.key;
    let unsigned = seal_statement(Tag::Proof, &liar.head(), b"", key, &OsEntropy).unwrap_err();
    assert_eq!(unsigned, WireError::Encode { what: "an unsigned packet" });
    met.meet(&unsigned, "an unsigned packet cannot be written");
    if key.suite() != Suite::MlDsa65 {
        return met.elsewhere("Sign", "it signs without drawing from a source that could fail");
    }
    let header: Header = liar.header(Kind::Beacon, Nonce { boot: 1, sequence: 2 });
    let unsigned = seal_frame(header, b"", key, &Dry).unwrap_err();
    assert_eq!(unsigned, WireError::Sign(dry()));
    met.meet(&unsigned, "the packet cannot be signed: the entropy source failed: no device");
}
