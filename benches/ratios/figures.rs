//! One line a figure: suite, name, value, bar.

use std::fmt;

/// What a figure has to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// No more than this.
    Most(f64),
    /// No less than this.
    Least(f64),
    /// It is printed to be known.
    None,
}

impl Bar {
    fn is_held_by(self, value: f64) -> bool {
        match self {
            // What is no number holds nothing.
            Self::Most(most) => value <= most,
            Self::Least(least) => value >= least,
            Self::None => value.is_finite(),
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(most) => write!(f, "<= {}", Digits(*most)),
            Self::Least(least) => write!(f, ">= {}", Digits(*least)),
            Self::None => f.write_str("-"),
        }
    }
}

/// Prints figures, and counts those that miss their bar.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) missed: usize,
}

impl Figures {
    /// Prints one. The name says of what suite it is, if that matters, and the unit.
    pub(crate) fn print(&mut self, of: impl fmt::Display, name: &str, value: f64, bar: Bar) {
        let holds = bar.is_held_by(value);
        self.missed = self.missed.saturating_add(usize::from(!holds));
        let verdict = if holds { "" } else { "  MISSED" };
        let (of, value, bar) = (of.to_string(), Digits(value).to_string(), bar.to_string());
        println!("{of:<10}  {name:<78} {value:>8}  {bar}{verdict}");
    }
}

/// A number with four digits, as far as they say something.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = self;
        let places = match value.abs() {
            size if size == 0.0 || size >= 1000.0 || size.fract() == 0.0 => 0,
            size if size >= 100.0 => 1,
            size if size >= 10.0 => 2,
            size if size >= 0.1 => 3,
            _ => 4,
        };
        write!(f, "{value:.places$}")
    }
}
