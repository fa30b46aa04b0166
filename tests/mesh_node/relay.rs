//! Cables between nodes on loopback that lose datagrams, spoil some, delay each by another time, and bring
//! some twice.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What becomes of a hundred datagrams.
const LOST: u64 = 5;
const SPOILED: u64 = 1;
const DOUBLED: u64 = 5;
/// The longest delay, in milliseconds.
const LATE: u64 = 30;

/// A cable between two nodes: each knows the other by the address of an end of it.
pub(crate) struct Cable {
    /// For the first node the second one is here, and the other way round.
    pub(crate) ends: [SocketAddr; 2],
    is_over: Arc<AtomicBool>,
}

impl Cable {
    pub(crate) fn between(nodes: [SocketAddr; 2], seed: u64) -> Self {
        let sockets = [0, 1].map(|_| Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap()));
        let ends = [0, 1].map(|end: usize| sockets[end].local_addr().unwrap());
        let is_over = Arc::new(AtomicBool::new(false));
        for way in [0, 1] {
            // What the first node sends comes out of the second end, to the second node.
            let (from, to) = (sockets[way].clone(), sockets[1 - way].clone());
            let (address, is_over) = (nodes[1 - way], is_over.clone());
            thread::spawn(move || carry(&from, &to, address, seed * 2 + way as u64, &is_over));
        }
        Self { ends, is_over }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn carry(from: &UdpSocket, to: &UdpSocket, address: SocketAddr, seed: u64, is_over: &AtomicBool) {
    let mut dice = 0x9e37_79b9_7f4a_7c15 ^ seed;
    // xorshift64 (Marsaglia 2003).
    let mut throw = |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    let mut waiting = BTreeMap::new();
    let mut buffer = [0; 2_048];
    let mut number = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        from.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        if let Ok((len, _)) = from.recv_from(&mut buffer) {
            assert!(len <= 1_232, "a datagram of {len} bytes does not fit an MTU of 1280");
            let mut datagram = buffer[..len].to_vec();
            if throw(100) < SPOILED {
                datagram[throw(len as u64) as usize] ^= 1;
            }
            let times = if throw(100) < DOUBLED { 2 } else { 1 };
            for _ in 0..times {
                number += 1;
                let due = Instant::now() + Duration::from_micros(throw(LATE * 1_000));
                if throw(100) >= LOST {
                    waiting.insert((due, number), datagram.clone());
                }
            }
        }
        let now = Instant::now();
        while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= now) {
            let _lost = to.send_to(&first.remove(), address);
        }
    }
}
