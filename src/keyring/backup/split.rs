//! The wrapping key of a backup, split and put together again.

use rand::SeedableRng;
use rand::rngs::StdRng;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

use super::seal::Key;
use super::share::{Deal, check_range};
use super::{Backup, BackupError, Passphrase, Share, ShareError};
use crate::suite::Entropy;

impl Backup {
    /// Splits the key of this backup into `shares` (up to 32), of which any `threshold` (at least 2)
    /// open it without its passphrase (Shamir 1979, over GF(2^8)).
    ///
    /// The shares are of this backup alone. A later backup has another key, and shares of its own; so
    /// keep the file that was split. What it holds of a key that has not been replaced since stays
    /// good.
    ///
    /// # Errors
    ///
    /// [`ShareError::OutOfRange`], [`BackupError::Entropy`], and those of [`open`](Self::open).
    pub fn split(
        &self,
        passphrase: &Passphrase,
        threshold: u8,
        shares: u8,
        entropy: &dyn Entropy,
    ) -> Result<Vec<Share>, BackupError> {
        check_range(threshold, shares)?;
        let key = self.wrapping_key(passphrase)?;
        // Nobody is to be given shares of a key that opens nothing.
        self.open_with(&key)?;
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed)?;
        let refused = ShareError::OutOfRange { threshold, shares };
        let (needed, dealt) = (usize::from(threshold), usize::from(shares));
        let points = Gf256::split_bytes(needed, dealt, key.as_bytes(), StdRng::from_seed(*seed));
        let points = points.map_err(|_| refused.clone())?.into_iter().map(Zeroizing::new);
        let values = points.map(|point| {
            let (number, value) = point.split_first()?;
            Some((*number, Zeroizing::new(*value.first_chunk::<32>()?)))
        });
        let values: Vec<_> = values.collect::<Option<_>>().ok_or(refused)?;
        let backup = self.id();
        let fingerprint = |(number, value): &(u8, Zeroizing<[u8; 32]>)| {
            Share::fingerprint(&backup, threshold, *number, value)
        };
        let fingerprints = values.iter().map(fingerprint).collect();
        let deal = Deal { backup, threshold, fingerprints };
        let share = |(number, value)| Share { deal: deal.clone(), number, value };
        Ok(values.into_iter().map(share).collect())
    }

    /// Opens it with shares of its key. More than the threshold are of use: they name the wrong one.
    ///
    /// # Errors
    ///
    /// [`BackupError::Shares`] names the share that does not belong. [`BackupError::Altered`] when the
    /// shares agree and the key that they make does not open the backup.
    pub fn open_with_shares(&self, shares: &[Share]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        let deal = self.one_deal(shares)?;
        let needed = usize::from(deal.threshold);
        let points = shares.iter().take(needed).map(|share| {
            let mut point = Vec::with_capacity(33);
            point.push(share.number);
            point.extend_from_slice(&*share.value);
            point
        });
        let mut points: Vec<Vec<u8>> = points.collect();
        let combined = Gf256::combine_bytes(&points).map(Zeroizing::new);
        points.iter_mut().for_each(Zeroize::zeroize);
        let combined = combined.map_err(|_| BackupError::Altered)?;
        let key = combined.first_chunk().copied().ok_or(BackupError::Altered)?;
        self.open_with(&Key::new(Zeroizing::new(key)))
    }

    /// Holds the shares against this backup and each other.
    fn one_deal<'a>(&self, shares: &'a [Share]) -> Result<&'a Deal, ShareError> {
        let expected = self.id();
        if let Some(stray) = shares.iter().find(|share| share.deal.backup != expected) {
            let (number, found) = (stray.number, stray.deal.backup);
            return Err(ShareError::OtherBackup { number, found, expected });
        }
        let like = |deal: &Deal| shares.iter().filter(|share| share.deal == *deal).count();
        // Of equals the last, and the first share is to count, so from behind.
        let most = shares.iter().rev().max_by_key(|share| like(&share.deal));
        let Some(Share { deal, .. }) = most else {
            return Err(ShareError::TooFew { given: 0, needed: 2 });
        };
        let strays = shares.iter().filter(|share| share.deal != *deal);
        let numbers: Vec<_> = strays.map(|share| share.number).collect();
        if !numbers.is_empty() {
            return Err(ShareError::Mixed { numbers });
        }
        let mut numbers: Vec<_> = shares.iter().map(|share| share.number).collect();
        numbers.sort_unstable();
        let mut pairs = numbers.iter().zip(numbers.iter().skip(1));
        if let Some((number, _)) = pairs.find(|(left, right)| left == right) {
            return Err(ShareError::Twice { number: *number });
        }
        if shares.len() < usize::from(deal.threshold) {
            return Err(ShareError::TooFew { given: shares.len(), needed: deal.threshold });
        }
        Ok(deal)
    }
}
