//! The MAPE-K loop of a node: the library's steps, one by one, so that each can be told of.

use std::collections::BTreeSet;
use std::time::Instant;

use meshward::host::mapek::{Action, Standing, analyse, plan};
use meshward::{MeshByzantineProtection, Millis, NodeId};

use crate::host::{Names, Voice};
use crate::protocol::{Notice, Phase};

const ROUND_MS: u64 = 100;

/// The loop, and what was told of members that are silent.
pub(crate) struct Loop {
    names: Names,
    voice: Voice,
    last_round: Millis,
    told: BTreeSet<(Phase, NodeId)>,
}

impl Loop {
    pub(crate) fn new(names: Names, voice: Voice) -> Self {
        Self { names, voice, last_round: Millis(0), told: BTreeSet::new() }
    }

    /// Goes through one round if its time has come.
    pub(crate) fn go_on(&mut self, protection: &MeshByzantineProtection, now: Millis) {
        if now.since(self.last_round) >= ROUND_MS {
            self.last_round = now;
            self.round(protection, now);
        }
    }

    /// What is due by the clock, then Monitor, Analyse, Plan, Execute.
    fn round(&mut self, protection: &MeshByzantineProtection, now: Millis) {
        let kept_time = protection.keep_time(now);
        let mut clock = Instant::now();
        let mut took = || {
            let micros = clock.elapsed().as_micros();
            clock = Instant::now();
            u64::try_from(micros).unwrap_or(u64::MAX)
        };

        let seen = protection.monitor(now);
        let monitor_us = took();
        let analysis = analyse(&seen);
        let analyse_us = took();
        let actions = plan(&analysis);
        let plan_us = took();
        let done = protection.execute(&actions, now);
        let execute_us = took();

        let silent = seen.peers.iter().filter(|peer| peer.overdue).map(|peer| peer.node);
        let silent: Vec<_> = silent.collect();
        let reported = actions.iter().filter_map(|action| match action {
            Action::Report { node } => Some(*node),
            _ => None,
        });
        let reported: Vec<_> = reported.collect();
        let away =
            seen.peers.iter().filter(|peer| peer.standing == Standing::Failed && peer.isolated);
        let phases = [
            (Phase::Monitor, Some(monitor_us), silent.clone()),
            (
                Phase::Analyse,
                Some(analyse_us),
                analysis.doubtful.iter().map(|(node, _)| *node).collect(),
            ),
            (Phase::Plan, Some(plan_us), reported.clone()),
            (Phase::Execute, Some(execute_us), reported),
            (Phase::Knowledge, None, away.map(|peer| peer.node).collect()),
        ];
        // Who is heard again may fail again.
        self.told.retain(|(_, node)| silent.contains(node));
        for (phase, took_us, nodes) in phases {
            for node in nodes {
                if let (true, Some(node)) =
                    (self.told.insert((phase, node)), self.names.number(&node))
                {
                    self.voice.say(&Notice::Phase { phase, node, took_us });
                }
            }
        }
        if let Err(error) = kept_time.and(done) {
            self.voice.say(&Notice::Failed { reason: error.to_string() });
        }
    }
}
