//! Parts of a node, each alone: the number of its start, what waits, what is kept, names, the routing table.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use meshward::{Identity, Link, LinkId, MemoryStore, NodeId, OsEntropy, Suite, View};
use parking_lot::Mutex;

use crate::mesh_node::inbox::{Datagram, Inbox};
use crate::mesh_node::journal::Journal;
use crate::mesh_node::names::Names;
use crate::mesh_node::output::Output;
use crate::mesh_node::routes::{Routes, Table, beacon, unsigned};
use crate::mesh_node::start_number;

#[test]
fn the_number_of_a_start_grows_whatever_the_clock_says() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mesh_node.start");
    let next = || start_number::next(directory.path());
    let first = next().unwrap();
    assert!(first >> 32 > 1_700_000_000, "seconds since 1970");
    assert!(next().unwrap() > first);
    // A clock that was ahead, and is right again.
    fs::write(&file, (4_000_000_000_u64 << 32).to_string()).unwrap();
    assert_eq!(next().unwrap() >> 32, 4_000_000_001);
    assert_eq!(next().unwrap() >> 32, 4_000_000_002);
    // One that was killed while it wrote.
    fs::write(directory.path().join("mesh_node.start.new"), "").unwrap();
    assert_eq!(next().unwrap() >> 32, 4_000_000_003);
    for wrong in ["", "-1", "18446744073709551616", "18446744073709551615", "seven"] {
        fs::write(&file, wrong).unwrap();
        assert!(next().is_err(), "{wrong:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), wrong, "it is left alone");
    }
}

/// A disk from a copy, each time, and a clock that is behind it.
#[test]
fn the_number_of_a_start_does_not_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let copy = (4_000_000_000_u64 << 32).to_string();
    let numbers = (0..20).map(|_| {
        fs::write(directory.path().join("mesh_node.start"), &copy).unwrap();
        start_number::next(directory.path()).unwrap()
    });
    let numbers: BTreeSet<u64> = numbers.collect();
    assert!(numbers.iter().all(|number| number >> 32 == 4_000_000_001), "{numbers:?}");
    // By chance two of twenty are the same in one of 23 million runs of this test.
    assert_eq!(numbers.len(), 20, "{numbers:?}");
}

#[test]
fn who_sends_much_takes_no_place_and_no_turn_from_others() {
    let inbox = Inbox::new(2);
    let datagram = |link, len| Datagram { link: Link::Claimed(LinkId(link)), bytes: vec![0; len] };
    let came = |sender| (0..9_999).take_while(|_| inbox.put(sender, datagram(9, 1_000))).count();
    let (strangers, peer) = (came(None), came(Some(0)));
    assert!((200..262).contains(&strangers) && (900..1_048).contains(&peer));
    assert!(!inbox.put(Some(0), datagram(9, 1_000)) && !inbox.put(Some(7), datagram(9, 0)));
    for _ in 0..3 {
        assert!(inbox.put(Some(1), datagram(1, 1_000)), "its place is its own");
    }
    let next = || inbox.take(Duration::ZERO).map(|datagram| datagram.link.id().0);
    let turns: Vec<_> = (0..9).map(|_| next().unwrap()).collect();
    assert_eq!(turns, [9, 1, 9, 9, 1, 9, 9, 1, 9], "the first peer, the second, the strangers");
    let rest = (0..).take_while(|_| next().is_some()).count();
    assert_eq!(rest, strangers + peer + 3 - 9);
    assert!(inbox.put(None, datagram(9, 1_000)), "there is room again");
    // Empty ones cost something, too.
    assert!((0..99_999).take_while(|_| inbox.put(Some(0), datagram(9, 0))).count() < 50_000);
}

#[test]
fn what_is_kept_to_be_shown_is_bounded() {
    let journal = Mutex::new(Journal::new(Output::of(std::io::sink())));
    (0..300).for_each(|number| Journal::alert(&journal, number.to_string()));
    let mut journal = journal.into_inner();
    let texts: Vec<_> =
        journal.events.iter().map(|event| event.text.parse::<i32>().unwrap()).collect();
    assert_eq!(texts, (100..300).rev().collect::<Vec<_>>(), "the newest first");
    for body in ["a".repeat(60_000), "ü".repeat(300), "\u{10348}".repeat(300)] {
        journal.beacon(id(1), body.as_bytes());
        assert_eq!(journal.beacons[&id(1)].chars().count(), 200);
    }
    journal.beacon(id(1), b"no \xff text");
    assert_eq!(journal.beacons[&id(1)], "no \u{fffd} text");
    assert_eq!(journal.beacons.len(), 1);
}

