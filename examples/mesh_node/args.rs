//! What can be asked for on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use super::Failure;

pub(crate) const HELP: &str = "\
Runs one node of a mesh, as a file says.

Usage: cargo run --release --features metrics --example mesh_node -- --config FILE [--check]

  --config FILE   the configuration
  --check         only say whether the configuration holds; nothing is started or written
  --help          this text

The configuration is TOML. A path is relative to the file. What is unknown is refused. state, view and [udp]
must be there, and in a table all that has no default.

  state                  directory of the node's store, as `keytool generate` made it
  view                   the mesh's view, as `keytool view` made it
  disk                   \"never_rolled_back\", or \"may_be_rolled_back\": then the node signs nothing before a
                         quorum has confirmed its start [default: \"never_rolled_back\"]

  [udp]
  listen                 address and port: \"[::]:7600\", which takes IPv4 as well, or \"192.0.2.1:7600\"
  mtu                    the longest packet in bytes with the headers of IP and UDP, 1280 to 65535; the
                         same at all nodes [default: 1280]

  [http]                 without it nothing is served
  listen                 a loopback address and a port, \"127.0.0.1:7680\": / is a page, /status is JSON,
                         /metrics is for Prometheus

  [beacon]
  interval_ms            200 to 1200000 [default: 500]
  text                   at most 200 bytes, goes out with each beacon for others to read [default: \"\"]

  [quorum]
  suspicion_ms           how long a member is silent before it is reported, at least three intervals of
                         beacons, 600 to 3600000 [default: 3000]
  resend_ms              50 to 600000 [default: 1000]
  round_ms               50 to 600000 [default: 2000]

  [rotation]             when the node replaces its key by itself
  enabled                [default: true]
  max_age_ms             3600000 to 94608000000 of running time [default: 7776000000, 90 days]
  max_messages           1024 to 4294967296 [default: 16777216]
  min_interval_ms        60000 to half of max_age_ms [default: 86400000, a day]
  jitter_percent         0 to 50 [default: 10]
  suite                  \"dilithium3\" or \"ml-dsa-65\" [default: the one in use]

  [rollout]              signatures and quorum are enforced in stages, in a mesh with old nodes that beacon
                         unsigned; without it nothing unsigned is ever taken
  canary_percent         1 to 99, ascending, at most 16 of them [default: [1, 10, 50]]
  soak_ms                window_ms to 7776000000 [default: stages begin by hand only]
  window_ms              1000 to 86400000 [default: 600000]
  patience_ms            0 to window_ms [default: 30000]
  rollback_above         0 to 16384 [default: 0]

  [backup]               without it the node makes none
  directory              where `keytool generate` put the first backup, which alone has the recovery key.
                         Another is made at the first start and after each rotation; the newest ten are kept
  passphrase_file        the first line of it opens them; nobody else may be able to read the file

  [[peer]]               a neighbour; at most 256 of them
  member                 its name in the view, or its id
  address                address and port
  secret_file            a file with 64 hexadecimal digits that both ends have and nobody else, made by
                         `openssl rand -hex 32`: each datagram then proves who sent it and when. What is
                         sent is authenticated, and not hidden
  authenticated          true: the network below proves the peer's address (WireGuard, IPsec), so no secret
                         is needed. Without it or a secret nobody is blamed for what comes from that
                         address [default: false]

SIGTERM or SIGINT stops the node; a second one ends it at once.

Exit code: 0 after it was stopped; 1 if it could not go on; 2 for a wrong option or configuration.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Check(PathBuf),
    Run(PathBuf),
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, Failure> {
    let mut args = lexopt::Parser::from_args(args);
    let (mut file, mut check) = (None, false);
    while let Some(arg) = args.next().map_err(sentence)? {
        match arg {
            Long("help") | Short('h') => return Ok(Asked::Help),
            Long("config") => file = Some(PathBuf::from(args.value().map_err(sentence)?)),
            Long("check") => check = true,
            other => return Err(sentence(other.unexpected())),
        }
    }
    let file = file.ok_or_else(|| Failure::asked("--config FILE is needed; see --help."))?;
    Ok(if check { Asked::Check(file) } else { Asked::Run(file) })
}

fn sentence(error: lexopt::Error) -> Failure {
    Failure::asked(format!("{error}; see --help."))
}
