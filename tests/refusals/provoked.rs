//! Which variants of an enum were met, held against its source: a new variant fails the test.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

pub(crate) struct Provoked {
    all: BTreeSet<String>,
    met: BTreeSet<String>,
}

impl Provoked {
    /// For the enum of that name in `source`, as rustfmt writes it.
    pub(crate) fn of(name: &str, source: &str) -> Self {
        let start = format!("pub enum {name} {{\n");
        let (_, body) = source.split_once(&start).unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        let variants = body.lines().filter_map(|line| line.strip_prefix("    "));
        let named = variants.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
        let all: BTreeSet<_> = named.map(first_word).collect();
        assert!(!all.is_empty(), "{name} has variants");
        Self { all, met: BTreeSet::new() }
    }

    /// `error` was met, and this is what it says.
    pub(crate) fn meet(&mut self, error: &(impl Debug + Display), says: &str) {
        assert_eq!(error.to_string(), says);
        self.met.insert(first_word(&format!("{error:?}")));
    }

    /// This one is shown elsewhere or cannot be shown, for the reason that the test names.
    pub(crate) fn elsewhere(&mut self, variant: &str, _why: &str) {
        assert!(self.met.insert(variant.to_owned()), "{variant} was met here");
    }

    pub(crate) fn assert_all(&self) {
        assert_eq!(self.met, self.all, "met, and there are");
    }
}

fn first_word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}
