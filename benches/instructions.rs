//! How many instructions a frame costs, which a busy machine does not change:
//! `cargo bench --bench instructions`.
//!
//! The program runs itself under valgrind's callgrind, once for each suite, and compares what it counts
//! with `instructions.txt` beside it. More than 3 % and 30 instructions above is a regression, and the exit
//! code 1; with `-- --accept` what was counted is the measure from now on. Counts depend on the compiler
//! and on what the processor has to offer, so under others than those that the file names nothing is
//! compared. Without valgrind nothing is counted.
//!
//! What a signature check costs is a matter of its scheme, of the key and of the message. So the bare check
//! is told and not compared, and of whatever is checked what the library adds to the check of the very same
//! frames: that is the same in each run, to the instruction. What is refused unchecked is told of one suite.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use common::{Mesh, Stage, admit, generous, raw_check};
use meshward::Suite;

/// Frames that are counted together. They are a multiple of the 64 after which a replay window begins a
/// new word.
const FRAMES: usize = 128;
/// Frames before those.
const WARM: usize = 64;
/// Percent above what was accepted, and as many instructions more, since what the compiler places elsewhere
/// moves a count by some tens.
const TOLERANCE: u64 = 3;
const SLACK: u64 = 30;
const COUNTED: &str = "--counted";
const HEADING: &str = "# cargo bench --bench instructions -- --accept";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let [flag, suite, ..] = args.as_slice()
        && flag == COUNTED
    {
        run_all(suite.parse().expect("a suite"));
        return ExitCode::SUCCESS;
    }
    let Some(valgrind) = version("valgrind") else {
        println!("skipped: valgrind is not here, and nothing else counts instructions");
        return ExitCode::SUCCESS;
    };
    let environment = environment(&valgrind);
    let found: Vec<_> = Suite::available().flat_map(count).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let above = report(&environment, &found, &kept);
    if args.iter().any(|arg| arg == "--accept") {
        fs::write(&path, file(&environment, &found)).expect("instructions.txt can be written");
        println!("This is the measure from now on.");
        return ExitCode::SUCCESS;
    }
    if above > 0 {
        println!("{above} more than {TOLERANCE} % above; `-- --accept` takes them for the measure");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A line of what was counted.
struct Line {
    name: String,
    /// Instructions for one frame.
    count: u64,
    /// Not for the bare checks.
    is_compared: bool,
}

fn file(environment: &str, found: &[Line]) -> String {
    let lines = found.iter().filter(|line| line.is_compared);
    let lines = lines.map(|line| format!("{:<45} {:>8}\n", line.name, line.count));
    format!("{HEADING}\n# {environment}\n{}", lines.collect::<String>())
}

/// Prints what was found beside what was accepted. Tells how many are above that.
fn report(environment: &str, found: &[Line], kept: &str) -> u32 {
    let comparable = kept.lines().nth(1) == Some(&format!("# {environment}"));
    let accepted: BTreeMap<&str, u64> = kept
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, count) = line.rsplit_once(' ')?;
            Some((name.trim_end(), count.parse().ok()?))
        })
        .collect();
    let mut above = 0;
    println!("{:<45} {:>8} {:>8}", "instructions for a frame", "now", "accepted");
    for Line { name, count, is_compared } in found {
        let before = accepted.get(name.as_str()).filter(|_| comparable && *is_compared);
        let is_above =
            before.is_some_and(|before| count * 100 > (before + SLACK) * (100 + TOLERANCE));
        above += u32::from(is_above);
        let before = before.map_or_else(|| "-".to_owned(), u64::to_string);
        println!("{name:<45} {count:>8} {before:>8}{}", if is_above { "  ABOVE" } else { "" });
    }
    if !comparable {
        let accepted =
            kept.lines().nth(1).map_or("nothing yet", |line| line.trim_start_matches("# "));
        println!("Nothing was compared. These are of {environment},");
        println!("and accepted was {accepted}");
    }
    above
}

