//! Accusations by liars, and by honest members that were right when they made them.

use meshward::quorum::{Ballot, Phase};
use meshward::wire::{Header, Kind, Packet, Tag};
use meshward::{CriticalEvent, Digest, Epoch, FailureStatus, Mark, Misuse, Nonce, SentAt, Suite};

use super::{SUSPICION_MS, certified_within, ever_certified, said};
use crate::support::{Mesh, failure, id, link, mark};

/// A mark far beyond any that there will be.
fn far(number: u32) -> Option<Mark> {
    let epoch = Epoch { recovery: number % 2, operational: number };
    Some(Mark { epoch, nonce: Nonce { boot: u32::MAX - number % 3, sequence: u32::MAX - number } })
}

/// What a minute in a mesh of seven costs node 0, and the others: with `attack` two of them accuse it
/// all the time.
fn a_minute(suite: Suite, attack: bool) -> Mesh {
    let mut mesh = Mesh::new(suite, 7);
    mesh.pass(5_000);
    mesh.said.clear();
    let liars = [5, 6].map(|place| (place, mesh.steal(place)));
    for step in 0..240_u32 {
        let header = mesh.tapped.replace(Vec::new()).unwrap_or_default();
        let header = header.iter().find_map(|bytes| match Packet::parse(bytes) {
            Ok(Packet::Frame(frame)) if frame.header().origin == id(0) => {
                Some(frame.signed_header().as_bytes().to_vec())
            }
            _ => None,
        });
        for (place, liar) in liars.iter().filter(|_| attack) {
            // At a mark that is made up, at one that lies ahead, and at the newest, with the evidence.
            let newest = header.as_ref().map(|bytes| {
                let signed = meshward::wire::SignedHeader::parse(bytes).unwrap();
                let event = failure(0, Some(signed.header().mark()));
                [liar.attest(&event), bytes.clone()].concat()
            });
            let ahead = [far(step), mark(100 + step)].map(|mark| liar.attest(&failure(0, mark)));
            for accusation in ahead.into_iter().chain(newest) {
                (0..5).for_each(|at| drop(mesh.give(at, link(*place), &accusation)));
            }
        }
        mesh.pass(250);
    }
    mesh
}

/// Q3, promises P5, P6 and P8: two liars of seven accuse an honest live node, three times in each quarter
/// of a second, at marks that are made up, ahead, and its newest. It is never certified, nobody joins
/// them, and it signs nothing that it would not have signed in peace.
#[test]
fn q03_colluders_accuse_a_live_node_for_ever() {
    for suite in Suite::available() {
        let (peace, mesh) = (a_minute(suite, false), a_minute(suite, true));
        for at in 0..5 {
            assert!(!ever_certified(&mesh, at, 0), "{suite}");
            assert_eq!(mesh.reports_of(at), 0, "{suite}: {:?}", mesh.reports);
            match mesh.guard(at).validate_node_failure(&id(0)) {
                FailureStatus::Reported { attestations, .. } => assert!(attestations <= 2),
                FailureStatus::Heard => {}
                FailureStatus::Certified(_) => panic!("{suite}"),
            }
            assert_eq!(mesh.guard(at).stats(mesh.now).quarantined_nodes, []);
        }
        for tag in [Tag::Frame, Tag::Attestation, Tag::Challenge, Tag::Answer, Tag::Hello] {
            let signed = |mesh: &Mesh| said(mesh, 0, tag);
            assert_eq!(signed(&mesh), signed(&peace), "{suite}: {tag:?} of the accused");
        }
        let checks = |mesh: &Mesh, at: usize| mesh.guard(at).stats(mesh.now).signature_checks;
        let (more, less) = (checks(&mesh, 0), checks(&peace, 0));
        println!("{suite}: the accused checked {more} signatures, {less} in peace");
        assert_eq!(more, less, "{suite}: it knows better, and checks none of it");
        // The others check what the rate allows of each liar: ten a second, with a burst of 34.
        let (more, less) = (checks(&mesh, 1), checks(&peace, 1));
        println!("{suite}: another checked {more} signatures, {less} in peace");
        assert!(more <= less + 2 * (10 * 60 + 34) + 60, "{suite}");
    }
}

