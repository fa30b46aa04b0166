//! Honest members over one link, while others are flooded at line rate.

use std::time::Instant;

use meshward::suite::SigningKey;
use meshward::{Config, Kind, Link, LinkId, Millis, Suite};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::mesh::{LINK, Mesh, id};
use crate::speaker::at;
use crate::timing::{float, nanoseconds};

const SECONDS: u64 = 10;
/// A link of 1 Gbit/s brings so many frames of 3.6 KiB in a millisecond.
const PACKETS_A_MS: usize = 34;
const HONEST: usize = 5;

pub(crate) fn run(suite: Suite, keys: &[SigningKey], figures: &mut Figures) -> Outcome<()> {
    let mesh = Mesh::new(suite, keys.get(..9).ok_or("too few keys")?, Config::default())?;
    let garbage = garbage(&mesh)?;
    let mut honest = Vec::new();
    for number in 1..=(SECONDS * 10) as u32 {
        for place in 1..=HONEST {
            honest.push((at(number), mesh.speaker(place)?.beacon(number)?));
        }
    }
    let (mut lost, mut taken, mut spent) = (0_usize, 0_usize, 0.0);
    let mut honest = honest.into_iter().peekable();
    let mut next = garbage.iter().cycle();
    for ms in 0..=SECONDS * 1_000 {
        let now = Millis(ms);
        let start = Instant::now();
        for packet in next.by_ref().take(PACKETS_A_MS) {
            // One that is vouched for, and one that is not and so never in quarantine.
            for link in [Link::Proven(LinkId(2)), Link::Claimed(LinkId(3))] {
                taken += usize::from(mesh.give(link, packet, now).is_ok());
            }
        }
        spent += nanoseconds(start);
        while let Some((_, frame)) = honest.next_if(|(when, _)| *when <= now) {
            lost += usize::from(mesh.give(LINK, &frame, now).is_err());
        }
        if ms.is_multiple_of(100) {
            mesh.carry_out(mesh.receiver.tick(now), now);
        }
    }
    let name = "honest frames lost while two links flood at 1 Gbit/s each";
    figures.print(suite, name, float(lost), Bar::Most(0.0));
    figures.print(suite, "garbage taken of that", float(taken), Bar::Most(0.0));
    let share = spent / (SECONDS as f64 * 1e9);
    figures.print(suite, "part of a core that the flood takes", share, Bar::Most(0.5));
    Ok(())
}

/// One of each sort, over and over: no packet, a forgery under a member's name, a name of nobody, another
/// body, and a frame that was taken long ago.
fn garbage(mesh: &Mesh<'_>) -> Outcome<Vec<Vec<u8>>> {
    let (forger, old) = (mesh.speaker(9)?, mesh.speaker(8)?.beacon(1)?);
    mesh.give(LINK, &old, at(1))?;
    let mut garbage = Vec::new();
    for number in 1..=20_u32 {
        let victim = mesh.speaker(1 + number as usize % HONEST)?;
        // The numbers that the victim will use itself.
        let header = victim.header(Kind::Beacon, number * 4);
        let mut stranger = header.clone();
        stranger.origin = id(1_000 + number as usize);
        let mut spoiled = victim.beacon(1_000 + number)?;
        spoiled.iter_mut().next_back().into_iter().for_each(|last| *last ^= 1);
        garbage.extend([vec![1; 3_686], forger.seal(header)?, forger.seal(stranger)?, spoiled]);
        garbage.push(old.clone());
    }
    Ok(garbage)
}
