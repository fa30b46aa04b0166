//! PostgreSQL, three servers, a balancer and two agents: real ones, on this machine.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use tempfile::TempDir;

pub(crate) const TRUST_DOMAIN: &str = "mesh.test";

/// Generous: what is waited for takes seconds, on a machine that does nothing else.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Waits until `done`; how long that took.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(10));
    }
    started.elapsed()
}

/// A process that ends with the world.
pub(crate) struct Process {
    command: Command,
    child: Option<Child>,
}

impl Process {
    fn new(program: impl AsRef<Path>, log: &Path) -> Self {
        let mut command = Command::new(program.as_ref());
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { command, child: None }
    }

    fn with<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn start(&mut self) {
        self.child = Some(self.command.spawn().unwrap());
    }

    /// Starts it again if it has ended, as whoever supervises it would.
    pub(crate) fn keep(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            self.start();
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// `STOP`, `CONT`, `QUIT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) api: SocketAddr,
    pub(crate) ready: SocketAddr,
    socket: String,
}

pub(crate) struct Agent {
    pub(crate) process: Process,
    pub(crate) socket: PathBuf,
}

pub(crate) struct World {
    // The processes go before the directory does.
    pub(crate) agents: Vec<Agent>,
    _balancer: Process,
    pub(crate) servers: Vec<Server>,
    postgres: PathBuf,
    postgres_port: u16,
    pub(crate) directory: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.agents.clear();
        self.servers.clear();
        self.postgres("-m immediate stop");
        if thread::panicking() {
            for log in ["s1", "s2", "s3", "a1", "a2", "balancer", "pg"] {
                let log = self.directory.path().join(format!("{log}.log"));
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<_> = text.lines().collect();
                let last = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default();
                println!("== {}\n{}", log.display(), last.join("\n"));
            }
        }
    }
}

fn programs() -> PathBuf {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/spire");
    env::var_os("MESHWARD_SPIRE_CACHE").map_or_else(ours, PathBuf::from)
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Runs `command` and gives what it says.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command:?}: {text}{:?}", String::from_utf8(output.stderr));
    text
}

impl World {
    /// All of it, up and ready. SVIDs live for `svid_life`.
    pub(crate) fn new(svid_life: &str) -> Self {
        // Workloads are other users.
        let open = Permissions::from_mode(0o755);
        let directory = tempfile::Builder::new().permissions(open).tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let installed = fs::read_dir("/usr/lib/postgresql").expect("tests/spire/prepare was run");
        let postgres = installed.map(|entry| entry.unwrap().path().join("bin")).max().unwrap();
        let mut servers = Vec::new();
        let postgres_port = free_address().port();
        for name in ["s1", "s2", "s3"] {
            fs::create_dir(at(name)).unwrap();
            let (api, ready) = (free_address(), free_address());
            let text = server_conf(&at(name), [api, ready], postgres_port, svid_life);
            fs::write(at(name).join("conf"), text).unwrap();
            let process =
                Process::new(programs().join("spire-server"), &at(&format!("{name}.log"))).with([
                    "run",
                    "-config",
                    at(name).join("conf").to_str().unwrap(),
                ]);
            let socket = at(name).join("api.sock").to_str().unwrap().to_owned();
            servers.push(Server { process, api, ready, socket });
        }
        let balanced = free_address();
        fs::write(at("balancer.cfg"), balancer_cfg(balanced, &servers)).unwrap();
        let balancer = Process::new("haproxy", &at("balancer.log")).with([
            "-db",
            "-f",
            at("balancer.cfg").to_str().unwrap(),
        ]);
        let mut world = Self {
            agents: Vec::new(),
            _balancer: balancer,
            servers,
            postgres,
            postgres_port,
            directory,
        };
        world.start_postgres();
        // One after the other: the first makes the tables.
        for server in &mut world.servers {
            server.process.start();
            until("a server is ready", || is_ready(server.ready));
        }
        world._balancer.start();
        for name in ["a1", "a2"] {
            let agent = world.agent(name, balanced.port());
            world.agents.push(agent);
        }
        world
    }

    fn agent(&self, name: &str, port: u16) -> Agent {
        let at = |name: &str| self.directory.path().join(name);
        // A server may tell for a while what it knew before the last one was there.
        until("all servers are in the bundle", || {
            let bundle = self.server(0, "bundle show", &[]);
            fs::write(at("bundle.pem"), &bundle).unwrap();
            bundle.matches("BEGIN CERTIFICATE").count() == self.servers.len()
        });
        fs::create_dir(at(name)).unwrap();
        let token = self.server(0, "token generate", &["-spiffeID", &id("agents")]);
        let token = token.trim().strip_prefix("Token: ").unwrap();
        fs::write(at(name).join("conf"), agent_conf(&at(name), &at("bundle.pem"), port)).unwrap();
        let mut process = Process::new(programs().join("spire-agent"), &at(&format!("{name}.log")))
            .with(["run", "-config", at(name).join("conf").to_str().unwrap(), "-joinToken", token]);
        process.start();
        let socket = at(name).join("api.sock");
        until("an agent is healthy", || is_healthy(&socket));
        Agent { process, socket }
    }

    pub(crate) fn is_healthy(&self, agent: usize) -> bool {
        is_healthy(&self.agents[agent].socket)
    }

