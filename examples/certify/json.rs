//! What was found, as one JSON object.

use meshward::membership::MemberIndex;
use meshward::quorum::{Phase, Proven};
use meshward::wire::Tag;
use meshward::{KeyHistory, View};
use serde_json::{Value, json};

use super::args::Args;
use super::check::{Finding, Signer, Why};
use super::trail::Checked;
use super::words;

/// The whole of it, as it goes to standard output.
pub(crate) fn tell(args: &Args, history: &KeyHistory, findings: &[Checked]) -> String {
    let view = history.view();
    let files = args.files.iter().zip(findings).map(|(path, checked)| {
        json!({
            "file": path.to_string_lossy(),
            "holds": words::is_good(checked),
            "view": checked.view.number().0,
            "says": words::says(checked),
            "found": found(&checked.finding, &checked.view),
        })
    });
    let whole = json!({
        "holds": findings.iter().all(words::is_good),
        "view": {
            "file": args.view.to_string_lossy(),
            "mesh": view.mesh(),
            "number": view.number().0,
            "members": view.len(),
            "quorum": view.quorum(),
            "rotations": history.rotations().count(),
        },
        "files": files.collect::<Vec<_>>(),
    });
    format!("{whole}\n")
}

fn found(finding: &Finding, view: &View) -> Value {
    match finding {
        Finding::Certificate(certified) => json!({
            "kind": "certificate",
            "event": certified.certificate.event(),
            "event_kind": certified.certificate.event().kind(),
            "round": certified.certificate.round(),
            "attestors": signers(&certified.signers, view),
        }),
        Finding::Proof(both) => {
            let (proof, proven) = both.as_ref();
            let both = match proven {
                Proven::Headers(both) => json!({ "headers": both.as_slice() }),
                Proven::Votes(both) => {
                    let votes = both.each_ref().map(|ballot| {
                        let phase = match ballot.phase() {
                            Phase::Prevote => "prevote",
                            Phase::Precommit => "precommit",
                        };
                        json!({ "round": ballot.round(), "phase": phase, "event": ballot.event() })
                    });
                    json!({ "votes": votes })
                }
                _ => Value::Null,
            };
            json!({
                "kind": "proof",
                "offender": member(view.index_of(&proof.node()), view),
                "epoch": proof.epoch().to_string(),
                "key": proof.key(),
                "signed": both,
            })
        }
        Finding::Step(step) => {
            let attestors = step.attestors.iter().map(|place| member(Some(*place), view));
            json!({
                "kind": "step",
                "view": step.next.number().0,
                "digest": step.next.digest(),
                "members": step.next.len(),
                "attestors": attestors.collect::<Vec<_>>(),
            })
        }
        Finding::Bad(bad) => {
            let (reason, signatures) = match &bad.why {
                Why::Refused(refusal) => (refusal.reason(), Vec::new()),
                Why::Signatures(of) => ("bad_signature", signers(of, view)),
                Why::TooLong(_) => ("too_long", Vec::new()),
                Why::Step(_) => ("step", Vec::new()),
                Why::OtherPacket | Why::ViewFile => ("other_file", Vec::new()),
            };
            let kind = match bad.kind {
                Some(Tag::Certificate) => Some("certificate"),
                Some(Tag::Proof) => Some("proof"),
                Some(Tag::View) => Some("step"),
                _ => None,
            };
            json!({ "kind": kind, "reason": reason, "bad_signatures": signatures })
        }
        Finding::Unreadable(_) => json!({ "kind": null, "reason": "unreadable" }),
    }
}

fn signers(signers: &[Signer], view: &View) -> Vec<Value> {
    let each = signers.iter().map(|signer| {
        json!({
            "member": member(Some(signer.member), view),
            "epoch": signer.epoch.to_string(),
            "suite": signer.suite.name(),
        })
    });
    each.collect()
}

fn member(index: Option<MemberIndex>, view: &View) -> Value {
    match index.and_then(|index| view.member(index)) {
        Some(member) => json!({ "name": member.name, "id": member.id }),
        None => Value::Null,
    }
}
