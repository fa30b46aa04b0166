//! Which authorities servers are believed by.

use meshward::spire::Fault;

use super::HOUR;
use super::certs::{Authority, DOMAIN, Svid, bundle};
use super::messages::X509Certificate;
use super::pool::Place;
use super::server::Server;

/// The certificate of an authority, with a version that no certificate with extensions has (X.509 v2).
fn unreadable() -> Vec<u8> {
    let mut der = Authority::of(DOMAIN).der();
    let version = [0xa0, 3, 2, 1, 2];
    let at = der.windows(5).position(|bytes| bytes == version).unwrap();
    der[at + 4] = 1;
    der
}

/// Ends the connection, and has the server show this from then on.
async fn restart(place: &mut Place, server: usize, svid: Svid) {
    place.servers[server].kill();
    place.down(server, |_| true).await;
    place.servers[server].svid = svid;
    place.servers[server].start();
}

fn untrusted(fault: &Fault) -> bool {
    matches!(fault, Fault::Untrusted(_))
}

#[tokio::test]
async fn k06_an_authority_of_an_agent_that_cannot_be_read_takes_nothing_from_the_others() {
    let mut place = Place::new().await;
    let mut told = place.authority.entitled(place.authority.svid("node", HOUR));
    told.bundle.extend(unreadable());
    place.agent.tell(Some(told));
    let svid = place.authority.svid("spire/server", HOUR);
    restart(&mut place, 0, svid).await;
    place.up(0).await;
}

#[tokio::test]
async fn k06_an_authority_of_a_server_that_cannot_be_read_takes_nothing_from_the_others() {
    let mut place = Place::new().await;
    // With a byte too many. One tells of it beside others, one of nothing else.
    let mut asn1 = place.authority.der();
    asn1.push(0);
    let trailing = X509Certificate { asn1, tainted: false };
    place.servers[0].set(|says| says.bundle.x509_authorities.push(trailing.clone()));
    place.servers[1].set(|says| says.bundle.x509_authorities = vec![trailing]);
    place.down(1, |fault| matches!(fault, Fault::Refused(_))).await;
    for server in [0, 2] {
        let svid = place.authority.svid("spire/server", HOUR);
        restart(&mut place, server, svid).await;
        place.up(server).await;
    }
    place.answers().await;
}

/// An old authority and a new one, of which agents and servers tell. The last of three servers shows a certificate
/// of the old one. All are used.
async fn old_and_new() -> (Place, Authority) {
    let (old, new) = (Authority::of(DOMAIN), Authority::of(DOMAIN));
    let both = bundle(&[&old, &new]);
    let servers = [&new, &new, &old]
        .map(|authority| Server::new(authority.svid("spire/server", HOUR), &old, both.clone()));
    let place = Place::with(old, servers.into()).await;
    tell(&place, &[&place.authority, &new]);
    for server in 0..3 {
        place.up(server).await;
    }
    (place, new)
}

/// The agent tells of these authorities.
fn tell(place: &Place, authorities: &[&Authority]) {
    let mut told = place.authority.entitled(place.authority.svid("node", HOUR));
    told.bundle = authorities.iter().flat_map(|authority| authority.der()).collect();
    place.agent.tell(Some(told));
}

/// The server calls the old authority tainted.
fn taint(place: &Place, server: usize) {
    place.servers[server].set(|says| says.bundle.x509_authorities[0].tainted = true);
}

#[tokio::test]
async fn k06_what_most_servers_call_tainted_is_not_believed() {
    let (place, new) = old_and_new().await;
    taint(&place, 0);
    taint(&place, 1);
    // The agent goes on to tell of it. The connection that rests on it is let go.
    place.down(2, untrusted).await;
    place.up(1).await;
    // Nor when it is revoked, before the agent hears of that.
    place.servers[..2].iter().for_each(|server| server.set(|says| says.bundle = bundle(&[&new])));
    for _ in 0..2 {
        place.probed(&[0, 1]).await;
        assert!(place.fault(2).is_some_and(|fault| untrusted(&fault)));
    }
}

