//! Whoever was away gets the proofs, and that costs little.

use meshward::store::{Batch, Table};
use meshward::wire::{Packet, Tag, seal_statement};
use meshward::{
    Config, CriticalEvent, Digest, Directory, Epoch, EquivocationProof, Nonce, OsEntropy, Output,
    Refusal, Store, Suite,
};

use super::{STRANGER, found, held, id, is_quarantined, link, proof, stored, with_liar};
use crate::support::{Liar, Mesh};

/// How many packets of `tag` node `at` wants sent, which are gone then.
fn sent(mesh: &Mesh, at: usize, tag: Tag) -> usize {
    let sent = mesh.nodes[at].host.sent();
    sent.iter().filter(|(bytes, _)| Tag::of(bytes) == Ok(tag)).count()
}

/// What is due is sent with every tick of the mesh.
fn often() -> Config {
    let mut config = Config::default();
    config.quorum.resend_ms = 250;
    config
}

/// P11: a node hears nothing while a member is found out, for so long that the others have sent the
/// proof many times; and another one is started anew. Both have it soon after they are back.
#[test]
fn p11_a_node_that_was_away_gets_the_proof() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, 4, often());
        let liar = mesh.steal(3);
        mesh.nodes[3].down = true;
        // Everybody has asked for what it missed when it started.
        mesh.pass(1_000);
        mesh.nodes[2].down = true;
        mesh.give(1, link(3), &proof(&liar, 1)).unwrap();
        mesh.pass(60_000);
        assert_eq!((found(&mesh, 0), found(&mesh, 2)), (1, 0));
        mesh.nodes[2].down = false;
        mesh.pass(16_500);
        assert_eq!(found(&mesh, 2), 1, "{suite}: without asking");

        // Its disk is gone, and with it what it knew.
        let mut erase = Batch::new();
        for (place, _) in stored(&mesh, 0) {
            erase.delete(Table::Proof, &place);
        }
        mesh.nodes[0].disk.apply(&erase).unwrap();
        mesh.restart(0);
        assert_eq!(held(&mesh, 0).len(), 0);
        mesh.pass(3_000);
        assert_eq!(held(&mesh, 0).len(), 1, "{suite}: it asked");
    }
}

/// P11: the same where not everyone hears everyone: those between do not pass on what they have had, so
/// the node gets it from its neighbour, whoever that is.
#[test]
fn p11_the_proof_comes_from_the_neighbour() {
    for suite in Suite::available() {
        let mut mesh = Mesh::with(suite, 7, often());
        mesh.nodes[3].down = true;
        // 0, 1 and 2 in full, and a line from there: 2, 4, 5, 6.
        let line = [2, 4, 5, 6];
        for from in 0..7 {
            for to in 0..7 {
                let on_line = line.windows(2).any(|hop| hop == [from, to] || hop == [to, from]);
                if !(on_line || from < 3 && to < 3) {
                    mesh.cut.insert((from, to));
                }
            }
        }
        mesh.pass(1_000);
        mesh.nodes[6].down = true;
        let shown = proof(&mesh.steal(3), 1);
        mesh.give(0, link(3), &shown).unwrap();
        mesh.pass(40_000);
        assert_eq!([4, 5, 6].map(|at| found(&mesh, at)), [1, 1, 0]);
        mesh.nodes[6].down = false;
        mesh.pass(16_500);
        assert_eq!(found(&mesh, 6), 1, "{suite}");
    }
}

