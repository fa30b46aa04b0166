//! Two views that follow one another: what each takes, and that both remember the same.

use super::*;
use crate::id::ViewNumber;
use crate::membership::{Change, Member};

/// Gossip in another view, with its directory.
struct Next(SignedGossip, Arc<Directory>);

/// A change of a view.
type Changed = fn(Change) -> Change;

impl Next {
    /// In the view to which `changes` lead one after the other, without a stop between them.
    fn of(from: &SignedGossip, changes: &[Changed]) -> Self {
        let mut view = View::clone(from.directory.view());
        for change in changes {
            view = view.changed(&change(Change::of(&view)), Vec::new()).unwrap();
        }
        let directory = Arc::new(from.directory.succeed(Arc::new(view), NOW));
        Self(from.succeed(Arc::clone(&directory), plenty()), directory)
    }

    fn take(&self, bytes: &[u8]) -> Result<MemberIndex, Refusal> {
        let admitted = self.0.verify_message(LINK, bytes, NOW);
        admitted.map(|admitted| admitted.member).map_err(|refused| refused.refusal)
    }
}

/// One more, before all others, so that these move up by one.
fn with_a_first(change: Change) -> Change {
    let key = crate::suite::PublicKey::from_bytes(Suite::MlDsa65, &[7; 1952]).unwrap();
    change.join(Member::new(id(0), "first", key))
}

fn without_the_sender(change: Change) -> Change {
    change.leave(id(2))
}

impl Mesh {
    /// With the sender as it was in the first view, under the same key.
    fn with_the_sender(&self) -> impl Fn(Change) -> Change + use<> {
        let sender = self.directory.view().member(SENDER).unwrap().clone();
        move |change| change.join(sender.clone())
    }

    fn of_view(&self, view: u64, sequence: u32) -> Vec<u8> {
        let header = Header { view: ViewNumber(view), ..self.header(sequence) };
        self.sealed(header, b"body")
    }

    /// The view in which the sender is no member any more, and the one after, in which it is again.
    fn sender_left_and_came_back(&self) -> [Next; 2] {
        let left = Next::of(&self.receiver, &[without_the_sender]);
        let view = left.1.view();
        let back = self.with_the_sender()(Change::of(view));
        let view = Arc::new(view.changed(&back, Vec::new()).unwrap());
        let directory = Arc::new(left.1.succeed(view, NOW));
        let back = Next(left.0.succeed(Arc::clone(&directory), plenty()), directory);
        [left, back]
    }
}

const MOVED: MemberIndex = MemberIndex(2);

fn other_view(found: u64, current: u64) -> Refusal {
    Refusal::OtherView { found: ViewNumber(found), current: ViewNumber(current) }
}

#[test]
fn both_views_hear_who_stays_in_either_and_take_each_frame_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let next = Next::of(&mesh.receiver, &[with_a_first]);
        let [old_first, new_first] = [(0, 1), (1, 2)].map(|(view, at)| mesh.of_view(view, at));
        assert_eq!(mesh.take(&old_first).map(|taken| taken.member), Ok(SENDER));
        assert_eq!(mesh.take(&new_first).map(|taken| taken.member), Ok(SENDER));
        for bytes in [&old_first, &new_first] {
            assert_eq!(next.take(bytes), Err(Refusal::Duplicate));
        }
        let [old_later, new_later] = [(0, 3), (1, 4)].map(|(view, at)| mesh.of_view(view, at));
        for bytes in [&old_later, &new_later] {
            assert_eq!(next.take(bytes), Ok(MOVED));
            assert_eq!(mesh.refusal(bytes), Some(Refusal::Duplicate));
        }
    }
}

/// Promise P2, with one thread in each view.
#[test]
fn a_frame_that_one_view_screened_is_committed_by_either_and_by_one() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let next = Next::of(&mesh.receiver, &[with_a_first]);
        let verified = |gossip: &SignedGossip, bytes| {
            // The frame outlives its view, as it would on a thread of the host.
            let bytes: &'static [u8] = Vec::leak(Vec::clone(bytes));
            gossip.screen(LINK, bytes, NOW).unwrap().verify().unwrap()
        };
        let (one, two) = (mesh.of_view(0, 1), mesh.of_view(1, 2));
        let by =
            [&mesh.receiver, &next.0].map(|gossip| [&one, &two].map(|it| verified(gossip, it)));
        let [[one_by_old, two_by_old], [one_by_new, two_by_new]] = by;
        assert_eq!(next.0.commit(one_by_old, NOW).unwrap().member, MOVED);
        assert_eq!(mesh.receiver.commit(two_by_new, NOW).unwrap().member, SENDER);
        let again = mesh.receiver.commit(one_by_new, NOW).unwrap_err();
        assert_eq!(again.refusal, Refusal::Duplicate);
        assert_eq!(next.0.commit(two_by_old, NOW).unwrap_err().refusal, Refusal::Duplicate);

        let gone = Next::of(&next.0, &[without_the_sender]);
        let screened = verified(&next.0, &mesh.of_view(1, 3));
        let refused = gone.0.commit(screened, NOW).unwrap_err().refusal;
        assert_eq!(refused, Refusal::UnknownOrigin(id(2)));
    }
}

