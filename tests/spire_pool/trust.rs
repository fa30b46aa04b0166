//! Which authorities servers are believed by.

use meshward::spire::Fault;

use super::certs::{Authority, DOMAIN};
use super::pool::Place;
use super::{HOUR, messages};

/// The certificate of an authority, with a version that no certificate with extensions has (X.509 v2).
fn unreadable() -> Vec<u8> {
    let mut der = Authority::of(DOMAIN).der();
    let version = [0xa0, 3, 2, 1, 2];
    let at = der.windows(5).position(|bytes| bytes == version).unwrap();
    der[at + 4] = 1;
    der
}

#[tokio::test]
async fn k06_an_authority_that_cannot_be_read_takes_nothing_from_the_others() {
    let mut place = Place::new().await;
    // An agent tells of one.
    let mut told = place.authority.entitled(place.authority.svid("node", HOUR));
    told.bundle.extend(unreadable());
    place.agent.tell(Some(told));
    // A server, too: with a byte too many. Another one tells of nothing else.
    let mut trailing = place.authority.der();
    trailing.push(0);
    let trailing = messages::X509Certificate { asn1: trailing, tainted: false };
    place.servers[0].set(|says| says.bundle.x509_authorities.push(trailing.clone()));
    place.servers[1].set(|says| says.bundle.x509_authorities = vec![trailing]);
    place.down(1, |fault| matches!(fault, Fault::Refused(_))).await;
    // Connections that are opened after all that.
    for server in [0, 2] {
        place.servers[server].kill();
        place.down(server, |_| true).await;
        place.servers[server].start();
        place.up(server).await;
    }
    place.answers().await;
}
