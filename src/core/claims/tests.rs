use super::*;
use crate::id::{Digest, ViewNumber};
use crate::wire;

const NODE: NodeId = NodeId::from_bytes([1; 32]);
const NOW: Millis = Millis(1_000);

fn claim(riddle: u8, boot: u32) -> Claim {
    let view = Digest::from_bytes([3; 32]);
    Claim { view, number: ViewNumber(0), riddle: [riddle; 16], boot }
}

fn packet(claim: &Claim) -> Vec<u8> {
    wire::encode("a claim", claim).unwrap()
}

fn look(claims: &Claims, claim: &Claim) -> Look {
    claims.look(&NODE, claim, &packet(claim))
}

fn take(claims: &mut Claims, claim: &Claim, now: Millis) -> Result<Batch, Refusal> {
    claims.take(NODE, claim, &packet(claim), now)
}

fn is_due(claims: &Claims) -> bool {
    claims.is_any_due()
}

#[test]
fn a_boot_is_witnessed_for_one_start_and_none_below_it() {
    let mut claims = Claims::default();
    let first = claim(1, 5);
    take(&mut claims, &first, NOW).unwrap();
    claims.wrote(&NODE, (5, [1; 16]), true);
    assert_eq!(look(&claims, &first), Look::Same);
    for (riddle, boot) in [(2, 5), (2, 4), (1, 4), (2, 0)] {
        assert_eq!(look(&claims, &claim(riddle, boot)), Look::Lower, "{riddle} {boot}");
        assert!(take(&mut claims, &claim(riddle, boot), NOW).is_err());
    }
    // The same start in the next view says the same in other words.
    let again = Claim { number: ViewNumber(1), ..first };
    assert_eq!(look(&claims, &again), Look::News);
    assert_eq!(look(&claims, &claim(2, 6)), Look::News);
    assert_eq!(claims.highest(&NODE).map(|(boot, _)| boot), Some(5));
}

#[test]
fn what_is_not_durable_is_not_witnessed() {
    let mut claims = Claims::default();
    let first = claim(1, 5);
    take(&mut claims, &first, NOW).unwrap();
    assert!(!is_due(&claims));
    assert_eq!(look(&claims, &claim(2, 6)), Look::Busy, "one write at a time");
    claims.wrote(&NODE, (5, [2; 16]), true);
    assert!(!is_due(&claims), "another's write");
    claims.wrote(&NODE, (5, [1; 16]), false);
    assert!(!is_due(&claims), "nobody knows what is on the disk");
    assert!(claims.again(NODE, 500, NOW).1.is_some(), "so it is written again");
    assert!(claims.again(NODE, 500, NOW).1.is_none());
    claims.wrote(&NODE, (5, [1; 16]), true);
    assert!(is_due(&claims));
}

#[test]
fn a_claim_played_again_is_witnessed_ever_less_often() {
    let mut claims = Claims::default();
    take(&mut claims, &claim(1, 5), NOW).unwrap();
    claims.wrote(&NODE, (5, [1; 16]), true);
    let mut witnessed = 0;
    for step in 0..6_000 {
        let now = NOW.after(step * 100);
        let _passed_on = claims.again(NODE, 500, now);
        if let Some(kept) = claims.kept(&NODE)
            && std::mem::take(&mut kept.is_due)
        {
            kept.was_witnessed(now);
            witnessed += 1;
        }
    }
    assert!(witnessed <= 45, "{witnessed} times in ten minutes");
}

#[test]
fn who_claims_ever_more_keeps_no_disk_busy() {
    let mut claims = Claims::default();
    let taken = |claims: &mut Claims, boots: std::ops::Range<u32>, now| {
        let mut each = boots.map(|boot| {
            let taken = take(claims, &claim(1, boot), now);
            claims.wrote(&NODE, (boot, [1; 16]), true);
            taken
        });
        each.by_ref().filter(Result::is_ok).count()
    };
    assert_eq!(taken(&mut claims, 1..100, NOW), 16);
    assert_eq!(taken(&mut claims, 100..200, NOW.after(3_000)), 3);
}

#[test]
fn each_witness_is_news_once() {
    let mut kept = Kept::new(&claim(1, 5), b"", NOW);
    for place in [0, 63, 64, 999] {
        assert!(kept.saw(MemberIndex(place)) && !kept.saw(MemberIndex(place)));
    }
    assert_eq!(kept.seen.len(), 16);
}