/// What counts depend on. The rest of the processor does not matter: valgrind shows all of one kind as the
/// same, to the C library, too.
fn environment(valgrind: &str) -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let rustc = version(&rustc).unwrap_or_else(|| "an unknown compiler".to_owned());
    // `ldd (GNU libc) 2.36`
    let libc = version("ldd").and_then(|text| Some(text.split(' ').next_back()?.to_owned()));
    let libc = libc.unwrap_or_else(|| "unknown".to_owned());
    #[cfg(target_arch = "x86_64")]
    let avx2 = if std::is_x86_feature_detected!("avx2") { "AVX2" } else { "no AVX2" };
    #[cfg(not(target_arch = "x86_64"))]
    let avx2 = "no AVX2";
    format!("{rustc}, libc {libc}, {valgrind}, {} with {avx2}", std::env::consts::ARCH)
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// Runs this program under callgrind, which writes down what it counted each time that `counted` returns.
fn count(suite: Suite) -> Vec<Line> {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=instructions::counted_frames"])
        .arg("--dump-after=instructions::counted_frames")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("this program"))
        .args([COUNTED, &suite.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("valgrind runs").success(), "{suite}: it failed under valgrind");
    let dump = |number: usize| -> PathBuf { format!("{}.{number}", out.display()).into() };
    let counts: Vec<u64> = (1..).map_while(|number| total(&dump(number))).collect();
    let wanted = wanted(suite);
    assert_eq!(counts.len(), wanted.len(), "{suite}: {counts:?}");
    let mut check = 0;
    let lines = wanted.into_iter().zip(counts).filter_map(|(wanted, count)| {
        let (name, count, is_compared) = match wanted {
            Wanted::Check(name) => {
                check = count;
                (name?, count, false)
            }
            Wanted::Whole(name) => (name, count, true),
            Wanted::BesideCheck(name) => (name, count.saturating_sub(check), true),
        };
        Some(Line { name, count: count / FRAMES as u64, is_compared })
    });
    lines.collect()
}

/// The line with the sum in a file of callgrind's.
fn total(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"));
    line?.trim().parse().ok()
}

/// What a count is of, and under which name it is told.
enum Wanted {
    /// Bare checks.
    Check(Option<String>),
    /// All that is done.
    Whole(String),
    /// What is done beside the checks that were counted before.
    BesideCheck(String),
}

/// What is counted, in order.
fn wanted(suite: Suite) -> Vec<Wanted> {
    let check = format!("{suite}: a bare check");
    let beside = |name: &str| Wanted::BesideCheck(format!("{suite}: {name}, beside the check"));
    let mut wanted = vec![Wanted::Check(Some(check)), beside("admit")];
    for stage in stages(suite) {
        match stage.is_checked() {
            true => wanted.extend([Wanted::Check(None), beside(stage.reason())]),
            false => wanted.push(Wanted::Whole(stage.reason().to_owned())),
        }
    }
    wanted
}

/// The first suite that is there stands for all where nothing is checked.
fn stages(suite: Suite) -> impl Iterator<Item = Stage> {
    let is_first = Suite::available().next() == Some(suite);
    Stage::ALL.into_iter().filter(move |stage| is_first || stage.is_checked())
}

/// Does all that is counted, in the same order.
fn run_all(suite: Suite) {
    let (node, mut speaker) = Mesh::pair(suite, &generous());
    let key = speaker.key.public_key().prepare().unwrap();
    // Once its ring of headers is full a node does the same for each.
    for _ in 0..WARM {
        admit(&node, &speaker.beacon(), speaker.now());
    }
    let frames: Vec<_> = (0..FRAMES).map(|_| (speaker.beacon(), speaker.now())).collect();
    counted_frames(&mut |at| assert!(raw_check(&key, &frames[at].0)));
    counted_frames(&mut |at| admit(&node, &frames[at].0, frames[at].1));
    for stage in stages(suite) {
        let case = stage.case(suite);
        let key = case.speaker.key.public_key().prepare().unwrap();
        case.refuse();
        if stage.is_checked() {
            counted_frames(&mut |_| {
                black_box(raw_check(&key, &case.packet));
            });
        }
        counted_frames(&mut |_| case.refuse());
    }
}

/// The only thing that callgrind counts.
#[inline(never)]
fn counted_frames(run: &mut dyn FnMut(usize)) {
    for number in 0..FRAMES {
        run(number);
    }
}