#[tokio::test]
async fn k06_what_one_server_calls_tainted_is_believed_all_the_same() {
    let (mut place, new) = old_and_new().await;
    taint(&place, 0);
    place.probed(&[0]).await;
    place.probed(&[2]).await;
    // Also while it is the only one: no other could come back.
    place.servers[1..].iter_mut().for_each(Server::kill);
    place.down(1, |_| true).await;
    place.down(2, |_| true).await;
    place.probed(&[0]).await;
    place.servers[1..].iter_mut().for_each(Server::start);
    place.up(1).await;
    place.up(2).await;
    // What the agents no longer tell of is not, whatever servers say.
    tell(&place, &[&new]);
    place.down(2, untrusted).await;
}

#[tokio::test]
async fn k06_the_server_that_is_asked_first_has_no_other_refused() {
    let (old, new) = (Authority::of(DOMAIN), Authority::of(DOMAIN));
    let mut tainted = bundle(&[&old, &new]);
    tainted.x509_authorities[0].tainted = true;
    let mut servers = [(&new, tainted), (&old, bundle(&[&old, &new]))]
        .map(|(by, bundle)| Server::new(by.svid("spire/server", HOUR), &old, bundle));
    servers[1].kill();
    let mut place = Place::with(old, servers.into()).await;
    tell(&place, &[&place.authority, &new]);
    place.up(0).await;
    place.probed(&[0]).await;
    place.servers[1].start();
    place.up(1).await;
}

#[tokio::test]
async fn where_all_authorities_are_tainted_they_are_better_than_none() {
    let (old, new) = (Authority::of(DOMAIN), Authority::of(DOMAIN));
    let mut tainted = bundle(&[&old, &new]);
    tainted.x509_authorities[0].tainted = true;
    let server = Server::new(old.svid("spire/server", HOUR), &old, tainted);
    let mut place = Place::with(old, vec![server]).await;
    place.up(0).await;
    let svid = place.authority.svid("spire/server", HOUR);
    restart(&mut place, 0, svid).await;
    place.up(0).await;
}

#[tokio::test]
async fn k06_no_server_vouches_for_itself_or_another() {
    let mut place = Place::new().await;
    let next = Authority::of(DOMAIN);
    let both = bundle(&[&place.authority, &next]);
    place.servers.iter().for_each(|server| server.set(|says| says.bundle = both.clone()));
    place.probed(&[0, 1, 2]).await;
    restart(&mut place, 2, next.svid("spire/server", HOUR)).await;
    place.down(2, untrusted).await;
    place.probed(&[0, 1]).await;
    assert!(place.fault(2).is_some_and(|fault| untrusted(&fault)));
    tell(&place, &[&place.authority, &next]);
    place.up(2).await;
}

#[tokio::test]
async fn k06_a_bundle_of_too_many_authorities_is_none() {
    let place = Place::new().await;
    let one = bundle(&[&place.authority]).x509_authorities;
    let of = |count| one.iter().cycle().take(count).cloned().collect();
    place.servers[0].set(|says| says.bundle.x509_authorities = of(1001));
    place.down(0, |fault| matches!(fault, Fault::Refused(_))).await;
    place.servers[0].set(|says| says.bundle.x509_authorities = of(1000));
    place.up(0).await;
}

#[tokio::test]
async fn k06_an_intermediate_of_another_trust_domain_vouches_for_nobody() {
    let root = Authority::of(DOMAIN);
    let (ours, theirs) = (root.under(Some(DOMAIN)), root.under(Some("other.test")));
    // What theirs signs without a name is theirs, too.
    let issuers = [&ours, &root.under(None), &theirs, &theirs.under(None)];
    let servers = issuers
        .map(|issuer| Server::new(issuer.svid("spire/server", HOUR), &root, bundle(&[&root])));
    let place = Place::with(root, servers.into()).await;
    place.up(0).await;
    place.up(1).await;
    place.down(2, untrusted).await;
    place.down(3, untrusted).await;
}
