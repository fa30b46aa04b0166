//! What was promised, against what was counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use meshward::{Certificate, CriticalEvent, Directory, View, quorum_size};

use crate::options::Options;
use crate::plan::Plan;
use crate::protocol::{BEACON_MS, Counts, SUSPICION_MS};
use crate::rotation;
use crate::seen::{Announced, Round, Seen};

/// What a busy machine may add to what is due by the clock, in milliseconds: ticks, sending again,
/// and being held up.
const SLACK_MS: u64 = 2_000;
/// From the kill to the last certificate, and to traffic on another route, in milliseconds: the
/// victim is suspected after the suspicion time, and the nodes agree on its last beacon.
const BOUND_MS: u64 = SUSPICION_MS + 3 * BEACON_MS + SLACK_MS;

/// One promise.
pub(crate) struct Line {
    pub(crate) promise: String,
    pub(crate) counted: String,
    pub(crate) holds: bool,
}

/// What was counted, as numbers.
pub(crate) struct Numbers {
    pub(crate) delivered: u64,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) honest_quarantined: usize,
    /// Distinct certificates that hold.
    pub(crate) certificates: usize,
    pub(crate) false_certificates: usize,
    pub(crate) certificate_ms: Option<u64>,
    pub(crate) failover_ms: Option<u64>,
    pub(crate) signature_checks: u64,
    /// Datagrams that nobody vouched for and nobody had the time to look at.
    pub(crate) shed: u64,
    /// Probes that arrived, of how many sent.
    pub(crate) probes: (usize, usize),
}

/// The judgement on a run.
pub(crate) struct Verdict {
    pub(crate) lines: Vec<Line>,
    pub(crate) numbers: Numbers,
    /// Why not every promise could hold.
    pub(crate) explanation: Option<String>,
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        self.lines.iter().all(|line| line.holds)
    }
}

/// Judges a run.
pub(crate) fn judge(plan: &Plan, seen: &Seen, view: View) -> Verdict {
    let history = rotation::history(view, seen);
    let directory = history.directory();
    let mut judge = Judge { plan, seen, directory, lines: Vec::new() };
    judge.gossip();
    judge.lines.extend(rotation::judge(plan, seen));
    judge.outsider();
    judge.liars();
    let (certificates, false_certificates) = judge.certificates();
    let bearable = plan.liars.len() <= Options::bearable(plan.nodes);
    if !bearable {
        judge.alarm();
    }
    let (certificate_ms, failover_ms) = judge.failover();
    judge.restart();
    let all: Vec<_> = judge.honest_counts().collect();
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in all.iter().flat_map(|counts| &counts.refused) {
        *refused.entry(reason.clone()).or_default() += count;
    }
    let numbers = Numbers {
        delivered: all.iter().map(|counts| counts.delivered).sum(),
        refused,
        honest_quarantined: judge.honest_quarantined(),
        certificates,
        false_certificates,
        certificate_ms,
        failover_ms,
        shed: all.iter().map(|counts| counts.shed).sum(),
        probes: (seen.probes.len(), seen.probes_sent.len()),
        signature_checks: all.iter().map(|counts| counts.checks).sum(),
    };
    let explanation = (!bearable).then(|| explain(plan));
    Verdict { lines: judge.lines, numbers, explanation }
}

fn explain(plan: &Plan) -> String {
    let (liars, left) = (plan.liars.len(), plan.survivors().count());
    let needed = quorum_size(plan.nodes);
    format!(
        "{liars} liars and one dead node leave {left} members that speak, and {needed} of {} must \
         attest a failure: nothing can be certified, so nobody may give the dead node up for all, \
         and traffic does not fail over. The mesh says so by its NoQuorum alarm, and certifies \
         nothing false.",
        plan.nodes
    )
}

struct Judge<'a> {
    plan: &'a Plan,
    seen: &'a Seen,
    directory: &'a Directory,
    lines: Vec<Line>,
}

