//! The end of a run: a table for people, or one JSON object for programs.

use serde_json::{Value, json};

use crate::options::Options;
use crate::phases::{self, Reached};
use crate::plan::Plan;
use crate::seen::Seen;
use crate::verdict::{Line, Verdict};

/// Prints the table.
pub(crate) fn table(plan: &Plan, verdict: &Verdict, seen: &Seen) {
    let numbers = &verdict.numbers;
    let width = |text: fn(&Line) -> &str| {
        verdict.lines.iter().map(|line| text(line).chars().count()).max().unwrap_or(0)
    };
    let (promised, counted) = (width(|line| &line.promise), width(|line| &line.counted));
    println!();
    println!("{:<promised$}  {:<counted$}  holds", "promised", "counted");
    println!("{:-<promised$}  {:-<counted$}  -----", "", "");
    for line in &verdict.lines {
        let holds = if line.holds { "yes" } else { "NO" };
        println!("{:<promised$}  {:<counted$}  {holds}", line.promise, line.counted);
    }
    println!();
    println!("n{} was killed; the loops of the others came to", plan.victim);
    for reached in phases::of_the_kill(plan, seen) {
        let Reached { phase, nodes, first, last, took_us } = reached;
        println!(
            "  {:<10}{:<40}{:5.2} s, the last of {nodes} {:5.2} s{}",
            phase.name(),
            phase.meaning(),
            first.as_secs_f64(),
            last.as_secs_f64(),
            took_us.map_or(String::new(), |most| format!("; {most} us at most")),
        );
    }
    println!();
    println!("delivered             {}", numbers.delivered);
    println!("refused               {}", numbers.refused.values().sum::<u64>());
    for (reason, count) in &numbers.refused {
        println!("  {reason:<20}{count}");
    }
    println!("dropped unread        {}", numbers.shed);
    println!("signatures checked    {}", numbers.signature_checks);
    println!("sent by the outsider  {}", seen.outsider.total());
    println!("certificates          {}", numbers.certificates);
    println!("probes                {} of {} arrived", numbers.probes.0, numbers.probes.1);
    println!();
    if let Some(explanation) = &verdict.explanation {
        println!("{explanation}");
    }
    let broken = verdict.lines.iter().filter(|line| !line.holds).count();
    match broken {
        0 => println!("Every promise held."),
        _ => println!("{broken} of {} promises did not hold.", verdict.lines.len()),
    }
}

/// The same as one JSON object.
pub(crate) fn json(options: &Options, plan: &Plan, verdict: &Verdict, seen: &Seen) -> Value {
    let numbers = &verdict.numbers;
    let lines = verdict.lines.iter().map(
        |line| json!({ "promise": line.promise, "counted": line.counted, "holds": line.holds }),
    );
    json!({
        "holds": verdict.holds(),
        "explanation": verdict.explanation,
        "options": {
            "nodes": options.nodes,
            "byzantine": options.byzantine,
            "seconds": options.seconds,
            "suite": options.suite.name(),
            "seed": options.seed,
        },
        "parts": {
            "liars": plan.liars,
            "victim": plan.victim,
            "accused": plan.accused,
            "framed": plan.framed,
            "source": plan.source,
            "target": plan.target,
        },
        "promises": lines.collect::<Vec<_>>(),
        "counted": {
            "delivered": numbers.delivered,
            "refused": numbers.refused,
            "dropped_unread": numbers.shed,
            "probes_sent": numbers.probes.1,
            "probes_arrived": numbers.probes.0,
            "honest_nodes_quarantined": numbers.honest_quarantined,
            "certificates": numbers.certificates,
            "false_certificates": numbers.false_certificates,
            "kill_to_certificate_ms": numbers.certificate_ms,
            "kill_to_failover_ms": numbers.failover_ms,
            "phases_after_the_kill": phases::of_the_kill(plan, seen).iter().map(|reached| json!({
                "phase": reached.phase.name(),
                "nodes": reached.nodes,
                "first_ms": reached.first.as_millis(),
                "last_ms": reached.last.as_millis(),
                "step_us": reached.took_us,
            })).collect::<Vec<_>>(),
            "signatures_checked": numbers.signature_checks,
            "outsider": {
                "forged": seen.outsider.forged,
                "framing": seen.outsider.framing,
                "replayed": seen.outsider.replayed,
                "spoiled_fragments": seen.outsider.spoiled,
                "garbage": seen.outsider.garbage,
            },
        },
    })
}
