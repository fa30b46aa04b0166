//! Lines for standard output and standard error, written by a thread of their own.
//!
//! Whoever reads them may stop reading, and the disk that they go to may be full. Nobody who says a line waits
//! for that: lines wait in a queue, and what finds it full is dropped and counted. How many were lost is said in
//! their place, before anything that comes after them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// What waits to be written, in bytes.
const MOST: usize = 256 * 1024;
/// What a line takes beside its text, in bytes.
const AROUND: usize = size_of::<String>();
/// Where writing failed it is tried again after that.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Where lines go. A copy of it leads to the same place.
#[derive(Clone)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that were dropped after those that wait.
    dropped: u64,
    /// Nothing more is taken.
    closed: bool,
    /// Nothing more is written.
    ended: bool,
}

impl Output {
    pub(crate) fn of(to: impl Write + Send + 'static) -> Self {
        let output = Self(Arc::default());
        let shared = Arc::clone(&output.0);
        thread::spawn(move || shared.write(to));
        output
    }

    /// Has a line written, soon, or not at all if too much waits already.
    pub(crate) fn say(&self, line: impl Into<String>) {
        self.0.waiting.lock().put(line.into());
        self.0.changed.notify_all();
    }

    /// Takes nothing more, and gives what waits so long to be written.
    pub(crate) fn close(&self, patience: Duration) {
        let mut waiting = self.0.waiting.lock();
        waiting.closed = true;
        self.0.changed.notify_all();
        self.0.changed.wait_while_for(&mut waiting, |waiting| !waiting.ended, patience);
    }
}

/// For whoever writes lines whole, with their end.
impl Write for Output {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.say(String::from_utf8_lossy(text).trim_end_matches('\n'));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write(&self, mut to: impl Write) {
        // By an error, before those that wait.
        let mut lost = 0;
        loop {
            let (text, lines) = match lost {
                0 => match self.next() {
                    Some(next) => next,
                    None => break,
                },
                // A part of a line may be there.
                _ => (format!("\n{}", told(lost)), lost),
            };
            lost = match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
                Ok(()) => 0,
                Err(_) if self.is_open_after_a_while() => lines,
                Err(_) => break,
            };
        }
        self.waiting.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for what is to be written next, and how many lines it stands for. `None` at the end.
    fn next(&self) -> Option<(String, u64)> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(line) = waiting.take() {
                return Some((format!("{line}\n"), 1));
            }
            match std::mem::take(&mut waiting.dropped) {
                0 if waiting.closed => return None,
                0 => self.changed.wait(&mut waiting),
                dropped => return Some((told(dropped), dropped)),
            }
        }
    }

    fn is_open_after_a_while(&self) -> bool {
        let mut waiting = self.waiting.lock();
        self.changed.wait_while_for(&mut waiting, |waiting| !waiting.closed, AFTER_ERROR);
        !waiting.closed
    }
}

fn told(lost: u64) -> String {
    match lost {
        1 => "1 line was not written\n".to_owned(),
        _ => format!("{lost} lines were not written\n"),
    }
}

impl Waiting {
    fn put(&mut self, line: String) {
        let bytes = self.bytes.saturating_add(line.len()).saturating_add(AROUND);
        if self.closed {
            return;
        }
        // What follows one that was dropped comes after that was said.
        if self.dropped > 0 || bytes > MOST {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.lines.push_back(line);
    }

    fn take(&mut self) -> Option<String> {
        let line = self.lines.pop_front()?;
        self.bytes = self.bytes.saturating_sub(line.len()).saturating_sub(AROUND);
        Some(line)
    }
}
