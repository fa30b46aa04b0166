//! Disks that are rolled back to before a start: no start has the number of one before.

mod hosts;

use std::collections::BTreeMap;
use std::sync::Arc;

use meshward::suite::Purpose;
use meshward::wire::{Header, Kind, Packet, Tag};
use meshward::{
    Change, Config, CriticalEvent, Digest, DiskTrust, Error, Event, Identity, Misuse, Nonce,
    OsEntropy, Refusal, Suite,
};

use crate::accidents::copied;
use crate::support::{Disk, Liar, Mesh, id, link};

fn mesh_of(suite: Suite, n: usize) -> Mesh {
    let mut mesh =
        Mesh::with(suite, n, Config { disk: DiskTrust::MayBeRolledBack, ..Config::default() });
    mesh.tapped = Some(Vec::new());
    mesh
}

fn tapped(mesh: &Mesh) -> &[Arc<[u8]>] {
    mesh.tapped.as_deref().unwrap()
}

fn of(mesh: &Mesh, place: usize, tag: Tag) -> Vec<Arc<[u8]>> {
    let is_of = |bytes: &&Arc<[u8]>| match Packet::parse(bytes) {
        Ok(Packet::Statement(statement)) => {
            statement.tag() == tag && statement.head().origin == id(place)
        }
        Ok(Packet::Frame(frame)) => tag == Tag::Frame && frame.header().origin == id(place),
        _ => false,
    };
    tapped(mesh).iter().filter(is_of).cloned().collect()
}

/// Every message that ever left, by its author's key and its number: each number stands for one.
fn assert_no_number_twice(mesh: &Mesh) {
    let mut said = BTreeMap::<(Digest, Nonce), Header>::new();
    let mut hellos = BTreeMap::<(Digest, Vec<u8>), Vec<u8>>::new();
    for bytes in tapped(mesh) {
        match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) => {
                let header = frame.header().clone();
                let before = said.entry((header.key, header.nonce)).or_insert(header.clone());
                assert_eq!(*before, header, "one number twice");
            }
            Ok(Packet::Statement(statement)) if statement.tag() == Tag::Hello => {
                let (content, signed) = (statement.content(), statement.signed());
                let at = (statement.head().key, content[..8].to_vec());
                let before = hellos.entry(at).or_insert(signed.to_vec());
                assert_eq!(before, signed, "one Hello's number twice");
            }
            _ => {}
        }
    }
}

/// The boot of a node whose start is confirmed.
fn boot(mesh: &Mesh, place: usize) -> Option<u32> {
    let core = mesh.guard(place).core();
    if !core.is_boot_confirmed() {
        return None;
    }
    let beacon = core.sign_beacon(b"", mesh.clock(place)).unwrap();
    let Ok(Packet::Frame(frame)) = Packet::parse(&beacon) else { panic!("it is a frame") };
    Some(frame.header().nonce.boot)
}

fn restart_on(mesh: &mut Mesh, place: usize, disk: &Disk) {
    mesh.nodes[place].disk = copied(disk);
    mesh.restart(place);
}

/// What a claim says: riddle and boot.
fn claimed(packet: &[u8]) -> ([u8; 16], u32) {
    let Ok(Packet::Statement(claim)) = Packet::parse(packet) else { panic!("a claim") };
    let content = claim.content();
    (content[40..56].try_into().unwrap(), u32::from_le_bytes(content[56..60].try_into().unwrap()))
}

/// A liar's word for a claim, at whatever boot it likes.
fn witness(liar: &Liar, claimant: usize, riddle: [u8; 16], boot: u32) -> Vec<u8> {
    let mut content = liar.view.digest().as_bytes().to_vec();
    content.extend(1_u64.to_le_bytes());
    content.extend(u32::try_from(claimant).unwrap().to_le_bytes());
    content.extend(riddle);
    content.extend(boot.to_le_bytes());
    liar.say(Tag::Witness, &content)
}

/// K14, promises P2 and P9: a disk of the first boot is put back after the fourth. The node is told so
/// and begins the fifth; all that it says is heard, and it is charged with nothing.
#[test]
fn k14_a_rolled_back_disk_begins_above_every_boot_before() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 4);
        mesh.pass(2_000);
        assert_eq!((0..4).map(|at| boot(&mesh, at)).collect::<Vec<_>>(), [Some(1); 4]);
        let old = copied(&mesh.nodes[3].disk);
        for next in 2..=4 {
            mesh.restart(3);
            assert_eq!(boot(&mesh, 3), None);
            let refused = mesh.guard(3).sign_beacon(b"", mesh.now);
            assert!(matches!(refused, Err(Error::Misuse(Misuse::Unconfirmed))), "{refused:?}");
            mesh.pass(2_000);
            assert_eq!(boot(&mesh, 3), Some(next), "{suite}");
        }
        restart_on(&mut mesh, 3, &old);
        let (heard, hellos) = (mesh.nodes[0].inbox.len(), of(&mesh, 3, Tag::Hello).len());
        mesh.pass(4_000);
        assert_eq!(boot(&mesh, 3), Some(5), "{suite}");
        let confirmed = |event: &Event| matches!(event, Event::BootConfirmed { boot: 5 });
        assert_eq!(mesh.nodes[3].host.count(confirmed), 1);
        assert!(of(&mesh, 3, Tag::Hello).len() > hellos, "it asks for what it missed");
        let from_it = mesh.nodes[0].inbox[heard..].iter().filter(|one| one.origin == id(3));
        assert!(from_it.count() >= 3, "{suite}: and is heard");
        assert_no_number_twice(&mesh);
        mesh.assert_unharmed(0, 3);
    }
}

