//! Events in words, for people.

use meshward::host::mapek::Alert;
use meshward::{CriticalEvent, Event, NodeId, RotationCause};

use super::names::Names;

/// What happened. The name of the event stands beside it.
pub(crate) fn event(event: &Event, names: &Names) -> String {
    let name = |node: &NodeId| names.name(node);
    match event {
        Event::MemberQuarantined { node, offence, .. } => {
            format!("{} is in quarantine for {}", name(node), offence.name())
        }
        Event::QuarantineWithheld { node, offence } => format!(
            "{} deserves quarantine for {}, but as many as may lie are in it already",
            name(node),
            offence.name()
        ),
        Event::MemberReleased { node } => format!("{} is out of quarantine", name(node)),
        Event::LinkQuarantined { link, offence, .. } => {
            format!("{} is in quarantine for {}", names.link(*link), offence.name())
        }
        Event::LinkReleased { link } => format!("{} is out of quarantine", names.link(*link)),
        Event::Equivocation(proof) => {
            format!("{} contradicted itself under its signature", name(&proof.node()))
        }
        Event::BootConfirmed { boot } => format!("a quorum has confirmed start {boot}"),
        Event::OtherSelf { nonce } => {
            format!("somebody else signs with the key of this node: message {nonce}")
        }
        Event::Abstains { ballot } => {
            format!("this node does not remember a vote of its own, and abstains: {ballot:?}")
        }
        Event::Proposed { event, by } => {
            format!("{} proposes: {}", name(by), critical(event, names))
        }
        Event::ChangeProposed { .. } => "a change of the members is proposed".to_owned(),
        Event::ViewChanged { view } => {
            format!("view {} has begun, with {} members", view.number().0, view.len())
        }
        Event::RivalView { number, digest } => {
            format!("a rival of view {} is signed by two thirds: {digest}", number.0)
        }
        Event::Certified(certificate) => format!(
            "{} members attest: {}",
            certificate.attestors().len(),
            critical(certificate.event(), names)
        ),
        Event::NodeReturned { node } => format!("{} is heard again", name(node)),
        Event::LinkRestored { reporter, peer } => {
            format!("{} hears {} again over their link", name(reporter), name(peer))
        }
        Event::NoQuorum { silent, tolerated } => {
            format!("{silent} members are silent, {tolerated} may be: nothing can be agreed on")
        }
        Event::QuorumRestored => "enough members are heard again".to_owned(),
        Event::RotatesByItself { cause } => {
            let why = match cause {
                RotationCause::Age => "its age",
                RotationCause::Messages => "what it signed",
                RotationCause::OtherSelf => "somebody else who signs with it",
                _ => "another reason",
            };
            format!("this node replaces its key for {why}")
        }
        Event::SigningStopped { epoch } => {
            format!("this node signs nothing any more; the last key was that of epoch {epoch}")
        }
        Event::KeyRotated { node, epoch, suite } => {
            format!("{} has a new key: {suite}, epoch {epoch}", name(node))
        }
        Event::KeyRecovered { node, epoch, suite } => {
            format!("{} took its identity back: {suite}, epoch {epoch}", name(node))
        }
        Event::KeysFrozen { node, epoch } => {
            format!("two changes of the key of {} lead to epoch {epoch}", name(node))
        }
        Event::Promoted { rule, stage, .. } => format!("{} goes on to {stage}", rule.name()),
        Event::RolledBack { rule, stage, members } => {
            format!("{} goes back to {stage}: {members} members were refused", rule.name())
        }
        _ => String::new(),
    }
}

/// What is agreed on.
pub(crate) fn critical(event: &CriticalEvent, names: &Names) -> String {
    let name = |node: &NodeId| names.name(node);
    match event {
        CriticalEvent::NodeFailure { subject, .. } => format!("{} has failed", name(subject)),
        CriticalEvent::LinkDown { reporter, peer, .. } => {
            format!("{} does not hear {} over their link", name(reporter), name(peer))
        }
        CriticalEvent::TopologyPartition { unreachable } => {
            let nodes: Vec<_> = unreachable.iter().map(|one| name(&one.node)).collect();
            format!("out of reach together: {}", nodes.join(", "))
        }
        CriticalEvent::GovernanceProposal { topic, sequence, content } => {
            format!("proposal {sequence} on {topic}: {content}")
        }
        CriticalEvent::KeyRotation { node, epoch, .. } => {
            format!("{} is given another key, epoch {epoch}", name(node))
        }
        CriticalEvent::SecurityIncident { offender, .. } => {
            format!("{} contradicted itself under its signature", name(offender))
        }
        CriticalEvent::MembershipChange { view, change } => {
            format!("view {} is to begin by change {change}", view.0)
        }
        CriticalEvent::ViewChange { view, .. } => format!("view {} begins", view.0),
        CriticalEvent::LinkUp { reporter, peer, .. } => {
            format!("{} hears {} again over their link", name(reporter), name(peer))
        }
    }
}

/// What no node can mend by itself.
pub(crate) fn alert(alert: &Alert) -> String {
    match alert {
        Alert::NoQuorum { silent, tolerated } => {
            format!("{silent} members are silent, {tolerated} may be: nothing can be agreed on")
        }
        Alert::CutOff { heard } => {
            format!("this node is cut off: it hears {heard} members, itself included")
        }
        Alert::SelfDoubt { times } => format!(
            "this node may be the one at fault: it waits {times} times as long for the others"
        ),
        other => format!("{other:?}"),
    }
}
