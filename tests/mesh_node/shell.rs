//! A shell in namespaces of its own: of network, mounts and processes. What is made in it is gone with it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What stands behind the output of some commands.
const ENDED: &str = "<<<ended>>>";

pub(crate) struct Shell {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Shell {
    /// What is missing for it, if something is.
    pub(crate) fn missing() -> Option<String> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        if uid.and_then(|uid| uid.split_whitespace().nth(1)) != Some("0") {
            return Some("network namespaces need root, and this is another user".into());
        }
        for (tool, package) in [
            ("bash", "bash"),
            ("unshare", "util-linux"),
            ("ip", "iproute2"),
            ("openssl", "openssl"),
            ("curl", "curl"),
        ] {
            let version = if tool == "ip" { "-V" } else { "--version" };
            let version = if tool == "openssl" { "version" } else { version };
            let found = Command::new(tool).arg(version).stdout(Stdio::null()).status();
            if found.is_err() {
                return Some(format!("`{tool}` is not here (package {package})"));
            }
        }
        let tries = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add probe \
                     && ip link add probe type bridge && ip link add one type veth";
        let tried = match spaces().args(["sh", "-c", tries]).output() {
            Ok(tried) if tried.status.success() => return None,
            Ok(tried) => String::from_utf8_lossy(&tried.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        Some(format!("this kernel does not do what is needed: {tried}"))
    }

    pub(crate) fn start(directory: &Path) -> Self {
        let mut command = spaces();
        command.args(["bash", "--norc"]).current_dir(directory);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut shell = Self { process, to, from: BufReader::new(from) };
        shell.run("mkdir -p /run/netns && mount -t tmpfs none /run/netns");
        shell
    }

    /// Runs commands as a person would enter them. Gives what they print; panics if the last one fails.
    pub(crate) fn run(&mut self, commands: &str) -> String {
        let (out, code) = self.try_to(commands);
        assert_eq!(code, 0, "{commands}\n{out}");
        out
    }

    /// Runs commands. Gives what they print, and the code of the last one.
    pub(crate) fn try_to(&mut self, commands: &str) -> (String, i32) {
        writeln!(self.to, "{commands}\necho; echo \"{ENDED} $?\"").unwrap();
        let mut out = String::new();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the shell is gone: {out}");
            if let Some(code) = line.strip_prefix(ENDED) {
                return (out, code.trim().parse().unwrap());
            }
            out += &line;
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// What runs in it is the first process of a namespace, so all others end with it; and it ends with the one
/// that waits for it.
fn spaces() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}
