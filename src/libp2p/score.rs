//! What gossipsub's peer score is made of here.
//!
//! The parts and their names are those of the [specification] of gossipsub v1.1, "Peer Scoring"; the numbers
//! follow from one rule: **an honest peer has 0**, whatever is handed to it, and nothing outweighs an offence.
//!
//! | part | weight | why |
//! |---|---|---|
//! | P1 time in mesh, P2 first deliveries | 0 | nobody is to earn by patience or speed what a forgery costs |
//! | P3 deliveries in the mesh, P3b | −4, or 0 | only with [`Settings::silent_after`]: a pause costs the place in the mesh and no more |
//! | P4 invalid messages | −10 a message, squared, forgotten in 10 minutes | what [`Verdict::Punish`] rejects |
//! | P5 of the application | −100 × (1 − reputation of the link in meshward) | one record for what comes by gossipsub and directly; it outlives the connection |
//! | P6 peers of one address | 0 | members are known by name, and may live behind one address |
//! | P7 misbehaviour in the protocol | −1, squared, beyond 20 | who is busy breaks a promise at times; who promises what it has not breaks hundreds |
//! | slow peers | 0 | whoever is flooded by others reads slowly |
//!
//! | below | what follows | with the default penalties that is, of messages that came by gossipsub |
//! |---|---|---|
//! | 0 | out of the mesh | one rejected |
//! | −10 | no gossip | one rejected |
//! | −30 | nothing is published to it | one forged signature, or a second malformed message |
//! | −50 | nothing of it is looked at | a second forged signature, or a second malformed message |
//!
//! [specification]: https://github.com/libp2p/specs/blob/master/pubsub/gossipsub/gossipsub-v1.1.md
//! [`Settings::silent_after`]: super::Settings::silent_after
//! [`Verdict::Punish`]: super::Verdict::Punish

use std::collections::HashMap;
use std::time::Duration;

use libp2p::gossipsub::{
    PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams,
    score_parameter_decay_with_base,
};

use crate::reputation::Reputation;

/// Counters are reckoned anew so often, the shortest time that gossipsub allows.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long an invalid message and a silence count, less and less.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// What is less than this is nothing.
const NOTHING: f64 = 0.01;
/// Deliveries that count at most, and how many of them must be left.
const DELIVERIES: f64 = 10.0;
const DELIVERIES_LEFT: f64 = 1.0;
/// P5 of a link without any reputation left.
const WORST_LINK: f64 = -100.0;
/// P5 of a peer that is isolated: out of the mesh, and heard.
const ISOLATED: f64 = -5.0;

/// The thresholds of the [table](self), for [`gossipsub::Behaviour::with_peer_score`]. A host with a gossipsub of
/// its own may use them, too.
///
/// [`gossipsub::Behaviour::with_peer_score`]: libp2p::gossipsub::Behaviour::with_peer_score
pub fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -30.0,
        graylist_threshold: -50.0,
        // Nobody has that much: peers that others name are not taken, and nobody is grafted for its score.
        accept_px_threshold: 1.0,
        opportunistic_graft_threshold: 0.0,
    }
}

/// The parameters of the [table](self) for `topic`; with `silent_after` as in
/// [`Settings::silent_after`](super::Settings::silent_after).
pub fn params(topic: TopicHash, silent_after: Option<Duration>) -> PeerScoreParams {
    PeerScoreParams {
        topics: HashMap::from([(topic, topic_params(silent_after))]),
        topic_score_cap: 0.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 20.0,
        behaviour_penalty_decay: 0.9,
        decay_interval: INTERVAL,
        decay_to_zero: NOTHING,
        // Gossipsub keeps every peer that was ever connected for so long, so that peers made up by the
        // thousand take memory. Meshward remembers links itself, a fixed number of them.
        retain_score: Duration::from_secs(60),
        slow_peer_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

fn topic_params(silent_after: Option<Duration>) -> TopicScoreParams {
    let decay = |time, left| score_parameter_decay_with_base(time, INTERVAL, left);
    let pause = silent_after.unwrap_or(FORGOTTEN_AFTER);
    let pause_weight = if silent_after.is_some() { -4.0 } else { 0.0 };
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: pause_weight,
        mesh_message_deliveries_decay: decay(pause, DELIVERIES_LEFT / DELIVERIES),
        mesh_message_deliveries_cap: DELIVERIES,
        mesh_message_deliveries_threshold: DELIVERIES_LEFT,
        mesh_message_deliveries_window: Duration::from_secs(2),
        mesh_message_deliveries_activation: pause,
        mesh_failure_penalty_weight: pause_weight,
        mesh_failure_penalty_decay: decay(FORGOTTEN_AFTER, NOTHING),
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: decay(FORGOTTEN_AFTER, NOTHING),
        ..TopicScoreParams::default()
    }
}

/// P5 of a peer whose link has this reputation.
pub(super) fn of_application(reputation: Reputation, isolated: bool) -> f64 {
    WORST_LINK * (1.0 - reputation.as_f64()) + if isolated { ISOLATED } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gossipsub_takes_the_numbers() {
        for silent_after in [None, Some(Duration::from_secs(5)), Some(Duration::from_secs(3_600))] {
            params(TopicHash::from_raw("topic"), silent_after).validate().unwrap();
        }
        thresholds().validate().unwrap();
    }

    #[test]
    fn isolation_deafens_nobody() {
        let (clean, worst) = (Reputation::FULL, Reputation::ZERO);
        assert_eq!(of_application(clean, false), 0.0);
        assert!(of_application(clean, true) < 0.0);
        assert!(of_application(clean, true) > thresholds().gossip_threshold);
        assert!(of_application(worst, false) < thresholds().graylist_threshold);
    }
}
