//! A configuration that is wrong is refused before anything is started, with the line that is.

use proptest::prelude::*;

use crate::desk::Desk;
use crate::mesh_node::{self, output::Output};

const GOOD: &str = r#"state = "north"
view = "mesh.view"
disk = "may_be_rolled_back"

[udp]
listen = "[::]:7600"
mtu = 1400

[http]
listen = "127.0.0.1:0"

[beacon]
interval_ms = 250
text = "hello"

[quorum]
suspicion_ms = 2000
resend_ms = 400
round_ms = 500

[rotation]
max_age_ms = 3600001
max_messages = 5000
min_interval_ms = 60000
jitter_percent = 20
suite = "ml-dsa-65"

[rollout]
canary_percent = [1, 50]
soak_ms = 700000
window_ms = 600000
patience_ms = 30000
rollback_above = 2

[backup]
directory = "north.backups"
passphrase_file = "passphrase"

[[peer]]
member = "south"
address = "[::1]:7601"
secret_file = "north-south.secret"

[[peer]]
member = "west"
address = "192.0.2.3:7600"
authenticated = true
"#;

/// What is replaced in a good configuration, by what, and what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    // What TOML itself forbids, and what nobody knows.
    ("mtu = 1400", "mtu = = 1400", ""),
    ("mtu = 1400", "mut = 1400", "unknown field `mut`"),
    ("[quorum]", "[qorum]", "unknown field `qorum`"),
    ("authenticated = true", "authenticate = true", "unknown field `authenticate`"),
    ("mtu = 1400", "mtu = \"1400\"", "invalid type"),
    ("mtu = 1400", "mtu = -1", "invalid value"),
    ("disk = \"may_be_rolled_back\"", "disk = \"new\"", "unknown variant"),
    ("suite = \"ml-dsa-65\"", "suite = \"rsa\"", "rsa"),
    ("jitter_percent = 20", "jitter_percent = 256", "invalid value"),
    // Addresses.
    ("listen = \"[::]:7600\"", "listen = \"localhost\"", "socket address"),
    ("listen = \"[::]:7600\"", "listen = \"[::]:0\"", "nor port 0"),
    ("listen = \"[::]:7600\"", "listen = \"[ff02::1]:7600\"", "no multicast address"),
    ("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:80\"", "loopback"),
    ("address = \"[::1]:7601\"", "address = \"[::]:7601\"", "one host at one port"),
    ("address = \"[::1]:7601\"", "address = \"[::1]:0\"", "one host at one port"),
    ("address = \"192.0.2.3:7600\"", "address = \"[::1]:7601\"", "another peer's"),
    // Ranges.
    ("mtu = 1400", "mtu = 1279", "mtu is 1279, it may be 1280 to 65535"),
    ("mtu = 1400", "mtu = 65536", "it may be 1280 to 65535"),
    ("interval_ms = 250", "interval_ms = 199", "interval_ms is 199, it may be 200 to"),
    ("suspicion_ms = 2000", "suspicion_ms = 749", "it may be 3 times that at least"),
    ("suspicion_ms = 2000", "suspicion_ms = 3600001", "it may be 600 to 3600000"),
    ("resend_ms = 400", "resend_ms = 49", "resend_ms is 49, it may be 50 to 600000"),
    ("round_ms = 500", "round_ms = 600001", "round_ms is 600001, it may be 50 to 600000"),
    ("max_age_ms = 3600001", "max_age_ms = 3599999", "max_age_ms is 3599999"),
    ("max_messages = 5000", "max_messages = 1023", "max_messages is 1023"),
    ("min_interval_ms = 60000", "min_interval_ms = 1800001", "min_interval_ms is 1800001"),
    ("jitter_percent = 20", "jitter_percent = 51", "jitter_percent is 51"),
    ("canary_percent = [1, 50]", "canary_percent = [50, 1]", "ascending"),
    ("soak_ms = 700000", "soak_ms = 599999", "soak_ms is 599999"),
    ("window_ms = 600000", "window_ms = 999", "window_ms is 999"),
    ("patience_ms = 30000", "patience_ms = 600001", "patience_ms is 600001"),
    ("rollback_above = 2", "rollback_above = 16385", "rollback_above is 16385"),
    // What has to be there, and to fit.
    ("state = \"north\"", "state = \"nowhere\"", "there is no store"),
    ("view = \"mesh.view\"", "view = \"no.view\"", "no.view"),
    ("view = \"mesh.view\"", "view = \"north.toml\"", "north.toml: these bytes are no view"),
    ("member = \"west\"", "member = \"east\"", "no member \"east\""),
    ("member = \"west\"", "member = \"south\"", "a peer already"),
    ("directory = \"north.backups\"", "directory = \"nowhere\"", "nowhere: No such file"),
    ("directory = \"north.backups\"", "directory = \"north\"", "north: there is no backup in it"),
    (
        "passphrase_file = \"passphrase\"",
        "passphrase_file = \"no.phrase\"",
        "no.phrase: No such file",
    ),
    ("passphrase_file = \"passphrase\"", "passphrase_file = \"open.secret\"", "chmod 600"),
    ("passphrase_file = \"passphrase\"", "passphrase_file = \"short.phrase\"", "8 to 1024 bytes"),
    (
        "passphrase_file = \"passphrase\"",
        "passphrase = \"in the open\"",
        "unknown field `passphrase`",
    ),
    ("secret_file = \"north-south.secret\"", "secret_file = \"no.secret\"", "no.secret"),
    ("secret_file = \"north-south.secret\"", "secret_file = \"short.secret\"", "not 63 bytes"),
    ("secret_file = \"north-south.secret\"", "secret_file = \"open.secret\"", "chmod 600"),
    (
        "authenticated = true",
        "authenticated = true\nsecret_file = \"north-south.secret\"",
        "not both",
    ),
];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write_secret("short.secret", &"a".repeat(63));
    desk.write_secret("short.phrase", "seven..\n");
    desk.write("open.secret", &"a".repeat(64));
    desk
}

