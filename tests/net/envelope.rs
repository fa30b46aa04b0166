//! Datagrams that prove who sent them: sender, counter, MAC, payload.
//!
//! It stands in for WireGuard, DTLS or QUIC, which also agree on keys and hide the payload.

pub(crate) const ENVELOPE_LEN: usize = 1 + 8 + 16;

pub(crate) fn seal(key: &[u8; 32], sender: u8, counter: u64, payload: &[u8]) -> Vec<u8> {
    let head = [&[sender], counter.to_le_bytes().as_slice()].concat();
    [&head, mac(key, &head, payload).as_slice(), payload].concat()
}

/// The counter and the payload, if `sender` sent them.
pub(crate) fn open<'a>(key: &[u8; 32], sender: u8, datagram: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (envelope, payload) = datagram.split_at_checked(ENVELOPE_LEN)?;
    let (head, found) = envelope.split_at(9);
    let is_true = head[0] == sender && *found == mac(key, head, payload);
    is_true.then(|| (u64::from_le_bytes(head[1..].try_into().unwrap()), payload))
}

fn mac(key: &[u8; 32], head: &[u8], payload: &[u8]) -> [u8; 16] {
    let mut mac = [0; 16];
    blake3::Hasher::new_keyed(key).update(head).update(payload).finalize_xof().fill(&mut mac);
    mac
}
