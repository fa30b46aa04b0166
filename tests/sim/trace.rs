//! What became of each packet, and why: the last of it for who finds a fault, all of it for who replays.

use std::collections::VecDeque;
use std::fmt;

use meshward::Event;
use meshward::wire::{Packet, Tag};

use crate::mesh::{Happened, Heard, Step, Told};

/// So much is told of what went before a fault.
const LAST: usize = 60;

pub(crate) struct Trace {
    last: VecDeque<(u64, Step)>,
    explains: bool,
}

impl Trace {
    pub(crate) const fn new(explains: bool) -> Self {
        Self { last: VecDeque::new(), explains }
    }

    pub(crate) fn add(&mut self, now: u64, step: Step) {
        if self.explains {
            lines(now, &step).iter().for_each(|line| println!("{line}"));
        }
        if matches!(step.0, Happened::Nothing | Happened::Woke { .. }) && step.1.is_empty() {
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back((now, step));
    }
}

fn lines(now: u64, (happened, told): &Step) -> Vec<String> {
    let line = match happened {
        Happened::Nothing | Happened::Woke { .. } => None,
        Happened::Befell(fault) => Some(format!("{fault:?}")),
        Happened::Proposed { at, event } => Some(format!("{at} proposes {event:?}")),
        Happened::Took { at, from, bytes, heard } => {
            let what = named(bytes);
            let became = match heard {
                Heard::Delivered(_) => "delivered".to_owned(),
                Heard::Taken => "taken".to_owned(),
                Heard::Refused(why) => format!("refused at {}: {why}", why.reason()),
            };
            Some(format!("{from} → {at}: {what}, {became}"))
        }
    };
    let told = told.iter().map(|(at, told)| format!("{at} is told: {}", short(told)));
    line.into_iter().chain(told).map(|line| format!("{now:>7} ms  {line}")).collect()
}

fn short(told: &Told) -> String {
    match told {
        Told::Other(Event::Equivocation(proof)) => format!("proof against {}", proof.node()),
        told => format!("{told:?}"),
    }
}

fn named(bytes: &[u8]) -> String {
    match Packet::parse(bytes) {
        Ok(Packet::Frame(frame)) => {
            let header = frame.header();
            format!("{:?} {:?} of {}", header.kind, header.mark(), header.origin)
        }
        Ok(Packet::Statement(statement)) => {
            format!("{:?} of {}", statement.tag(), statement.head().origin)
        }
        _ => match Tag::of(bytes) {
            Ok(tag) => format!("{tag:?}"),
            Err(_) => format!("{} bytes of noise", bytes.len()),
        },
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.last.iter().flat_map(|(now, step)| lines(*now, step));
        lines.try_for_each(|line| writeln!(f, "{line}"))
    }
}
