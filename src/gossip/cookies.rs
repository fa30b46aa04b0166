//! Return-routability cookies, by which a claimed address shows that somebody answers there.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::id::{LinkId, MeshId, Millis, NodeId};
use crate::limit::{Rate, TokenBucket};
use crate::wire::{self, Container, Tag, WireError};

/// How long a cookie holds at least, in milliseconds; at most twice as long.
const GENERATION_MS: u64 = 60_000;

/// 128 bits: as hard to guess as anything here.
const COOKIE_LEN: usize = 16;

/// Cookies that are made at most. They go wherever packets claim to come from, each a fortieth of
/// what brought it about.
pub(crate) const SENT: Rate = Rate { per_second: 1_000, burst: 1_000 };

/// Makes and checks cookies. Nothing is remembered of those that were made, so nobody can fill a
/// table by having them sent anywhere; after the state cookies of RFC 9260, section 5.1.3, and the
/// retry tokens of RFC 9000, section 8.1.
///
/// A cookie is bound to a link and the origin that packets over it name, and to a minute.
pub(super) struct Cookies {
    secret: [u8; 32],
    sent: Mutex<TokenBucket>,
}

/// What a cookie packet says, and its echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cookie {
    /// Whose packets they were that brought it about.
    pub(super) origin: NodeId,
    value: [u8; COOKIE_LEN],
}

impl Cookie {
    /// Reads what a cookie packet or its echo carries.
    pub(super) fn read(container: &Container<'_>) -> Result<Self, WireError> {
        wire::decode("a cookie", container.payload())
    }
}

impl Cookies {
    /// `secret` must be random, and nobody else's.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, sent: Mutex::new(TokenBucket::new(SENT)) }
    }

    /// The packet that asks whether somebody answers at `link`, unless too many were made.
    pub(super) fn packet(
        &self,
        mesh: MeshId,
        (link, origin): (LinkId, NodeId),
        now: Millis,
    ) -> Option<Vec<u8>> {
        self.sent.lock().try_take(now, 1).ok()?;
        let value = self.value((link, origin), generation(now));
        let payload = wire::encode("a cookie", &Cookie { origin, value }).ok()?;
        Some(Container::to_bytes(Tag::Cookie, mesh, &payload))
    }

    /// Whether this node made `cookie` for `link` within the last one to two minutes.
    pub(super) fn made(&self, cookie: &Cookie, link: LinkId, now: Millis) -> bool {
        let newest = generation(now);
        [Some(newest), newest.checked_sub(1)].into_iter().flatten().any(|generation| {
            let value = self.value((link, cookie.origin), generation);
            bool::from(value.ct_eq(&cookie.value))
        })
    }

    fn value(&self, (link, origin): (LinkId, NodeId), generation: u64) -> [u8; COOKIE_LEN] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&link.0.to_le_bytes());
        hasher.update(origin.as_bytes());
        hasher.update(&generation.to_le_bytes());
        let mut value = [0; COOKIE_LEN];
        hasher.finalize_xof().fill(&mut value);
        value
    }
}

/// Never shows the secret.
impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

const fn generation(now: Millis) -> u64 {
    now.0 / GENERATION_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESH: MeshId = MeshId::from_bytes([1; 32]);
    const X: NodeId = NodeId::from_bytes([2; 32]);
    const LINK: LinkId = LinkId(7);

    fn made(cookies: &Cookies, now: u64) -> Cookie {
        let packet = cookies.packet(MESH, (LINK, X), Millis(now)).unwrap();
        assert!(packet.len() < 100, "an answer far smaller than what brings it about");
        let wire::Packet::Cookie(container) = wire::Packet::parse(&packet).unwrap() else {
            panic!("a cookie");
        };
        Cookie::read(&container).unwrap()
    }

    #[test]
    fn holds_for_one_link_one_origin_and_one_to_two_minutes() {
        let cookies = Cookies::new([9; 32]);
        for at in [0, 59_999, 60_000, 1_000_000] {
            let cookie = made(&cookies, at);
            assert_eq!(cookie.origin, X);
            for later in [0, 60_000] {
                assert!(cookies.made(&cookie, LINK, Millis(at + later)));
            }
            assert!(!cookies.made(&cookie, LINK, Millis(at + 120_000)));
            assert!(!cookies.made(&cookie, LinkId(8), Millis(at)));
            let other = Cookie { origin: NodeId::from_bytes([3; 32]), ..cookie };
            assert!(!cookies.made(&other, LINK, Millis(at)));
            assert!(!Cookies::new([8; 32]).made(&cookie, LINK, Millis(at)));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", Cookies::new([9; 32]));
        assert!(shown.contains("Cookies") && !shown.contains('9'), "{shown}");
    }

    #[test]
    fn every_bit_counts() {
        let cookies = Cookies::new([9; 32]);
        let cookie = made(&cookies, 5);
        for bit in 0..8 * COOKIE_LEN {
            let mut forged = cookie;
            forged.value[bit / 8] ^= 1 << (bit % 8);
            assert!(!cookies.made(&forged, LINK, Millis(5)));
        }
    }
}
