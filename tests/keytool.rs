//! The example `keytool`, as an operator uses it: a process for each command, what it says and the code it
//! ends with.
//!
//! A process of the tool is this test itself, started again, which calls the example's `run`.

#![cfg(all(
    feature = "durable-store",
    feature = "backup",
    any(feature = "dilithium3", feature = "ml-dsa-65")
))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code, reason = "here `run` is called, and not `main`")]
#[path = "../examples/keytool/main.rs"]
mod keytool;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The arguments of a process of the tool.
const ARGS: &str = "MESHWARD_TEST_KEYTOOL";
const BETWEEN: &str = "\u{1f}";
/// Where what the tool says begins; the test harness has said something before.
const BEGINS: &str = "<<<keytool>>>\n";
const PHRASE: &str = "six words that dice have chosen";

/// Does nothing unless the test started it.
#[test]
fn keytool_process() {
    let Ok(args) = std::env::var(ARGS) else { return };
    let (code, out, err) = keytool::run(args.split(BETWEEN).map(Into::into));
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(format!("\n{BEGINS}{out}").as_bytes()).unwrap();
    stdout.flush().unwrap();
    std::io::stderr().write_all(err.as_bytes()).unwrap();
    std::process::exit(code.into());
}

/// Where an operator works.
struct Desk(TempDir);

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// The word behind `name` at the beginning of a line.
    fn value(&self, name: &str) -> &str {
        let line = self.out.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.unwrap().split_whitespace().nth(1).unwrap()
    }
}

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(&self, phrase: Option<&str>, args: &[&str]) -> Said {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "keytool_process", "--nocapture", "--test-threads=1"]);
        process.current_dir(self.0.path()).stdin(Stdio::null());
        process.env(ARGS, args.join(BETWEEN)).env_remove("MESHWARD_PASSPHRASE");
        if let Some(phrase) = phrase {
            process.env("MESHWARD_PASSPHRASE", phrase);
        }
        let ended = process.output().unwrap();
        let [out, err] = [ended.stdout, ended.stderr].map(|all| String::from_utf8(all).unwrap());
        let out = out.split_once(BEGINS).map(|(_, out)| out.to_owned());
        let code = ended.status.code().unwrap();
        Said { code, out: out.unwrap_or_else(|| panic!("{args:?}: {err}")), err }
    }

    /// Carries out what must succeed.
    fn run(&self, args: &[&str]) -> Said {
        let said = self.with(Some(PHRASE), args);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}: {}", said.out);
        said
    }

    /// Carries out what must be refused with `code` and a sentence that has `words`.
    fn refuse(&self, phrase: Option<&str>, code: i32, words: &str, args: &[&str]) {
        let said = self.with(phrase, args);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}: {}", said.err);
        let sentence = said.err.starts_with("keytool: ") && said.err.ends_with(".\n");
        assert!(sentence && said.err.contains(words), "{args:?}: {}", said.err);
        assert!(!said.err.contains(PHRASE), "{}", said.err);
    }

    /// Makes the keys of a node, its public half and its first backup.
    fn generate(&self, name: &str) -> Said {
        let said =
            self.run(&["generate", "--store", name, "--backups", "safe", "--memory-kib", "8"]);
        let member = format!("{name}.member");
        self.run(&["show", "--store", name, "--member", &member, "--name", name]);
        said
    }

    /// A mesh of two whose first node has a backup with the view. Gives that backup and the node's id.
    fn mesh(&self) -> (String, String) {
        let node = self.generate("north").value("node").to_owned();
        self.generate("south");
        self.run(&["view", "--out", "mesh.view", "north.member", "south.member"]);
        (self.backup("north"), node)
    }

    fn backup(&self, store: &str) -> String {
        let args = ["--view", "mesh.view", "--backups", "safe", "--memory-kib", "8"];
        self.run(&[&["backup", "--store", store], args.as_slice()].concat())
            .value("backup")
            .to_owned()
    }

    fn restore(&self, backup: &str, store: &str) -> Said {
        self.run(&["restore", backup, "--store", store, "--memory-kib", "8"])
    }
}

#[cfg(unix)]
fn assert_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        let is_directory = path.is_dir();
        assert_eq!(mode, if is_directory { 0o700 } else { 0o600 }, "{}", path.display());
        if is_directory {
            assert_private(&path);
        }
    }
}

#[cfg(not(unix))]
fn assert_private(_: &Path) {}

