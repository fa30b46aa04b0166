//! What processes print, a line of JSON each.

use std::collections::BTreeMap;
use std::io::{Read, Write, stdin, stdout};

use serde::{Deserialize, Serialize};

/// One line. Parties are numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It listens.
    Ready,
    /// It heard a beacon of this node.
    Heard {
        of: usize,
    },
    /// The mesh agreed that these are not heard any more.
    Certified {
        unheard: Vec<usize>,
    },
    /// The mesh agreed on something else.
    CertifiedOther {
        what: String,
    },
    /// A member that was certified as failed is heard again.
    Returned {
        of: usize,
    },
    /// A member is in quarantine here.
    Quarantined {
        of: usize,
        offence: String,
    },
    /// What comes from this neighbour is refused.
    LinkQuarantined {
        to: usize,
        offence: String,
    },
    NoQuorum,
    QuorumRestored,
    /// Now and then: who is known to have failed, and what was refused.
    Status {
        failed: Vec<usize>,
        refused: BTreeMap<String, u64>,
    },
    /// Of the stranger: how many datagrams it has sent.
    Sent {
        garbage: u64,
        replayed: u64,
        spoiled: u64,
        spoofed: u64,
    },
    /// Of the parent: the process has ended.
    Ended,
}

/// Without a parent to hear it there is nothing left to do.
pub(crate) fn say(said: &Said) {
    let line = serde_json::to_string(said).unwrap();
    let mut out = stdout().lock();
    // The test harness has begun a line of its own.
    if writeln!(out, "\n{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Waits until the parent is gone, and ends this process.
pub(crate) fn end_with_parent() {
    let _ended = stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}