/// Promise P11: a member that says one thing in the old view and another in the new one.
#[test]
fn a_contradiction_between_two_views_is_found_once() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let next = Next::of(&mesh.receiver, &[with_a_first]);
        assert!(mesh.take(&mesh.of_view(0, 1)).is_ok());
        let refused = next.0.verify_message(LINK, &mesh.of_view(1, 1), NOW).unwrap_err();
        assert_eq!(refused.refusal, Refusal::Equivocation);
        assert!(refused.contradiction.is_some());
        let other = mesh.sealed(mesh.header(1), b"other");
        assert_eq!(mesh.refusal(&other), Some(Refusal::Replay), "it is proven");
    }
}

#[test]
fn who_leaves_is_heard_in_the_view_before_alone() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let next = Next::of(&mesh.receiver, &[without_the_sender]);
        assert_eq!(next.take(&mesh.frame(1)), Err(Refusal::UnknownOrigin(id(2))));
        assert!(mesh.take(&mesh.frame(1)).is_ok());
    }
}

/// What an expelled member said is recorded and played again after it has joined anew.
#[test]
fn k11_what_was_said_in_another_life_is_not_taken_again() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let [taken, never_heard] = [1, 2].map(|sequence| mesh.frame(sequence));
        assert!(mesh.take(&taken).is_ok());
        let signed_ahead = mesh.of_view(1, 3);
        let [_, back] = mesh.sender_left_and_came_back();
        assert_eq!(back.1.view().member(SENDER).unwrap().joined, ViewNumber(2));
        let before = back.1.signature_checks();
        for (bytes, view) in [(&taken, 0), (&never_heard, 0), (&signed_ahead, 1)] {
            assert_eq!(back.take(bytes), Err(other_view(view, 2)));
        }
        assert_eq!(back.1.signature_checks(), before, "it costs no check");
        // Its new life begins at once, and with any nonce.
        for (view, sequence) in [(2, 1), (3, 2)] {
            assert_eq!(back.take(&mesh.of_view(view, sequence)), Ok(SENDER));
        }
    }
}

/// Promise P2: whoever still hears the old life must not take what was said in the new one, as its
/// windows go with the old one.
#[test]
fn k11_what_is_said_in_the_next_life_is_not_taken_in_this_one() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let bytes = mesh.of_view(2, 1);
        assert_eq!(mesh.refusal(&bytes), Some(other_view(2, 0)));
        let [left, back] = mesh.sender_left_and_came_back();
        assert_eq!(left.take(&bytes), Err(Refusal::UnknownOrigin(id(2))));
        assert_eq!(back.take(&bytes), Ok(SENDER));
        assert_eq!(back.take(&bytes), Err(Refusal::Duplicate));
    }
}

/// The same for a node that follows several views at once.
#[test]
fn who_left_and_came_back_between_two_views_begins_anew() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        assert!(mesh.take(&mesh.frame(5)).is_ok());
        let (mut view, with) = (View::clone(mesh.directory.view()), mesh.with_the_sender());
        for change in [&without_the_sender as &dyn Fn(Change) -> Change, &with] {
            view = view.changed(&change(Change::of(&view)), Vec::new()).unwrap();
        }
        let directory = Arc::new(mesh.directory.succeed(Arc::new(view), NOW));
        let back = Next(mesh.receiver.succeed(Arc::clone(&directory), plenty()), directory);
        assert_eq!(back.take(&mesh.frame(5)), Err(other_view(0, 2)));
        assert_eq!(back.take(&mesh.of_view(2, 5)), Ok(SENDER), "no contradiction");
        mesh.rotate(300, NOW);
        assert_eq!(back.1.current(SENDER).unwrap().epoch, Epoch::FIRST, "its keys are apart");
    }
}

#[test]
fn cookies_and_reservations_go_on() {
    for suite in Suite::available() {
        let mesh = Mesh::new(suite, plenty());
        let link = Link::Claimed(LinkId(7));
        let cookie = mesh.receiver.cookie(link, id(2), NOW).unwrap();
        let next = Next::of(&mesh.receiver, &[with_a_first]);
        let container = |bytes| match crate::wire::Packet::parse(bytes) {
            Ok(crate::wire::Packet::Cookie(container)) => container,
            _ => panic!("a cookie"),
        };
        assert_eq!(next.0.take_cookie_echo(link, &container(&cookie), NOW), Ok(id(2)));
        assert!(next.0.cookie(link, id(2), NOW).is_none(), "it has a place");
        let after = Next::of(&next.0, &[without_the_sender]);
        assert!(!after.0.links.pair_has_a_place(LinkId(7), SENDER));
        assert!(!after.0.links.pair_has_a_place(LinkId(7), MOVED));
    }
}
