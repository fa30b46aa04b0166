//! The example `certify` on files that a mesh wrote, and on the same files cut off and altered.

#![cfg(any(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code, reason = "here `run` is called, and not `main`")]
#[path = "../../examples/certify/main.rs"]
mod certify;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use meshward::quorum::Unheard;
use meshward::suite::PublicKey;
use meshward::wire::{Tag, max_container_len};
use meshward::{
    Certificate, CriticalEvent, Digest, Epoch, EquivocationProof, Event, KeyHistory, Member, Nonce,
    Suite, View,
};
use serde_json::Value;
use support::{Liar, Mesh, certificate, failure, id, link, mark};
use tempfile::TempDir;

/// What a mesh of four leaves behind in which node 1 rotates its key, node 2 contradicts itself and
/// node 3 dies.
struct Files {
    dir: TempDir,
    mesh: Mesh,
    history: KeyHistory,
    certificate: Vec<u8>,
    proof: Vec<u8>,
}

impl Files {
    fn new(suite: Suite) -> Self {
        let mut mesh = Mesh::new(suite, 4);
        let mut history = KeyHistory::new(mesh.view.clone());
        mesh.pass(2_000);
        mesh.guard(1).rotate_keys(suite, mesh.now).unwrap();
        for (packet, _) in mesh.nodes[1].host.sent() {
            assert_eq!(Tag::of(&packet), Ok(Tag::Rotation));
            history.add(&packet).unwrap();
            for other in [0, 2, 3] {
                mesh.give(other, link(1), &packet).unwrap();
            }
        }
        let liar = mesh.steal(2);
        for body in [b"left".as_slice(), b"right"] {
            let nonce = Nonce { boot: 9, sequence: 5 };
            let _refused_the_second_time = mesh.give(0, link(2), &liar.beacon(nonce, body));
        }
        mesh.nodes[3].down = true;
        // Nobody shows node 2 what its other self said, or it would leave its key.
        mesh.relays = false;
        mesh.censor = Some(Box::new(|_, packet| Tag::of(packet) == Ok(Tag::Proof)));
        mesh.pass(40_000);
        let told = mesh.nodes[0].host.events.lock().clone();
        let proof = told.iter().find_map(|event| match event {
            Event::Equivocation(proof) => Some(proof.as_bytes().to_vec()),
            _ => None,
        });
        let certificate = told.iter().find_map(|event| match event {
            Event::Certified(found) if is_failure(found) => Some(found.as_bytes().to_vec()),
            _ => None,
        });
        let dir = TempDir::new().unwrap();
        let files =
            Self { dir, mesh, history, certificate: certificate.unwrap(), proof: proof.unwrap() };
        files.write("view", &files.history.to_bytes().unwrap());
        files.write("certificate", &files.certificate);
        files.write("proof", &files.proof);
        files
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.dir.path().join(name), bytes).unwrap();
    }

    /// Exit code and output for these arguments; those that do not begin with `-` are files.
    fn run(&self, args: &[&str]) -> (u8, String) {
        let in_dir = |arg: &&str| match arg.starts_with('-') {
            true => arg.into(),
            false => self.dir.path().join(arg).into_os_string(),
        };
        certify::run(args.iter().map(in_dir)).unwrap_or_else(|sentence| (2, sentence))
    }

    /// What is found of some bytes in a file, as JSON; the words have to agree.
    fn check(&self, bytes: &[u8]) -> (u8, Value) {
        self.write("file", bytes);
        let (code, words) = self.run(&["view", "file"]);
        let (same, json) = self.run(&["--json", "view", "file"]);
        assert_eq!(code, same);
        let json: Value = serde_json::from_str(&json).unwrap();
        let file = json["files"][0].clone();
        assert!(words.contains(file["says"].as_str().unwrap()), "{words}\n{file}");
        assert_eq!((json["holds"] == true, file["holds"] == true), (code == 0, code == 0));
        (code, file)
    }

    fn assert_refused(&self, what: &str, bytes: &[u8], reason: &str, says: &str) {
        let (code, file) = self.check(bytes);
        let found = &file["found"]["reason"];
        assert_eq!((code, found.as_str()), (1, Some(reason)), "{what}: {file}");
        let said = file["says"].as_str().unwrap();
        assert!(said.contains(says), "{what}: {said}");
    }
}

