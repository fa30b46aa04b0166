//! What has to hold for the library. Figures of the naive mesh stand beside it and are held to nothing.

use crate::figures::Figures;
use crate::runs::{Ran, Report};
use crate::scenarios::beacon_ms;

/// 99 of 100 messages are faster than this with 20 hostile links for each honest one.
const P99_MS: u32 = 6_000;
/// Signature checks of messages for each that is taken: delivered, or a sign of life of who is in quarantine.
const CHECKS: f64 = 1.05;
/// A proven link that showed so many bad signatures is in quarantine.
const BAD_OF_A_LINK: u64 = 2;
/// So many standard errors a mesh may reach less over lossy links than a flood without faults.
const ERRORS: f64 = 3.0;
/// By how much false accusations may raise what honest members have to say about each other.
const TALK: f64 = 1.1;

pub(crate) struct Bar {
    pub(crate) name: &'static str,
    pub(crate) holds: bool,
    /// What was found, in words; for a bar that was missed, where.
    pub(crate) found: String,
}

pub(crate) fn all(report: &Report) -> Vec<Bar> {
    let bars = [
        delivery(report),
        loss(report),
        delay(report),
        quarantine(report),
        checks(report),
        certified(report),
        truth(report),
        talk(report),
    ];
    bars.into_iter().flatten().collect()
}

fn is_lossy(ran: &Ran) -> bool {
    ran.scenario.loss > 0
}

/// A bar over all scenarios for which `figure` tells whether it holds, and what was found.
fn over(
    report: &Report,
    name: &'static str,
    figure: impl Fn(&Ran) -> Option<(bool, String)>,
    found: impl FnOnce() -> String,
) -> Option<Bar> {
    let each: Vec<_> = report.ran.iter().filter_map(|ran| Some((ran, figure(ran)?))).collect();
    let missed: Vec<_> = each.iter().filter(|(_, (holds, _))| !holds).collect();
    let found = match missed.is_empty() {
        true => found(),
        false => {
            let missed =
                missed.iter().map(|(ran, (_, what))| format!("{}: {what}", ran.scenario.title));
            missed.collect::<Vec<_>>().join("; ")
        }
    };
    (!each.is_empty()).then_some(Bar { name, holds: missed.is_empty(), found })
}

fn delivery(report: &Report) -> Option<Bar> {
    let judge = |ran: &Ran| {
        let Figures { expected, delays, .. } = &ran.meshward;
        let found = format!("{} of {expected}", delays.len());
        (!is_lossy(ran)).then(|| (ran.meshward.is_complete(), found))
    };
    let all = report.ran.iter().filter(|ran| !is_lossy(ran)).map(|ran| ran.meshward.expected);
    let all: u64 = all.sum();
    over(report, "Every honest message is delivered wherever an honest path exists", judge, || {
        format!("{all} of {all}")
    })
}

fn loss(report: &Report) -> Option<Bar> {
    let judge = |ran: &Ran| {
        let (figures, ideal) = (&ran.meshward, ran.meshward.ideal?);
        let is_taken = figures.arrived == figures.delays.len() as u64;
        let found = format!(
            "{:.1} % of messages, {:.1} % by a perfect flood; {} of {} that came were delivered",
            figures.delivery() * 100.0,
            ideal * 100.0,
            figures.delays.len(),
            figures.arrived
        );
        // One flood reaches all or none at worst, and each message is one.
        let messages = figures.expected as f64 / (figures.honest as f64 - 1.0);
        let slack = ERRORS * (ideal * (1.0 - ideal) / messages).sqrt();
        Some((is_taken && figures.delivery() >= ideal - slack, found))
    };
    over(
        report,
        "Over lossy links, all of which a copy arrives is delivered, and that is what a flood can bring",
        judge,
        || {
            let each = report.ran.iter().filter(|ran| is_lossy(ran)).map(|ran| {
                let ideal = ran.meshward.ideal.unwrap_or(0.0) * 100.0;
                format!(
                    "{:.1} of {ideal:.1} % at {} % loss",
                    ran.meshward.delivery() * 100.0,
                    ran.scenario.loss / 10
                )
            });
            each.collect::<Vec<_>>().join(", ")
        },
    )
}

