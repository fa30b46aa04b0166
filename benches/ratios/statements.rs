//! Bare statements that are counted: reports of failures, and votes.
//!
//! Of 100 members 66 say the same one after the other, which is measured; then the 67th does, which decides
//! the matter, or the votes stay one short.

use std::hint::black_box;

use meshward::quorum::{Ballot, Phase};
use meshward::suite::SigningKey;
use meshward::{CriticalEvent, Digest, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, id, unlimited};
use crate::raw::{RawKey, raw};
use crate::speaker::{Speaker, at};
use crate::timing::{Compared, compare, each};

const MATTERS: usize = 14;
const BEFORE_THE_LAST: usize = 66;
/// Statements in one timing.
const STATEMENTS: usize = 6;
const PARTS: usize = BEFORE_THE_LAST / STATEMENTS;

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..99).ok_or("too few keys")?, unlimited(100))?;
    mesh.give(LINK, &mesh.speaker(1)?.beacon(1)?, at(1))?;
    let reported = count(&mesh, true, |speaker, matter| {
        let event = CriticalEvent::NodeFailure { subject: id(99 - matter), mark: None };
        speaker.attest(&event, 1 + matter as u32)
    })?;
    let name = "count a bare attestation, over a raw check";
    figures.print(suite, name, reported.ratio, Bar::Most(1.05));
    measured.of(suite).attest_us = reported.work / 1e3;

    let voted = count(&mesh, false, |speaker, matter| {
        let (topic, sequence) = (Digest::from_bytes([5; 32]), matter as u64);
        let event = CriticalEvent::GovernanceProposal { topic, sequence, content: topic };
        let ballot = Ballot::for_event(&event, 0, Phase::Prevote).ok_or("it is not exclusive")?;
        speaker.vote(&ballot, (1 + MATTERS + matter) as u32)
    })?;
    figures.print(suite, "count a bare vote, over a raw check", voted.ratio, Bar::Most(1.05));
    Ok(())
}

/// What all say on one matter, and their keys.
struct Said {
    keys: Vec<RawKey>,
    statements: Vec<Vec<u8>>,
}

/// Gives `mesh` what each says on each matter.
fn count(
    mesh: &Mesh<'_>,
    is_to_be_decided: bool,
    statement: impl Fn(&Speaker<'_>, usize) -> Outcome<Vec<u8>>,
) -> Outcome<Compared> {
    let mut said = Vec::new();
    for matter in 0..MATTERS {
        let (mut keys, mut statements) = (Vec::new(), Vec::new());
        for place in 1..=BEFORE_THE_LAST + 1 {
            let speaker = mesh.speaker(place)?;
            statements.push(statement(&speaker, matter)?);
            keys.push(speaker.raw_key()?);
        }
        said.push(Said { keys, statements });
    }
    let part = |pair: usize| {
        let of = said.get(pair / PARTS).ok_or("nothing left")?;
        let range = pair % PARTS * STATEMENTS..(pair % PARTS + 1) * STATEMENTS;
        let both = of.keys.get(range.clone()).zip(of.statements.get(range));
        both.ok_or("nothing left")
    };
    let work = |pair: usize| {
        let (now, (_, statements)) = (at(2 + pair as u32), part(pair)?);
        let mut outputs = Vec::new();
        let time = each(statements.iter(), |statement| {
            let step = black_box(mesh.receiver.handle_frame(LINK, statement, now));
            outputs.extend(step.outputs);
            step.result.map(drop).map_err(Into::into)
        })?;
        mesh.carry_out(outputs, now);
        if is_to_be_decided && pair % PARTS == PARTS - 1 {
            let last = said.get(pair / PARTS).and_then(|said| said.statements.last());
            mesh.give(LINK, last.ok_or("nothing left")?, now)?;
        }
        Ok(time)
    };
    compare(MATTERS * PARTS, work, |pair| {
        let (keys, statements) = part(pair)?;
        raw(keys, statements)
    })
}
