//! The shape of the crate, held by reading its source: imports between the folders of `src` point
//! to a lower rank only, `lib.rs` is an index, files stay short.
//!
//! Where the scanner is in doubt it complains. Each edge must go strictly down, so a cycle between
//! folders cannot pass either.

#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)]

mod source_paths;

use std::fs;
use std::path::{Path, PathBuf};

use source_paths::{imports, text, tokens, without_tests};

/// The folders of `src`: the place in this list is the rank.
const RANKS: [&[&str]; 9] = [
    &["id", "bounded"],
    &["suite"],
    &["wire"],
    &["replay", "limit", "reputation", "membership", "store"],
    &["keyring"],
    &["gossip", "quorum", "rollout", "identity", "transport"],
    &["core"],
    &["host"],
    &["libp2p", "spire"],
];

/// Past this many lines a file holds more than one idea.
const MAX_LINES: usize = 400;

fn rank(folder: &str) -> Option<usize> {
    RANKS.iter().position(|folders| folders.contains(&folder))
}

/// What is wrong with the imports of `file`, a path such as `src/wire/frame.rs`.
fn import_faults(file: &str, source: &str) -> Vec<String> {
    let mut module: Vec<_> =
        file.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&"tests" | &"lib")) {
        return Vec::new();
    }
    module.retain(|name| *name != "mod");
    let own = module.first().copied().unwrap_or("");
    let tokens = without_tests(&tokens(source));
    let mut faults = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text == "mod" && text(&tokens, at + 1) == "tests" {
            faults.push(format!("{file}:{}: `mod tests` lacks #[cfg(test)]", token.line));
        }
    }
    for (line, path) in imports(module, &tokens) {
        let fault = match path.first() {
            None => "names the crate root; name a folder".to_owned(),
            Some(folder) if *folder == own => continue,
            Some(folder) => match (rank(folder), rank(own)) {
                (None, _) => format!("`{folder}` is no folder with a rank"),
                (_, None) => format!("`{own}` is no folder with a rank, so it may import nothing"),
                (Some(to), Some(from)) if to < from => continue,
                (Some(to), Some(from)) => format!(
                    "`{own}` (rank {from}) imports `{}` (rank {to}); only a lower rank is allowed",
                    path.join("::")
                ),
            },
        };
        faults.push(format!("{file}:{line}: {fault}"));
    }
    faults
}