/// Q5, promise P6: again and again X is missed by some of ten, who say so honestly, and is heard again.
/// An adversary keeps all of that, and three liars say the same at each mark. It never adds up: not
/// with who heard it all, nor with who started anew and knows nothing.
#[test]
fn q05_old_attestations_of_passing_faults_never_add_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.relays = false;
        mesh.pass(3_000);
        mesh.tapped = Some(Vec::new());
        let liars = [7, 8, 9].map(|place| mesh.steal(place));
        for fault in [[0, 1, 2], [3, 4, 5], [5, 0, 3], [1, 2, 4]] {
            // X is 6. Neither its frames nor its answers get through to three of them.
            mesh.cut = fault.map(|to| (6, to)).into();
            mesh.pass(9_000);
            mesh.cut.clear();
            mesh.pass(3_000);
        }
        let honest: Vec<_> = mesh.tapped.take().unwrap();
        let honest: Vec<_> =
            honest.into_iter().filter(|bytes| Tag::of(bytes) == Ok(Tag::Attestation)).collect();
        let attested = (0..6).filter(|at| mesh.reports.contains_key(&(*at, id(6)))).count();
        assert_eq!(attested, 6, "{suite}: each of the honest has missed it at some time");
        let marks: std::collections::BTreeSet<_> = honest
            .iter()
            .filter_map(|bytes| match Packet::parse(bytes) {
                Ok(Packet::Statement(statement)) => {
                    let said = meshward::quorum::Attestation::read(statement, &mesh.view).unwrap();
                    match said.event() {
                        CriticalEvent::NodeFailure { mark, .. } => Some(*mark),
                        _ => None,
                    }
                }
                _ => None,
            })
            .collect();
        let lies: Vec<_> = marks
            .iter()
            .flat_map(|mark| liars.iter().map(|liar| liar.attest(&failure(6, *mark))))
            .collect();
        println!("{suite}: {} honest statements at {} marks", honest.len(), marks.len());
        mesh.restart(0);
        mesh.restart(1);
        mesh.nodes[6].down = true;
        // With what travelled beside them, and without, so that nothing makes them old.
        let alone: Vec<_> = honest
            .iter()
            .map(|bytes| match Packet::parse(bytes) {
                Ok(Packet::Statement(statement)) => {
                    &bytes[..bytes.len() - statement.attachment().len()]
                }
                _ => panic!("an attestation"),
            })
            .collect();
        let whole: Vec<&[u8]> = honest.iter().map(AsRef::as_ref).collect();
        for round in 0..4 {
            let said = if round < 2 { &alone } else { &whole };
            let all: Vec<_> = said.iter().copied().chain(lies.iter().map(Vec::as_slice)).collect();
            for (number, _) in all.iter().enumerate() {
                let bytes = all[(number * 7 + round * 3) % all.len()];
                (0..6).for_each(|at| drop(mesh.give(at, link(7 + round % 3), bytes)));
            }
            mesh.now = mesh.now.after(500);
        }
        for at in 0..6 {
            assert!(!ever_certified(&mesh, at, 6), "{suite}: {at}");
        }
    }
}

/// Q5 and Q19, promise P6: for a minute no frame of X gets through to anybody, and each of four honest
/// members in its turn gets no answer of it either, and says so. Two liars of seven say the same each
/// time. X lived all the while, and never did more than one of the honest miss it: it does not add up,
/// since the headers beside its answers keep it apart.
#[test]
fn q05_reports_of_a_member_that_is_shed_everywhere_never_add_up() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.relays = false;
        mesh.pass(3_000);
        mesh.slow = (0..6).map(|to| ((6, to), u64::MAX)).collect();
        let liars = [4, 5].map(|place| (place, mesh.steal(place)));
        for round in 0..8 {
            mesh.cut = [(6, round % 4)].into();
            for _ in 0..9 {
                mesh.pass(1_000);
                let marks: Vec<_> = (0..4).map(|at| mesh.reported_at(at, 6)).collect();
                for (mark, (place, liar)) in marks
                    .into_iter()
                    .flatten()
                    .flat_map(|mark| liars.iter().map(move |liar| (mark, liar)))
                {
                    let report = liar.attest(&failure(6, mark));
                    (0..4).for_each(|at| drop(mesh.give(at, link(*place), &report)));
                }
            }
        }
        for at in 0..4 {
            assert!(mesh.reports.contains_key(&(at, id(6))), "{suite}: {at} has missed it");
            assert!(!ever_certified(&mesh, at, 6), "{suite}: {at}");
        }
    }
}

