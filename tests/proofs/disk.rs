//! What stands on the disk, and what does not.

use meshward::store::{Batch, Table};
use meshward::{Accepted, EquivocationProof, Error, Event, Millis, Misuse, Refusal, Store, Suite};

use super::{STRANGER, found, halves, held, id, incident, is_quarantined, link, proof, stored};
use super::{proposal, with_liar};
use crate::support::{Fault, Liar, Mesh};

/// After a restart of node 1, which found node 3 out or was shown the proof: the key is condemned and
/// the member in quarantine before anything was heard, the host is told, nothing is charged or checked
/// again, and the incident can be reported.
fn holds_after_a_restart(mesh: &mut Mesh, played: &[Vec<u8>]) {
    let before: Vec<_> = held(mesh, 1).iter().map(|proof| proof.as_bytes().to_vec()).collect();
    assert_eq!((before.len(), stored(mesh, 1).len()), (1, 1));
    // The clock of another boot may begin anywhere.
    mesh.now = Millis(5);
    mesh.restart(1);
    let after = held(mesh, 1);
    assert_eq!(after.iter().map(|proof| proof.as_bytes()).collect::<Vec<_>>(), [&before[0]]);
    assert!(is_quarantined(mesh, 1));
    assert!(mesh.guard(1).stats(mesh.now).quarantined_nodes == [id(3)], "and nobody else");
    assert!(mesh.nodes[1].host.isolated.lock().is_empty(), "it has not been told");
    mesh.guard(1).tick(mesh.now).unwrap();
    assert!(mesh.nodes[1].host.isolated.lock().contains(&id(3)));

    let checks = mesh.guard(1).stats(mesh.now).signature_checks;
    for _ in 0..3 {
        assert_eq!(mesh.give(1, link(2), &before[0]).unwrap_err(), Refusal::Duplicate);
    }
    assert_eq!(mesh.guard(1).stats(mesh.now).signature_checks, checks);
    // When the quarantine is over, neither the halves nor the proof bring it back.
    mesh.now = mesh.now.after(5 * 60_000);
    assert!(!is_quarantined(mesh, 1));
    for packet in played.iter().chain([&before[0]]) {
        let _taken_or_not = mesh.give(1, STRANGER, packet);
    }
    assert!(!is_quarantined(mesh, 1));
    assert_eq!(found(mesh, 1), 0, "it is no news");
    let quarantined = |event: &Event| matches!(event, Event::MemberQuarantined { .. });
    assert_eq!(mesh.nodes[1].host.count(quarantined), 1);
    mesh.guard(1).report_critical_event(incident(&after[0]), mesh.now).unwrap();
}

/// P11: found by itself in frames, in votes, and shown by others.
#[test]
fn p11_a_proof_survives_a_restart() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        let [left, right] = halves(&liar, 1);
        mesh.give(1, link(3), &left).unwrap();
        assert_eq!(mesh.give(1, link(2), &right).unwrap_err(), Refusal::Equivocation);
        holds_after_a_restart(&mut mesh, &[left, right]);

        let (mut mesh, liar) = with_liar(suite);
        let [yes, no] = [1, 2].map(|content| liar.attest(&proposal(content)));
        mesh.give(1, link(3), &yes).unwrap();
        assert_eq!(mesh.give(1, link(2), &no).unwrap_err(), Refusal::ContradictoryVote);
        holds_after_a_restart(&mut mesh, &[yes, no]);

        let (mut mesh, liar) = with_liar(suite);
        let shown = proof(&liar, 1);
        mesh.give(1, link(2), &shown).unwrap();
        holds_after_a_restart(&mut mesh, &halves(&liar, 1));
    }
}

/// The same under keys that the view does not give, which a node that restarts has not heard of yet:
/// under the second one, and in votes at either side of a rotation from it.
#[test]
fn p11_a_proof_under_a_rotated_key_survives_a_restart() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        mesh.nodes[3].down = true;
        let [left, right] = halves(&mesh.steal(3), 1);
        mesh.give(1, link(3), &left).unwrap();
        assert_eq!(mesh.give(1, link(2), &right).unwrap_err(), Refusal::Equivocation);
        assert_eq!(held(&mesh, 1)[0].epoch().operational, 1);
        holds_after_a_restart(&mut mesh, &[left, right]);

        let mut mesh = Mesh::new(suite, 4);
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        let yes = mesh.steal(3).attest(&proposal(1));
        mesh.guard(3).rotate_keys(suite, mesh.now).unwrap();
        mesh.run();
        mesh.nodes[3].down = true;
        let no = mesh.steal(3).attest(&proposal(2));
        mesh.give(1, link(3), &yes).unwrap();
        assert_eq!(mesh.give(1, link(2), &no).unwrap_err(), Refusal::ContradictoryVote);
        assert_eq!(held(&mesh, 1)[0].epoch().operational, 2);
        holds_after_a_restart(&mut mesh, &[yes, no]);
    }
}

