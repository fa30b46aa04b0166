//! Says with all others who collude that the same member has failed, and says so at the mark that
//! honest members would name: what the victim said last.

use std::sync::Arc;

use meshward::wire::Packet;
use meshward::{CriticalEvent, Mark};

use super::{Hands, Keys, Strategy};

/// So long they speak of one victim, in milliseconds.
const CAMPAIGN_MS: u64 = 15_000;

#[derive(Default)]
pub(super) struct Collude {
    turn: u64,
    /// What each member of the view said last.
    newest: Vec<Option<Mark>>,
}

impl Strategy for Collude {
    fn hears(&mut self, _keys: &Keys, hands: &mut Hands<'_>, _from: usize, bytes: &Arc<[u8]>) {
        self.newest.resize(hands.view.members().len(), None);
        if let Ok(Packet::Frame(frame)) = Packet::parse(bytes)
            && let Some(member) = hands.view.index_of(&frame.header().origin)
        {
            let newest = &mut self.newest[member.0 as usize];
            *newest = (*newest).max(Some(frame.header().mark()));
        }
    }

    fn acts(&mut self, keys: &Keys, hands: &mut Hands<'_>) {
        self.turn += 1;
        let (Some(own), 0) = (keys.own(), self.turn % 8) else { return };
        // All of them come to the same without a word.
        let members = hands.view.members();
        let victim = (hands.now / CAMPAIGN_MS) as usize * 7 % members.len();
        let subject = members[victim].id;
        if subject != own.id {
            let mark = self.newest.get(victim).copied().flatten();
            hands.send_to_all(own.attest(&CriticalEvent::NodeFailure { subject, mark }));
        }
    }
}
