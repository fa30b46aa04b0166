//! What may be spent on one link, or on several together.

use crate::id::Millis;
use crate::limit::{Rate, TokenBucket};

/// Packets that are looked at, and signature checks that are made.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    packets: TokenBucket,
    checks: TokenBucket,
}

impl Budget {
    pub(super) fn new(packets: Rate, checks: Rate) -> Self {
        Self { packets: TokenBucket::new(packets), checks: TokenBucket::new(checks) }
    }

    /// Takes one packet; tells whether there was one left.
    pub(super) fn take_packet(&mut self, now: Millis) -> bool {
        self.packets.try_take(now, 1).is_ok()
    }

    /// Whether a packet is left.
    pub(super) fn has_packet(&self, now: Millis) -> bool {
        self.packets.peek(now, 1)
    }

    /// Takes `checks` signature checks, all or none; tells whether they were left.
    pub(super) fn take_checks(&mut self, checks: u32, now: Millis) -> bool {
        self.checks.try_take(now, checks).is_ok()
    }

    /// Whether `checks` signature checks are left.
    pub(super) fn has_checks(&self, checks: u32, now: Millis) -> bool {
        self.checks.peek(now, checks)
    }
}
