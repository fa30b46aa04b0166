//! What a whole run prints: its log at the finest level, every error, every `Debug`, every panic.

use std::collections::HashSet;
use std::process::Command;

use meshward::Suite;

use crate::life;

/// Where the run writes the secrets that there were.
const SECRETS: &str = "MESHWARD_TEST_SECRETS";
/// So many bytes of a secret in a row give it away.
const RUN: usize = 8;

/// Prints; another test reads it.
#[test]
#[ignore = "is run by the next one"]
fn a_run_that_prints_everything() {
    let Some(path) = std::env::var_os(SECRETS) else { return };
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    log.with_ansi(false).with_writer(std::io::stdout).init();
    let mut secrets = String::new();
    for suite in Suite::available() {
        let mut keep = |parts: Vec<Vec<u8>>| {
            for part in parts {
                let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
                secrets.push_str(&hex);
                secrets.push('\n');
            }
        };
        let mut show = |shown: &dyn std::fmt::Debug| println!("{shown:?}\n{shown:#?}");
        life::lived(suite, &mut keep, &mut show);
        #[cfg(feature = "backup")]
        crate::backed_up::backed_up(suite, &mut keep, &mut show);
    }
    std::fs::write(path, secrets).unwrap();
}

#[test]
fn no_secret_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets");
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "printed::a_run_that_prints_everything", "--ignored", "--nocapture"])
        .env(SECRETS, &path)
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&printed);
    for shown in ["a member has another key", "panicked", "Identity", "RecoveryKey", "KeyRotated"] {
        assert!(said.contains(shown), "the run says nothing of {shown}");
    }
    let secrets = std::fs::read_to_string(path).unwrap();
    let secrets = secrets.lines().map(|line| life::masked(&from_hex(line.as_bytes())));
    let secrets: Vec<_> = secrets.collect();
    assert!(secrets.len() > 20);
    let secrets = Secrets::new(&secrets);
    assert_eq!(secrets.found_in(&printed), None, "of {} bytes", printed.len());
}

/// The search finds what it is to find.
#[test]
fn a_secret_is_found_however_it_is_printed() {
    let secret: Vec<u8> = (0..64).map(|at: u8| at.wrapping_mul(37) ^ 0x5a).collect();
    let secrets = Secrets::new(std::slice::from_ref(&secret));
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let spaced: Vec<_> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let printed = [
        hex.clone(),
        hex.to_uppercase(),
        format!("0x{}", &hex[1..]),
        spaced.join(":"),
        format!("{secret:?}"),
        format!("{secret:#?}"),
        format!("{secret:02x?}"),
        base64(&secret),
        base64(&secret[1..]),
        base64(&secret[2..]).replace('+', "-").replace('/', "_"),
        format!("x{}", base64(&secret)),
    ];
    for printed in printed {
        assert!(secrets.found_in(printed.as_bytes()).is_some(), "{printed}");
    }
    assert!(secrets.found_in(&secret).is_some(), "raw");
    assert_eq!(secrets.found_in(format!("{:?}", [7_u8; 64]).as_bytes()), None);
}

/// Every run of bytes that gives a secret away.
struct Secrets(HashSet<[u8; RUN]>);

impl Secrets {
    fn new(secrets: &[Vec<u8>]) -> Self {
        let runs = secrets.iter().flat_map(|secret| secret.windows(RUN));
        Self(runs.map(|run| run.try_into().unwrap()).collect())
    }

    /// How the first one that is printed is written.
    fn found_in(&self, printed: &[u8]) -> Option<&'static str> {
        let known = |bytes: &[u8]| {
            bytes.windows(RUN).any(|run| self.0.contains::<[u8; RUN]>(run.try_into().unwrap()))
        };
        // Numbers between anything else: [1, 2], 01:02, [\n 1,\n 2,\n].
        let words: Vec<_> = printed
            .split(|byte| !byte.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let rows = |number: &dyn Fn(&[u8]) -> Option<u8>| {
            let mut rows = vec![Vec::new()];
            for word in &words {
                match number(word) {
                    Some(byte) => rows.last_mut().unwrap().push(byte),
                    None => rows.push(Vec::new()),
                }
            }
            rows.iter().any(|row| known(row))
        };
        let decimal = |word: &[u8]| std::str::from_utf8(word).ok()?.parse().ok();
        let pair = |word: &[u8]| {
            u8::from_str_radix(std::str::from_utf8(word).ok().filter(|it| it.len() <= 2)?, 16).ok()
        };
        let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
        let hex = runs_of(printed, is_hex)
            .any(|run| (0..2).any(|skip| known(&from_hex(run.get(skip..).unwrap_or_default()))));
        let in_base64 = runs_of(printed, |byte| sextet(*byte).is_some())
            .any(|run| (0..4).any(|skip| known(&from_base64(run.get(skip..).unwrap_or_default()))));
        [
            ("raw", known(printed)),
            ("in hex", hex),
            ("in base64", in_base64),
            ("in decimal", rows(&decimal)),
            ("in pairs of hex digits", rows(&pair)),
        ]
        .into_iter()
        .find_map(|(how, found)| found.then_some(how))
    }
}

fn runs_of(printed: &[u8], is_in: impl Fn(&u8) -> bool) -> impl Iterator<Item = &[u8]> {
    printed.split(move |byte| !is_in(byte)).filter(|run| run.len() >= RUN)
}

fn from_hex(digits: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    digits.chunks_exact(2).map(|two| (digit(two[0]) * 16 + digit(two[1])) as u8).collect()
}

/// RFC 4648, sections 4 and 5.
fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn from_base64(digits: &[u8]) -> Vec<u8> {
    let bits = |four: &[u8]| {
        four.iter().fold(0, |bits, digit| bits << 6 | u32::from(sextet(*digit).unwrap()))
    };
    digits.chunks_exact(4).flat_map(|four| bits(four).to_be_bytes()[1..].to_vec()).collect()
}

fn base64(bytes: &[u8]) -> String {
    let digits = (0..=u8::MAX).filter(|byte| sextet(*byte).is_some() && !b"-_".contains(byte));
    let digits: std::collections::HashMap<_, _> =
        digits.map(|byte| (sextet(byte).unwrap(), char::from(byte))).collect();
    let of = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| digits[&((bits >> shift & 63) as u8)])
    };
    bytes.chunks_exact(3).flat_map(of).collect()
}
