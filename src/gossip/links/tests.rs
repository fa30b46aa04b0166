use super::*;
use crate::id::NodeId;
use crate::membership::{Change, Member};
use crate::suite::{OsEntropy, SigningKey, Suite};

const NOW: Millis = Millis(1_000);
const X: MemberIndex = MemberIndex(0);
const Y: MemberIndex = MemberIndex(1);

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second, burst }
}

/// Two members, one place of each kind; a link with a place may make 80 checks at once, a newcomer
/// 10, all newcomers 15, all claimed links 4, a pair 3.
fn links() -> Links {
    Links::new(&config(), &View::genesis([1, 2].map(member).into()).unwrap())
}

fn member(number: u8) -> Member {
    let suite = Suite::available().next().unwrap();
    let key = SigningKey::generate(suite, &OsEntropy).unwrap().public_key().clone();
    Member::new(NodeId::from_bytes([number; 32]), "", key)
}

fn config() -> GossipConfig {
    GossipConfig {
        link_checks: rate(8, 80),
        newcomer_checks: rate(1, 15),
        claimed_checks: rate(1, 4),
        pair_checks: rate(1, 3),
        links: 1,
        claimed_pairs: 1,
        ..GossipConfig::default()
    }
}

/// How many checks are to be had at once.
fn checks(links: &Links, link: Link, origin: MemberIndex) -> usize {
    (0..200).filter(|_| links.take_checks(link, Some(origin), 1, NOW)).count()
}

fn proven(id: u64) -> Link {
    Link::Proven(LinkId(id))
}

fn claimed(id: u64) -> Link {
    Link::Claimed(LinkId(id))
}

#[test]
fn a_newcomer_spends_its_own_first_and_no_more_of_what_all_have() {
    let links = links();
    assert_eq!(checks(&links, proven(1), X), 10);
    // However often it asked for more.
    assert_eq!(checks(&links, proven(2), X), 5);
    assert_eq!(checks(&links, proven(3), X), 0);
}

#[test]
fn a_link_of_use_has_a_budget_of_its_own_for_as_long_as_it_has_the_place() {
    let links = links();
    links.was_of_use(proven(1), X, NOW);
    assert_eq!(checks(&links, proven(1), X), 80);
    links.was_of_use(proven(2), X, NOW);
    assert_eq!(checks(&links, proven(2), X), 10, "there is one place");
    assert!(links.reserve(LinkId(3), NOW));
    assert_eq!(checks(&links, proven(3), X), 80);
    assert!(!links.reserve(LinkId(4), NOW));
    links.release(LinkId(3));
    assert!(links.reserve(LinkId(4), NOW));
}

#[test]
fn a_pair_that_answered_has_a_part_of_its_own() {
    let links = links();
    links.was_of_use(claimed(1), X, NOW);
    assert!(!links.pair_has_a_place(LinkId(1), X), "it has not answered");
    links.answered(LinkId(1), X, NOW);
    assert!(links.pair_has_a_place(LinkId(1), X));
    assert!(!links.pair_has_a_place(LinkId(1), Y) && !links.pair_has_a_place(LinkId(2), X));
    assert_eq!(checks(&links, claimed(1), Y), 4, "another name");
    assert_eq!(checks(&links, claimed(2), X), 0, "another address");
    assert_eq!(checks(&links, claimed(1), X), 3);
    // It was never of use since, so another that answers may have the place.
    links.answered(LinkId(2), Y, NOW);
    assert!(links.pair_has_a_place(LinkId(2), Y) && !links.pair_has_a_place(LinkId(1), X));
    links.was_of_use(claimed(2), Y, NOW);
    links.answered(LinkId(1), X, NOW);
    assert!(links.pair_has_a_place(LinkId(2), Y), "of use");
}

#[test]
fn places_live_on_under_the_next_view_with_fresh_budgets() {
    let view = View::genesis([1, 2].map(member).into()).unwrap();
    let config = GossipConfig { links: 2, claimed_pairs: 2, ..config() };
    let links = Links::new(&config, &view);
    assert!(links.reserve(LinkId(1), NOW));
    links.was_of_use(proven(2), X, NOW);
    for origin in [X, Y] {
        links.answered(LinkId(9), origin, NOW);
        links.was_of_use(claimed(9), origin, NOW);
        assert_eq!(checks(&links, claimed(9), origin), if origin == X { 3 + 4 } else { 3 });
    }
    assert_eq!(checks(&links, proven(1), X), 80);

    // X leaves, and Y has its place in the view.
    let change = Change::of(&view).leave(NodeId::from_bytes([1; 32])).join(member(3));
    let next = view.changed(&change, Vec::new()).unwrap();
    let config = GossipConfig { link_checks: rate(8, 90), ..config };
    let links = links.succeed(&config, (&view, &next));
    assert!(links.pair_has_a_place(LinkId(9), X) && !links.pair_has_a_place(LinkId(9), Y));
    assert_eq!(checks(&links, claimed(9), X), 3 + 4, "a part of its own and what all share");
    assert_eq!((checks(&links, proven(1), X), checks(&links, proven(2), X)), (90, 90));
    // The reservation holds; the other place goes to a link that has one, and can be released.
    assert!(links.reserve(LinkId(3), NOW) && !links.reserve(LinkId(4), NOW));
    assert_eq!(checks(&links, proven(2), X), 11 + 1, "a newcomer again");
    links.release(LinkId(1));
    assert!(links.reserve(LinkId(4), NOW));
}

#[test]
fn who_joined_again_has_to_answer_again() {
    let first = View::genesis([1, 2].map(member).into()).unwrap();
    let links = Links::new(&config(), &first);
    links.answered(LinkId(9), X, NOW);
    let one = first.members().first().unwrap().clone();
    let left = first.changed(&Change::of(&first).leave(one.id), Vec::new()).unwrap();
    let back = left.changed(&Change::of(&left).join(one), Vec::new()).unwrap();
    let next = links.succeed(&config(), (&first, &back));
    assert!(!next.pair_has_a_place(LinkId(9), X) && !next.pair_has_a_place(LinkId(9), Y));
}
