//! Workload APIs that are lost.

use std::time::Duration;

use meshward::spire::{
    Keepalive, NoIdentity, SourceConfig, SourceConfigError, SourceEvent, Trouble, WorkloadSource,
};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use super::agent::Agent;
use super::certs::{Authority, DOMAIN};
use super::messages::X509Svid;
use super::{HOUR, hear, until};

struct Place {
    _directory: TempDir,
    authority: Authority,
    agents: Vec<Agent>,
    source: WorkloadSource,
    events: Receiver<SourceEvent>,
}

impl Place {
    /// A source that follows two agents, each of which tells what `told` makes.
    fn new(told: impl Fn(&Authority) -> [Option<X509Svid>; 2]) -> Self {
        Self::expecting(None, told)
    }

    fn expecting(expect: Option<&str>, told: impl Fn(&Authority) -> [Option<X509Svid>; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::of(DOMAIN);
        let told = ["a1", "a2"].into_iter().zip(told(&authority));
        let agents = told.map(|(name, told)| Agent::new(directory.path(), name, told));
        let agents: Vec<_> = agents.collect();
        let mut config = SourceConfig::new(agents.iter().map(Agent::endpoint));
        config.backoff = (Duration::from_millis(20), Duration::from_millis(100));
        config.expect = expect.map(|id| id.parse().unwrap());
        let (source, events) = WorkloadSource::start(config).unwrap();
        Self { _directory: directory, authority, agents, source, events }
    }

    fn entitled() -> Self {
        Self::new(|authority| [(); 2].map(|()| node(authority, HOUR)))
    }

    async fn hear(&mut self, event: &SourceEvent) {
        hear(&mut self.events, |heard| heard == event).await;
    }

    fn id(&self) -> Result<String, NoIdentity> {
        let context = self.source.current()?;
        Ok(context.default_svid().unwrap().spiffe_id().to_string())
    }

    async fn failed_over(&mut self, places: [usize; 2]) {
        let wanted = |event: &SourceEvent| match *event {
            SourceEvent::FailedOver { from, to, .. } => [from, to] == places,
            SourceEvent::Degraded { .. } => panic!("one of them was there"),
            _ => false,
        };
        hear(&mut self.events, wanted).await;
        assert_eq!(self.id().unwrap(), "spiffe://mesh.test/node");
    }
}

fn node(authority: &Authority, ends_in: i64) -> Option<X509Svid> {
    Some(authority.entitled(authority.svid("node", ends_in)))
}

#[tokio::test]
async fn a_killed_agent_is_replaced_by_the_next() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    place.agents[0].kill();
    place.failed_over([0, 1]).await;
    // It stays there, and comes back when that one goes.
    place.agents[0].start();
    place.agents[1].kill();
    place.failed_over([1, 0]).await;
}

#[tokio::test]
async fn a_stopped_agent_is_replaced_by_the_next() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    place.agents[0].machine().stop();
    place.failed_over([0, 1]).await;
    place.agents[0].machine().go_on();
}

#[tokio::test]
async fn a_stopped_agent_is_not_waited_for_at_the_start() {
    let mut place = Place::entitled();
    place.agents[0].machine().stop();
    place.hear(&SourceEvent::Recovered { by: 1 }).await;
    place.agents[0].machine().go_on();
}

#[tokio::test]
async fn an_identity_is_kept_while_all_are_away() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    place.agents.iter_mut().for_each(Agent::kill);
    hear(&mut place.events, |event| matches!(event, SourceEvent::Degraded { .. })).await;
    assert!(place.id().is_ok());
    place.agents[1].start();
    place.hear(&SourceEvent::Recovered { by: 1 }).await;
}

#[tokio::test]
async fn an_identity_is_kept_no_longer_than_it_holds() {
    let mut place = Place::new(|authority| [node(authority, 4), None]);
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    // The agent is there and does not renew it.
    place.hear(&SourceEvent::Overdue).await;
    place.agents.iter_mut().for_each(Agent::kill);
    place.hear(&SourceEvent::Expired).await;
    assert_eq!(place.id(), Err(NoIdentity::Expired));
    place.agents[0].tell(node(&place.authority, HOUR));
    place.agents[0].start();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    assert!(place.id().is_ok());
}

#[tokio::test]
async fn an_identity_that_nobody_is_there_to_renew_is_overdue_too() {
    // It is so after six seconds: certificates here hold since ten seconds ago.
    let mut place = Place::new(|authority| [(); 2].map(|()| node(authority, 14)));
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    place.agents.iter_mut().for_each(Agent::kill);
    place.hear(&SourceEvent::Overdue).await;
}

#[tokio::test]
async fn an_agent_that_does_not_renew_is_left_for_one_that_does() {
    // Both are late; that is no reason to go from one to the other.
    let mut place = Place::new(|authority| [(); 2].map(|()| node(authority, 6)));
    place.hear(&SourceEvent::Overdue).await;
    assert!(place.events.try_recv().is_err());
    place.agents[1].tell(node(&place.authority, HOUR));
    // On a machine that is slow it has expired before.
    let left = |event: &SourceEvent| match *event {
        SourceEvent::FailedOver { from, to, .. } => (from, to) == (0, 1),
        SourceEvent::Recovered { by } => by == 1,
        _ => false,
    };
    hear(&mut place.events, left).await;
    assert!(place.id().is_ok());
}

