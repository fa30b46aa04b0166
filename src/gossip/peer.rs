//! What is remembered about one member's frames.

use super::condemned::Condemned;
use super::opening::Opening;
use crate::id::{Digest, Epoch, Millis, Nonce, SentAt};
use crate::limit::{ClockLead, Rate, SentRate};
use crate::replay::{Look, ReplayWindow, WindowWidth};

/// One member's replay windows, sent rate and what was proven. Only frames that the member signed
/// change it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    width: WindowWidth,
    /// What is taken at all, since this node started.
    pub(super) opening: Opening,
    /// A window for each key: a nonce belongs to the key that signed it, not to an epoch number.
    /// Those of the current key and of the one before; until the next key is heard also that of one
    /// that was rotated away while its frame was being committed.
    windows: Vec<(Digest, ReplayWindow)>,
    rate: Rate,
    /// How often its keys had been recovered when it was last heard. Before that a thief may have spoken,
    /// whose clock and numbers say nothing of what comes after (attack K8).
    recovery: u32,
    sent: SentRate,
    lead: ClockLead,
    condemned: Condemned,
    /// When a frame was last taken as a sign of life although the member was in quarantine.
    last_sign_of_life: Option<Millis>,
}

impl Peer {
    pub(super) fn new(width: WindowWidth, rate: Rate, opening: Opening) -> Self {
        Self {
            width,
            opening,
            windows: Vec::new(),
            rate,
            recovery: 0,
            sent: SentRate::new(rate),
            lead: ClockLead::new(rate),
            condemned: Condemned::default(),
            last_sign_of_life: None,
        }
    }

    pub(super) fn look(&self, key: &Digest, nonce: Nonce) -> Look {
        let window = self.windows.iter().find(|(of, _)| of == key);
        window.map_or(Look::Fresh, |(_, window)| window.look(nonce))
    }

    /// Looks again and marks, in one step under the member's lock. `known` are the keys that speak
    /// or may still speak for the member; the windows of all others go.
    pub(super) fn commit(
        &mut self,
        key: Digest,
        nonce: Nonce,
        tag: u32,
        known: [Option<Digest>; 2],
    ) -> Look {
        if let Some((_, window)) = self.windows.iter_mut().find(|(of, _)| *of == key) {
            return window.commit(nonce, tag);
        }
        self.windows.retain(|(of, _)| known.contains(&Some(*of)));
        let mut window = ReplayWindow::new(self.width);
        let look = window.commit(nonce, tag);
        // Room for the two that there may be, and no more.
        self.windows.reserve_exact(1);
        self.windows.push((key, window));
        look
    }

    /// Whether a frame is not dated too far ahead. Asked after its signature was checked and before
    /// its nonce is marked: what is shed may still be taken later, from elsewhere.
    pub(super) fn is_in_time(
        &mut self,
        epoch: Epoch,
        (nonce, sent_at): (Nonce, SentAt),
        now: Millis,
    ) -> bool {
        if epoch.recovery > self.recovery {
            self.recovery = epoch.recovery;
            self.sent = SentRate::new(self.rate);
            self.lead = ClockLead::new(self.rate);
        }
        self.lead.try_take(nonce, sent_at, now)
    }

    /// Whether the member's own signed times allow this frame.
    pub(super) fn within_rate(&mut self, nonce: Nonce, sent_at: SentAt) -> bool {
        self.sent.observe(nonce, sent_at).is_ok()
    }

    pub(super) fn is_condemned(&self, epoch: Epoch, key: &Digest) -> bool {
        self.condemned.contains(epoch, key)
    }

    /// Notes that the member contradicted itself under `key`; tells whether that is news.
    pub(super) fn condemn(&mut self, epoch: Epoch, key: Digest) -> bool {
        self.condemned.add(epoch, key)
    }

    /// Whether a beacon would be taken as a sign of life although the member is in quarantine. Only
    /// what is newer than all that was taken is one: otherwise whoever kept its older beacons could
    /// play them, each in time to have the live one refused.
    pub(super) fn may_show_life(
        &self,
        (key, nonce): (&Digest, Nonce),
        now: Millis,
        interval_ms: u64,
    ) -> bool {
        let window = self.windows.iter().find(|(of, _)| of == key);
        let is_newest = window.is_none_or(|(_, window)| window.newest() < Some(nonce));
        let is_due = |last| now.since(last) >= interval_ms || now < last;
        is_newest && self.last_sign_of_life.is_none_or(is_due)
    }

    pub(super) fn showed_life(&mut self, now: Millis) {
        self.last_sign_of_life = Some(now);
    }
}

#[cfg(test)]
mod tests;