/// K14: the one member that has stored the last boot is reached last. Till then there is no quorum, and the
/// node signs nothing whatever; then it is told.
#[test]
fn k14_nothing_is_signed_while_the_only_witness_is_away() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 4);
        mesh.pass(2_000);
        let old = copied(&mesh.nodes[3].disk);
        // The second boot is stored by 0 and 1 alone.
        mesh.nodes[2].down = true;
        mesh.restart(3);
        mesh.pass(3_000);
        assert_eq!(boot(&mesh, 3), Some(2), "{suite}");
        mesh.nodes[2].down = false;
        for away in [0, 1] {
            mesh.nodes[away].down = true;
        }
        let frames = of(&mesh, 3, Tag::Frame).len();
        restart_on(&mut mesh, 3, &old);
        mesh.pass(40_000);
        assert_eq!((boot(&mesh, 3), of(&mesh, 3, Tag::Frame).len()), (None, frames), "{suite}");
        let topic = Digest::from_bytes([1; 32]);
        let event = CriticalEvent::GovernanceProposal { topic, sequence: 1, content: topic };
        let refused = mesh.guard(3).report_critical_event(event, mesh.now);
        assert!(matches!(refused, Err(Error::Misuse(Misuse::Unconfirmed))), "{refused:?}");
        let refused = mesh.guard(3).rotate_keys(suite, mesh.now);
        assert!(matches!(refused, Err(Error::Misuse(Misuse::Unconfirmed))), "{refused:?}");
        assert!(of(&mesh, 3, Tag::Ballot).is_empty() && of(&mesh, 3, Tag::Rotation).is_empty());
        // It has been restarted meanwhile, and knows by its disk alone.
        mesh.nodes[0].down = false;
        mesh.restart(0);
        mesh.pass(20_000);
        assert_eq!(boot(&mesh, 3), Some(3), "{suite}");
        assert_no_number_twice(&mesh);
    }
}

/// K14, Q10: two liars of seven witness every boot but the one that is claimed, the highest there is among
/// them, and claim that for themselves; a third party with no key at all does the same under a member's
/// name. The node goes up by one.
#[test]
fn k14_liars_do_not_push_a_boot_to_its_end() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 7);
        mesh.pass(2_000);
        let liars = [4, 5].map(|place| mesh.steal(place));
        let outsider = Liar::impostor(suite, id(1), &mesh.view);
        for place in [4, 5] {
            mesh.nodes[place].down = true;
        }
        mesh.restart(6);
        for step in 0..40_u32 {
            let claims = of(&mesh, 6, Tag::Claim);
            let riddle = claims.last().map_or([7; 16], |claim| claimed(claim).0);
            for (place, liar) in [4, 5, 1].into_iter().zip(liars.iter().chain([&outsider])) {
                for high in [0, 1, 3, u32::MAX, u32::MAX - 1, step] {
                    let lie = witness(liar, 6, riddle, high);
                    let _refused_or_not_counted = mesh.give(6, link(place), &lie);
                }
                let mut content = mesh.view.digest().as_bytes().to_vec();
                content.extend(0_u64.to_le_bytes());
                content.extend([9; 16]);
                content.extend(u32::MAX.to_le_bytes());
                let claim = liar.say(Tag::Claim, &content);
                let _taken_of_a_member = mesh.give(0, link(place), &claim);
                // In the node's own name, under its own key, as far as one can tell without a check.
                let mut forged = mesh.steal(6).say(Tag::Claim, &content);
                let end = forged.len() - suite.signature_len();
                forged[end..].copy_from_slice(&claim[end..]);
                assert_eq!(mesh.give(6, link(place), &forged).unwrap_err(), Refusal::Own);
                let high = Nonce { boot: u32::MAX - 1, sequence: 1 };
                let header = mesh.steal(6).header(Kind::Beacon, high);
                let frame = liar.forge(header, b"", Purpose::Frame);
                assert_eq!(mesh.give(6, link(place), &frame).unwrap_err(), Refusal::Own);
                let beside = [witness(liar, 6, riddle, high.boot), frame].concat();
                let _shows_nothing = mesh.give(6, link(place), &beside);
            }
            mesh.pass(250);
        }
        assert_eq!(boot(&mesh, 6), Some(2), "{suite}");
        assert_no_number_twice(&mesh);
        for place in [0, 1, 2, 3, 6] {
            assert!(mesh.guard(place).core().is_boot_confirmed());
        }
        mesh.assert_unharmed(0, 6);
    }
}

