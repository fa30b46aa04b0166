//! The one place that knows bincode.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};

use super::WireError;

/// Decoding never reads or reserves more than this, whatever lengths the bytes claim. Larger than
/// any part that is decoded in one piece: the certificate of the largest mesh.
const DECODE_LIMIT: usize = 80 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<DECODE_LIMIT>> =
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<DECODE_LIMIT>();

/// The one encoding of `value`.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, WireError> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(|_| WireError::Encode { what })
}

/// Writes the encoding of `value` into `out`, which it must fill exactly.
pub(super) fn encode_into<T: Serialize>(
    what: &'static str,
    value: &T,
    out: &mut [u8],
) -> Result<(), WireError> {
    let room = out.len();
    match bincode::serde::encode_into_slice(value, out, CONFIG) {
        Ok(written) if written == room => Ok(()),
        _ => Err(WireError::Encode { what }),
    }
}

/// Reads a value that fills `bytes` to the last one.
pub(crate) fn decode<'a, T: Deserialize<'a>>(
    what: &'static str,
    bytes: &'a [u8],
) -> Result<T, WireError> {
    let (value, read) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG)
        .map_err(|_| WireError::Field { what })?;
    match bytes.len().checked_sub(read) {
        Some(0) => Ok(value),
        Some(extra) => Err(WireError::Trailing { extra }),
        None => Err(WireError::Field { what }),
    }
}
