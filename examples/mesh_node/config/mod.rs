//! The configuration: read, and checked as far as it can be without the store.
//!
//! Ranges that are the library's are checked by the library, whose sentence names the value that is out of
//! it; here it is given the line of that value.

mod backup;
mod limits;
mod peers;
mod source;
mod tables;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshward::keyring::backup::Passphrase;
use meshward::{Config, DiskTrust, KeyHistory, NodeId, View};
use zeroize::Zeroizing;

use super::Failure;
use source::Source;
use tables::{Disk, Written};
use toml::Spanned;

/// The longest view file that is read, in bytes: the largest view, and some thousand rotations.
const MOST_VIEW: usize = 64 * 1024 * 1024;

/// What a node is started with. Every value is in its range.
pub(crate) struct Settings {
    /// The directory of the store, which is there.
    pub(crate) state: PathBuf,
    pub(crate) view: Arc<View>,
    pub(crate) listen: SocketAddr,
    /// What a datagram carries, in bytes.
    pub(crate) datagram: usize,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) beacon_ms: u64,
    /// What goes out with each beacon.
    pub(crate) text: String,
    pub(crate) protection: Config,
    pub(crate) peers: Vec<PeerSettings>,
    pub(crate) backup: Option<BackupSettings>,
}

/// Where backups go.
pub(crate) struct BackupSettings {
    /// There is one in it.
    pub(crate) directory: PathBuf,
    /// What opens it.
    pub(crate) passphrase: Passphrase,
}

/// A neighbour.
pub(crate) struct PeerSettings {
    /// Its name in the view.
    pub(crate) name: String,
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) proof: Proof,
    /// What is wrong if it is this node itself.
    pub(crate) is_this_node: String,
}

/// What shows that a datagram is of a neighbour.
pub(crate) enum Proof {
    /// Nothing but the address on it, which anybody can put there.
    None,
    /// The network below proves addresses.
    Network,
    /// What both ends know and nobody else.
    Secret(Zeroizing<[u8; 32]>),
}

/// Reads a configuration, with the view and the secrets that it names.
///
/// # Errors
/// The first thing that is wrong with it, with its line.
pub(crate) fn read(path: &Path) -> Result<Settings, Failure> {
    let source = Source::read(path)?;
    let written: Written = toml::from_str(&source.text)
        .map_err(|error| source.wrong(&error.span().unwrap_or_default(), error.message()))?;
    let datagram = limits::datagram(&source, &written.udp)?;
    let (beacon_ms, text) = limits::beacon(&source, &written.beacon)?;
    let protection = limits::protection(&source, &written, beacon_ms)?;
    let (listen, http) = addresses(&source, &written)?;
    let view = view(&source, &written.view)?;
    let peers = peers::peers(&source, &written.peer, listen, &view)?;
    let state = source.path(written.state.get_ref());
    if !state.join("meshward.redb").is_file() {
        let sentence = format!("there is no store in {}: `keytool generate`", state.display());
        return Err(source.wrong(&written.state.span(), sentence));
    }
    let backup = written.backup.as_ref().map(|written| backup::backup(&source, written));
    Ok(Settings {
        state,
        view,
        listen,
        datagram,
        http,
        beacon_ms,
        text,
        protection,
        peers,
        backup: backup.transpose()?,
    })
}

fn addresses(
    source: &Source,
    written: &Written,
) -> Result<(SocketAddr, Option<SocketAddr>), Failure> {
    let listen = written.udp.listen.get_ref();
    if listen.ip().is_multicast() || listen.port() == 0 {
        let sentence = format!("listen is {listen}, it may be no multicast address, nor port 0");
        return Err(source.wrong(&written.udp.listen.span(), sentence));
    }
    let Some(http) = &written.http else { return Ok((*listen, None)) };
    let address = http.listen.get_ref();
    if !address.ip().is_loopback() {
        let sentence = format!("listen is {address}, it may be a loopback address only");
        return Err(source.wrong(&http.listen.span(), sentence));
    }
    Ok((*listen, Some(*address)))
}

fn view(source: &Source, written: &Spanned<PathBuf>) -> Result<Arc<View>, Failure> {
    let path = source.path(written.get_ref());
    let wrong = |error: &dyn std::fmt::Display| {
        source.wrong(&written.span(), format!("view {}: {error}", path.display()))
    };
    let bytes = source::read(&path, MOST_VIEW).map_err(|error| wrong(&error))?;
    let history = KeyHistory::from_bytes(&bytes).map_err(|error| wrong(&error))?;
    Ok(Arc::clone(history.view()))
}

impl From<Disk> for DiskTrust {
    fn from(disk: Disk) -> Self {
        match disk {
            Disk::NeverRolledBack => Self::NeverRolledBack,
            Disk::MayBeRolledBack => Self::MayBeRolledBack,
        }
    }
}

/// Where a value stands, if it is there.
fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}

/// A value that may be left out.
fn or<T: Clone>(value: &Option<Spanned<T>>, default: T) -> T {
    value.as_ref().map_or(default, |value| value.get_ref().clone())
}
