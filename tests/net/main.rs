//! Whole nodes in network namespaces of their own, on cables (veth) with an MTU of 1280 that lose fragments of
//! IP: processes, sockets, disks, kills and cuts are real.
//!
//! ```text
//! cargo test --release --test net -- --ignored --nocapture
//! ```
//!
//! needs Linux, root, `ip` (iproute2) and `nft` (nftables). Where one of them is missing each test says
//! so in one line and passes.
//!
//! | file | what it is |
//! |---|---|
//! | `space` | a network namespace, which is gone with its test |
//! | `plan` | who is wired to whom, and what the cables do to what they carry |
//! | `relay` | the process in the middle of all cables: delay and reordering |
//! | `envelope`, `wires` | datagrams that prove who sent them; the sockets of one process |
//! | `node`, `hostile` | the processes at the ends |
//! | `said` | what they print, a line of JSON each |
//! | `field` | all of it together, and what a test does to it |
//! | `small`, `line`, `grid`, `attacked` | the tests |
//!
//! Loss, cuts and lost fragments are rules of `nft`; a pulled cable is a veth that is down.

#![cfg(all(
    target_os = "linux",
    feature = "durable-store",
    any(feature = "dilithium3", feature = "ml-dsa-65")
))]
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

mod attacked;
mod envelope;
mod field;
mod grid;
mod hostile;
mod line;
mod node;
mod plan;
mod relay;
mod said;
mod small;
mod space;
mod wires;
