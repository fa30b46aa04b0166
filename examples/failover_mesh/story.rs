//! The run, from the first beacon to the last count.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use meshward::View;

use crate::fleet::{Fleet, Heard, What};
use crate::options::Options;
use crate::outsider::{Outsider, Sent};
use crate::plan::Plan;
use crate::protocol::Command;
use crate::seen::{Round, Seen};

/// How often traffic is sent.
const PROBE: Duration = Duration::from_millis(50);
/// How much later than planned something may happen on a busy machine before the run goes on
/// without it. What happened too late is judged in the end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// A run under way.
pub(crate) struct Story<'a> {
    pub(crate) options: &'a Options,
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: Fleet,
    view: View,
    pub(crate) seen: Seen,
    pub(crate) begin: Instant,
    probing: Option<Instant>,
    next_probe: u64,
    failed_over: bool,
    /// Which honest nodes have which news.
    spreading: BTreeMap<String, BTreeSet<usize>>,
}

impl<'a> Story<'a> {
    /// Runs it all.
    ///
    /// # Errors
    /// A sentence about what could not be carried out. Broken promises are no errors here.
    pub(crate) fn tell(options: &'a Options, plan: &'a Plan) -> Result<(Seen, View), String> {
        let (fleet, view) = Fleet::create(options, plan)?;
        let mut story = Self {
            options,
            plan,
            fleet,
            view,
            seen: Seen::default(),
            begin: Instant::now(),
            probing: None,
            next_probe: 0,
            failed_over: false,
            spreading: BTreeMap::new(),
        };
        story.assemble()?;
        story.form_routes()?;
        story.rotate()?;
        let outsider = story.let_the_outsider_in()?;
        story.let_them_lie()?;
        story.collect(outsider)?;
        story.kill()?;
        story.restart()?;
        story.end()
    }

    fn assemble(&mut self) -> Result<(), String> {
        for node in 0..self.plan.nodes {
            self.fleet.start(node, 1)?;
        }
        let nodes = self.plan.nodes;
        self.wait(Duration::ZERO, 5 * PATIENCE, |seen| seen.ports.len() == nodes)?;
        if self.seen.ports.len() < nodes {
            return Err(format!("only {} of {nodes} nodes started.", self.seen.ports.len()));
        }
        self.begin = Instant::now();
        self.tell_ports()?;
        let Plan { victim, source, target, liars, accused, framed, .. } = self.plan;
        self.say(&format!(
            "{nodes} nodes run, quorum {}; Byzantine: {}; traffic n{source} -> n{target} through \
             n{victim}; accused n{accused}, framed n{framed}; seed {}",
            self.view.quorum(),
            names(liars),
            self.options.seed
        ));
        Ok(())
    }

    fn form_routes(&mut self) -> Result<(), String> {
        self.probing = Some(Instant::now() + self.at(1.6));
        self.wait(self.at(2.4), Duration::ZERO, |_| false)?;
        let late = Instant::now() + PATIENCE;
        loop {
            self.count(Round::Formed)?;
            if Instant::now() >= late
                || self.seen.routed(self.plan).count() == self.plan.honest().count()
            {
                break;
            }
            let elapsed = self.begin.elapsed() + 2 * PROBE;
            self.wait(elapsed, Duration::ZERO, |_| false)?;
        }
        let counts = (0..self.plan.nodes).filter_map(|node| self.seen.counts(Round::Formed, node));
        let ways: usize = counts.map(|counts| counts.reachable.len()).sum();
        self.say(&format!("beacons flow, {ways} routes have formed"));
        self.fleet.tell(self.plan.source, &Command::Capture)?;
        self.wait(self.at(2.6), PATIENCE, |seen| !seen.captured.is_empty())
    }

    fn let_the_outsider_in(&mut self) -> Result<JoinHandle<Result<Sent, String>>, String> {
        let framed = self.view.members().iter();
        let name = format!("n{}", self.plan.framed);
        let framed = framed.clone().find(|member| member.name == name);
        let outsider = Outsider {
            ports: self.seen.ports.values().copied().collect(),
            view: self.view.clone(),
            framed: framed.cloned().ok_or("the framed node is no member.")?,
            captured: self.seen.captured.clone(),
            suite: self.options.suite,
            seed: self.options.seed,
            duration: self.at(2.0).min(Duration::from_secs(3)),
        };
        self.say("an outsider forges, replays, floods, and frames a node");
        Ok(std::thread::spawn(move || outsider.attack()))
    }

