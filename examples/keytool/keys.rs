//! What works on a store.

use std::fmt::{Display, Write};
use std::path::Path;
use std::sync::Arc;

use meshward::keyring::Keyring;
use meshward::keyring::backup::{self, BackupDirectory, NO_MESH, Owner, Retention, Sealer};
use meshward::{
    Entropy, GossipConfig, Identity, KeyHistory, Member, Millis, NodeId, OsEntropy, Store, Suite,
    View,
};

use super::args::Options;
use super::{Failure, files, passphrase};

pub(crate) fn generate(options: &Options) -> Result<String, Failure> {
    let node = match options.node {
        Some(node) => node,
        None => {
            let mut drawn = [0; 32];
            OsEntropy.fill(&mut drawn).map_err(refused)?;
            NodeId::from_bytes(drawn)
        }
    };
    let suite = options.suite.or_else(|| Suite::available().last());
    let suite = suite.ok_or_else(|| Failure::asked("No suite is compiled in."))?;
    let (path, cost) = (options.store()?, options.cost()?);
    let directory = BackupDirectory::new(
        options.backups()?,
        Owner { node, mesh: NO_MESH },
        Retention::default(),
    );
    let passphrase = &passphrase::new(options)?;
    let store = files::new_store(path)?;
    let (now, entropy) = (files::now(), &OsEntropy);
    let sealer = Sealer { directory: &directory, passphrase, cost, now, entropy };
    let (identity, name) = backup::generate(&store, node, suite, sealer).map_err(refused)?;
    let mut told = described(&identity);
    let _infallible = writeln!(told, "backup    {}", directory.path_of(&name).display());
    told.push_str(
        "The backup alone has the recovery key. Keep a copy of it away from this host.\n",
    );
    Ok(told)
}

pub(crate) fn show(options: &Options) -> Result<String, Failure> {
    let identity = load(&files::store(options.store()?)?)?;
    let mut told = described(&identity);
    if let Some(path) = &options.member {
        let short = || identity.node().to_string().chars().take(8).collect();
        let member = identity.member(options.name.clone().unwrap_or_else(short));
        write_view(path, vec![member])?;
        let _infallible = writeln!(told, "The public half is in {}.", path.display());
    }
    Ok(told)
}

pub(crate) fn view(options: &Options) -> Result<String, Failure> {
    let out = options.out()?;
    let mut members: Vec<Member> = Vec::new();
    for path in &options.files {
        members.extend_from_slice(files::view(path)?.view().members());
    }
    let view = write_view(out, members)?;
    Ok(format!("mesh      {}\nmembers   {}\n", view.mesh(), view.len()))
}

/// A view with a history in which nobody has rotated yet.
fn write_view(path: &Path, members: Vec<Member>) -> Result<Arc<View>, Failure> {
    let view = View::genesis(members).map_err(refused)?;
    let history = KeyHistory::new(Arc::new(view));
    files::write_new(path, &history.to_bytes().map_err(refused)?)?;
    Ok(Arc::clone(history.view()))
}

pub(crate) fn rotate(options: &Options) -> Result<String, Failure> {
    let view = files::view(options.view()?)?;
    let store = files::store(options.store()?)?;
    let identity = load(&store)?;
    let place = view.view().index_of(&identity.node());
    place.ok_or_else(|| Failure::refused("This node is no member of the view."))?;
    let suite = options.suite.unwrap_or_else(|| identity.member("").key.key.suite());
    let rate = GossipConfig::default().origin_rate;
    let mesh = view.view().mesh();
    // The same steps that a running node takes: prepared, durable, in effect. It is said when it starts.
    let ring = Keyring::start(identity, &store, mesh, rate, Millis(0)).map_err(refused)?;
    let rotation =
        ring.prepare_rotation(suite, options.compromised, &OsEntropy).map_err(refused)?;
    store.apply(&rotation.batch).map_err(refused)?;
    ring.commit_rotation(rotation);
    let mut told = described(&load(&store)?);
    told.push_str("The node says so when it starts. Make a backup of these keys.\n");
    Ok(told)
}

pub(crate) fn load(store: &dyn Store) -> Result<Identity, Failure> {
    Identity::load(store).map_err(refused)
}

/// The library refused it.
pub(crate) fn refused(error: impl Display) -> Failure {
    Failure::refused(format!("{error}."))
}

/// Whose keys these are.
pub(crate) fn described(identity: &Identity) -> String {
    let key = identity.member("").key;
    let (node, suite, changes) = (identity.node(), key.key.suite(), identity.rotations().len());
    format!(
        "node      {node}\nkey       {}\n          {suite}, epoch {}, changes known: {changes}\n\
         recovery  {}\n",
        key.key.digest(),
        key.epoch,
        key.recovery
    )
}
