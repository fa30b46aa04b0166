//! A certificate of 67 of 100 members: when it is first seen, and ever after.

use std::hint::black_box;

use meshward::suite::SigningKey;
use meshward::{Certificate, CriticalEvent, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::{LINK, Mesh, id, unlimited};
use crate::raw::raw;
use crate::speaker::{at, signed};
use crate::timing::{compare, each, median};

const PAIRS: usize = 41;
const ATTESTORS: usize = 67;
const LOOKUPS: usize = 1_000;

pub(crate) fn run(
    suite: Suite,
    keys: &[SigningKey],
    figures: &mut Figures,
    measured: &mut Measured,
) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..99).ok_or("too few keys")?, unlimited(100))?;
    let event = CriticalEvent::NodeFailure { subject: id(99), mark: None };
    let mut statements = Vec::new();
    let (mut raw_keys, mut members) = (Vec::new(), Vec::new());
    for place in 1..=ATTESTORS {
        let speaker = mesh.speaker(place)?;
        statements.push(speaker.attest(&event, 1)?);
        raw_keys.push(speaker.raw_key()?);
        members.push(mesh.view.index_of(&speaker.id()).ok_or("no member")?);
    }
    for statement in &statements {
        mesh.give(LINK, statement, at(1))?;
    }
    let parts = statements.iter().map(|bytes| signed(bytes)).collect::<Result<Vec<_>, _>>()?;
    let core = &mesh.receiver;
    let certificate = core.certificate(&event).ok_or("it was not certified")?;
    let (bytes, directory) = (certificate.as_bytes(), core.directory());

    let first = |_| {
        each(0..1, |_| {
            black_box(Certificate::verify(bytes, directory)?);
            Ok(())
        })
    };
    // Under the very keys that the certificate is checked with: where they lie in memory matters.
    let checks = |_| {
        each(0..1, |_| {
            members.iter().zip(&parts).try_for_each(|(member, (purpose, message, signature))| {
                let record = directory.current(*member).ok_or("no key")?;
                Ok(directory.verify(&record, *purpose, message, signature)?)
            })
        })
    };
    let checked = compare(PAIRS, first, |_| Ok(ATTESTORS as f64 * raw(&raw_keys, &statements)?))?;
    let name = "check a certificate of 67 of 100, over 67 raw checks";
    figures.print(suite, name, checked.ratio, Bar::Most(1.05));
    let checked = compare(PAIRS, first, checks)?;
    let name = "the same over 67 checks under prepared keys";
    figures.print(suite, name, checked.ratio, Bar::Most(1.1));
    measured.of(suite).certificate_67_us = checked.work / 1e3;

    let view = mesh.view.digest();
    let look_up = |_| {
        each(0..LOOKUPS, |_| {
            let known = core.certificate(black_box(&event));
            let is_it = known.is_some_and(|known| known.view() == view && *known.event() == event);
            is_it.then_some(()).ok_or_else(|| "it is not known".into())
        })
    };
    let times = (0..PAIRS).map(look_up).collect::<Result<Vec<_>, _>>()?;
    let name = "look a checked certificate up by view and event, ns";
    figures.print(suite, name, median(times), Bar::Most(5_000.0));

    let again = |_| {
        each(0..10, |_| match black_box(core.handle_frame(LINK, bytes, at(2))).result {
            Err(refusal) if refusal.reason() == "decided" => Ok(()),
            other => Err(format!("it was taken twice: {}", other.is_ok()).into()),
        })
    };
    let times = (0..PAIRS).map(again).collect::<Result<Vec<_>, _>>()?;
    figures.print(
        suite,
        "refuse a certificate of what is certified, us",
        median(times) / 1e3,
        Bar::None,
    );
    Ok(())
}