/// The same on a real disk, through a closed and reopened file.
#[cfg(feature = "durable-store")]
#[test]
fn p11_a_proof_survives_on_a_real_disk() {
    use crate::support::{Disk, HostSide};
    use meshward::{Host, MeshByzantineProtection};

    for suite in Suite::available() {
        let directory = tempfile::tempdir().unwrap();
        let mut disks: Vec<_> = (0..4).map(|_| Disk::default()).collect();
        disks[1] = Disk::new(meshward::DurableStore::open(directory.path()).unwrap());
        let mesh = Mesh::on(disks, suite, meshward::Config::default());
        mesh.give(1, link(2), &proof(&mesh.steal(3), 1)).unwrap();
        let view = mesh.view.clone();
        drop(mesh);
        let disk = Disk::new(meshward::DurableStore::open(directory.path()).unwrap());
        let host = HostSide::default();
        let host = Host::new(disk, host.clone(), host);
        let config = meshward::Config::default();
        let guard = MeshByzantineProtection::start(config, view, host, Millis(0)).unwrap();
        assert_eq!(guard.core().equivocation_proofs().len(), 1);
        assert!(guard.is_node_quarantined(&id(3), Millis(0)));
    }
}

/// P11: the disk refuses a proof, or writes it and denies it. The proof goes out and counts all the
/// same; what is on the disk is whole; a restart finds all of it or nothing, and what it does not find
/// is news when it comes again. Once the disk works the next tick writes it.
#[test]
fn p11_a_failing_disk_keeps_a_whole_proof_or_none() {
    for suite in Suite::available() {
        for (fault, survives) in [(Fault::Refuses, false), (Fault::WritesAndDenies, true)] {
            let (mut mesh, liar) = with_liar(suite);
            let before = mesh.nodes[1].disk.contents();
            mesh.nodes[1].disk.fault(fault);
            let shown = proof(&liar, 1);
            mesh.give(1, link(2), &shown).unwrap();
            assert!(is_quarantined(&mesh, 1), "it counts without a disk");
            assert_eq!(mesh.nodes[1].disk.contents() != before, survives);
            mesh.nodes[1].disk.fault(Fault::None);
            mesh.restart(1);
            assert_eq!(
                (held(&mesh, 1).len(), is_quarantined(&mesh, 1)),
                (usize::from(survives), survives)
            );
            assert_eq!(mesh.give(1, link(2), &shown).is_ok(), !survives);

            let (mut mesh, liar) = with_liar(suite);
            mesh.nodes[1].disk.fault(fault);
            mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
            mesh.now = mesh.now.after(1_000);
            mesh.guard(1).tick(mesh.now).unwrap_err();
            mesh.nodes[1].disk.fault(Fault::None);
            mesh.now = mesh.now.after(1_000);
            mesh.guard(1).tick(mesh.now).unwrap();
            assert_eq!(stored(&mesh, 1).len(), 1, "written by the tick");
            assert_eq!(mesh.nodes[1].disk.scan(Table::Standing).unwrap().len(), 1);
            let whole = mesh.nodes[1].disk.contents();
            mesh.now = mesh.now.after(1_000);
            mesh.guard(1).tick(mesh.now).unwrap();
            assert!(mesh.nodes[1].disk.contents() == whole, "and not again");
        }
    }
}

/// P11, P3: an entry that was cut off, changed in any byte, put in another place, or is of another mesh.
/// The node starts, says so, and holds nothing against anybody for it; the entry beside it stands.
#[test]
fn p11_a_damaged_entry_is_skipped() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        let shown = proof(&liar, 1);
        mesh.give(1, link(2), &shown).unwrap();
        mesh.now = mesh.now.after(1_000);
        mesh.give(1, link(2), &proof(&mesh.steal(2), 1)).unwrap();
        let entries = stored(&mesh, 1);
        assert_eq!(entries.len(), 2);
        let (place, whole) = (entries[1].0.clone(), entries[1].1.to_vec());
        let write = |mesh: &Mesh, place: &[u8], value: &[u8]| {
            mesh.nodes[1].disk.apply(Batch::new().put(Table::Proof, place, value)).unwrap();
        };
        // All of the head, and a sample of keys and signatures.
        let sample = || (0..whole.len()).filter(|at| *at < 64 || at % 211 == 0);
        let damaged = sample().flat_map(|at| {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            [whole[..at].to_vec(), changed]
        });
        let mut skipped = 0;
        for value in damaged.chain([[whole.as_slice(), &[0]].concat()]) {
            write(&mesh, &place, &value);
            mesh.restart(1);
            let held: Vec<_> = held(&mesh, 1).iter().map(|proof| proof.node()).collect();
            // In front of the proof stand keys, of which some more do not matter.
            let proof = whole.len() - shown.len();
            let is_whole = value.get(proof..) == whole.get(proof..);
            assert!(held == [id(2)] || is_whole && held == [id(2), id(3)], "{suite}: {held:?}");
            skipped += u32::from(held.len() == 1);
            assert_eq!(mesh.guard(1).core().reputation(&id(0), mesh.now).as_ppm(), 1_000_000);
        }
        let tried = sample().count() * 2;
        assert!(skipped as usize > tried * 2 / 3, "{skipped} of {tried}");
        write(&mesh, &place, &whole);
        mesh.restart(1);
        assert_eq!(held(&mesh, 1).len(), 2, "it was the damage");

        let mut elsewhere = place.clone();
        elsewhere[40] ^= 1;
        mesh.nodes[1].disk.apply(Batch::new().delete(Table::Proof, &place)).unwrap();
        write(&mesh, &elsewhere, &whole);
        write(&mesh, b"", b"");
        let (other, its_liar) = with_liar(suite);
        other.give(1, link(2), &proof(&its_liar, 1)).unwrap();
        let [(place, value)] = &stored(&other, 1)[..] else { panic!("one entry") };
        write(&mesh, place, value);
        mesh.restart(1);
        assert_eq!(held(&mesh, 1).len(), 1);
        // What was lost is shown again, and is news.
        let taken = mesh.give(1, link(2), &shown);
        assert!(matches!(taken, Ok(Accepted::Proof(_))), "{taken:?}");
    }
}

