//! Which entries there are.

use std::time::Duration;

use meshward::spire::{Fault, PoolError};
use tonic::Code;

use super::certs::{Authority, DOMAIN};
use super::pool::{Place, spire_server};
use super::server::Server;

/// Waits until the server is known to be slower than all others.
async fn is_asked_last(place: &Place, server: usize) {
    place.servers[server].set(|says| says.slow = Duration::from_millis(30));
    place.probed(&[server]).await;
}

#[tokio::test]
async fn an_entry_that_was_removed_is_missing() {
    let place = Place::new().await;
    let nodes = (1..=5).map(|node| format!("node/{node}"));
    let names: Vec<_> = ["node".to_owned()].into_iter().chain(nodes).collect();
    place.servers.iter().for_each(|server| server.set(|says| says.entries = names.clone()));
    let ids = |ids: &[String]| {
        ids.iter().map(|path| format!("spiffe://{DOMAIN}/{path}")).collect::<Vec<_>>()
    };
    let there = place.pool.entries().await.unwrap();
    assert_eq!(there.iter().map(ToString::to_string).collect::<Vec<_>>(), ids(&names));
    let names = &names[..5];
    place.servers.iter().for_each(|server| server.set(|says| says.entries = names.to_vec()));
    let there = place.pool.entries().await.unwrap();
    assert_eq!(there.iter().map(ToString::to_string).collect::<Vec<_>>(), ids(names));
}

#[tokio::test]
async fn k06_a_list_without_the_one_who_asks_is_not_taken_for_the_removal_of_all() {
    let place = Place::new().await;
    let others = vec!["node/1".to_owned(), "node/2".to_owned()];
    for list in [Vec::new(), others] {
        place.servers.iter().for_each(|server| server.set(|says| says.entries = list.clone()));
        let error = place.pool.entries().await.unwrap_err();
        assert!(matches!(error, PoolError::Malformed { .. }), "{error}");
    }
}

#[tokio::test]
async fn k06_an_answer_that_cannot_be_read_ends_no_call_that_another_would_answer() {
    let place = Place::new().await;
    is_asked_last(&place, 0).await;
    place.servers[1..].iter().for_each(|server| server.set(|says| says.entries.clear()));
    // However often: they use no budget up, which is there for those in trouble.
    for _ in 0..30 {
        assert_eq!(place.pool.entries().await.unwrap().len(), 1);
    }
    assert!((0..3).all(|server| place.fault(server).is_none()));
    // What cannot be read is told before what was refused.
    place.servers[0].set(|says| says.refuses = Some(Code::PermissionDenied));
    let error = place.pool.entries().await.unwrap_err();
    assert!(matches!(error, PoolError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_try_that_no_server_is_left_for_costs_nothing() {
    let mut place = Place::new().await;
    place.servers[1..].iter_mut().for_each(Server::kill);
    place.down(1, |_| true).await;
    place.down(2, |_| true).await;
    let fails = Some(Code::Internal);
    place.servers[0].set(|says| says.refuses = fails);
    for _ in 0..20 {
        place.up(0).await;
        let error = place.pool.entries().await.unwrap_err();
        assert!(matches!(error, PoolError::Failed { .. }), "{error}");
    }
    // So slow that the one that fails is asked first; ten calls that go well would earn a try.
    place.servers[1].set(|says| says.slow = Duration::from_millis(300));
    place.servers[1].start();
    for _ in 0..5 {
        place.up(0).await;
        place.up(1).await;
        place.pool.entries().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_was_lost_is_not_a_refusal() {
    let authority = Authority::of(DOMAIN);
    let server = spire_server(&authority);
    // It is the call that finds out.
    let mut place = Place::set(authority, vec![server], |config| {
        config.servers[0].ready = None;
        config.probe_interval = Duration::from_secs(600);
    })
    .await;
    place.up(0).await;
    place.servers[0].kill();
    let error = place.pool.entries().await.unwrap_err();
    let lost = matches!(error, PoolError::Failed { fault: Fault::Unreachable(_), .. });
    assert!(lost, "{error}");
}

#[tokio::test]
async fn k06_a_server_that_refuses_ends_no_call_that_another_would_answer() {
    let place = Place::new().await;
    is_asked_last(&place, 0).await;
    let codes = [Code::PermissionDenied, Code::NotFound, Code::ResourceExhausted];
    for code in codes {
        place.servers[1..].iter().for_each(|server| server.set(|says| says.refuses = Some(code)));
        place.pool.entries().await.unwrap();
    }
    // They are used for what they do not refuse.
    assert!((0..3).all(|server| place.fault(server).is_none()));
    let code = Some(Code::PermissionDenied);
    place.servers.iter().for_each(|server| server.set(|says| says.refuses = code));
    // However often: that is no trouble of theirs.
    for _ in 0..20 {
        let listed = |server: &Server| server.says.lock().unwrap().listed;
        let before: Vec<_> = place.servers.iter().map(listed).collect();
        let error = place.pool.entries().await.unwrap_err();
        assert!(matches!(error, PoolError::Refused { .. }), "{error}");
        assert!(place.servers.iter().map(listed).eq(before.iter().map(|listed| listed + 1)));
    }
}

#[tokio::test]
async fn entries_are_counted_whatever_is_in_them() {
    let authority = Authority::of(DOMAIN);
    let server = spire_server(&authority);
    let place = Place::set(authority, vec![server], |config| config.max_entries = 3).await;
    place.up(0).await;
    let entries = |without: usize| {
        let mut entries = vec!["node".to_owned()];
        entries.resize(1 + without, String::new());
        place.servers[0].set(|says| says.entries = entries);
        place.pool.entries()
    };
    assert_eq!(entries(2).await.unwrap().len(), 1);
    let error = entries(3).await.unwrap_err();
    assert!(matches!(error, PoolError::Refused { .. }), "{error}");
}