fn is_failure(certificate: &Certificate) -> bool {
    matches!(certificate.event(), CriticalEvent::NodeFailure { subject, .. } if *subject == id(3))
}

#[test]
fn what_a_mesh_wrote_holds_and_is_told_in_words() {
    for suite in Suite::available() {
        let files = Files::new(suite);
        let mesh = files.mesh.view.mesh();
        for threads in ["1", "2", "64"] {
            let args = [&format!("--threads={threads}"), &format!("--mesh={mesh}")];
            let args = [args[0], args[1], "view", "certificate", "proof"];
            let (code, words) = files.run(&args);
            assert_eq!(code, 0, "{words}");
            for part in [
                &format!(
                    "mesh {mesh}, view 0: 4 members, of whom 3 must agree; 1 rotation of a key is"
                ),
                "certificate: holds.\n  3 of 4 members attest that nothing was heard of node 3 \
                 (04040404) after message ",
                "Attested by node 0 (01010101), node 1 (02020202) under its ",
                &format!(" under its {suite} key of epoch 0.1, node 2 (03030303)."),
                "proof: holds.\n  node 2 (03030303) contradicts itself. With its key of epoch 0.0 it \
                 signed two different messages with the number 5 of its boot 9: one of the kind Beacon, ",
            ] {
                assert!(words.contains(part), "{part}\nis not in\n{words}");
            }
        }
        let (code, file) = files.check(&files.certificate);
        let attestors = &file["found"]["attestors"];
        assert_eq!((code, attestors.as_array().unwrap().len()), (0, 3));
        assert_eq!(attestors[1]["member"]["id"], id(1).to_string());
        assert_eq!(attestors[1]["epoch"], "0.1");
        assert_eq!(file["found"]["event"]["NodeFailure"]["subject"], id(3).to_string());
        let (code, file) = files.check(&files.proof);
        assert_eq!((code, &file["found"]["offender"]["name"]), (0, &Value::from("node 2")));
        assert_eq!(file["found"]["signed"]["headers"][0]["nonce"]["sequence"], 5);
    }
}

#[test]
fn whatever_was_agreed_has_words() {
    for suite in Suite::available().take(1) {
        let files = Files::new(suite);
        let view = &files.mesh.view;
        let liars: Vec<_> = [0, 2, 3].map(|place| files.mesh.steal(place)).into();
        let digest = view.digest();
        let unheard = Unheard { node: id(1), mark: None };
        let proposal =
            CriticalEvent::GovernanceProposal { topic: digest, sequence: 8, content: digest };
        let key = |node| CriticalEvent::KeyRotation { node, epoch: Epoch::FIRST, key: digest };
        let events = [
            (failure(1, None), "nothing was heard of node 1 (02020202) at any time."),
            (
                CriticalEvent::LinkDown { reporter: id(0), peer: id(1), mark: mark(7) },
                "node 0 (01010101) heard nothing of node 1 (02020202) over the link between them \
                 after message 7 of its boot 1",
            ),
            (
                CriticalEvent::TopologyPartition { unreachable: vec![unheard] },
                "nothing was heard of node 1 (02020202) at any time.",
            ),
            (proposal.clone(), "decision 8 on the topic "),
            (key(id(1)), "the key of node 1 (02020202) for epoch 0.0 is "),
            (
                CriticalEvent::SecurityIncident {
                    offender: id(1),
                    epoch: Epoch::FIRST,
                    key: digest,
                },
                "node 1 (02020202) contradicted itself under its key of epoch 0.0",
            ),
        ];
        for (event, words) in &events {
            let vote = |(place, liar): (u32, &Liar)| (place, liar.attest(event));
            let votes: Vec<_> = [0, 2, 3].into_iter().zip(&liars).map(vote).collect();
            let (code, file) = files.check(&certificate(view, &votes));
            let said = file["says"].as_str().unwrap();
            assert!(code == 0 && said.contains(words), "{said}");
            assert_eq!(file["found"]["event_kind"], event.kind().name());
        }
        let votes = [
            &proposal,
            &CriticalEvent::GovernanceProposal {
                topic: digest,
                sequence: 8,
                content: Digest::from_bytes([7; 32]),
            },
        ]
        .map(|event| liars[1].attest(event));
        let proof = EquivocationProof::seal_votes(view.mesh(), [&votes[0], &votes[1]]);
        let (code, file) = files.check(&proof.unwrap());
        let said = file["says"].as_str().unwrap();
        assert!(
            code == 0
                && said.contains("two precommits in round 0, where it has one: that decision 8"),
            "{said}"
        );
    }
}