fn delay(report: &Report) -> Option<Bar> {
    let surrounded = ["cold-boot", "covert-flash", "censor", "degrade", "eclipse", "accusations"];
    let ran = |ran: &Ran| surrounded.contains(&ran.scenario.key);
    let worst = report.ran.iter().filter(|one| ran(one)).filter_map(|ran| ran.meshward.delay(0.99));
    let worst = worst.max();
    let judge = |one: &Ran| {
        let p99 = one.meshward.delay(0.99);
        ran(one).then(|| (p99.is_some_and(|p99| p99 < P99_MS), format!("{p99:?} ms")))
    };
    over(
        report,
        "99 of 100 are delivered within 6 s at 20 hostile links for each honest one",
        judge,
        || format!("within {} ms at worst", worst.unwrap_or(0)),
    )
}

fn quarantine(report: &Report) -> Option<Bar> {
    let judge = |ran: &Ran| {
        let (members, links) =
            (ran.meshward.honest_quarantined.len(), ran.meshward.honest_links_quarantined);
        Some((members == 0 && links == 0, format!("{members} members, {links} links")))
    };
    over(report, "No honest node is quarantined, and no link to one", judge, || "0".into())
}

fn checks(report: &Report) -> Option<Bar> {
    let judge = |ran: &Ran| {
        let (checks, link) = (ran.meshward.checks_that_held(), ran.meshward.worst_link());
        let found = format!(
            "{checks:.3}, and {link} bad ones of one link; all in all {:.3}",
            ran.meshward.checks_per_taken()
        );
        // A quick run is too short for what strangers cost once.
        let all = if report.options.is_quick { checks } else { ran.meshward.checks_per_taken() };
        Some((checks <= CHECKS && all <= CHECKS && link <= BAD_OF_A_LINK, found))
    };
    let each = || report.ran.iter().map(|ran| &ran.meshward);
    let worst = each().map(Figures::checks_that_held).fold(0.0, f64::max);
    let link = each().map(Figures::worst_link).max().unwrap_or(0);
    let gross = each().map(Figures::checks_per_taken).fold(0.0, f64::max);
    over(
        report,
        "At most 1.05 signature checks for each message that is taken, and 2 bad ones of a link",
        judge,
        || format!("{worst:.3} at most, {link} of a link; all in all up to {gross:.3}"),
    )
}

fn certified(report: &Report) -> Option<Bar> {
    let bar = bar_ms(report);
    let judge = |ran: &Ran| {
        let mut deaths = ran.meshward.deaths_of(bar).peekable();
        deaths.peek()?;
        let times: Vec<_> = deaths.map(crate::figures::Death::certified_ms).collect();
        let holds = times.iter().all(|time| time.is_some_and(|time| time <= bar));
        let never = times.iter().filter(|time| time.is_none()).count();
        let longest = times.iter().flatten().max();
        let longest = longest.map_or("never".into(), |ms| format!("{:.1} s", *ms as f64 / 1000.0));
        Some((holds, format!("{longest} at most, {never} of {} not at all nodes", times.len())))
    };
    let longest = report.ran.iter().flat_map(|ran| ran.meshward.deaths_of(bar));
    let longest = longest.filter_map(crate::figures::Death::certified_ms).max().unwrap_or(0);
    over(
        report,
        "A true failure is certified at all honest nodes within three beacons and the suspicion time",
        judge,
        || {
            format!(
                "{:.1} s at most, {:.0} s allowed",
                longest as f64 / 1000.0,
                bar as f64 / 1000.0
            )
        },
    )
}

/// Within so long a true failure is to be certified.
pub(crate) fn bar_ms(report: &Report) -> u64 {
    let nodes = report.options.nodes;
    3 * beacon_ms(nodes) + crate::scenarios::config(nodes).quorum.suspicion_ms
}

fn truth(report: &Report) -> Option<Bar> {
    let judge = |ran: &Ran| {
        let count = ran.meshward.false_certificates;
        Some((count == 0, format!("{count}")))
    };
    over(report, "No member that a quorum heard is certified as failed", judge, || "0".to_owned())
}

fn talk(report: &Report) -> Option<Bar> {
    let calm = &report.find("calm")?.meshward;
    let accused = &report.find("accusations")?.meshward;
    let died = &report.find("deaths")?.meshward;
    let own = Figures::own_statements;
    let found = format!(
        "{:.0} bytes of own statements a node and second in calm, {:.0} under false accusations, {:.0} with {} deaths",
        own(calm),
        own(accused),
        own(died),
        died.deaths.len()
    );
    let holds = own(accused) <= own(calm) * TALK && own(died) > own(calm) * TALK;
    Some(Bar {
        name: "False accusations add nothing to what the failure detector has to say; real failures do",
        holds,
        found,
    })
}