#[test]
fn each_error_is_one_line_with_the_line_that_is_wrong() {
    let desk = desk();
    desk.write("north.toml", GOOD);
    let checked = desk.check("north.toml");
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("holds: 2 peers in a mesh of 3."), "{said}");
    assert_eq!(checked.status.code(), Some(0));
    for (good, bad, words) in WRONG {
        let (before, after) = GOOD.split_once(good).unwrap();
        desk.write("north.toml", &format!("{before}{bad}{after}"));
        // Of two lines the second one is wrong.
        let line = (before.to_owned() + bad).lines().count();
        let checked = desk.check("north.toml");
        let said = String::from_utf8(checked.stderr).unwrap();
        assert_eq!(checked.status.code(), Some(2), "{bad}: {said}");
        let place = format!("north.toml:{line}: ");
        assert!(said.contains(&place) && said.contains(words), "{bad}, line {line}: {said}");
        assert!(said.starts_with("mesh_node: ") && said.lines().count() == 1, "{bad}: {said}");
    }
}

/// Where only one of two values that do not fit each other is written, it is the one that is told of.
#[test]
fn a_value_that_does_not_fit_a_default_is_told_of() {
    let desk = desk();
    let small = "state = \"north\"\nview = \"mesh.view\"\nudp.listen = \"[::]:7600\"\n";
    let cases = [
        ("beacon.interval_ms = 2000", "with an interval_ms of 2000"),
        ("rotation.max_age_ms = 3600000", "min_interval_ms is 86400000"),
        ("rollout.window_ms = 2000", "patience_ms is 30000"),
    ];
    for (value, words) in cases {
        desk.write("north.toml", &format!("{small}\n{value}\n"));
        let said = String::from_utf8(desk.check("north.toml").stderr).unwrap();
        assert!(said.contains("north.toml:5: ") && said.contains(words), "{value}: {said}");
    }
    desk.write("north.toml", small);
    assert_eq!(desk.check("north.toml").status.code(), Some(0));
}

#[test]
fn a_missing_value_or_file_is_told_of() {
    let desk = desk();
    for (missing, words) in [
        ("state = \"north\"\n", "missing field `state`"),
        ("address = \"[::1]:7601\"\n", "missing field `address`"),
        ("passphrase_file = \"passphrase\"\n", "missing field `passphrase_file`"),
    ] {
        desk.write("north.toml", &GOOD.replace(missing, ""));
        let said = String::from_utf8(desk.check("north.toml").stderr).unwrap();
        assert!(said.contains("north.toml:") && said.contains(words), "{said}");
    }
    let said = String::from_utf8(desk.check("none.toml").stderr).unwrap();
    assert!(said.contains("none.toml: No such file"), "{said}");
    let two_versions = GOOD.replace("[::]:7600", "[::1]:7600");
    desk.write("north.toml", &two_versions);
    let said = String::from_utf8(desk.check("north.toml").stderr).unwrap();
    assert!(said.contains("the other version of IP"), "{said}");
    for (arguments, words) in [(["--chekc"], "--chekc"), (["--check"], "--config FILE is needed")] {
        let asked = crate::node(&arguments).output().unwrap();
        let said = String::from_utf8(asked.stderr).unwrap();
        assert!(asked.status.code() == Some(2) && said.contains(words), "{said}");
    }
}

#[test]
fn help_names_all_that_can_be_configured() {
    let asked = crate::node(&["--help"]).output().unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    let words = GOOD.lines().filter_map(|line| line.split([' ', ']']).next());
    for word in words.filter(|word| !word.is_empty()) {
        assert!(said.contains(&format!("  {word}")), "{word}");
    }
    assert_eq!(asked.status.code(), Some(0));
}

/// Bytes of a configuration, some of them replaced.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..6), 0..6_usize);
    prop::collection::vec(edit, 0..4).prop_map(|edits| {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (place, by, removed) in edits {
            let from = place.index(bytes.len());
            let to = (from + removed).min(bytes.len());
            bytes.splice(from..to, by);
        }
        bytes
    })
}

#[test]
fn no_configuration_makes_it_panic() {
    let desk = desk();
    let file = desk.path("north.toml");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(512));
    let strategy = prop_oneof![spoiled(), prop::collection::vec(any::<u8>(), 0..200)];
    let tried = runner.run(&strategy, |bytes| {
        std::fs::write(&file, bytes).unwrap();
        let (out, err) = (Output::of(std::io::sink()), Output::of(std::io::sink()));
        let arguments = ["--config".into(), file.clone().into(), "--check".into()];
        let code = mesh_node::run(arguments, &out, &err);
        prop_assert!(code == 0 || code == 2);
        Ok(())
    });
    tried.unwrap();
}
