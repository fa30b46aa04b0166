//! Says of members that live that they have failed. Who is no member says so in the name of members (Q1).

use meshward::{CriticalEvent, Epoch, Mark, Nonce};

use super::{Hands, Keys, Strategy};

#[derive(Default)]
pub(super) struct Accuse {
    turn: u32,
}

impl Strategy for Accuse {
    fn acts(&mut self, keys: &Keys, hands: &mut Hands<'_>) {
        self.turn += 1;
        if !self.turn.is_multiple_of(4) {
            return;
        }
        let (subject, accuser) = (hands.member(), hands.member());
        let accuser = keys.own().map_or(accuser, |own| own.id);
        if subject != accuser {
            // At ever new marks, one of which nobody has reached (Q3, Q10).
            let nonce = Nonce { boot: 1 + self.turn / 40, sequence: self.turn };
            let mark = hands.dice.happens(500).then_some(Mark { epoch: Epoch::FIRST, nonce });
            let event = CriticalEvent::NodeFailure { subject, mark };
            hands.send_to_all(keys.any().attest_as(accuser, &event));
        }
    }

    fn listens(&self) -> bool {
        false
    }
}
