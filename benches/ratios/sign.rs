//! A message that a node signs, beside the bare signature.
//!
//! How often a signature is tried anew is a matter of chance, so both sides sign the same header with the same
//! random bytes, and do the same work.

use std::hint::black_box;
use std::sync::Arc;

use meshward::keyring::Keyring;
use meshward::suite::{EntropyError, Purpose};
use meshward::{
    Config, Core, Entropy, Identity, Kind, MemoryStore, Millis, OsEntropy, Suite, View,
};

use crate::Outcome;
use crate::figures::{Bar, Figures};
use crate::json::Measured;
use crate::mesh::id;
use crate::speaker::{BODY_LEN, at, signed};
use crate::timing::{each, median};

const PAIRS: usize = 151;
/// Signatures in one timing.
const MESSAGES: usize = 4;

/// Gives the same bytes each time, and takes no time for it.
#[derive(Debug)]
struct Constant;

impl Entropy for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(7);
        Ok(())
    }
}

pub(crate) fn run(suite: Suite, figures: &mut Figures, measured: &mut Measured) -> Outcome<()> {
    let (store, config) = (MemoryStore::new(), Config::default());
    let identity = Identity::create(&store, id(0), suite, &OsEntropy)?;
    let view = Arc::new(View::genesis(vec![identity.member("")])?);
    let rate = config.gossip.origin_rate;
    let core =
        Core::start(config, Arc::clone(&view), identity, &store, Arc::new(Constant), Millis(0))?;
    // The same key once more.
    let ring = Keyring::start(Identity::load(&store)?, &store, view.mesh(), rate, Millis(0))?;
    let key = ring.active();

    let [mut ratios, mut works, mut bases] = [const { Vec::new() }; 3];
    for pair in 0..PAIRS {
        let mut last = Vec::new();
        let first = 1 + (pair * MESSAGES) as u32;
        let work = each(first..first + MESSAGES as u32, |number| {
            last.push(black_box(core.sign_message(Kind::Beacon, &[7; BODY_LEN], at(number))?));
            Ok(())
        })?;
        let mut headers = Vec::new();
        for frame in &last {
            headers.push(signed(frame)?);
        }
        let base = each(headers.iter(), |(_, header, signature)| {
            let again = key.key.sign(Purpose::Frame, header, &Constant)?;
            let is_same = again.as_bytes() == *signature;
            is_same.then_some(()).ok_or_else(|| "another signature".into())
        })?;
        ratios.push(work / base);
        works.push(work);
        bases.push(base);
    }
    let [ratio, work, base] = [ratios, works, bases].map(median);
    figures.print(suite, "raw signature, us", base / 1e3, Bar::None);
    figures.print(suite, "sign_message, over a raw signature", ratio, Bar::Most(1.05));
    let measured = measured.of(suite);
    (measured.sign_us, measured.sign_message_us) = (base / 1e3, work / 1e3);
    Ok(())
}
