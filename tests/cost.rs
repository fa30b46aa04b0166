//! The example `cost`: what it calculates by hand, and that the README has its table.

#![cfg(all(feature = "dilithium3", feature = "ml-dsa-65"))]
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code, reason = "here `run` is called, and not `main`")]
#[path = "../examples/cost/main.rs"]
mod cost;

use std::fs;

fn told(args: &[&str]) -> Result<String, String> {
    cost::asked(args.iter().map(Into::into))
}

#[test]
fn the_readme_has_the_table() {
    let table = told(&["--table"]).unwrap();
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "README.md lacks what `--table` prints:\n{table}");
}

/// One second, 10 nodes of 4 neighbours: 31 packets, of which 9 are new and 22 were there.
#[test]
fn a_small_mesh_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("measured.json");
    let times =
        r#"{"sign_message_us": 1000, "admit_us": 100, "duplicate_us": 100, "attest_us": 200}"#;
    let measured = format!(
        r#"{{"machine": "paper", "suites": {{"ml-dsa-65": {times}}}, "tick_1000_us": 2500,
            "member_bytes": 8192, "what is not known": 1}}"#
    );
    fs::write(&file, measured).unwrap();
    let args = ["--members", "10", "--neighbours", "4", "--body", "22", "--measured"];
    let text = told(&[args.as_slice(), &[file.to_str().unwrap()]].concat()).unwrap();
    // 1000 + 9 × 100 + 22 × 100 + 4 × 25 microseconds in a second.
    assert!(text.contains("processor  0.42 % of a core"), "{text}");
    // 10 × (8192 + 3478 + 131072 + 36864) bytes.
    assert!(text.contains("memory     1.7 MiB"), "{text}");
    // 31 × 3500 bytes.
    assert!(text.contains("bandwidth  108.5 kB/s in"), "{text}");
    // 9 × 200 + 22 × 100 microseconds.
    assert!(text.contains("fails 4.0 ms of a core"), "{text}");
    assert!(text.contains("Times are of paper."), "{text}");
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    for (args, sentence) in [
        (["--members", "1"].as_slice(), "--members is 1, and may be 2 to 10000."),
        (&["--members", "4"], "In a mesh of 4 nobody has 4 neighbours."),
        (&["--suite", "rsa"], "--suite is ml-dsa-65 or dilithium3, and not 'rsa'."),
        (&["--beacon-ms", "x"], "--beacon-ms does not take 'x'; see --help."),
    ] {
        assert_eq!(told(args).unwrap_err(), sentence);
    }
    let missing = told(&["--measured", "/nowhere"]).unwrap_err();
    assert!(missing.starts_with("/nowhere cannot be read: "), "{missing}");
}