/// What `lib.rs` holds beyond an index.
fn index_faults(source: &str) -> Vec<String> {
    let items = ["fn", "struct", "enum", "union", "trait", "impl", "macro_rules"];
    let tokens = tokens(source).into_iter().filter(|token| items.contains(&token.text));
    tokens.map(|token| format!("src/lib.rs:{}: `{}` in an index", token.line, token.text)).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files under `folder`, as (path from the root of the repository, text).
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        // A folder that nobody needed yet is no fault.
        let Ok(entries) = fs::read_dir(root().join(&folder)) else { continue };
        for entry in entries {
            let entry = entry.expect("the folder can be listed");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("the entry has a type").is_dir() {
                // What cargo builds in benches/peers is nobody's source.
                if entry.file_name() != "target" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(root().join(&path)).expect("source is UTF-8");
                files.push((path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} fault(s):\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn imports_point_to_a_lower_rank() {
    let files = rust_files("src");
    assert!(files.len() > 1, "nothing was scanned");
    let faults: Vec<_> =
        files.iter().flat_map(|(file, source)| import_faults(file, source)).collect();
    assert_none(&faults);
}

#[test]
fn src_holds_lib_rs_the_guide_and_the_ranked_folders() {
    let entries = fs::read_dir(root().join("src")).expect("src exists");
    let names = entries.map(|entry| entry.expect("src can be listed").file_name());
    let strays = names.map(|name| name.to_string_lossy().into_owned());
    // The guide has no rank, so the test above lets it import nothing.
    let unranked = ["lib.rs", "guide"];
    let strays = strays.filter(|name| !unranked.contains(&&**name) && rank(name).is_none());
    assert_none(&strays.map(|name| format!("src/{name}: has no rank")).collect::<Vec<_>>());
}

#[test]
fn lib_rs_is_an_index() {
    let source = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs exists");
    assert_none(&index_faults(&source));
    let planted = "//! fn\n/* struct */\n#![doc = \"enum\"]\npub mod id;\nimpl Id {}\n";
    assert_eq!(index_faults(planted), ["src/lib.rs:5: `impl` in an index"]);
}

#[test]
fn files_stay_short() {
    let files = ["src", "tests", "examples", "benches"].into_iter().flat_map(rust_files);
    let lines = files.map(|(file, source)| (file, source.lines().count()));
    let long = lines.filter(|(_, lines)| *lines > MAX_LINES);
    let long = long.map(|(file, lines)| format!("{file}:{lines}: more than {MAX_LINES} lines"));
    assert_none(&long.collect::<Vec<_>>());
}

/// Nothing but the compiler's own flag reaches the suite of simulations: no feature, no build script, and
/// each name of it in the source stands right below the condition.
#[test]
fn no_feature_reaches_the_simulated_suite() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml exists");
    let lines = manifest.lines().filter(|line| line.contains("sim"));
    let stray = lines.filter(|line| !line.starts_with("unexpected_cfgs = ")).map(str::to_owned);
    assert_none(&stray.collect::<Vec<_>>());
    assert!(!manifest.contains("build = ") && !root().join("build.rs").exists());
    let mut faults = Vec::new();
    for (file, source) in rust_files("src") {
        let lines: Vec<_> = source.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let names = line.contains("Simulated") || line.starts_with("mod simulated");
            let held = at > 0 && lines[at - 1] == "#[cfg(meshward_sim)]";
            if names && !held && !line.starts_with("//") && file != "src/suite/simulated.rs" {
                faults.push(format!("{file}:{}: not under the flag", at + 1));
            }
        }
    }
    assert_none(&faults);
}

/// One call in one file is unsafe, and without the feature that file is for there is none.
#[test]
fn one_call_is_unsafe() {
    let mut places = Vec::new();
    for (file, source) in rust_files("src") {
        let words = tokens(&source).into_iter().map(|token| token.text);
        let words = words.filter(|word| word.starts_with("unsafe"));
        places.extend(words.map(|word| format!("{file}: {word}")));
    }
    let file = "src/suite/prepared/avx2.rs";
    let expected = [format!("{file}: unsafe_code"), format!("{file}: unsafe")];
    assert_eq!(places, [&["src/lib.rs: unsafe_code".to_owned()], expected.as_slice()].concat());
    let index = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs exists");
    let index: Vec<_> = index.split_whitespace().collect();
    let forbidden = "#![cfg_attr( not(any(feature = \"dilithium3\", all(feature = \"prepared\", \
                     feature = \"ml-dsa-65\"))), forbid(unsafe_code) )]";
    assert!(index.join(" ").contains(forbidden));
}

/// The lines of the planted `source` that are found faulty.
fn faulty_lines(file: &str, source: &str) -> Vec<String> {
    let lines = import_faults(file, source).into_iter();
    lines.map(|fault| fault.split(':').nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn downward_and_own_imports_pass() {
    let source = "use crate::{id::{self, NodeId}, wire::Frame, suite};\nuse super::Entry;\n\
                  pub(in super::super) fn f(x: &crate::bounded::Queue) { self.x(crate::id::g()) }\n";
    assert_none(&import_faults("src/store/memory.rs", source));
}

#[test]
fn upward_and_sideways_imports_are_named() {
    let up = import_faults("src/id/mark.rs", "use std::fmt;\n\nuse crate::wire::Frame;\n");
    let message = "src/id/mark.rs:3: `id` (rank 0) imports `wire::Frame` (rank 2); \
                   only a lower rank is allowed";
    assert_eq!(up, [message]);
    assert_eq!(faulty_lines("src/gossip/mod.rs", "pub use crate::quorum::Certificate;"), ["1"]);
    // A cycle between folders: one of its edges never goes down.
    assert_none(&import_faults("src/wire/frame.rs", "use crate::id::Mark;"));
    assert_eq!(faulty_lines("src/wire/mod.rs", "fn f() {\n  crate::core::run::<u8>()\n}"), ["2"]);
}

#[test]
fn groups_are_followed_over_lines() {
    let source = "use crate::{\n  id::{NodeId, Mark as M},\n  gossip::{\n    Seal,\n    Admit as A,\n  },\n  \
                  suite::*,\n  host,\n};\n";
    assert_eq!(faulty_lines("src/replay/window.rs", source), ["4", "5", "8"]);
}

#[test]
fn paths_through_super_are_followed() {
    let source = "use super::super::core::Core;\nuse super::{super::host::*, Entry};\n\
                  mod inner {\n  use super::super::super::core::Core;\n  use super::super::ok;\n}\n\
                  use super::super::host::Host;\n";
    assert_eq!(faulty_lines("src/limit/bucket.rs", source), ["1", "2", "4", "7"]);
}

#[test]
fn the_root_and_unknown_folders_are_refused() {
    let source = "use crate::*;\nuse crate as root;\nuse crate::{self as r, NodeId};\n\
                  use super::super as s;\nextern crate self as me;\nmod tests;\n";
    let lines = ["6", "1", "2", "3", "3", "4", "5"];
    assert_eq!(faulty_lines("src/suite/key.rs", source), lines);
    assert_eq!(faulty_lines("src/util/mod.rs", "use crate::id::Mark;"), ["1"]);
}

#[test]
fn tests_comments_and_literals_are_ignored() {
    let source = "//! [`crate::core::Core`]\n/* /* */ crate::core::Core */\n\
                  const A: &str = \"\\\" crate::core::A\";\nconst B: &[u8] = br#\"\" crate::core::B\"#;\n\
                  const C: (char, char) = ('\"', '\\'');\nfn f<'a>(x: &'a str) {}\n\
                  #[cfg(test)]\n#[allow(unused)]\nmod tests {\n  use crate::core::Core;\n  fn g() { crate::host::h(); }\n}\n\
                  #[cfg(test)]\nmod tests;\n#[cfg(not(test))]\nuse crate::core::Core;\n";
    assert_eq!(faulty_lines("src/id/mark.rs", source), ["16"]);
    assert_none(&import_faults("src/id/tests.rs", "use crate::core::Core;"));
}
