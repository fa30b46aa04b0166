//! What a node says, and nobody reads: it is dropped and counted, and keeps nobody waiting.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, PipeReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use crate::desk::Desk;
use crate::mesh_node::output::Output;
use crate::running::{Running, Written, free_port, wait};

/// `O_NONBLOCK` of Linux.
const NONBLOCK: i32 = 0o4000;
/// It does not come to that.
const LONG: Duration = Duration::from_secs(120);

/// Another end to write to of a pipe. It does not wait for who reads, and fails.
fn impatient(pipe: &PipeReader) -> File {
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    OpenOptions::new().write(true).custom_flags(NONBLOCK).open(path).unwrap()
}

/// Fills a pipe to its last byte.
fn fill(pipe: &PipeReader) {
    let mut end = impatient(pipe);
    for bytes in [&[b'.'; 4096][..], b"."] {
        let full = std::iter::repeat_with(|| end.write(bytes)).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    }
}

/// How many lines it is that are told of.
fn not_written(line: &str) -> Option<usize> {
    let (number, rest) = line.split_once(' ')?;
    rest.ends_with("not written").then(|| number.parse().unwrap())
}

#[test]
fn what_nobody_reads_is_counted_and_told_of_before_what_comes_later() {
    let (reader, writer) = std::io::pipe().unwrap();
    let output = Output::of(writer);
    let line = |number: usize| format!("{number:0100}");
    for number in 0..20_000 {
        output.say(line(number));
    }
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let mut written = 0;
    let told = lines.by_ref().find_map(|said| {
        let told = not_written(&said);
        if told.is_none() {
            assert_eq!(said, line(written), "in order, none left out");
            written += 1;
        }
        told
    });
    assert!((600..5_000).contains(&written), "{written}: a pipe, and a queue that is bounded");
    assert_eq!(told, Some(20_000 - written));
    output.say("again");
    assert_eq!(lines.next().unwrap(), "again");
    output.say("the last one");
    output.close(LONG);
    output.say("too late");
    assert_eq!(lines.collect::<Vec<_>>(), ["the last one"], "what waits is written at the end");
}

#[test]
fn an_end_that_nobody_reads_is_waited_for_no_longer_than_was_said() {
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&reader);
    let output = Output::of(writer);
    output.say("nobody reads it");
    output.close(Duration::from_millis(50));
    // Nor is one to which nothing can be written.
    let output = Output::of(File::options().write(true).open("/dev/full").unwrap());
    output.say("there is no room for it");
    output.close(LONG);
}

/// As on a disk that was full for a while.
#[test]
fn what_failed_is_counted_and_writing_goes_on() {
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&reader);
    let output = Output::of(impatient(&reader));
    drop(writer);
    (0..50).for_each(|number| output.say(format!("line {number}")));
    // It has tried by then; if it has not, nothing is lost and the numbers are right all the same.
    thread::sleep(Duration::from_millis(300));
    output.say("the last one");
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let mut lost = 0;
    let lines = lines.by_ref().inspect(|line| lost += not_written(line).unwrap_or(0));
    let whole = lines
        .take_while(|line| line != "the last one")
        .filter(|line| line.trim_start_matches('.').starts_with("line "))
        .count();
    assert_eq!(whole + lost, 50, "{lost} lost");
}

/// The pipe is full when a link is put in quarantine and when no quorum is heard: the one is said on standard
/// output, and the other on both.
#[test]
fn a_node_goes_on_and_stops_though_nobody_reads_what_it_says() {
    let desk = Desk::new();
    let (port, west) = (free_port(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let written = Written::new(0, port);
    let written = written.with_peer(2, west.local_addr().unwrap(), "authenticated = true");
    written.write(&desk, "north.toml");
    let (node, said) = Running::start_unread(&desk, "north.toml");
    fill(said.get_ref());
    let at_north = SocketAddr::from(([127, 0, 0, 1], port));
    let are_said = || {
        (0..20).for_each(|_| assert!(west.send_to(&[1; 900], at_north).is_ok()));
        let status = node.status();
        status["events"].to_string().contains("the link to west is in quarantine for")
            && !status["alerts"].as_array().unwrap().is_empty()
    };
    wait(are_said, || node.ask("/status"));
    let sent = || node.metric("mesh_node_datagrams_sent_total");
    let before = sent();
    wait(|| sent() > before + 4.0, || node.ask("/metrics"));
    assert_eq!(node.stop().code(), Some(0));
}
