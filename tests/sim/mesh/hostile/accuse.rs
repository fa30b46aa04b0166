//! Says of members that live that they have failed, and of links that they are down.

use meshward::{CriticalEvent, Nonce};

use super::{Hands, Keys, Strategy};

#[derive(Default)]
pub(super) struct Accuse {
    turn: u32,
}

impl Strategy for Accuse {
    fn acts(&mut self, keys: &Keys, hands: &mut Hands<'_>) {
        self.turn += 1;
        let (Some(own), 0) = (keys.own(), self.turn % 4) else { return };
        let subject = hands.member();
        if subject != own.id {
            // At ever new marks, one of which nobody has reached (Q3, Q10).
            let nonce = Nonce { boot: 1 + self.turn / 40, sequence: self.turn };
            let mark =
                hands.dice.happens(500).then_some(meshward::Mark { epoch: own.epoch, nonce });
            hands.send_to_all(own.attest(&CriticalEvent::NodeFailure { subject, mark }));
        }
    }

    fn listens(&self) -> bool {
        false
    }
}
