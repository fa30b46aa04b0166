//! What became of each packet, and why: the last of it for who finds a fault, all of it for who replays.

use std::collections::VecDeque;
use std::fmt;

use meshward::Event;
use meshward::wire::{Packet, Tag};

use crate::world::{Happened, World};

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

    pub(crate) fn add(&mut self, world: &World, happened: &Happened, events: &[(usize, Event)]) {
        let line = match happened {
            Happened::Nothing | Happened::Woke { .. } => None,
            Happened::Befell(fault) => Some(format!("{fault:?}")),
            Happened::Took { at, from, bytes, result } => {
                let what = named(bytes);
                let became = match result {
                    Ok(_) => "taken".to_owned(),
                    Err(refusal) => format!("refused as {}: {refusal}", refusal.reason()),
                };
                Some(format!("{from} → {at}: {what}, {became}"))
            }
        };
        let told = events.iter().map(|(at, event)| format!("{at} is told: {}", short(event)));
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

fn short(event: &Event) -> String {
    match event {
        Event::Certified(certificate) => format!("certified: {:?}", certificate.event()),
        Event::Equivocation(proof) => format!("proof against {}", proof.node()),
        event => format!("{event:?}"),
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