    /// Whether the agent with this index has an SVID for the workloads of user `uid`.
    pub(crate) fn serves(&self, agent: usize, uid: u32) -> bool {
        let mut command = Command::new(self.for_all_users(&programs().join("spire-agent")));
        command.args(["api", "fetch", "x509", "-silent", "-socketPath"]);
        command.arg(&self.agents[agent].socket).uid(uid).current_dir("/");
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A copy of `program` where every user may run it.
    pub(crate) fn for_all_users(&self, program: &Path) -> PathBuf {
        let copy = self.directory.path().join(program.file_name().unwrap());
        if !copy.exists() {
            fs::copy(program, &copy).unwrap();
        }
        copy
    }

    /// Says `command` to the server with this index and gives its answer.
    pub(crate) fn server(&self, index: usize, command: &str, args: &[&str]) -> String {
        let mut program = Command::new(programs().join("spire-server"));
        program.args(command.split(' ')).args(["-socketPath", &self.servers[index].socket]);
        said(program.args(args))
    }

    /// An entry for the workloads of user `uid`; gives its id.
    pub(crate) fn enter(&self, server: usize, name: &str, uid: u32, more: &[&str]) -> String {
        let (parent, name, selector) = (id("agents"), id(name), format!("unix:uid:{uid}"));
        let args = ["-parentID", &parent, "-spiffeID", &name, "-selector", &selector];
        let said = self.server(server, "entry create", &[&args, more].concat());
        let entry = said.lines().find_map(|line| line.strip_prefix("Entry ID"));
        entry.unwrap().trim_start_matches([' ', ':']).trim().to_owned()
    }

    fn start_postgres(&self) {
        let data = self.directory.path().join("pg");
        fs::create_dir(&data).unwrap();
        said(Command::new("chown").arg("postgres").arg(&data));
        let (data, initdb) = (data.join("data"), self.postgres.join("initdb"));
        let mut command = Command::new("runuser");
        command
            .args(["-u", "postgres", "--"])
            .arg(initdb)
            .args(["-A", "trust", "-U", "spire", "-D"]);
        said(command.arg(data));
        self.postgres("-w start");
        let mut command = Command::new(self.postgres.join("createdb"));
        let port = self.postgres_port.to_string();
        said(command.args(["-h", "127.0.0.1", "-p", &port, "-U", "spire", "spire"]));
    }

    /// Has `pg_ctl` do `what`.
    pub(crate) fn postgres(&self, what: &str) {
        let data = self.directory.path().join("pg");
        let options = format!("-p {} -k {} -h 127.0.0.1", self.postgres_port, data.display());
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.postgres.join("pg_ctl"));
        command.arg("-D").arg(data.join("data")).arg("-l").arg(data.join("log"));
        command.args(["-o", &options]).args(what.split(' '));
        let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(done.success() || thread::panicking(), "pg_ctl {what}");
    }
}

pub(crate) fn id(path: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/{path}")
}

/// Whether the agent there says so.
fn is_healthy(socket: &Path) -> bool {
    let mut command = Command::new(programs().join("spire-agent"));
    command.args(["healthcheck", "-socketPath", socket.to_str().unwrap()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// Whether the health listener there says so.
pub(crate) fn is_ready(address: SocketAddr) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).is_ok() && answer.ends_with(b" 200")
}

fn server_conf(data: &Path, [api, ready]: [SocketAddr; 2], postgres: u16, life: &str) -> String {
    let (data, domain) = (data.display(), TRUST_DOMAIN);
    let (api, ready) = (api.port(), ready.port());
    format!(
        r#"server {{
  trust_domain = "{domain}"
  bind_address = "127.0.0.1"
  bind_port = "{api}"
  socket_path = "{data}/api.sock"
  data_dir = "{data}"
  ca_ttl = "24h"
  default_x509_svid_ttl = "{life}"
  agent_ttl = "1h"
}}
plugins {{
  DataStore "sql" {{
    plugin_data {{
      database_type = "postgres"
      connection_string = "host=127.0.0.1 port={postgres} user=spire dbname=spire sslmode=disable"
    }}
  }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ keys_path = "{data}/keys.json" }} }}
}}
health_checks {{
  listener_enabled = true
  bind_address = "127.0.0.1"
  bind_port = "{ready}"
}}
"#
    )
}

fn agent_conf(data: &Path, bundle: &Path, port: u16) -> String {
    let (data, bundle, domain) = (data.display(), bundle.display(), TRUST_DOMAIN);
    format!(
        r#"agent {{
  trust_domain = "{domain}"
  server_address = "127.0.0.1"
  server_port = "{port}"
  socket_path = "{data}/api.sock"
  data_dir = "{data}"
  trust_bundle_path = "{bundle}"
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ directory = "{data}" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"#
    )
}

fn balancer_cfg(bind: SocketAddr, servers: &[Server]) -> String {
    let line = |(at, server): (usize, &Server)| {
        format!("  server s{at} {} check port {}\n", server.api, server.ready.port())
    };
    let servers: String = servers.iter().enumerate().map(line).collect();
    format!(
        "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n\
         frontend api\n  bind {bind}\n  default_backend servers\n\
         backend servers\n  balance leastconn\n  option httpchk GET /ready\n  \
         default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions\n{servers}"
    )
}
