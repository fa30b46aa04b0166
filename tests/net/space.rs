//! A network namespace, which is gone when its owner is, after a panic as well.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::{Mutex, MutexGuard};

const PREFIX: &str = "meshward-";

/// One mesh at a time: they would take each other's time away.
static TURN: Mutex<()> = Mutex::new(());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Waits for this test's turn. Without what a mesh of namespaces needs it says what is missing; the test
/// has nothing to do then.
pub(crate) fn turn() -> Option<MutexGuard<'static, ()>> {
    let turn = TURN.lock();
    match missing() {
        None => Some(turn),
        Some(reason) => {
            println!("skipped: {reason}");
            None
        }
    }
}

fn missing() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // Real, effective, saved and that of the file system.
    if uid.and_then(|uid| uid.split_whitespace().nth(1)) != Some("0") {
        return Some("network namespaces need root, and this is another user".into());
    }
    for (tool, package) in [("ip", "iproute2"), ("nft", "nftables")] {
        if Command::new(tool).arg("-V").stdout(Stdio::null()).status().is_err() {
            return Some(format!("`{tool}` is not here (package {package})"));
        }
    }
    sweep();
    let name = unique("probe");
    let made = run("ip", &["netns", "add", &name], "");
    let _removed_after = Space { name: name.clone() };
    let rules =
        format!("table inet probe {{\n chain c {{\n{}\n }}\n}}\n", "numgen random mod 9 0 drop");
    let tried = made
        .and_then(|()| run("ip", &["netns", "exec", &name, "nft", "-f", "-"], &rules))
        .and_then(|()| run("ip", &["-n", &name, "link", "add", "probe", "type", "veth"], ""))
        .and_then(|()| run("ip", &["-n", &name, "addr", "add", "fd00::1/64", "dev", "probe"], ""));
    tried.err().map(|error| format!("this kernel does not do what is needed: {error}"))
}

/// Removes what a run that was killed has left.
fn sweep() {
    let Ok(names) = std::fs::read_dir("/run/netns") else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            drop(Space { name });
        }
    }
}

fn unique(what: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{number}-{what}", std::process::id())
}

/// Runs a command with this on its standard input.
fn run(program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() && written.is_ok() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", arguments.join(" "), said.trim()))
}

#[derive(Debug)]
pub(crate) struct Space {
    name: String,
}

impl Space {
    /// Makes one. Interfaces that go down keep their addresses.
    pub(crate) fn new(what: &str) -> Self {
        let space = Self { name: unique(what) };
        run("ip", &["netns", "add", &space.name], "").unwrap();
        let keep =
            "for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/keep_addr_on_down; done";
        space.exec(&["sh", "-c", keep], "");
        space
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Carries out `ip` commands here, one a line.
    pub(crate) fn ip(&self, commands: &str) {
        run("ip", &["-n", &self.name, "-batch", "-"], commands).unwrap();
    }

    /// Adds rules of `nft` here.
    pub(crate) fn nft(&self, rules: &str) {
        self.exec(&["nft", "-f", "-"], rules);
    }

    fn exec(&self, command: &[&str], input: &str) {
        run("ip", &[&["netns", "exec", &self.name], command].concat(), input).unwrap();
    }

    /// What a command prints that is run here.
    pub(crate) fn output(&self, command: &[&str]) -> String {
        let output = self.command(command[0]).args(&command[1..]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command to be run here. `ip` becomes it, so killing the one kills the other.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // Of one that was never made there is nothing to remove.
        let _removed = run("ip", &["netns", "del", &self.name], "");
    }
}