#[test]
fn what_is_wrong_is_named() {
    for suite in Suite::available() {
        let files = Files::new(suite);
        let (good, view) = (&files.certificate, &files.mesh.view);
        let entry = 4 + 8 + 1 + 8 + 32 + 8 + suite.signature_len();
        let mut bad = good.clone();
        bad[good.len() - 10 - entry] ^= 1;
        let one = "The signature of node 1 (02020202) under its ";
        files.assert_refused("one signature", &bad, "bad_signature", one);
        bad[good.len() - 10] ^= 1;
        let two =
            format!("{suite} key of epoch 0.1, node 2 (03030303) do not hold, and one such voids");
        files.assert_refused("two signatures", &bad, "bad_signature", &two);
        let (_, found) = files.check(&bad);
        let names = found["found"]["bad_signatures"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|one| one["member"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["node 1", "node 2"]);

        let liars: Vec<_> = [0, 2, 3].map(|place| files.mesh.steal(place)).into();
        let vote = |place: u32, liar: usize| (place, liars[liar].attest(&failure(1, None)));
        let few = certificate(view, &[vote(0, 0), vote(2, 1)]);
        files.assert_refused("too few", &few, "certificate_shape", "too few attestors");
        let twice = certificate(view, &[vote(0, 0), vote(2, 1), vote(2, 1)]);
        files.assert_refused("twice", &twice, "certificate_shape", "in order, each once");
        let own = [(0, 0), (2, 1), (3, 2)]
            .map(|(place, liar): (u32, usize)| (place, liars[liar].attest(&failure(3, None))));
        files.assert_refused(
            "by the subject",
            &certificate(view, &own),
            "certificate_shape",
            "the failed node is among",
        );
        let stranger = Liar::impostor(suite, id(2), view).attest(&failure(1, None));
        let stranger = certificate(view, &[vote(0, 0), (2, stranger), vote(3, 2)]);
        let unknown = "does not have the key of node 2 (03030303) for epoch 0.0";
        files.assert_refused("a stranger's key", &stranger, "unknown_key", unknown);

        let mut other_mesh = good.clone();
        other_mesh[2] ^= 1;
        files.assert_refused(
            "another mesh",
            &other_mesh,
            "other_mesh",
            "and the view file is of mesh",
        );
        let mut later = good.clone();
        later[0] = 2;
        files.assert_refused("a later version", &later, "not_understood", "version 2");
        let longer = [good.as_slice(), &[0; 3]].concat();
        files.assert_refused("bytes behind it", &longer, "malformed", "3 bytes follow");
        let limit = max_container_len(4);
        let huge = [&good[..40], &vec![0; limit]].concat();
        files.assert_refused("too long", &huge, "too_long", &format!("longer than {limit} bytes"));
        let view_file = files.history.to_bytes().unwrap();
        files.assert_refused("a view file", &view_file, "other_file", "that goes first");
        let beacon = files.mesh.beacon(0);
        files.assert_refused("a message", &beacon, "other_file", "It is a message, and neither");
        files.assert_refused("nothing", b"", "malformed", "ends after 0 bytes");

        let mut bad = files.proof.clone();
        *bad.last_mut().unwrap() ^= 1;
        files.assert_refused("a proof", &bad, "refuted", "A signature inside does not hold.");
        let mut bad = files.proof.clone();
        bad[2 + 32 + 4 + 8 + 2 + 32 + 1 + 8 + 32 + 8 + 32] ^= 1;
        files.assert_refused("a nonce in a proof", &bad, "nonsense", "do not share a nonce");
    }
}

/// Whatever becomes of a file, there is a sentence and an exit code.
#[test]
fn every_cut_and_many_a_changed_byte_are_refused() {
    for suite in Suite::available() {
        let files = Files::new(suite);
        for (good, what) in [(&files.certificate, "certificate"), (&files.proof, "proof")] {
            for len in (0..200).chain((200..good.len()).step_by(331)).chain([good.len() - 1]) {
                let (code, file) = files.check(&good[..len]);
                assert_eq!(code, 1, "{what} of {len} bytes: {file}");
            }
            for at in (0..200).chain((200..good.len()).step_by(331)) {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                let (code, file) = files.check(&bad);
                assert_eq!(code, 1, "{what}, byte {at}: {file}");
            }
        }
    }
}

#[test]
fn a_key_history_that_is_older_lacks_keys() {
    for suite in Suite::available() {
        let files = Files::new(suite);
        files.write("view", &KeyHistory::new(files.mesh.view.clone()).to_bytes().unwrap());
        let unknown = "does not have the key of node 1 (02020202) for epoch 0.1";
        files.assert_refused("its view alone", &files.certificate, "unknown_key", unknown);
        assert_eq!(files.check(&files.proof).0, 0);
    }
}

#[test]
fn what_cannot_be_read_or_asked_is_code_2() {
    for suite in Suite::available().take(1) {
        let files = Files::new(suite);
        let bytes = files.history.to_bytes().unwrap();
        files.write("cut", &bytes[..bytes.len() - 1]);
        let mut forged = bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        files.write("forged", &forged);
        fs::create_dir(files.dir.path().join("folder")).unwrap();
        let other = "--mesh=0000000000000000000000000000000000000000000000000000000000000007";
        let cases: [(&[&str], &str); 15] = [
            (&[], "A view file and a file to check are needed"),
            (&["view"], "a file to check is needed"),
            (&["missing", "proof"], "missing cannot be read"),
            (&["folder", "proof"], "folder cannot be read"),
            (&["cut", "proof"], "is cut off: 1 bytes are missing"),
            (&["forged", "proof"], "rotation 1 of the key history is refused: its signature"),
            (&["proof", "view"], "is a certificate or a proof, and the view file goes first"),
            (&["view", "missing"], "missing cannot be read"),
            (&["view", "folder"], "folder cannot be read"),
            (&["--threads=0", "view", "proof"], "--threads is 0, and may be 1 to 64."),
            (&["--threads=65", "view", "proof"], "--threads is 65"),
            (&["--threads=many", "view", "proof"], "--threads is many"),
            (&["--mesh=7", "view", "proof"], "--mesh does not fit: an identifier is 64"),
            (&[other, "view", "proof"], "and not of 000000000"),
            (&["--yaml", "view", "proof"], "see --help"),
        ];
        for (args, sentence) in cases {
            let (code, said) = files.run(args);
            assert!(code == 2 && said.contains(sentence), "{args:?}: {code}, {said}");
        }
        // The worst of several files decides.
        let (code, words) = files.run(&["view", "proof", "view", "certificate"]);
        assert!(code == 1 && words.matches(": holds.").count() == 2, "{words}");
        let (code, words) = files.run(&["view", "view", "missing", "proof"]);
        assert!(
            code == 2 && words.contains("DOES NOT HOLD") && words.contains(": holds."),
            "{words}"
        );
        let (code, help) = files.run(&["--help"]);
        assert!(code == 0 && help.contains("Usage: "), "{help}");
    }
}

/// A name may hold anything, also what would move a terminal's cursor.
#[test]
fn names_are_shown_and_not_obeyed() {
    let key = PublicKey::from_bytes(Suite::MlDsa65, &[1; 1952]).unwrap();
    let member = Member::new(id(0), "\u{1b}[2Jnobody\n", key);
    let view = View::genesis(vec![member]).unwrap();
    assert_eq!(certify::words::name(&id(0), &view), "\\u{1b}[2Jnobody\\n (01010101)");
    assert_eq!(certify::words::path(Path::new("a\u{7}b")), "a\\u{7}b");
}