#[test]
fn each_member_and_link_is_called_what_nobody_else_is() {
    let member = |number: u8, name: &str| {
        let store = MemoryStore::new();
        Identity::create(&store, id(number), Suite::MlDsa65, &OsEntropy).unwrap().member(name)
    };
    let view = View::genesis(vec![
        member(1, "one"),
        member(2, "twin"),
        member(3, "twin"),
        member(4, ""),
        // Who calls itself by another's id is not taken for that one.
        member(5, &id(2).to_string()),
    ]);
    let links = (0..).map(LinkId).zip([1, 3, 5].map(id));
    let names = Names::new(&view.unwrap(), links);
    let called: Vec<_> = (1..=5).map(|number| names.name(&id(number))).collect();
    assert_eq!(called[0], "one");
    for number in 2..=5 {
        assert_eq!(called[usize::from(number) - 1], id(number).to_string());
    }
    for (number, name) in (1..).zip(&called) {
        assert_eq!(names.id(name), Some(id(number)));
    }
    assert_eq!(names.link(LinkId(0)), "the link to one");
    assert_eq!(names.link(LinkId(1)), format!("the link to {}", id(3)));
    assert_eq!(names.link(LinkId(9)), "link 9");
}

#[test]
fn an_old_node_is_known_by_a_name_in_its_beacon() {
    let named = |text: &str| unsigned(text.as_bytes());
    assert_eq!(named(r#"{"from":"2","text":"","routes":{}}"#), Some("2".to_owned()));
    let signed = String::from_utf8(beacon("text", &Table::new(), name)).unwrap();
    assert_eq!(named(&signed), None);
    for text in ["", "{", "{}", r#"{"from":2,"text":"","routes":{}}"#, r#" {"from":"2"}"#, "[]"] {
        assert_eq!(named(text), None, "{text}");
    }
    assert_eq!(named(&"{\"text\":".repeat(10_000)), None, "no depth is too much");
}

const fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 32])
}

fn name(node: &NodeId) -> String {
    node.as_bytes()[0].to_string()
}

fn number(name: &str) -> Option<NodeId> {
    name.parse().ok().map(id)
}

/// Lets node 1 learn what `neighbour` tells: whom it reaches through whom in how many hops.
fn learn(routes: &mut Routes, neighbour: u8, told: &[(u8, u8, u8)]) {
    let table: Table = told.iter().map(|(to, via, hops)| (id(*to), (id(*via), *hops))).collect();
    routes.learn(id(neighbour), &beacon("text", &table, name), number);
}

fn table(routes: &Routes, neighbours: &[u8]) -> Vec<(u8, u8, u8)> {
    let table = routes.table(neighbours.iter().map(|neighbour| id(*neighbour)));
    let number = |node: &NodeId| node.as_bytes()[0];
    table.iter().map(|(to, (via, hops))| (number(to), number(via), *hops)).collect()
}

#[test]
fn routes_are_the_shortest_and_go_around_who_is_given_up() {
    let mut routes = Routes::new(id(1));
    learn(&mut routes, 2, &[(4, 4, 1), (5, 4, 2), (1, 1, 1)]);
    learn(&mut routes, 3, &[(5, 5, 1), (2, 1, 2)]);
    assert_eq!(table(&routes, &[2, 3]), [(2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 3, 2)]);
    assert_eq!(table(&routes, &[2]), [(2, 2, 1), (4, 2, 2), (5, 2, 3)], "without a link to 3");
    routes.doubt(id(3));
    assert_eq!(table(&routes, &[2, 3])[3], (5, 2, 3), "there is another way");
    assert_eq!(table(&routes, &[3])[1], (5, 3, 2), "there is none");
    routes.isolate(id(2));
    routes.isolate(id(1));
    assert_eq!(table(&routes, &[2, 3]), [(3, 3, 1), (5, 3, 2)]);
    routes.readmit(id(2));
    assert_eq!(table(&routes, &[2, 3]).len(), 4);
}

#[test]
fn what_a_neighbour_tells_is_bounded_and_may_be_anything() {
    let mut routes = Routes::new(id(1));
    for body in [&b""[..], b"{}", b"[]", b"\xff", b"{\"text\":\"\",\"routes\":{\"4\":[\"2\",256]}}"]
    {
        routes.learn(id(2), body, number);
        assert_eq!(table(&routes, &[2]), [(2, 2, 1)], "{body:?}");
    }
    // Two nodes that lead to each other stop counting.
    learn(&mut routes, 2, &[(4, 3, 15), (5, 3, 16), (6, 3, 255)]);
    assert_eq!(table(&routes, &[2]), [(2, 2, 1), (4, 2, 16)]);
    let all: Vec<_> = (3..=255).map(|to| format!("\"{to}\":[\"{to}\",1]")).collect();
    let body = format!("{{\"text\":\"\",\"routes\":{{{}}}}}", all.join(","));
    routes.learn(id(2), body.as_bytes(), number);
    assert_eq!(table(&routes, &[2]).len(), 33, "itself, and as many as one beacon may tell of");
    let long = |_: &NodeId| "\u{1}".repeat(64);
    let table: Table = (0..=255).map(|to| (id(to), (id(to), 1))).collect();
    let body = beacon(&"\u{1}".repeat(200), &table, long);
    assert!(body.len() <= meshward::wire::MAX_BODY_LEN, "{}", body.len());
}
