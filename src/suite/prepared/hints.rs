//! Unpacking of the hints.

use super::params::{HINTS_LEN, K, N, OMEGA};

/// One for each coefficient of w: 1 where its high bits are to be corrected, else 0.
pub(crate) type Hints = [[u8; N]; K];

/// FIPS 204, algorithm 21. `None` unless the encoding is the only one of these hints: for each
/// polynomial the places in strictly ascending order, ends that never go back nor beyond ω, and
/// zeros after the last. Otherwise a signature could be changed into another one that holds.
#[inline(always)]
pub(crate) fn hints(bytes: &[u8; HINTS_LEN]) -> Option<Hints> {
    let (places, ends) = bytes.split_at_checked(OMEGA)?;
    let mut hints = [[0; N]; K];
    let mut start = 0;
    for (row, end) in hints.iter_mut().zip(ends) {
        let end = usize::from(*end);
        // `None` if it goes back, or beyond ω.
        let own = places.get(start..end)?;
        if !own.is_sorted_by(|one, next| one < next) {
            return None;
        }
        for place in own {
            *row.get_mut(usize::from(*place))? = 1;
        }
        start = end;
    }
    places.get(start..)?.iter().all(|place| *place == 0).then_some(hints)
}