/// Q10, promises P3 and P8: two liars of ten say what lies as far ahead as can be said: marks, key epochs,
/// boots, times, rounds, numbers. What honest members say is not old for that: who is dead is certified
/// at the mark they know, a proposal is decided, and nobody else is touched.
#[test]
fn q10_numbers_far_ahead_do_not_make_honest_ones_old() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 10);
        mesh.pass(5_000);
        let liars = [8, 9].map(|place| (place, mesh.steal(place)));
        let proposal = |content| CriticalEvent::GovernanceProposal {
            topic: Digest::from_bytes([7; 32]),
            sequence: 1,
            content: Digest::from_bytes([content; 32]),
        };
        let lie = |mesh: &mut Mesh, number: u32| {
            for (place, liar) in &liars {
                let nonce = Nonce { boot: u32::MAX, sequence: u32::MAX - 100 + number };
                let header = liar.header(Kind::Beacon, nonce);
                let header =
                    Header { sent_at: SentAt(u64::MAX - 1_000 + u64::from(number)), ..header };
                let mut lies = vec![liar.frame(header, b"")];
                for subject in [3, 7] {
                    lies.push(liar.attest(&failure(subject, far(number))));
                    lies.push(liar.attest(&CriticalEvent::LinkDown {
                        reporter: id(*place),
                        peer: id(subject),
                        mark: far(number),
                    }));
                }
                for phase in [Phase::Prevote, Phase::Precommit] {
                    let ballot = Ballot::for_event(&proposal(2), u32::MAX - number, phase);
                    lies.push(liar.vote(&ballot.unwrap()));
                }
                // From the last number there is, so none of its own is new afterwards.
                lies.push(super::challenge(liar, 3, u32::MAX - 100 + number));
                for bytes in &lies {
                    (0..8).for_each(|at| drop(mesh.give(at, link(*place), bytes)));
                }
            }
        };
        (0..10).for_each(|number| lie(&mut mesh, number));
        mesh.nodes[7].down = true;
        for place in 0..7 {
            mesh.guard(place).report_critical_event(proposal(1), mesh.now).unwrap();
        }
        for number in 10..100 {
            lie(&mut mesh, number);
            mesh.pass(250);
        }
        for at in 0..7 {
            assert!(mesh.certified(at, 7), "{suite}: {at}");
            let found = mesh.guard(at).core().certificate(&failure(7, None)).unwrap();
            let CriticalEvent::NodeFailure { mark: Some(mark), .. } = found.event() else {
                panic!("{suite}")
            };
            assert!(mark.nonce.boot == 1 && mark.epoch == Epoch::FIRST, "{suite}: {mark:?}");
            let attestors: Vec<_> = found.attestors().iter().map(|place| place.0).collect();
            assert_eq!(attestors, [0, 1, 2, 3, 4, 5, 6], "{suite}");
            assert!(mesh.guard(at).is_validated(&proposal(1)), "{suite}: {at}");
            assert!((0..7).all(|of| !ever_certified(&mesh, at, of)), "{suite}");
            let overdue = mesh.guard(at).core().overdue(mesh.now);
            assert!((0..7).all(|of| !overdue.contains(&id(of))), "{suite}");
        }
        mesh.assert_unharmed(0, 3);
    }
}

/// Q11, promise P6: X is missed by one node for almost the suspicion time, and two liars of seven confirm
/// that it is dead, again and again. What others say makes nobody less patient: it is not reported before
/// its time is over, and then by that node alone.
#[test]
fn q11_forged_confirmations_shorten_no_suspicion() {
    for suite in Suite::available() {
        let mut mesh = Mesh::new(suite, 7);
        mesh.relays = false;
        mesh.pass(5_000);
        let liars = [4, 5].map(|place| (place, mesh.steal(place)));
        mesh.cut = [(6, 0)].into();
        let heard_at = mesh.now;
        let newest = mesh.guard(0).core().silent_for(&id(6), mesh.now).unwrap();
        let confirm = |mesh: &Mesh| {
            for (place, liar) in &liars {
                for sequence in 1..12 {
                    for at in 0..4 {
                        drop(mesh.give(
                            at,
                            link(*place),
                            &liar.attest(&failure(6, mark(sequence))),
                        ));
                    }
                }
            }
        };
        while mesh.now.since(heard_at) + newest + 250 < SUSPICION_MS {
            confirm(&mesh);
            mesh.pass(250);
            let core = mesh.guard(0).core();
            let quorum = core.quorum();
            assert_eq!(quorum.suspicion_ms(mesh.now), SUSPICION_MS, "{suite}");
            assert_eq!(mesh.guard(0).core().overdue(mesh.now), [], "{suite}");
            let early = mesh.guard(0).report_node_failure(id(6), mesh.now).unwrap_err();
            let early = early.to_string();
            let needed = Misuse::NotSilent { subject: id(6), ago_ms: 0, needed_ms: SUSPICION_MS };
            let tail = "a failure is reported after 3000 ms";
            assert!(early.ends_with(tail) && needed.to_string().ends_with(tail), "{early}");
        }
        mesh.pass(4 * SUSPICION_MS);
        confirm(&mesh);
        for at in 0..4 {
            let reports = mesh.reports.get(&(at, id(6))).map_or(0, |said| said.len());
            assert_eq!(reports > 0, at == 0, "{suite}: {:?}", mesh.reports);
            assert!(!ever_certified(&mesh, at, 6), "{suite}");
        }
        mesh.nodes[6].down = true;
        assert!(certified_within(&mut mesh, 0..4, 6, 3 * SUSPICION_MS).is_some(), "{suite}");
    }
}
