//! Bare statements that are counted: what is observed, and votes.

use std::hint::black_box;

use meshward::quorum::{Ballot, Phase};
use meshward::suite::SigningKey;
use meshward::{CriticalEvent, Digest, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, id, unlimited};
use crate::speaker::{at, raw};
use crate::timing::{Compared, compare, each};

const PAIRS: usize = 151;
/// Statements in one timing.
const STATEMENTS: usize = 6;

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..99).ok_or("too few keys")?, unlimited(100))?;
    let speaker = mesh.speaker(1)?;
    let numbers = 1..=(PAIRS * STATEMENTS) as u32;

    // Of each member in its turn: what it is about makes no difference to the check.
    let report = |number: u32| {
        let subject = id(2 + number as usize % 98);
        speaker.attest(
            &CriticalEvent::LinkDown { reporter: speaker.id(), peer: subject, mark: None },
            number,
        )
    };
    let reports = numbers.clone().map(report).collect::<Result<Vec<_>, _>>()?;
    let counted = count(&mesh, &reports)?;
    let name = "count a bare attestation, over a raw check";
    figures.print(suite, name, counted.ratio, Bar::Most(1.05));
    measured.of(suite).attest_us = counted.work / 1e3;

    let vote = |number: u32| {
        let topic = Digest::from_bytes([5; 32]);
        let sequence = u64::from(number);
        let event = CriticalEvent::GovernanceProposal { topic, sequence, content: topic };
        let ballot = Ballot::for_event(&event, 0, Phase::Prevote).ok_or("it is not exclusive")?;
        speaker.vote(&ballot, 10_000 + number)
    };
    let votes = numbers.map(vote).collect::<Result<Vec<_>, _>>()?;
    let counted = count(&mesh, &votes)?;
    figures.print(suite, "count a bare vote, over a raw check", counted.ratio, Bar::Most(1.05));
    Ok(())
}

/// Gives `mesh` statements of its first member, as fast as it may make them.
fn count(mesh: &Mesh<'_>, statements: &[Vec<u8>]) -> Outcome<Compared> {
    let key = mesh.speaker(1)?.prepared()?;
    let part = |pair: usize| statements.chunks(STATEMENTS).nth(pair).ok_or("none left");
    let work = |pair: usize| {
        let first = 1 + (pair * STATEMENTS) as u32;
        each(part(pair)?.iter().zip(first..first + STATEMENTS as u32), |(statement, number)| {
            let step = black_box(mesh.receiver.handle_frame(LINK, statement, at(number)));
            step.result.map(drop).map_err(Into::into)
        })
    };
    compare(PAIRS, work, |pair| raw(&key, part(pair)?))
}
