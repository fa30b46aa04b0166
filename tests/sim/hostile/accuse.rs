//! Says of members that live that they have failed, and of links that they are down.

use meshward::CriticalEvent;

use super::{Hands, Strategy};

#[derive(Default)]
pub(crate) struct Accuse {
    turn: u32,
}

impl Strategy for Accuse {
    fn acts(&mut self, hands: &mut Hands<'_>) {
        self.turn += 1;
        let Some(keys) = hands.keys.filter(|_| self.turn % 4 == 0) else { return };
        let subject = hands.member();
        if subject != keys.id {
            hands.send_to_all(keys.attest(&CriticalEvent::NodeFailure { subject, mark: None }));
        }
    }
}
