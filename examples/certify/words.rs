//! What was found, in words.

use std::path::Path;

use meshward::quorum::{Ballot, EventKind, Phase, Proven};
use meshward::wire::{Header, Tag};
use meshward::{CriticalEvent, EquivocationProof, KeyHistory, Mark, NodeId, Refusal, View};

use super::args::Args;
use super::check::{Bad, Certified, Finding, Signer, Step, Why};
use super::trail::Checked;

/// The whole of it, as it goes to standard output.
pub(crate) fn tell(args: &Args, history: &KeyHistory, findings: &[Checked]) -> String {
    let view = history.view();
    let mut text = format!(
        "{}: mesh {}, view {}: {} members, of whom {} must agree; {} known.\n",
        path(&args.view),
        view.mesh(),
        view.number().0,
        view.len(),
        view.quorum(),
        count(history.rotations().count(), "rotation of a key is", "rotations of keys are"),
    );
    for (file, checked) in args.files.iter().zip(findings) {
        let said = says(checked);
        let holds = match is_good(checked) {
            true if checked.view.number() == view.number() => "holds".to_owned(),
            true => format!("holds, in view {}", checked.view.number().0),
            false => "DOES NOT HOLD".to_owned(),
        };
        match checked.finding {
            Finding::Unreadable(_) => text += &format!("\n{said}\n"),
            _ => text += &format!("\n{}: {holds}.\n  {said}\n", path(file)),
        }
    }
    text
}

/// Whether it is something that holds.
pub(crate) const fn is_good(checked: &Checked) -> bool {
    matches!(checked.finding, Finding::Certificate(_) | Finding::Proof(_) | Finding::Step(_))
}

/// What one file says, or why it says nothing: some sentences.
pub(crate) fn says(Checked { finding, view }: &Checked) -> String {
    match finding {
        Finding::Step(taken) => step(taken, view),
        Finding::Certificate(certified) => certificate(certified, view),
        Finding::Proof(both) => proof(&both.0, &both.1, view),
        Finding::Bad(bad) => refused(bad, view),
        Finding::Unreadable(sentence) => sentence.clone(),
    }
}

/// A path, fit for a terminal.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

/// The name of a member, fit for a terminal: whoever made the view may have written anything there.
pub(crate) fn name(node: &NodeId, view: &View) -> String {
    let id = node.to_string();
    let short = id.get(..8).unwrap_or_default();
    match view.index_of(node).and_then(|member| view.member(member)) {
        Some(member) => format!("{} ({short})", member.name.escape_debug()),
        None => format!("{short}, which is no member,"),
    }
}

fn certificate(Certified { certificate, signers }: &Certified, view: &View) -> String {
    let event = certificate.event();
    let later = match event.kind() {
        EventKind::NodeFailure | EventKind::LinkDown | EventKind::TopologyPartition => {
            " It says what was agreed then; what was missed may have come back since."
        }
        _ => "",
    };
    format!(
        "{} of {} members attest that {}.{later}\n  Attested by {}.",
        signers.len(),
        view.len(),
        what(event, view),
        names(signers, view),
    )
}

fn step(Step { next, attestors }: &Step, view: &View) -> String {
    let others = |these: &View, those: &View| {
        let new = these.members().iter().filter(|member| those.index_of(&member.id).is_none());
        new.map(|member| name(&member.id, these)).collect::<Vec<_>>()
    };
    let (joined, left) = (others(next, view), others(view, next));
    let rotated = next.members().iter().filter(|member| {
        let before = view.index_of(&member.id).and_then(|place| view.member(place));
        before.is_some_and(|before| before.key != member.key)
    });
    let rotated: Vec<_> = rotated.map(|member| name(&member.id, next)).collect();
    let mut text = format!(
        "{} of {} members of view {} attest that view {} follows: {} members.",
        attestors.len(),
        view.len(),
        view.number().0,
        next.number().0,
        next.len(),
    );
    for (who, does) in [(joined, "Joining"), (left, "Leaving"), (rotated, "With another key")] {
        if !who.is_empty() {
            text += &format!(" {does}: {}.", who.join(", "));
        }
    }
    let attestors = attestors.iter().filter_map(|place| Some(view.member(*place)?.id));
    let attestors: Vec<_> = attestors.map(|id| name(&id, view)).collect();
    text + &format!("\n  Attested by {}.", attestors.join(", "))
}

/// Each with the key it signed with, if that is not the one of the view.
fn names(signers: &[Signer], view: &View) -> String {
    let named = signers.iter().filter_map(|signer| {
        let member = view.member(signer.member)?;
        let name = name(&member.id, view);
        Some(match signer.epoch == member.key.epoch {
            true => name,
            false => format!("{name} under its {} key of epoch {}", signer.suite, signer.epoch),
        })
    });
    named.collect::<Vec<_>>().join(", ")
}

