//! What each offence costs.

use crate::reputation::{Offence, Reputation};

/// What each offence takes from the score: more than 0.0, at most 1.0. The reasons for the
/// defaults stand beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Penalties {
    /// Default 0.4: two, ten minutes apart at most. A relay checks before it forwards, so this is its own
    /// doing or a fault of its memory, which does not come twice. Each takes a check: at 20 hostile links
    /// for each honest one, eight of each would be a seventh of all checks.
    pub bad_signature: Reputation,
    /// Default 0.1: it costs no check, and a neighbour with newer software may err this way.
    pub malformed: Reputation,
    /// Default 0.2: the digest is cheap to check, so nobody forwards this by oversight.
    pub body_mismatch: Reputation,
    /// Default 0.02, once a second at most: a burst of honest traffic is no attack, half a minute
    /// over the budget is.
    pub over_budget: Reputation,
    /// Default 1.0; it must be enough for quarantine at once, for there is no innocent equivocation
    /// except that of a host that lost its memory, and that one must stop, too.
    pub equivocation: Reputation,
    /// Default 0.2: each proof takes a whole burst too many, so four are no accident.
    pub over_rate: Reputation,
    /// Default 0.4: two. It makes every receiver check up to a whole quorum of signatures.
    pub refuted_certificate: Reputation,
}

impl Penalties {
    /// The penalty for `offence`.
    pub const fn of(&self, offence: Offence) -> Reputation {
        match offence {
            Offence::BadSignature => self.bad_signature,
            Offence::Malformed => self.malformed,
            Offence::BodyMismatch => self.body_mismatch,
            Offence::OverBudget => self.over_budget,
            Offence::Equivocation => self.equivocation,
            Offence::OverRate => self.over_rate,
            Offence::RefutedCertificate => self.refuted_certificate,
        }
    }
}

impl Default for Penalties {
    fn default() -> Self {
        Self {
            bad_signature: Reputation::from_ppm(400_000),
            malformed: Reputation::from_ppm(100_000),
            body_mismatch: Reputation::from_ppm(200_000),
            over_budget: Reputation::from_ppm(20_000),
            equivocation: Reputation::FULL,
            over_rate: Reputation::from_ppm(200_000),
            refuted_certificate: Reputation::from_ppm(400_000),
        }
    }
}
