use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn nonce(boot: u32, sequence: u32) -> Nonce {
    Nonce { boot, sequence }
}

fn window(width: u32) -> ReplayWindow {
    ReplayWindow::new(WindowWidth::new(width).unwrap())
}

/// The plainest thing that does the same: all nonces ever accepted, with their tags.
#[derive(Default)]
struct Model {
    accepted: HashMap<Nonce, u32>,
    newest: Option<Nonce>,
}

impl Model {
    fn look(&self, nonce: Nonce, width: u32) -> Look {
        let Some(newest) = self.newest else { return Look::Fresh };
        let behind = i64::from(newest.sequence) - i64::from(nonce.sequence);
        if nonce.boot < newest.boot || (nonce.boot == newest.boot && behind >= i64::from(width)) {
            return Look::Stale;
        }
        match self.accepted.get(&nonce) {
            Some(tag) => Look::Used((behind < 256).then_some(*tag)),
            None => Look::Fresh,
        }
    }

    fn commit(&mut self, nonce: Nonce, tag: u32, width: u32) -> Look {
        let look = self.look(nonce, width);
        if look == Look::Fresh {
            self.accepted.insert(nonce, tag);
            self.newest = self.newest.max(Some(nonce));
        }
        look
    }
}

#[test]
fn each_nonce_is_fresh_once() {
    let mut window = window(64);
    assert_eq!(window.newest(), None);
    assert_eq!(window.look(nonce(0, 0)), Look::Fresh);
    assert_eq!(window.commit(nonce(0, 0), 7), Look::Fresh);
    assert_eq!(window.commit(nonce(0, 0), 8), Look::Used(Some(7)));
    assert_eq!(window.newest(), Some(nonce(0, 0)));
}

#[test]
fn looking_marks_nothing() {
    let window = window(64);
    assert_eq!(window.look(nonce(3, 3)), Look::Fresh);
    assert_eq!(window.look(nonce(3, 3)), Look::Fresh);
    assert_eq!(window.newest(), None);
}

#[test]
fn edge_of_the_window() {
    let mut window = window(128);
    assert_eq!(window.commit(nonce(1, 1000), 0), Look::Fresh);
    assert_eq!(window.look(nonce(1, 872)), Look::Stale);
    assert_eq!(window.commit(nonce(1, 873), 0), Look::Fresh);
    assert_eq!(window.look(nonce(1, 873)), Look::Used(Some(0)));
}

#[test]
fn an_older_boot_never_comes_back() {
    let mut window = window(64);
    assert_eq!(window.commit(nonce(1, u32::MAX), 0), Look::Fresh);
    assert_eq!(window.commit(nonce(2, 0), 0), Look::Fresh);
    assert_eq!(window.look(nonce(1, u32::MAX)), Look::Stale);
    assert_eq!(window.look(nonce(2, 1)), Look::Fresh);
    assert_eq!(window.look(nonce(2, 0)), Look::Used(Some(0)));
}

#[test]
fn a_new_boot_sees_no_marks_of_the_old_one() {
    let mut window = window(64);
    for sequence in 0..200 {
        assert_eq!(window.commit(nonce(1, sequence), 0), Look::Fresh);
    }
    // The numbers begin again, behind those of the old boot.
    assert_eq!(window.commit(nonce(2, 190), 0), Look::Fresh);
    for sequence in 127..190 {
        assert_eq!(window.commit(nonce(2, sequence), 0), Look::Fresh, "{sequence}");
    }
}

#[test]
fn the_greatest_nonce_is_a_nonce_like_any_other() {
    let mut window = window(64);
    let last = nonce(u32::MAX, u32::MAX);
    assert_eq!(window.commit(last, 9), Look::Fresh);
    assert_eq!(window.commit(last, 9), Look::Used(Some(9)));
    assert_eq!(window.commit(nonce(u32::MAX, u32::MAX - 63), 1), Look::Fresh);
    assert_eq!(window.commit(nonce(u32::MAX, u32::MAX - 64), 1), Look::Stale);
    assert_eq!(window.commit(nonce(u32::MAX, 0), 1), Look::Stale);
}

#[test]
fn tags_are_remembered_for_the_newest_256() {
    let mut window = window(1024);
    for sequence in 0..1024 {
        assert_eq!(window.commit(nonce(0, sequence), sequence), Look::Fresh);
    }
    assert_eq!(window.look(nonce(0, 768)), Look::Used(Some(768)));
    assert_eq!(window.look(nonce(0, 767)), Look::Used(None));
    assert_eq!(window.look(nonce(0, 0)), Look::Used(None));
}

#[test]
fn a_late_nonce_does_not_overwrite_the_tag_of_a_newer_one() {
    let mut window = window(1024);
    assert_eq!(window.commit(nonce(0, 512), 1), Look::Fresh);
    assert_eq!(window.commit(nonce(0, 256), 2), Look::Fresh);
    assert_eq!(window.look(nonce(0, 512)), Look::Used(Some(1)));
    assert_eq!(window.look(nonce(0, 256)), Look::Used(None));
}

/// Steps near each other, long jumps, changes of boot, and the ends of the range.
fn steps() -> impl Strategy<Value = Vec<Nonce>> {
    let boot = prop_oneof![8 => Just(5_u32), 2 => 4_u32..8, 1 => Just(0), 1 => Just(u32::MAX)];
    let sequence = prop_oneof![
        8 => 0_u32..200,
        4 => 1000_u32..3000,
        2 => (u32::MAX - 300)..=u32::MAX,
        1 => any::<u32>(),
    ];
    let any_order = prop::collection::vec((boot, sequence), 0..300)
        .prop_map(|steps| steps.into_iter().map(|(boot, s)| nonce(boot, s)).collect());
    // A stream that moves on, with reordering and jumps around its head.
    let stream = (any::<u32>(), prop::collection::vec((-400_i64..400, 0_i64..120), 0..300))
        .prop_map(|(start, steps)| {
            let mut head = i64::from(start);
            let at = |sequence: i64| nonce(1, sequence.clamp(0, i64::from(u32::MAX)) as u32);
            steps
                .into_iter()
                .map(|(offset, on)| {
                    head += on;
                    at(head + offset)
                })
                .collect::<Vec<_>>()
        });
    prop_oneof![any_order, stream]
}

proptest! {
    #[test]
    fn equals_a_set_of_all_nonces(width in 1_u32..20, steps in steps()) {
        let width = width * 64;
        let mut window = window(width);
        let mut model = Model::default();
        for (tag, nonce) in (0_u32..).zip(steps) {
            prop_assert_eq!(window.look(nonce), model.look(nonce, width));
            prop_assert_eq!(window.commit(nonce, tag), model.commit(nonce, tag, width));
            prop_assert_eq!(window.newest(), model.newest);
        }
    }
}