/// An event, as the end of a sentence that begins with "that".
pub(crate) fn what(event: &CriticalEvent, view: &View) -> String {
    match event {
        CriticalEvent::NodeFailure { subject, mark } => {
            format!("nothing was heard of {} {}", name(subject, view), since(mark.as_ref()))
        }
        CriticalEvent::LinkDown { reporter, peer, mark } => format!(
            "{} heard nothing of {} over the link between them {}",
            name(reporter, view),
            name(peer, view),
            since(mark.as_ref()),
        ),
        CriticalEvent::LinkUp { reporter, peer, .. } => format!(
            "{} hears {} again over the link between them",
            name(reporter, view),
            name(peer, view),
        ),
        CriticalEvent::TopologyPartition { unreachable } => {
            let each = unreachable.iter().map(|unheard| {
                format!("{} {}", name(&unheard.node, view), since(unheard.mark.as_ref()))
            });
            format!("nothing was heard of {}", each.collect::<Vec<_>>().join(", of "))
        }
        CriticalEvent::GovernanceProposal { topic, sequence, content } => {
            format!("decision {sequence} on the topic {topic} is {content}")
        }
        CriticalEvent::KeyRotation { node, epoch, key } => {
            format!("the key of {} for epoch {epoch} is {key}", name(node, view))
        }
        CriticalEvent::SecurityIncident { offender, epoch, key } => format!(
            "{} contradicted itself under its key of epoch {epoch}, {key}",
            name(offender, view)
        ),
        CriticalEvent::MembershipChange { view, change } => {
            format!("the members of view {} come about by the change {change}", view.0)
        }
        CriticalEvent::ViewChange { view, digest } => {
            format!("view {} begins, with the digest {digest}", view.0)
        }
    }
}

fn since(mark: Option<&Mark>) -> String {
    match mark {
        Some(Mark { epoch, nonce }) => format!(
            "after message {} of its boot {} under its key of epoch {epoch}",
            nonce.sequence, nonce.boot
        ),
        None => "at any time".to_owned(),
    }
}

fn proof(proof: &EquivocationProof, proven: &Proven, view: &View) -> String {
    let both = match proven {
        Proven::Headers(both) => {
            let [one, other] = both.as_ref();
            let number = one.nonce;
            format!(
                "two different messages with the number {} of its boot {}: {}, and {}",
                number.sequence,
                number.boot,
                message(one),
                message(other)
            )
        }
        Proven::Votes(both) => {
            let [first, second] = both.as_ref();
            let (one, other) = (vote(first, view), vote(second, view));
            let phase = match first.phase() {
                Phase::Prevote => "prevotes",
                Phase::Precommit => "precommits",
            };
            let round = first.round();
            format!("two {phase} in round {round}, where it has one: {one}, and {other}")
        }
        _ => "two statements of which it may make one".to_owned(),
    };
    format!(
        "{} contradicts itself. With its key of epoch {} it signed {both}.",
        name(&proof.node(), view),
        proof.epoch(),
    )
}

fn vote(ballot: &Ballot, view: &View) -> String {
    ballot
        .event()
        .map_or_else(|| "for nothing".to_owned(), |event| format!("that {}", what(&event, view)))
}

fn message(header: &Header) -> String {
    format!(
        "one of the kind {:?}, signed {} ms into that boot, with {} and the digest {}",
        header.kind,
        header.sent_at.0,
        count(header.body_len(), "byte", "bytes"),
        header.body,
    )
}

fn refused(Bad { kind, why }: &Bad, view: &View) -> String {
    match why {
        Why::Signatures(of) => {
            let bad = match of.len() {
                1 => "The signature of",
                _ => "The signatures of",
            };
            let hold = if of.len() == 1 { "does" } else { "do" };
            format!("{bad} {} {hold} not hold, and one such voids the whole.", names(of, view))
        }
        Why::TooLong(limit) => format!(
            "It is longer than {limit} bytes, which is what a certificate or a proof may have in \
             a mesh of this size."
        ),
        Why::OtherPacket => format!(
            "It is {}, and neither a certificate nor a proof nor a step to the next view.",
            kind.map_or("something else", packet)
        ),
        Why::ViewFile => "It is a view file; that goes first, and is not checked itself.".into(),
        Why::Step(error) => sentence(&error.to_string()),
        Why::Refused(refusal) => match refusal {
            Refusal::OtherMesh(mesh) => {
                format!("It is of mesh {mesh}, and the view file is of mesh {}.", view.mesh())
            }
            Refusal::UnknownKey { origin, epoch } => format!(
                "The view file does not have the key of {} for epoch {epoch} that is used here. A \
                 newer view file may.",
                name(origin, view)
            ),
            Refusal::Malformed(error) => format!("It is cut off or altered: {error}."),
            other => sentence(&other.to_string()),
        },
    }
}

/// What it claims to be.
pub(crate) const fn packet(tag: Tag) -> &'static str {
    match tag {
        Tag::Frame => "a message",
        Tag::Attestation => "one member's attestation",
        Tag::Rotation => "the rotation of a key",
        Tag::Hello => "a Hello",
        Tag::Certificate => "a certificate",
        Tag::Proof => "a proof",
        Tag::Cookie | Tag::CookieEcho => "a cookie",
        Tag::Challenge => "the question whether members live",
        Tag::Answer => "a member's answer that it lives",
        Tag::Ballot => "one member's ballot",
        Tag::Change => "a change of the members",
        Tag::Claim => "the number that a node claims for its start",
        Tag::Witness => "a member's word that it stored such claims",
        Tag::View => "a step to the next view",
        Tag::Prevotes => "two thirds of prevotes, which certify nothing",
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