    fn let_them_lie(&mut self) -> Result<(), String> {
        self.wait(self.at(5.5), Duration::ZERO, |_| false)?;
        if let Some(equivocator) = self.plan.equivocator() {
            let accused = self.plan.accused;
            self.say(&format!("the liars accuse n{accused}, which lives"));
            self.tell_liars(&Command::Accuse { subject: accused })?;
            self.wait(self.at(6.9), Duration::ZERO, |_| false)?;
            let silent = match self.plan.silent() {
                [] => String::new(),
                silent => format!("; silent from now on: {}", names(silent)),
            };
            self.say(&format!("n{equivocator} says two things at once{silent}"));
            self.fleet.tell(equivocator, &Command::Equivocate)?;
            for liar in self.plan.silent() {
                self.fleet.tell(*liar, &Command::Silence)?;
            }
        }
        let plan = self.plan;
        let bearable = self.is_bearable();
        self.wait(self.at(9.3), PATIENCE, |seen| {
            let proven = plan.equivocator().is_none_or(|liar| {
                plan.honest().all(|node| seen.equivocated.contains(&(node, liar)))
            });
            let failed = |liar: &usize| {
                let by = seen.certified_by(*liar);
                plan.honest().all(|node| by.contains(&node))
            };
            proven && (!bearable || plan.silent().iter().all(failed))
        })
    }

    fn collect(&mut self, outsider: JoinHandle<Result<Sent, String>>) -> Result<(), String> {
        let sent = outsider.join().map_err(|_| "the outsider broke down.")?;
        self.seen.outsider = sent?;
        self.say(&format!("the outsider has sent {} datagrams", self.seen.outsider.total()));
        self.count(Round::Sent)?;
        let elapsed = self.begin.elapsed() + Duration::from_millis(400);
        self.wait(elapsed, Duration::ZERO, |_| false)?;
        self.count(Round::Arrived)
    }

    fn kill(&mut self) -> Result<(), String> {
        let plan = self.plan;
        let victim = plan.victim;
        self.wait(self.at(9.9), Duration::ZERO, |_| false)?;
        self.seen.killed = Some(Instant::now());
        self.fleet.kill(victim)?;
        self.say(&format!("n{victim} is killed"));
        let bearable = self.is_bearable();
        if !bearable {
            self.say("the last liar falls silent, too");
            self.tell_liars(&Command::Silence)?;
        }
        self.wait(self.at(13.1), PATIENCE, |seen| {
            let by = seen.certified_by(victim);
            if !bearable {
                return plan.survivors().all(|node| seen.no_quorum.contains(&node));
            }
            plan.survivors().all(|node| by.contains(&node)) && seen.first_around(victim).is_some()
        })
    }

    fn restart(&mut self) -> Result<(), String> {
        let victim = self.plan.victim;
        self.seen.ports.remove(&victim);
        self.seen.restarted = Some(Instant::now());
        self.fleet.start(victim, 2)?;
        let elapsed = self.begin.elapsed();
        self.wait(elapsed, PATIENCE, |seen| seen.ports.contains_key(&victim))?;
        self.tell_ports()?;
        self.say(&format!("n{victim} runs again, with the keys and the state it had"));
        let (plan, bearable) = (self.plan, self.is_bearable());
        self.wait(self.at(15.9), PATIENCE, |seen| {
            !bearable || plan.survivors().all(|node| seen.returned.contains(&(node, victim)))
        })
    }

    fn end(mut self) -> Result<(Seen, View), String> {
        self.probing = None;
        self.count(Round::End)?;
        self.say("the end");
        let Self { fleet, mut seen, view, .. } = self;
        let all = fleet.running().count();
        seen.ended = (fleet.end(), all);
        Ok((seen, view))
    }

    /// Whether a quorum is left although the liars do not help and one more node dies.
    fn is_bearable(&self) -> bool {
        self.plan.liars.len() <= Options::bearable(self.plan.nodes)
    }

    /// A moment of the run, given for one of 16.5 seconds.
    pub(crate) fn at(&self, seconds: f64) -> Duration {
        let length = Duration::from_secs(self.options.seconds);
        length.mul_f64(seconds / 16.5)
    }

