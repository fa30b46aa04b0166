//! The process in the middle of all cables. It delays each datagram by another time, so that they overtake
//! each other, and does nothing else: what is lost, `nft` drops.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::plan::{air_address, party_address};
use crate::said::{Said, end_with_parent, say};

pub(crate) const RELAY: &str = "MESHWARD_TEST_NET_RELAY";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) cables: usize,
    pub(crate) delay_ms: (u64, u64),
}

/// Does nothing unless a test started it.
#[test]
fn relay_process() {
    let Ok(job) = std::env::var(RELAY) else { return };
    let Job { cables, delay_ms } = serde_json::from_str(&job).unwrap();
    for cable in 0..cables {
        let sides = [0, 1].map(|side| Arc::new(UdpSocket::bind(air_address(cable, side)).unwrap()));
        for side in [0, 1] {
            let (from, to) = (sides[side].clone(), sides[1 - side].clone());
            let address = party_address(cable, 1 - side);
            thread::spawn(move || carry(&from, &to, address, delay_ms, cable * 2 + side));
        }
    }
    say(&Said::Ready);
    end_with_parent();
}

fn carry(from: &UdpSocket, to: &UdpSocket, address: SocketAddr, delay_ms: (u64, u64), seed: usize) {
    let mut dice = 0x9e37_79b9_7f4a_7c15 ^ seed as u64;
    let mut waiting = BTreeMap::new();
    let mut buffer = [0; 2_048];
    for number in 0_u64.. {
        let next = waiting.first_key_value().map(|((due, _), _): (&(Instant, u64), &Vec<u8>)| *due);
        let time = next.map(|due| due.saturating_duration_since(Instant::now()));
        // Zero would mean for ever.
        let time = time.unwrap_or(Duration::from_secs(1)).max(Duration::from_micros(100));
        from.set_read_timeout(Some(time)).unwrap();
        if let Ok((len, _)) = from.recv_from(&mut buffer) {
            // xorshift64 (Marsaglia 2003).
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let late = delay_ms.0 * 1_000 + dice % (delay_ms.1 * 1_000 + 1);
            let due = Instant::now() + Duration::from_micros(late);
            waiting.insert((due, number), buffer[..len].to_vec());
        }
        let now = Instant::now();
        while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= now) {
            let _lost = to.send_to(&first.remove(), address);
        }
    }
}