/// The same of how a member stands and of what it was charged for: the node starts with what can be read,
/// and holds nothing against anybody else.
#[test]
fn p4_a_damaged_standing_is_skipped() {
    for suite in Suite::available() {
        let (mut mesh, _) = with_liar(suite);
        let record = |mesh: &Mesh, table| mesh.nodes[1].disk.scan(table).unwrap();
        for frame in crate::sentence::too_fast(&mesh.steal(3), 9, 1..=22) {
            mesh.now = mesh.now.after(1_000);
            let _taken_or_not = mesh.give(1, link(3), &frame);
        }
        mesh.guard(1).tick(mesh.now).unwrap();
        for table in [Table::Standing, Table::Excess] {
            let [(place, whole)] = &record(&mesh, table)[..] else { panic!("one entry") };
            let damaged = (0..whole.len()).flat_map(|at| {
                let mut changed = whole.to_vec();
                changed[at] = !changed[at];
                [(place.to_vec(), whole[..at].to_vec()), (place.to_vec(), changed)]
            });
            let elsewhere = [(vec![], whole.to_vec()), (place[1..].to_vec(), whole.to_vec())];
            for (place, value) in damaged.chain(elsewhere) {
                mesh.nodes[1].disk.apply(Batch::new().put(table, &place, &value)).unwrap();
                mesh.restart(1);
                mesh.guard(1).tick(mesh.now).unwrap();
                for other in [0, 2] {
                    let reputation = mesh.guard(1).core().reputation(&id(other), mesh.now);
                    assert_eq!(reputation.as_ppm(), 1_000_000, "{suite}");
                }
            }
        }
    }
}

/// An entry that names a key for the member that is not the one of the view: somebody else's signature.
#[test]
fn p3_a_stored_key_does_not_stand_in_for_that_of_the_view() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        mesh.give(1, link(2), &proof(&liar, 1)).unwrap();
        let [(_, value)] = &stored(&mesh, 1)[..] else { panic!("one entry") };
        let impostor = Liar::impostor(suite, id(3), &mesh.view);
        let forged = proof(&impostor, 1);
        // One key (epoch, suite, length, bytes), the length of the proof, the proof.
        let key = impostor.key.public_key().as_bytes();
        let at = value.windows(32).position(|part| *part == liar.key.public_key().as_bytes()[..32]);
        let (head, rest) = value.split_at(at.unwrap());
        let length = &rest[key.len()..key.len() + 8];
        let value = [head, key, length, &forged].concat();
        let place =
            [id(3).as_bytes().as_slice(), &[0; 8], impostor.key.public_key().digest().as_bytes()]
                .concat();
        mesh.nodes[1].disk.apply(Batch::new().put(Table::Proof, &place, &value)).unwrap();
        mesh.restart(1);
        assert_eq!(held(&mesh, 1).len(), 1, "the true one");
        assert_eq!(held(&mesh, 1)[0].key(), liar.key.public_key().digest());
    }
}

/// Without the proof there is no incident to report, before a restart and after it.
#[test]
fn an_incident_needs_its_proof() {
    for suite in Suite::available() {
        let (mut mesh, liar) = with_liar(suite);
        let shown = proof(&liar, 1);
        let directory = mesh.guard(0).core().directory().clone();
        let incident = incident(&EquivocationProof::verify(&shown, &directory).unwrap());
        for _ in 0..2 {
            let error =
                mesh.guard(1).report_critical_event(incident.clone(), mesh.now).unwrap_err();
            assert!(matches!(error, Error::Misuse(Misuse::Nonsense(_))), "{error}");
            mesh.restart(1);
        }
    }
}