/// Promise P9, as a new user meets it.
#[test]
fn generate_back_up_lose_restore_rotate() {
    let desk = Desk::new();
    let (backup, node) = desk.mesh();
    let before = desk.run(&["show", "--store", "north"]);
    assert!(before.out.contains("epoch 0.0") && before.value("node") == node, "{}", before.out);
    let verified = desk.run(&["verify", &backup, "--store", "north"]);
    assert!(verified.out.contains("of the keys that the store has"), "{}", verified.out);
    desk.run(&["rotate", "--store", "north", "--view", "mesh.view"]);
    let rotated = desk.run(&["show", "--store", "north"]);
    assert!(rotated.out.contains("epoch 0.1"), "{}", rotated.out);
    assert_ne!(rotated.value("key"), before.value("key"));
    assert_eq!(rotated.value("recovery"), before.value("recovery"));
    let verified = desk.run(&["verify", &backup, "--store", "north"]);
    assert!(verified.out.contains("has rotated since"), "{}", verified.out);

    fs::remove_dir_all(desk.path("north")).unwrap();
    desk.refuse(Some(PHRASE), 2, "no store in north", &["show", "--store", "north"]);
    let restored = desk.restore(&backup, "north");
    assert!(restored.out.contains("epoch 1.0"), "{}", restored.out);
    assert_eq!(restored.value("node"), node);
    assert_ne!(restored.value("recovery"), before.value("recovery"));
    let next = restored.value("backup");
    assert!(next > backup.as_str(), "{next}");
    desk.run(&["verify", next, "--store", "north"]);
    desk.refuse(Some(PHRASE), 1, "it is spent", &["verify", &backup, "--store", "north"]);
    let rotated = desk.run(&["rotate", "--store", "north", "--view", "mesh.view", "--compromised"]);
    assert!(rotated.out.contains("epoch 1.1"), "{}", rotated.out);
    let shown = desk.run(&["show", "--store", "north"]);
    assert_eq!(shown.value("key"), rotated.value("key"));
    assert!(shown.out.contains("epoch 1.1, changes known: 2"), "{}", shown.out);
    // And the next backup, with the recovery key of the one before, restores in its turn.
    let after = desk.backup("north");
    let again = desk.restore(&after, "elsewhere");
    assert!(again.out.contains("epoch 2.0, changes known: 3"), "{}", again.out);
    assert_private(desk.0.path());
}

/// The first backup is from before there was a mesh. It takes the identity back with the mesh's view.
#[test]
fn the_first_backup_is_enough() {
    let desk = Desk::new();
    let first = desk.generate("north").value("backup").to_owned();
    desk.run(&["view", "--out", "mesh.view", "north.member"]);
    let args = ["restore", first.as_str(), "--store", "new", "--memory-kib", "8"];
    desk.refuse(Some(PHRASE), 1, "give it the view", &args);
    let said = desk.run(&[args.as_slice(), &["--view", "mesh.view"]].concat());
    assert!(said.out.contains("epoch 1.0"), "{}", said.out);
}

/// K4 at the operator's desk: nothing is restored, nothing is overwritten, and the reason is told.
#[test]
fn k04_what_is_wrong_is_told() {
    let desk = Desk::new();
    let (backup, _) = desk.mesh();
    let south = desk.backup("south");
    let bytes = fs::read(desk.path(&backup)).unwrap();
    fs::write(desk.path("cut"), &bytes[..bytes.len() - 100]).unwrap();
    let mut changed = bytes.clone();
    changed[1000] ^= 1;
    fs::write(desk.path("changed"), changed).unwrap();
    fs::write(desk.path("notes"), "not a backup at all").unwrap();
    let phrase = Some(PHRASE);
    let wrong = Some("five words of somebody else");
    for command in ["restore", "verify"] {
        let on = |file| [command, file, "--store", "new", "--memory-kib", "8"];
        desk.refuse(wrong, 1, "the passphrase does not open", &on(&backup));
        desk.refuse(phrase, 1, "it was cut off", &on("cut"));
        desk.refuse(phrase, 1, "checksum does not hold", &on("changed"));
        desk.refuse(phrase, 1, "no backup of meshward", &on("notes"));
        desk.refuse(phrase, 2, "cannot be read", &on("nowhere"));
        desk.refuse(None, 2, "no terminal to ask at", &on(&backup));
        desk.refuse(Some("short"), 2, "8 to 1024 bytes", &on(&backup));
    }
    // Nothing was made on the way.
    assert!(!desk.path("new").exists());

    let shown = desk.run(&["show", "--store", "north"]).out;
    let over = ["restore", backup.as_str(), "--store", "north", "--memory-kib", "8"];
    desk.refuse(phrase, 1, "already holds the identity", &over);
    let generate = ["generate", "--store", "north", "--backups", "safe", "--memory-kib", "8"];
    desk.refuse(phrase, 1, "already holds the identity", &generate);
    assert_eq!(desk.run(&["show", "--store", "north"]).out, shown);

    let node = desk.run(&["show", "--store", "north"]).value("node").to_owned();
    let others = ["restore", south.as_str(), "--store", "new", "--node", &node];
    desk.refuse(phrase, 1, "the backup is of node", &others);
    desk.refuse(phrase, 1, "of another node", &["verify", &south, "--store", "north"]);
    desk.run(&["view", "--out", "other.view", "north.member"]);
    let mesh = ["restore", backup.as_str(), "--store", "new", "--view", "other.view"];
    desk.refuse(phrase, 1, "of the mesh", &mesh);
    desk.refuse(phrase, 1, "exists already", &["view", "--out", "other.view", "north.member"]);
    let none = ["backup", "--store", "north", "--view", "mesh.view", "--backups", "empty"];
    desk.refuse(phrase, 1, "no backup of this node", &none);

    // A backup that was overtaken is taken only by who says so.
    let newer = desk.backup("north");
    let older = ["restore", backup.as_str(), "--store", "new", "--memory-kib", "8"];
    desk.refuse(phrase, 1, newer.rsplit('/').next().unwrap(), &older);
    assert!(!desk.path("new").exists());
    desk.run(&[older.as_slice(), &["--older"]].concat());
}

