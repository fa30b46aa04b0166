//! The commands and configurations of the example's README, run in order: three nodes, one is cut off.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::running::{hears_all, wait};
use crate::shell::Shell;
use crate::{BETWEEN, KEYTOOL, NODE, harness};

const README: &str = include_str!("../../examples/mesh_node/README.md");

/// The blocks of code in one language under a heading.
fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let pieces = section.split("```").skip(1).step_by(2);
    pieces.filter_map(|piece| piece.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// A program of that name in `directory`: this test, as that process.
fn put_program(directory: &Path, name: &str, test: &str, variable: &str) {
    let this = std::env::current_exe().unwrap();
    let octal = format!("{:03o}", BETWEEN as u32);
    let arguments = harness(test).join(" ");
    let script = format!(
        "#!/bin/sh\nIFS=$(printf '\\{octal}')\nexport {variable}=\"$*\"\nunset IFS\n\
         exec '{}' {arguments}\n",
        this.display()
    );
    let path = directory.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

struct Mesh {
    shell: Shell,
}

impl Mesh {
    fn ask(&mut self, node: &str, path: &str) -> String {
        // What the README says, of any node.
        let commands = blocks("Start", "sh");
        let command = commands[1].lines().find(|line| line.ends_with(path)).unwrap();
        self.shell.try_to(&command.replace("north", node)).0
    }

    /// `Null` where nobody answers.
    fn status(&mut self, node: &str) -> Value {
        serde_json::from_str(&self.ask(node, "/status")).unwrap_or_default()
    }

    fn wait_for(&mut self, what: &str, is_so: impl Fn(&mut Self) -> bool) {
        let mesh = std::cell::RefCell::new(self);
        wait(
            || is_so(&mut mesh.borrow_mut()),
            || {
                let mesh = &mut mesh.borrow_mut();
                let said = mesh.shell.try_to("tail *.log").0;
                format!("not so: {what}\n{}\n{said}", mesh.ask("north", "/status"))
            },
        );
    }

    fn wait_until_all_are_heard(&mut self) {
        self.wait_for("everybody hears everybody, over proven links", |mesh| {
            ["north", "south", "west"].iter().all(|node| {
                let status = mesh.status(node);
                status.is_object() && hears_all(&status) && all_measured(&status)
            })
        });
    }
}

/// Whether each link is proven, and its other end has told how much arrives there.
fn all_measured(status: &Value) -> bool {
    let links = status["links"].as_array().unwrap();
    links.iter().all(|link| link["proven"] == true && link["quality"].is_u64())
}

fn has_backup(metrics: &str) -> bool {
    metrics.lines().any(|line| line == "mesh_node_backup_current 1")
}

/// The state of a member as a node sees it.
fn state(status: &Value, name: &str) -> Value {
    let members = status["members"].as_array().into_iter().flatten();
    members.filter(|member| member["name"] == name).map(|member| member["state"].clone()).collect()
}

#[test]
#[ignore = "needs root and network namespaces"]
fn three_nodes_make_a_mesh_by_the_readme() {
    if let Some(reason) = Shell::missing() {
        println!("skipped: {reason}");
        return;
    }
    // On the disk that the build is on; the one for temporary files may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let programs = directory.path().join("programs");
    fs::create_dir(&programs).unwrap();
    put_program(&programs, "mesh_node", "node_process", NODE);
    put_program(&programs, "keytool", "keytool_process", KEYTOOL);
    let mut mesh = Mesh { shell: Shell::start(directory.path()) };
    // In the place of what is built: that is this test.
    let build = blocks("Build", "sh").concat();
    assert_eq!(build.lines().count(), 2, "{build}");
    mesh.shell.run(&format!("export PATH='{}':$PATH", programs.display()));

    for commands in blocks("Keys", "sh") {
        mesh.shell.run(commands);
    }
    for text in blocks("Configuration", "toml") {
        let name = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        fs::write(directory.path().join("mesh").join(name), text).unwrap();
    }
    let said = mesh.shell.run(&blocks("Configuration", "sh").concat());
    assert_eq!(said.matches("holds: 2 peers in a mesh of 3.").count(), 3, "{said}");
    mesh.shell.run(&blocks("Network", "sh").concat());
    let start = blocks("Start", "sh")[0];
    mesh.shell.run(start);
    mesh.wait_until_all_are_heard();

    let [cut, heal] = blocks("Cut one off", "sh")[..] else { panic!("two blocks") };
    let agreed_before = mesh.status("west")["certificates"].clone();
    mesh.shell.run(cut);
    mesh.wait_for("south knows that west has failed", |mesh| {
        let status = mesh.status("south");
        let agreed = status["certificates"].as_array().into_iter().flatten();
        let agreed = agreed.filter(|one| one["event"] == "west has failed");
        agreed.filter(|one| one["attestors"] == 2).count() > 0
            && state(&status, "west") == serde_json::json!(["failed"])
            && state(&status, "north") == serde_json::json!(["heard"])
    });
    mesh.wait_for("south's metrics say so, and no route leads to west", |mesh| {
        let metrics = mesh.ask("south", "/metrics");
        let lines = ["meshward_failures_certified 1", "mesh_node_routes 1"];
        lines.iter().all(|line| metrics.lines().any(|one| one == *line))
    });
    mesh.wait_for("west knows that it is cut off", |mesh| {
        mesh.status("west")["alerts"].to_string().contains("cut off")
    });
    assert_eq!(mesh.status("west")["certificates"], agreed_before, "it accuses nobody");
    mesh.shell.run(heal);
    mesh.wait_until_all_are_heard();
    mesh.wait_for("south's metrics say that west is back", |mesh| {
        let metrics = mesh.ask("south", "/metrics");
        let lines = ["meshward_failures_certified 0", "mesh_node_routes 2"];
        lines.iter().all(|line| metrics.lines().any(|one| one == *line))
    });

    mesh.wait_for("each has a backup of the keys in use", |mesh| {
        let nodes = ["north", "south", "west"].iter();
        nodes.filter(|node| has_backup(&mesh.ask(node, "/metrics"))).count() == 3
    });
    let said = mesh.shell.run(blocks("Lose a disk", "sh")[0]);
    assert!(said.contains("These are new keys"), "{said}");
    mesh.wait_until_all_are_heard();
    mesh.wait_for("south knows the new key of north, which has a backup of it", |mesh| {
        let status = mesh.status("south");
        let mut members = status["members"].as_array().into_iter().flatten();
        members.any(|member| member["name"] == "north" && member["epoch"] == "1.0")
            && has_backup(&mesh.ask("north", "/metrics"))
    });

    stop(&mut mesh);
    mesh.shell.run(start);
    mesh.wait_until_all_are_heard();
    assert_eq!(mesh.status("north")["signing"], true);
    stop(&mut mesh);
    let gone = blocks("Stop", "sh")[1];
    mesh.shell.run(gone);
}

/// SIGTERM to all, each of which exits with 0.
fn stop(mesh: &mut Mesh) {
    mesh.shell.run("nodes=$(jobs -p)");
    mesh.shell.run(blocks("Stop", "sh")[0]);
    let codes = mesh.shell.run("for node in $nodes; do wait $node; echo code $?; done");
    assert_eq!(codes.matches("code 0\n").count(), 3, "{codes}");
}