/// P5: after 1, 2, 4 … 64 intervals, then once in 65, for good; a member that asks without end has one
/// sent in each interval, however many there are.
#[test]
fn p5_a_proof_is_sent_seldom() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        mesh.nodes[1].host.sent();
        let ticks = |mesh: &mut Mesh, seconds: u64, asks: bool| {
            let mut proofs = 0;
            for _ in 0..seconds {
                mesh.now = mesh.now.after(1_000);
                if asks {
                    let content = [
                        9_u32.to_le_bytes(),
                        u32::try_from(mesh.now.0 / 1_000).unwrap().to_le_bytes(),
                        [0; 4],
                        [0; 4],
                    ];
                    let asker = mesh.steal(2);
                    let hello = seal_statement(
                        Tag::Hello,
                        &asker.head(),
                        &[content.concat().as_slice(), &[0]].concat(),
                        &asker.key,
                        &OsEntropy,
                    );
                    mesh.give(1, link(2), &hello.unwrap()).unwrap();
                }
                mesh.guard(1).tick(mesh.now).unwrap();
                proofs += sent(mesh, 1, Tag::Proof);
            }
            proofs
        };
        assert_eq!(ticks(&mut mesh, 128, false), 8, "{suite}: at 1, 2, 4, 8 … and at once");
        assert_eq!(ticks(&mut mesh, 640, false), 10);
        mesh.give(1, link(2), &proof(&mesh.steal(0), 1)).unwrap();
        mesh.nodes[1].host.sent();
        let asked = ticks(&mut mesh, 100, true);
        assert!((50..=100).contains(&asked), "{asked}");
    }
}

/// P5: a proof under a key that this node cannot know, offered again and again, makes it ask for nothing.
#[test]
fn p5_a_proof_under_an_unknown_key_asks_for_nothing() {
    for suite in Suite::available() {
        let (mut mesh, _) = with_liar(suite);
        let unknown = Liar {
            epoch: Epoch { recovery: 0, operational: 7 },
            ..Liar::impostor(suite, id(3), &mesh.view)
        };
        let shown = proof(&unknown, 1);
        mesh.guard(1).tick(mesh.now).unwrap();
        mesh.nodes[1].host.sent();
        for _ in 0..60 {
            mesh.now = mesh.now.after(1_000);
            let checks = mesh.guard(1).stats(mesh.now).signature_checks;
            let refusal = mesh.give(1, STRANGER, &shown).unwrap_err();
            assert!(matches!(refusal, Refusal::UnknownKey { .. }), "{refusal}");
            assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, checks);
            mesh.guard(1).tick(mesh.now).unwrap();
        }
        assert_eq!(sent(&mesh, 1, Tag::Hello), 0);
    }
}

/// A rotation of the liar's to a new key.
fn rotate(liar: &mut Liar) -> Vec<u8> {
    let (rotation, next) = liar.rotate(liar.key.suite(), Nonce { boot: 9, sequence: 1_000 });
    *liar = next;
    rotation
}

/// P5, P11, G14: a member burns 21 keys, and the proofs are shown newest first, then in turn, over a
/// restart and after it. Each is news once, the newest 18 are kept, in memory and on the disk, and the
/// member is charged for what it did since the last rotation but one alone.
#[test]
fn g14_proofs_of_many_keys_are_bounded_and_news_once() {
    for suite in Suite::available() {
        let (mut mesh, mut liar) = with_liar(suite);
        let mut proofs = vec![proof(&liar, 1)];
        let show = |mesh: &Mesh, proofs: &[Vec<u8>]| {
            let news = proofs.iter().rev().filter(|shown| mesh.give(1, STRANGER, shown).is_ok());
            news.count()
        };
        for _ in 0..20 {
            mesh.now = mesh.now.after(2_000);
            mesh.give(1, STRANGER, &rotate(&mut liar)).unwrap();
            proofs.push(proof(&liar, 1));
        }
        // The last one is not shown yet: 17 of the others are of keys that are still known.
        assert_eq!(show(&mesh, &proofs[..20]), 17, "{suite}");
        assert_eq!(show(&mesh, &proofs), 1);
        let shown_in_turn = |mesh: &mut Mesh| {
            for round in 0..20 {
                mesh.now = mesh.now.after(1_000);
                assert_eq!(show(mesh, &proofs), 0, "{suite}, round {round}");
                proofs.iter().for_each(|shown| drop(mesh.give(1, STRANGER, shown).unwrap_err()));
            }
            mesh.guard(1).tick(mesh.now).unwrap();
            assert_eq!((held(mesh, 1).len(), stored(mesh, 1).len()), (18, 18));
        };
        shown_in_turn(&mut mesh);
        // One more key: the oldest proof makes room, on the disk, too.
        mesh.now = mesh.now.after(2_000);
        mesh.give(1, STRANGER, &rotate(&mut liar)).unwrap();
        mesh.give(1, STRANGER, &proof(&liar, 1)).unwrap();
        shown_in_turn(&mut mesh);
        let epochs = |mesh: &Mesh| -> Vec<_> {
            held(mesh, 1).iter().map(|proof| proof.epoch().operational).collect()
        };
        assert_eq!(epochs(&mesh), (4..=21).collect::<Vec<_>>());
        assert_eq!(found(&mesh, 1), 19);
        mesh.restart(1);
        assert_eq!(epochs(&mesh), (4..=21).collect::<Vec<_>>());
        assert!(is_quarantined(&mesh, 1));
        shown_in_turn(&mut mesh);
        assert_eq!(found(&mesh, 1), 0);
    }
}