/// P9, K14: a schedule by the dice. Of seven one lies and witnesses every claim that it sees, stored or
/// not; one runs on disks of any of its boots, over and over; the others restart on their own; a tenth of
/// all packets is lost. No number is used twice under one key, whatever comes.
#[test]
fn k14_no_number_is_used_twice_whatever_the_schedule() {
    for suite in Suite::available() {
        for seed in 1..=3_u64 {
            let mut mesh = mesh_of(suite, 7);
            mesh.seed(seed);
            mesh.pass(2_000);
            mesh.loss = 100;
            let liar = mesh.steal(5);
            mesh.nodes[5].down = true;
            let mut disks = vec![copied(&mesh.nodes[6].disk)];
            let (mut confirmed, mut seen) = (0_u32, 0);
            let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut roll = |sides: u64| {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice % sides
            };
            for _ in 0..60 {
                match roll(6) {
                    0 | 1 => {
                        let old = disks[roll(disks.len() as u64) as usize].clone();
                        restart_on(&mut mesh, 6, &old);
                    }
                    2 => mesh.restart(roll(5) as usize),
                    3 => {
                        let cut = roll(5) as usize;
                        mesh.cut = [(6, cut), (cut, 6)].into();
                    }
                    _ => {}
                }
                let claims = of(&mesh, 6, Tag::Claim);
                for claim in &claims[seen..] {
                    let (riddle, boot) = claimed(claim);
                    let lie = witness(&liar, 6, riddle, boot);
                    let _counted_or_not = mesh.give(6, link(5), &lie);
                }
                seen = claims.len();
                mesh.pass(500 + 250 * roll(6));
                if let Some(boot) = boot(&mesh, 6) {
                    assert!(boot >= confirmed, "{suite}, {seed}: {boot} after {confirmed}");
                    confirmed = boot;
                    disks.push(copied(&mesh.nodes[6].disk));
                }
                assert_no_number_twice(&mesh);
            }
            mesh.cut.clear();
            mesh.loss = 0;
            mesh.pass(40_000);
            assert!((0..7).filter(|at| *at != 5).all(|at| boot(&mesh, at).is_some()), "{suite}");
            assert!(confirmed > 5, "{suite}, {seed}: {confirmed} boots");
        }
    }
}

/// K14: the disk is of the view before, and so is what the node claims. It is helped on, claims again in
/// the newest view, and begins above all that it used.
#[test]
fn k14_a_disk_of_an_earlier_view_is_helped_on_and_told() {
    for suite in Suite::available() {
        let mut mesh = mesh_of(suite, 4);
        mesh.pass(2_000);
        let old = copied(&mesh.nodes[3].disk);
        let disk = Disk::default();
        let identity = Identity::create(&disk, id(4), suite, &OsEntropy).unwrap();
        let change = Change::of(&mesh.view).join(identity.member("node 4"));
        for place in 0..4 {
            mesh.guard(place).propose_change(change.clone(), mesh.now).unwrap();
        }
        let in_next = |mesh: &Mesh, at: usize| mesh.guard(at).core().view().number().0 == 1;
        for _ in 0..200 {
            if (0..4).all(|at| in_next(&mesh, at)) {
                break;
            }
            mesh.pass(250);
        }
        let view = Arc::clone(mesh.guard(0).core().view());
        let joined = mesh.join(disk, &view);
        mesh.pass(3_000);
        assert_eq!(boot(&mesh, joined), Some(1), "{suite}: who joins is witnessed like everybody");
        mesh.restart(3);
        mesh.pass(3_000);
        assert_eq!(boot(&mesh, 3), Some(2));
        restart_on(&mut mesh, 3, &old);
        assert!(!in_next(&mesh, 3));
        mesh.pass(20_000);
        assert!(in_next(&mesh, 3), "{suite}");
        assert_eq!(boot(&mesh, 3), Some(3), "{suite}");
        assert_no_number_twice(&mesh);
    }
}

/// K14: a mesh whose disks were trusted until now, so that nobody has stored a claim. What its members
/// have heard of the node tells it.
#[test]
fn k14_frames_that_were_heard_tell_a_node_of_boots_that_it_never_claimed() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 4);
        mesh.tapped = Some(Vec::new());
        mesh.pass(2_000);
        let old = copied(&mesh.nodes[3].disk);
        for _ in 0..4 {
            mesh.restart(3);
            mesh.pass(2_000);
        }
        assert_eq!(boot(&mesh, 3), Some(5));
        mesh.nodes[3].disk = old;
        let doubtful = Config { disk: DiskTrust::MayBeRolledBack, ..Config::default() };
        mesh.restart_with(3, &doubtful);
        mesh.pass(5_000);
        assert_eq!(boot(&mesh, 3), Some(6), "{suite}");
        assert_no_number_twice(&mesh);
        mesh.assert_unharmed(0, 3);
    }
}
