//! What is left in memory: the process reads all of its own.
//!
//! Not looked for are copies on the stack, which the code beneath makes and no library can wipe (they are
//! overwritten first), and what a host's own store keeps of the rows it is handed (`redb` has a cache).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use meshward::Suite;

use crate::life::{self, Keep};

type Life = fn(Suite, Keep<'_>);

/// So many bytes of each secret are looked for.
const NEEDLE: usize = 16;
const CHUNK: usize = 1 << 20;

/// Looks through its memory in a process of its own, where nothing else runs.
#[test]
#[ignore = "is run by the next one"]
fn a_life_and_what_is_left_of_it() {
    let lives: &[(&str, Life)] = &[
        ("made", life::made),
        ("recovered", life::recovered),
        ("lived", |suite, keep| {
            life::lived(suite, keep, |shown| drop(std::hint::black_box(format!("{shown:?}"))));
        }),
        #[cfg(feature = "backup")]
        ("backed up", |suite, keep| {
            crate::backed_up::backed_up(suite, keep, &mut |shown| {
                drop(std::hint::black_box(format!("{shown:?}")));
            });
        }),
    ];
    for (suite, (name, live)) in
        Suite::available().flat_map(|suite| lives.iter().map(move |life| (suite, life)))
    {
        let mut secrets = Vec::new();
        let mut while_it_lives = 0;
        live(suite, &mut |parts| {
            // The last bytes: what frees a block writes into its first ones.
            secrets.extend(parts.iter().map(|part| part[part.len() - NEEDLE..].to_vec()));
            while_it_lives = in_memory(&secrets).len();
        });
        overwrite_stack(64);
        assert!(while_it_lives > 0, "{suite}, {name}: the search finds the keys in use");
        assert_eq!(in_memory(&secrets), Vec::<String>::new(), "{suite}, {name}");
        println!("{suite}, {name}: {} secrets", secrets.len());
    }
}

#[test]
fn no_secret_is_left_in_memory() {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "freed::a_life_and_what_is_left_of_it", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    print!("{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

/// Where in this process's memory one of the secrets stands.
fn in_memory(masked: &[Vec<u8>]) -> Vec<String> {
    let mut first = [false; 256];
    masked.iter().for_each(|secret| first[usize::from(secret[0])] = true);
    let (maps, memory) =
        (std::fs::read_to_string("/proc/self/maps").unwrap(), File::open("/proc/self/mem"));
    let memory = memory.unwrap();
    let mut found = Vec::new();
    let mut chunk = vec![0; CHUNK];
    for map in
        maps.lines().filter(|map| map.split(' ').nth(1).is_some_and(|may| may.starts_with("rw")))
    {
        let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut at = from;
        while at < to {
            let len = CHUNK.min((to - at) as usize);
            // What is not there cannot be read.
            let Ok(len) = memory.read_at(&mut chunk[..len], at) else { break };
            let hit = chunk[..len].windows(NEEDLE).position(|window| {
                first[usize::from(window[0] ^ 0xa5)]
                    && masked.iter().any(|it| it.iter().zip(window).all(|(a, b)| *a == b ^ 0xa5))
            });
            found.extend(hit.map(|hit| format!("{:x} in {map}", at + hit as u64)));
            // What stands across the border of two chunks is found in the next.
            at += if len < CHUNK { len } else { len - NEEDLE + 1 } as u64;
        }
    }
    chunk.fill(0);
    found
}

#[inline(never)]
fn overwrite_stack(depth: usize) {
    let filled = std::hint::black_box([0_u8; 16 << 10]);
    if depth > 0 {
        overwrite_stack(depth - 1);
    }
    std::hint::black_box(&filled);
}
