//! Sizes that no packet may exceed.

/// The longest body of a frame, in bytes: with header and signature it still fits one UDP datagram
/// (65 507 bytes over IPv4, RFC 768 and RFC 791).
pub const MAX_BODY_LEN: usize = 60 * 1024;

/// The longest frame, in bytes: header, the longest signature of any suite, body.
pub const MAX_FRAME_LEN: usize = MAX_BODY_LEN + 4 * 1024;

/// The longest content of a bare statement, in bytes. The largest in use, a recovery, carries
/// two public keys and a signature: 7.2 KiB.
pub const MAX_CONTENT_LEN: usize = 8 * 1024;

/// The longest attachment beside a bare statement, in bytes: a signed header of any suite.
pub const MAX_ATTACHMENT_LEN: usize = 4 * 1024;

/// The longest certificate or proof in a mesh of `members`, in bytes: one signature a member and
/// room for what stands beside it.
pub const fn max_container_len(members: usize) -> usize {
    members.saturating_mul(4 * 1024).saturating_add(16 * 1024)
}

/// The longest packet that a transport has to carry in a mesh of `members`, in bytes: the step to a next
/// view, which is the view with its certificate. Longer ones are worth a try.
pub const fn max_packet_len(members: usize) -> usize {
    members.saturating_mul(8 * 1024).saturating_add(128 * 1024)
}