    fn tell_ports(&mut self) -> Result<(), String> {
        // A node that is gone keeps a port that nobody listens on.
        let port = |node| self.seen.ports.get(&node).copied().unwrap_or(9);
        let command = Command::Peers { ports: (0..self.plan.nodes).map(port).collect() };
        (0..self.plan.nodes).try_for_each(|node| self.fleet.tell(node, &command))
    }

    fn tell_liars(&mut self, command: &Command) -> Result<(), String> {
        self.plan.liars.iter().try_for_each(|liar| self.fleet.tell(*liar, command))
    }

    pub(crate) fn count(&mut self, round: Round) -> Result<(), String> {
        let asked: Vec<_> = self.fleet.running().collect();
        self.seen.counts.retain(|(counted, _), _| *counted != round.number());
        for node in &asked {
            self.fleet.tell(*node, &Command::Count { round: round.number() })?;
        }
        let answered = |seen: &Seen| asked.iter().all(|node| seen.counts(round, *node).is_some());
        let elapsed = self.begin.elapsed();
        self.wait(elapsed, PATIENCE, answered)?;
        match answered(&self.seen) {
            true => Ok(()),
            false => Err("a node does not answer.".to_owned()),
        }
    }

    /// Listens and sends traffic until `until` after the beginning, and on until `done`, but no
    /// longer than `patience` more.
    pub(crate) fn wait(
        &mut self,
        until: Duration,
        patience: Duration,
        done: impl Fn(&Seen) -> bool,
    ) -> Result<(), String> {
        let planned = self.begin + until;
        let last = planned.max(Instant::now()) + patience;
        loop {
            let now = Instant::now();
            if now >= last || (now >= planned && done(&self.seen)) {
                return Ok(());
            }
            self.send_traffic(now)?;
            let soon = now + Duration::from_millis(10);
            if let Some(heard) = self.fleet.next(soon.min(last)) {
                self.listen(heard)?;
            }
        }
    }

    fn send_traffic(&mut self, now: Instant) -> Result<(), String> {
        let Some(due) = self.probing.filter(|due| *due <= now) else { return Ok(()) };
        self.probing = Some(due.max(now - PROBE) + PROBE);
        self.next_probe += 1;
        let (id, to) = (self.next_probe, self.plan.target);
        self.seen.probes_sent.insert(id, now);
        self.fleet.tell(self.plan.source, &Command::Probe { id, to })
    }

    fn listen(&mut self, Heard { node, at, what }: Heard) -> Result<(), String> {
        match what {
            What::Said(notice) => {
                if let Some((news, about)) = self.seen.take(node, *notice, at)? {
                    self.spread(node, news, about);
                }
                self.tell_of_failover();
                Ok(())
            }
            What::Babbled(line) => Err(format!("n{node} said what nobody understands: {line}.")),
            What::Ended(start) if self.fleet.runs(node, start) => {
                Err(format!("n{node} ended without having been told to."))
            }
            What::Ended(_) => Ok(()),
        }
    }

    fn tell_of_failover(&mut self) {
        if self.failed_over {
            return;
        }
        if let Some((_, path, _)) = self.seen.first_around(self.plan.victim) {
            let text = format!("traffic goes another way: {}", names(path));
            self.failed_over = true;
            self.say(&text);
        }
    }

    /// News among the honest: worth a line when the first has them, and when all do.
    fn spread(&mut self, node: usize, news: String, about: Option<usize>) {
        if self.plan.is_liar(node) {
            return;
        }
        let hears = |node: &usize| !self.plan.is_liar(*node) && Some(*node) != about;
        let honest = self.fleet.running().filter(hears).count();
        let has = self.spreading.entry(news.clone()).or_default();
        if !has.insert(node) {
            return;
        }
        match has.len() {
            1 => self.say(&format!("n{node} has {news}")),
            all if all >= honest => self.say(&format!("all {all} honest nodes have {news}")),
            _ => {}
        }
    }

    pub(crate) fn say(&self, text: &str) {
        let line = format!("[{:6.2} s] {text}", self.begin.elapsed().as_secs_f64());
        if self.options.json {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }
}

fn names(nodes: &[usize]) -> String {
    let names: Vec<_> = nodes.iter().map(|node| format!("n{node}")).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}
