//! *Execute*: what is planned is done, if it still holds.

use std::collections::BTreeSet;

use super::{Action, Alert, Analysis, Observations, analyse, plan};
use crate::host::MeshByzantineProtection;
use crate::id::{Millis, NodeId};
use crate::keyring::Error;

/// What the host's router and monitor were told last.
#[derive(Debug, Default)]
pub(in crate::host) struct Told {
    /// Who is not routed through.
    pub(in crate::host) isolated: BTreeSet<NodeId>,
    raised: Vec<Alert>,
}

/// What one round of the loop came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthCheck {
    /// What was seen.
    pub seen: Observations,
    /// What was wrong.
    pub analysis: Analysis,
    /// What was done about it, but for what no longer held when its turn came.
    pub actions: Vec<Action>,
}

impl MeshByzantineProtection {
    /// One round of the whole loop: what is due by the clock, then Monitor, Analyse, Plan, Execute. To
    /// be called in the place of [`tick`](Self::tick), as often.
    ///
    /// Beyond what [`tick`](Self::tick) does it tells the router whom to go [around](Action::Reroute),
    /// and the monitor what no node can [mend](Alert), and replaces a key that is due where
    /// [`Config::rotation`](crate::Config::rotation) leaves that to the host.
    ///
    /// # Errors
    /// A fault of the scheme or the store. Everything else that was due has been done.
    pub fn health_check(&self, now: Millis) -> Result<HealthCheck, Error> {
        let kept_time = self.keep_time(now);
        let seen = self.monitor(now);
        let analysis = analyse(&seen);
        let actions = plan(&analysis);
        let executed = self.execute(&actions, now);
        self.forget_alerts(&actions);
        kept_time.and(executed).map(|()| HealthCheck { seen, analysis, actions })
    }

    /// Does what is planned, each if it still holds: a member that was heard in between is neither
    /// reported nor isolated. The monitor is told of an alert once, until a
    /// [round](Self::health_check) goes by without it.
    ///
    /// # Errors
    /// The last fault of the scheme or the store. What else was planned has been done.
    pub fn execute(&self, actions: &[Action], now: Millis) -> Result<(), Error> {
        let mut result = Ok(());
        for action in actions {
            let done = match action {
                Action::Report { node } => self.report_if_silent(*node, now),
                Action::Isolate { node } | Action::Readmit { node } => {
                    self.route_by_what_holds(*node, now);
                    Ok(())
                }
                Action::Reroute { node, .. } => {
                    self.host.router.reroute(*node);
                    Ok(())
                }
                Action::RotateKeys { .. } => self.rotate_keys(self.core().suite(), now),
                Action::Raise(alert) => {
                    self.raise(*alert);
                    Ok(())
                }
            };
            if done.is_err() {
                result = done;
            }
        }
        result
    }

    fn raise(&self, alert: Alert) {
        let is_news = {
            let raised = &mut self.told.lock().raised;
            let is_news = !raised.iter().any(|before| before.is_like(&alert));
            raised.extend(is_news.then_some(alert));
            is_news
        };
        if is_news {
            tracing::warn!(?alert, "somebody should look");
            self.host.monitor.on_alert(&alert);
        }
    }

    /// What is not wrong any more is news when it is again.
    fn forget_alerts(&self, actions: &[Action]) {
        let holds = |before: &Alert| {
            actions
                .iter()
                .any(|action| matches!(action, Action::Raise(alert) if alert.is_like(before)))
        };
        self.told.lock().raised.retain(holds);
    }
}
