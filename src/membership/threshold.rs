//! How many members must agree, in integer arithmetic.

/// How many of `members` must attest before the mesh believes: ⌈2n/3⌉.
///
/// Two quorums overlap in at least ⌈n/3⌉ members, one more than may lie, so two quorums never
/// certify contradictory contents of a slot in which honest members vote once (Bracha and Toueg
/// 1985 give the bound; see also PBFT, Castro and Liskov 1999, section 3).
///
/// ```
/// assert_eq!(meshward::quorum_size(9), 6);
/// ```
pub const fn quorum_size(members: usize) -> usize {
    // n − ⌊n/3⌋ = ⌈2n/3⌉, and cannot overflow.
    members.saturating_sub(members / 3)
}

/// How many of `members` may be faulty, lying and crashed together: ⌈n/3⌉ − 1.
///
/// ```
/// assert_eq!(meshward::faults_tolerated(9), 2);
/// ```
pub const fn faults_tolerated(members: usize) -> usize {
    members.div_ceil(3).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_to_2000_is_safe_and_live() {
        assert_eq!((quorum_size(0), faults_tolerated(0)), (0, 0));
        for n in 1..=2000 {
            let (q, f) = (quorum_size(n), faults_tolerated(n));
            assert_eq!(q, (2 * n).div_ceil(3), "n = {n}");
            assert!(q > f, "liars alone reach a quorum at n = {n}");
            assert!(n - f >= q, "the honest alone do not reach a quorum at n = {n}");
            assert!(2 * q - n > f, "two quorums may share only liars at n = {n}");
            assert!(n - n / 3 >= q, "not live with a third silent at n = {n}");
            // With fewer faulty, too; and one more faulty than that would break it.
            for fewer in 0..=f {
                assert!(q > fewer && n - fewer >= q && 2 * q > n + fewer, "n = {n}, f = {fewer}");
            }
            let more = f + 1;
            assert!(n - more < q || 2 * q <= n + more, "n = {n} would bear {more}");
        }
    }
}