#[test]
fn what_cannot_be_asked_is_code_2() {
    let desk = Desk::new();
    let help = desk.run(&["--help"]).out;
    for command in
        ["generate", "show", "view", "rotate", "backup", "restore", "verify", "split", "combine"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        if !cfg!(feature = "shamir") && ["split", "combine"].contains(&command) {
            desk.refuse(Some(PHRASE), 2, "--features shamir", &[command, "x"]);
        } else {
            desk.refuse(Some(PHRASE), 2, "is needed; see --help", &[command]);
        }
    }
    let cases: [(&[&str], &str); 7] = [
        (&["fly"], "no command fly"),
        (&["show", "--yaml"], "--yaml"),
        (&["generate", "--node", "7"], "--node does not fit"),
        (&["generate", "--suite", "rsa"], "--suite does not fit"),
        (&["generate", "--store", "a", "--memory-kib", "4294967295"], "--memory-kib does not fit"),
        (&["verify", "x", "--passphrase", PHRASE], "No secret is taken from the command line"),
        (&["verify", "x", "--passphrase=hunter2 hunter2"], "there is no --passphrase;"),
    ];
    for (args, words) in cases {
        desk.refuse(None, 2, words, args);
    }
    // A passphrase from a file: its first line.
    fs::write(desk.path("phrase"), format!("{PHRASE}\nnot this\n")).unwrap();
    let generate = ["generate", "--store", "a", "--backups", "b", "--memory-kib", "8"];
    let said = desk.with(None, &[generate.as_slice(), &["--passphrase-file", "phrase"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    desk.run(&["verify", said.value("backup")]);
}

#[cfg(feature = "shamir")]
#[test]
fn a_key_is_split_and_combined() {
    let desk = Desk::new();
    let (backup, _) = desk.mesh();
    let split = ["split", backup.as_str(), "--out", "shares", "--shares", "3", "--threshold"];
    desk.run(&[split.as_slice(), &["2"]].concat());
    desk.refuse(Some(PHRASE), 1, "exists already", &[split.as_slice(), &["2"]].concat());
    desk.refuse(Some(PHRASE), 1, "at least 2", &[split.as_slice(), &["1"]].concat());
    assert_private(desk.0.path());
    let [one, two, three] = [1, 2, 3].map(|number| format!("shares/share-{number}.txt"));
    let combine = |shares: &[&str]| {
        let front = ["combine", backup.as_str(), "--backups", "safe", "--memory-kib", "8"];
        front.iter().chain(shares).map(ToString::to_string).collect::<Vec<_>>()
    };
    // The passphrase is forgotten; what is given here is the new one.
    let new = Some("seven words that nobody has");
    let refuse = |words, shares: &[&str]| {
        let args = combine(shares);
        desk.refuse(new, 1, words, &args.iter().map(String::as_str).collect::<Vec<_>>());
    };
    refuse("1 shares were given, 2 are needed", &[&one]);
    refuse("was given twice", &[&one, &one]);
    let mut damaged = fs::read_to_string(desk.path(&two)).unwrap();
    damaged.replace_range(100..101, if &damaged[100..101] == "0" { "1" } else { "0" });
    fs::write(desk.path("damaged"), damaged).unwrap();
    refuse("the share is damaged", &[&one, "damaged"]);
    let args = combine(&[&three, &one]);
    let said = desk.with(new, &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, 0, "{}", said.err);
    let resealed = said.value("backup");
    desk.refuse(Some(PHRASE), 1, "does not open", &["verify", resealed]);
    let restored = desk.with(new, &["restore", resealed, "--store", "new", "--memory-kib", "8"]);
    assert!(restored.code == 0 && restored.out.contains("epoch 1.0"), "{}", restored.err);
    // Now it is overtaken, and its key is spent.
    refuse("A newer backup of this node is there", &[&three, &one]);
}
