//! Neighbours: each a member of the view, at an address of its own, with what proves that.

use std::net::SocketAddr;
use std::path::Path;

use meshward::{NodeId, View};
use toml::Spanned;
use zeroize::Zeroizing;

use super::super::Failure;
use super::source::{self, Source};
use super::tables::Peer;
use super::{PeerSettings, Proof};

/// Each has a queue and a part of the reassembly of its own.
const MOST_PEERS: usize = 256;
/// A secret is 64 digits and the end of a line.
const MOST_SECRET: usize = 80;

pub(super) fn peers(
    source: &Source,
    written: &[Spanned<Peer>],
    listen: SocketAddr,
    view: &View,
) -> Result<Vec<PeerSettings>, Failure> {
    let mut peers: Vec<PeerSettings> = Vec::new();
    for one in written {
        if peers.len() == MOST_PEERS {
            return Err(source.wrong(&one.span(), format!("more than {MOST_PEERS} peers")));
        }
        let peer = peer(source, one.get_ref(), listen, view)?;
        if peers.iter().any(|other| other.node == peer.node) {
            let sentence = format!("member {:?} is a peer already", peer.name);
            return Err(source.wrong(&one.get_ref().member.span(), sentence));
        }
        if peers.iter().any(|other| other.address == peer.address) {
            let sentence = format!("address {} is another peer's already", peer.address);
            return Err(source.wrong(&one.get_ref().address.span(), sentence));
        }
        peers.push(peer);
    }
    Ok(peers)
}

fn peer(
    source: &Source,
    written: &Peer,
    listen: SocketAddr,
    view: &View,
) -> Result<PeerSettings, Failure> {
    let (name, node) = member(source, &written.member, view)?;
    let address = address(source, &written.address, listen)?;
    let proof = match (&written.secret_file, written.authenticated) {
        (Some(file), true) => {
            let sentence = "a peer has a secret_file or is authenticated by the network, not both";
            return Err(source.wrong(&file.span(), sentence));
        }
        (Some(file), false) => {
            let path = source.path(file.get_ref());
            let secret = secret(&path).map_err(|error| {
                source.wrong(&file.span(), format!("secret_file {}: {error}", path.display()))
            })?;
            Proof::Secret(secret)
        }
        (None, true) => Proof::Network,
        (None, false) => Proof::None,
    };
    let Failure(_, is_this_node) =
        source.wrong(&written.member.span(), format!("member {name:?} is this node itself"));
    Ok(PeerSettings { name, node, address, proof, is_this_node })
}

/// The name and the id of a member that is named by either.
fn member(
    source: &Source,
    written: &Spanned<String>,
    view: &View,
) -> Result<(String, NodeId), Failure> {
    let word = written.get_ref();
    let members = view.members().iter();
    let found: Vec<_> = match word.parse::<NodeId>() {
        Ok(id) => members.filter(|member| member.id == id).collect(),
        Err(_) => members.filter(|member| member.name == *word).collect(),
    };
    match found.as_slice() {
        [one] => Ok((one.name.clone(), one.id)),
        [] => Err(source.wrong(&written.span(), format!("the view has no member {word:?}"))),
        _ => {
            let sentence = format!("several members are called {word:?}: give an id");
            Err(source.wrong(&written.span(), sentence))
        }
    }
}

/// An address that the socket can send to.
fn address(
    source: &Source,
    written: &Spanned<SocketAddr>,
    listen: SocketAddr,
) -> Result<SocketAddr, Failure> {
    let mut address = *written.get_ref();
    address.set_ip(address.ip().to_canonical());
    let ip = address.ip();
    let wrong = |sentence: &str| {
        Err(source.wrong(&written.span(), format!("address {address}: {sentence}")))
    };
    if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
        return wrong("a peer is one host at one port");
    }
    let takes_both = listen.is_ipv6() && listen.ip().is_unspecified();
    if listen.is_ipv4() != address.is_ipv4() && !takes_both {
        return wrong("listen is of the other version of IP; [::] takes both");
    }
    Ok(address)
}

fn secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, String> {
    let bytes = source::read_secret(path, MOST_SECRET)?;
    let digits = bytes.trim_ascii();
    match blake3::Hash::from_hex(digits) {
        Ok(secret) => Ok(Zeroizing::new(*secret.as_bytes())),
        Err(_) => Err(format!("it has to hold 64 hexadecimal digits, not {} bytes", digits.len())),
    }
}
