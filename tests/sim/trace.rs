//! What became of each packet, and why: the last of it for who finds a fault, all of it for who replays.

use std::collections::VecDeque;
use std::fmt;

use meshward::Event;
use meshward::wire::{Packet, Tag};

use crate::mesh::{Happened, Heard, Step, Told, World};

/// So much is told of what went before a fault.
const LAST: usize = 60;

pub(crate) struct Trace {
    last: VecDeque<String>,
    explains: bool,
}

impl Trace {
    pub(crate) const fn new(explains: bool) -> Self {
        Self { last: VecDeque::new(), explains }
    }

    pub(crate) fn add(&mut self, world: &World, (happened, told): &Step) {
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
        for line in line.into_iter().chain(told) {
            let line = format!("{:>7} ms  {line}", world.now);
            if self.explains {
                println!("{line}");
            }
            if self.last.len() == LAST {
                self.last.pop_front();
            }
            self.last.push_back(line);
        }
    }
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
        self.last.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
