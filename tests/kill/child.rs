//! The process that is killed.

use std::env;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use meshward::{
    Accepted, CriticalEvent, Digest, DurableStore, Event, Link, MapekMonitor, MeshRouter, NodeId,
    PeerHealth, Suite, View,
};

use crate::world::{from_hex, link, now, start, to_hex};

pub(crate) const DIRECTORY: &str = "MESHWARD_TEST_KILL_NODE";

/// Says a line and makes sure that it is out: from then on the world has it.
fn say(line: &str) {
    let mut out = stdout().lock();
    // The test harness has begun a line of its own.
    if writeln!(out, "\n{line} end").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

#[derive(Clone)]
struct Spoken;

impl MeshRouter for Spoken {
    fn broadcast(&self, packet: &[u8], _: Option<Link>) {
        say(&format!("packet {}", to_hex(packet)));
    }
    fn send_to(&self, _: Link, packet: &[u8]) {
        say(&format!("packet {}", to_hex(packet)));
    }
    fn isolate(&self, _: NodeId) {}
    fn readmit(&self, _: NodeId) {}
}

impl MapekMonitor for Spoken {
    fn check_peer_health(&self, _: NodeId) -> PeerHealth {
        PeerHealth::Unknown
    }
    fn on_event(&self, _: &Event) {}
}

/// Does nothing unless the test started it.
#[test]
fn node_process() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let view = Arc::new(View::from_bytes(&fs::read(directory.join("view")).unwrap()).unwrap());
    let store = DurableStore::open(&directory.join("store")).unwrap();
    let guard = Arc::new(start(store, &view, &Spoken).unwrap());
    thread::spawn({
        let guard = Arc::clone(&guard);
        move || {
            for line in stdin().lines() {
                let taken = guard.handle_frame(link(2), &from_hex(&line.unwrap()), now());
                if let Ok(Accepted::Message(message)) = taken {
                    say(&format!("took {} {:?}", message.origin, message.mark));
                }
            }
            std::process::exit(0);
        }
    });
    let suite = Suite::available().last().unwrap();
    for turn in (1_u8..=u8::MAX).cycle() {
        let _rate = guard.sign_beacon(b"here", now());
        let _failed = guard.tick(now());
        if turn % 4 == 0 {
            // A vote is written before it is cast.
            let [topic, content] = [turn, std::process::id() as u8];
            let [topic, content] = [topic, content].map(|byte| Digest::from_bytes([byte; 32]));
            let proposal = CriticalEvent::GovernanceProposal { topic, sequence: 1, content };
            let _tally = guard.report_critical_event(proposal, now());
        }
        let member = view.index_of(&crate::id(1)).unwrap();
        let epoch = || guard.core().directory().current(member).unwrap().epoch.operational;
        // The others follow so many in one view.
        if turn % 9 == 0 && epoch() < 15 && guard.rotate_keys(suite, now()).is_ok() {
            say(&format!("rotated {}", epoch()));
        }
        thread::sleep(Duration::from_millis(10));
    }
}