#[tokio::test]
async fn a_removed_entry_ends_the_identity() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    // One agent knows sooner than the other.
    place.agents[0].tell(None);
    place.failed_over([0, 1]).await;
    place.agents[1].tell(None);
    place.hear(&SourceEvent::Denied { trouble: Trouble::Denied }).await;
    assert_eq!(place.id(), Err(NoIdentity::Denied));
    // Also when they are away after that.
    place.agents.iter_mut().for_each(Agent::kill);
    assert_eq!(place.id(), Err(NoIdentity::Denied));
    place.agents[0].tell(node(&place.authority, HOUR));
    place.agents[0].start();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    assert!(place.id().is_ok());
}

/// The one who is expected is `node` of the domain of these tests.
fn stranger(found: &str) -> SourceEvent {
    let (expected, found) = ("spiffe://mesh.test/node".parse().unwrap(), found.parse().unwrap());
    SourceEvent::Denied { trouble: Trouble::Stranger { expected, found } }
}

#[tokio::test]
async fn k06_an_agent_of_another_trust_domain_does_not_change_who_one_is() {
    let other = Authority::of("other.test");
    let mut place = Place::new(|authority| [node(authority, HOUR), node(&other, HOUR)]);
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    place.agents[0].kill();
    // It knows nothing of the one who asks, and denies nothing: the one that is away may come back.
    let heard = |event: &SourceEvent| match event {
        SourceEvent::Degraded { .. } => true,
        event => panic!("{event:?}, by a stranger"),
    };
    hear(&mut place.events, heard).await;
    assert_eq!(place.id().unwrap(), "spiffe://mesh.test/node");
    place.agents[0].start();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    assert_eq!(place.id().unwrap(), "spiffe://mesh.test/node");
}

#[tokio::test]
async fn k06_an_agent_that_serves_does_not_change_who_one_is() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    let other = |place: &Place| Some(place.authority.entitled(place.authority.svid("b", HOUR)));
    place.agents[0].tell(other(&place));
    place.failed_over([0, 1]).await;
    place.agents[1].tell(other(&place));
    place.hear(&stranger("spiffe://mesh.test/b")).await;
}

#[tokio::test]
async fn k06_nobody_is_served_first_but_the_one_who_is_expected() {
    let other = Authority::of("other.test");
    let told = |authority: &Authority| [node(&other, HOUR), node(authority, HOUR)];
    let mut place = Place::expecting(Some("spiffe://mesh.test/node"), told);
    let heard = |event: &SourceEvent| match event {
        SourceEvent::Recovered { by } => *by == 1 || panic!("by a stranger"),
        _ => false,
    };
    hear(&mut place.events, heard).await;
    assert_eq!(place.id().unwrap(), "spiffe://mesh.test/node");
}

#[tokio::test]
async fn what_does_not_hold_or_is_not_understood_is_not_taken() {
    let mut place = Place::new(|authority| {
        let mut broken = node(authority, HOUR).unwrap();
        broken.x509_svid.truncate(100);
        [node(authority, -2), Some(broken)]
    });
    let degraded = |event: &SourceEvent| match event {
        SourceEvent::Degraded { trouble } => matches!(trouble, Trouble::Malformed(_)),
        other => panic!("{other:?}"),
    };
    hear(&mut place.events, degraded).await;
    assert_eq!(place.id(), Err(NoIdentity::Waiting));
    place.agents[0].tell(node(&place.authority, HOUR));
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
}

#[tokio::test]
async fn a_renewed_identity_is_the_one_that_is_given() {
    let mut place = Place::entitled();
    place.hear(&SourceEvent::Recovered { by: 0 }).await;
    let before = place.source.current().unwrap();
    let renewed = node(&place.authority, HOUR);
    place.agents[0].tell(renewed);
    let source = &place.source;
    until("it is given", || source.current().unwrap().default_svid() != before.default_svid())
        .await;
    // No event: nothing is out of order.
    assert!(place.events.try_recv().is_err());
}

#[test]
fn ranges_are_held() {
    let agents = |count| SourceConfig::new((0..count).map(|_| "unix:/a".parse().unwrap()));
    let refused = |config| WorkloadSource::start(config).unwrap_err();
    assert_eq!(refused(agents(1)), SourceConfigError::NoRuntime);
    assert_eq!(refused(agents(0)), SourceConfigError::OutOfRange("endpoints"));
    assert_eq!(refused(agents(17)), SourceConfigError::OutOfRange("endpoints"));
    let mut config = agents(1);
    config.keepalive = Keepalive { interval: Duration::ZERO, ..Keepalive::default() };
    assert_eq!(refused(config), SourceConfigError::OutOfRange("keepalive.interval"));
    let mut config = agents(1);
    config.backoff = (Duration::from_secs(2), Duration::from_secs(1));
    assert_eq!(refused(config), SourceConfigError::OutOfRange("backoff"));
}