impl Judge<'_> {
    fn line(&mut self, promise: impl Into<String>, counted: impl Into<String>, holds: bool) {
        self.lines.push(Line { promise: promise.into(), counted: counted.into(), holds });
    }

    /// The last counts of each honest node in each of its lives.
    fn honest_counts(&self) -> impl Iterator<Item = &Counts> {
        let first_life = self.seen.counts(Round::Arrived, self.plan.victim);
        let last = self.plan.honest().filter_map(|node| self.seen.counts(Round::End, node));
        first_life.into_iter().chain(last)
    }

    fn gossip(&mut self) {
        let (mut sent, mut arrived) = (0_usize, 0_usize);
        for origin in self.plan.honest() {
            let beats = |round| self.seen.counts(round, origin).map_or(0, |counts| counts.beats);
            let window = beats(Round::Formed) + 1..=beats(Round::Sent);
            for node in self.plan.honest().filter(|node| *node != origin) {
                sent += window.clone().count();
                let counts = self.seen.counts(Round::Arrived, node);
                let of_origin = counts
                    .into_iter()
                    .flat_map(|counts| &counts.heard)
                    .filter(|heard| heard.0 == origin);
                arrived += of_origin
                    .flat_map(|heard| &heard.2)
                    .filter(|beat| window.contains(beat))
                    .count();
            }
        }
        let percent = arrived as f64 * 100.0 / sent.max(1) as f64;
        self.line(
            "Beacons of honest nodes reach all honest nodes: at least 99 %",
            format!("{arrived} of {sent} ({percent:.1} %)"),
            sent > 0 && arrived * 100 >= sent * 99,
        );
        let (routed, all) = (self.seen.routed(self.plan).count(), self.plan.honest().count());
        self.line(
            "Routes form: every honest node has one to every other",
            format!("{routed} of {all} nodes"),
            routed == all,
        );
        let twice: u64 = self.honest_counts().map(|counts| counts.twice).sum();
        self.line("No message is delivered twice", format!("{twice} were"), twice == 0);
    }

    fn outsider(&mut self) {
        let forged: u64 = self.honest_counts().map(|counts| counts.forged).sum();
        let sent = self.seen.outsider;
        self.line(
            "Nothing forged is delivered",
            format!("{forged} were, by {} datagrams", sent.forged + sent.framing),
            forged == 0 && sent.forged + sent.framing > 0,
        );
        let reasons = ["bad_signature", "unknown_key", "duplicate", "not_understood"];
        let refused: Vec<(&str, u64)> = reasons
            .into_iter()
            .map(|reason| {
                let of =
                    |counts: &Counts| counts.refused_unproven.get(reason).copied().unwrap_or(0);
                (reason, self.honest_counts().map(of).sum())
            })
            .collect();
        let shown: Vec<_> =
            refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        self.line(
            "Forgeries, replays and garbage are refused for what they are",
            shown.join(", "),
            refused.iter().all(|(_, count)| *count > 0),
        );
        let framed = self.honest_quarantined();
        self.line(
            "No honest node, nor its link, is ever in quarantine",
            format!("{framed} were"),
            framed == 0,
        );
    }

    fn honest_quarantined(&self) -> usize {
        let honest = |node: usize| !self.plan.is_liar(node);
        let nodes = self.seen.quarantined.iter();
        let links = self.seen.links_quarantined.iter();
        let at_end = self.honest_counts().flat_map(|counts| &counts.quarantined);
        nodes.filter(|(by, node)| honest(*by) && honest(*node)).count()
            + links
                .filter(|(by, node)| honest(*by) && usize::try_from(*node).is_ok_and(honest))
                .count()
            + at_end.filter(|node| honest(**node)).count()
    }

    fn liars(&mut self) {
        let Some(liar) = self.plan.equivocator() else { return };
        let all = self.plan.honest().count();
        let proven =
            self.plan.honest().filter(|node| self.seen.equivocated.contains(&(*node, liar)));
        let proven = proven.count();
        self.line(
            format!("The liar n{liar} contradicts itself: every honest node gets proof"),
            format!("{proven} of {all} nodes"),
            proven == all,
        );
    }

    /// Checks every certificate that was announced, as anyone could who has the view and nothing
    /// else.
    fn certificates(&mut self) -> (usize, usize) {
        let mut distinct: BTreeMap<&[u8], &Announced> = BTreeMap::new();
        for one in &self.seen.certified {
            // The first announcement of each tells when it came about.
            distinct.entry(&one.bytes).or_insert(one);
        }
        let checked: Vec<_> = distinct
            .values()
            .map(|one| {
                let checked = Certificate::verify(&one.bytes, self.directory);
                (checked.ok(), one.at)
            })
            .collect();
        let sound = checked.iter().filter(|(checked, _)| checked.is_some()).count();
        self.line(
            "Every certificate holds when checked offline from the view and its rotations",
            format!("{sound} of {}", distinct.len()),
            sound == distinct.len(),
        );
        let of_the_living = checked
            .iter()
            .filter_map(|(checked, at)| Some((checked.as_ref()?, *at)))
            .filter(|(certificate, at)| self.is_false(certificate, *at))
            .count();
        let accusations = self.accusations();
        self.line(
            format!(
                "No live honest node is certified as failed (n{} was accused)",
                self.plan.accused
            ),
            format!("{of_the_living} were, by {accusations} accusations"),
            of_the_living == 0 && (accusations > 0 || self.plan.liars.is_empty()),
        );
        (sound, of_the_living)
    }

    /// What honest nodes took of the liars' accusations against the live node.
    fn accusations(&self) -> u64 {
        let all = self.honest_counts().flat_map(|counts| &counts.accusations);
        all.filter(|(by, of, _)| self.plan.is_liar(*by) && *of == self.plan.accused)
            .map(|(_, _, count)| count)
            .sum()
    }

    /// Whether a certificate says of a live honest node that it has failed.
    fn is_false(&self, certificate: &Certificate, at: Instant) -> bool {
        let CriticalEvent::NodeFailure { subject, mark } = certificate.event() else {
            return false;
        };
        let member = self.directory.view().index_of(subject);
        let member = member.and_then(|index| self.directory.view().member(index));
        let name = member.map_or("", |member| member.name.as_str());
        if name == format!("n{}", self.plan.victim) {
            // It is dead from the kill on, and was heard of up to then under its first boot.
            let in_second_life = mark.is_some_and(|mark| mark.nonce.boot > 1);
            return in_second_life || self.seen.killed.is_none_or(|killed| at < killed);
        }
        self.plan.survivors().any(|node| name == format!("n{node}"))
    }

    fn alarm(&mut self) {
        let all = self.plan.survivors().count();
        let alarmed =
            self.plan.survivors().filter(|node| self.seen.no_quorum.contains(node)).count();
        self.line(
            "Without a quorum, every honest node alarms",
            format!("{alarmed} of {all} nodes"),
            alarmed == all,
        );
    }

    fn failover(&mut self) -> (Option<u64>, Option<u64>) {
        let victim = self.plan.victim;
        let since_kill = |at: Instant| {
            let since = at.saturating_duration_since(self.seen.killed?);
            u64::try_from(since.as_millis()).ok()
        };
        let by = self.seen.certified_by(victim);
        let all = self.plan.survivors().count();
        let holders = self.plan.survivors().filter(|node| by.contains(node)).count();
        let mut first: BTreeMap<usize, Instant> = BTreeMap::new();
        for one in self.seen.certified.iter().filter(|one| one.about == Some(victim)) {
            first.entry(one.by).or_insert(one.at);
        }
        let slowest = first
            .iter()
            .filter(|(by, _)| **by != victim && !self.plan.is_liar(**by))
            .filter_map(|(_, at)| since_kill(*at))
            .max();
        let around = self.seen.first_around(victim).and_then(|(_, _, at)| since_kill(*at));
        let certificate = slowest.filter(|_| holders == all);
        self.line(
            format!("n{victim} is killed: all {all} others certify its failure"),
            format!("{holders} of {all} nodes"),
            holders == all,
        );
        let shown = |ms: Option<u64>| ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
        self.line(
            format!("... within {BOUND_MS} ms of the kill, the last of them"),
            shown(certificate),
            certificate.is_some_and(|ms| ms <= BOUND_MS),
        );
        let (through, before) = self.traffic_before_the_kill();
        self.line(
            format!("Traffic goes through n{victim} until it is killed"),
            format!("{through} of the last {before} probes"),
            before > 0 && through == before,
        );
        self.line(
            format!("... and fails over to another route within {BOUND_MS} ms"),
            shown(around),
            around.is_some_and(|ms| ms <= BOUND_MS),
        );
        (certificate, around)
    }

    /// Of the probes that arrived within the second before the kill: those that came through the
    /// victim, and all.
    fn traffic_before_the_kill(&self) -> (usize, usize) {
        let Some(killed) = self.seen.killed else { return (0, 0) };
        let within = |at: &Instant| {
            *at < killed && killed.saturating_duration_since(*at) < Duration::from_secs(1)
        };
        let before: Vec<_> = self.seen.probes.iter().filter(|(_, _, at)| within(at)).collect();
        let through = before.iter().filter(|(_, path, _)| path.contains(&self.plan.victim)).count();
        (through, before.len())
    }

    fn restart(&mut self) {
        let victim = self.plan.victim;
        let all = self.plan.survivors().count();
        let again = |node: &usize| {
            let counts = self.seen.counts(Round::End, *node);
            counts.is_some_and(|counts| {
                let boots = counts.heard.iter().filter(|heard| heard.0 == victim);
                boots.map(|heard| heard.1).eq([1, 2])
            })
        };
        let heard = self.plan.survivors().filter(again).count();
        self.line(
            format!("n{victim} restarts: all others hear it again, under a new boot"),
            format!("{heard} of {all} nodes"),
            heard == all,
        );
        let (well, of) = self.seen.ended;
        self.line(
            "Every process ends when told to; none is left behind",
            format!("{well} of {of}"),
            well == of && of == self.plan.nodes,
        );
    }
}