/// What goes on the disk is what goes on the wire: a third party checks it from the view alone.
#[test]
fn p11_what_is_held_convinces_a_third_party() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        mesh.restart(1);
        let held = held(&mesh, 1);
        assert!(matches!(Packet::parse(held[0].as_bytes()), Ok(Packet::Proof(_))));
        let directory = Directory::new(mesh.view.clone(), 4);
        let proof = EquivocationProof::verify(held[0].as_bytes(), &directory).unwrap();
        assert_eq!((proof.node(), proof.key()), (id(3), liar.key.public_key().digest()));
    }
}

/// P4: once a key is condemned, votes that contradict each other in ever more slots cost their own checks
/// and none for a proof that would be no news.
#[test]
fn p4_further_contradictory_votes_cost_no_proof() {
    for suite in Suite::available() {
        let (mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        let before = mesh.guard(1).stats(mesh.now).signature_checks;
        for sequence in 0..8 {
            let [yes, no] = [1, 2].map(|content| {
                let (topic, content) =
                    (Digest::from_bytes([7; 32]), Digest::from_bytes([content; 32]));
                liar.attest(&CriticalEvent::GovernanceProposal { topic, sequence, content })
            });
            mesh.give(1, link(2), &yes).unwrap();
            assert_eq!(mesh.give(1, link(2), &no).unwrap_err(), Refusal::Duplicate);
        }
        assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks - before, 16, "{suite}");
        assert_eq!(found(&mesh, 1), 1);
    }
}

/// P4: a member that burns key after key keeps nobody's disk busy: what is found of it at once is written
/// at once, and the rest with the next tick, in one go.
#[test]
fn p4_many_proofs_are_few_writes() {
    for suite in Suite::available() {
        let (mesh, mut liar) = with_liar(suite);
        let mut proofs = vec![proof(&liar, 1)];
        for _ in 0..10 {
            mesh.give(1, STRANGER, &rotate(&mut liar)).unwrap();
            proofs.push(proof(&liar, 1));
        }
        let core = mesh.guard(1).core();
        let carry_out = |outputs: Vec<Output>| {
            let write = |output: Output| match output {
                Output::Persist { write, batch } => {
                    mesh.nodes[1].disk.apply(&batch).unwrap();
                    assert!(core.persisted(write, mesh.now).is_empty());
                    1
                }
                _ => 0,
            };
            outputs.into_iter().map(write).sum::<usize>()
        };
        let at_once = proofs.iter().map(|shown| {
            let step = core.handle_frame(STRANGER, shown, mesh.now);
            step.result.unwrap();
            carry_out(step.outputs)
        });
        assert_eq!(at_once.sum::<usize>(), 1, "{suite}");
        assert_eq!(stored(&mesh, 1).len(), 1);
        let ticks = [1_000, 2_000, 3_000].map(|ms| carry_out(core.tick(mesh.now.after(ms))));
        assert_eq!(ticks, [1, 0, 0], "{suite}");
        assert_eq!(stored(&mesh, 1).len(), 11);
    }
}
