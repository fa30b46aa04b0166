//! Whatever the bytes: nothing panics, and what is changed is worth nothing.

use std::sync::OnceLock;

use meshward::View;
use meshward::identity::{Enrolment, TrustBundles};
use proptest::prelude::*;

use crate::authority::{Authority, now};
use crate::forge::{Forge, view};
use crate::svids::bundles;

fn world() -> &'static (View, TrustBundles, Vec<u8>) {
    static WORLD: OnceLock<(View, TrustBundles, Vec<u8>)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (view, root) = (view(), Authority::new("root", "example.org"));
        let bytes = Forge::new(&view, &root).bytes();
        (view, bundles(&[("example.org", &root)]), bytes)
    })
}

/// Whether it is believed.
fn holds(bytes: &[u8]) -> bool {
    let (view, bundles, _) = world();
    let Ok(enrolment) = Enrolment::from_bytes(bytes) else { return false };
    assert_eq!(enrolment.to_bytes().unwrap(), bytes, "one form");
    enrolment.verify(view, bundles, now()).is_ok()
}

#[test]
fn no_cut_and_no_addition_is_read() {
    let (.., whole) = world();
    assert!(holds(whole));
    for len in 0..whole.len() {
        assert!(Enrolment::from_bytes(&whole[..len]).is_err(), "{len}");
    }
    for byte in [0, 1, 0xff] {
        assert!(Enrolment::from_bytes(&[whole.as_slice(), &[byte]].concat()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_changed_byte_holds(at in any::<prop::sample::Index>(), to in 1_u8..) {
        let (.., whole) = world();
        let mut bytes = whole.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= to;
        prop_assert!(!holds(&bytes), "byte {}", at);
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let beginning = b"mwenroll\x02".as_slice();
        prop_assert!(!holds(&bytes));
        prop_assert!(!holds(&[beginning, &bytes].concat()));
    }

    /// Any bytes in the place of the certificate, and an authority's.
    #[test]
    fn any_certificate_is_read_without_harm(
        at in any::<prop::sample::Index>(),
        to in 1_u8..,
        cut in any::<prop::sample::Index>(),
    ) {
        let root = Authority::new("root", "example.org");
        let mut forge = Forge::new(&world().0, &root);
        let place = at.index(forge.chain[0].len());
        forge.chain[0][place] ^= to;
        prop_assert!(!holds(&forge.bytes()));
        let end = cut.index(forge.chain[0].len());
        forge.chain[0].truncate(end);
        prop_assert!(!holds(&forge.bytes()));
        let mut authority = root.der;
        let place = at.index(authority.len());
        authority[place] ^= to;
        let _taken_or_not = TrustBundles::default().set("example.org", [authority]);
    }
}
