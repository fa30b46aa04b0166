//! The one place that knows bincode.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::error::DecodeError;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::WireError;

/// Decoding never reads or reserves more than this, whatever lengths the bytes claim. Larger than what is
/// decoded in one piece: the largest view, 67 MiB, with a certificate of two thirds of its members, 36 MiB.
pub(crate) const DECODE_LIMIT: usize = 112 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<DECODE_LIMIT>> =
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<DECODE_LIMIT>();

/// The one encoding of `value`.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, WireError> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(|_| WireError::Encode { what })
}

/// The longest secret that is encoded, in bytes: two Dilithium3 key pairs with what stands beside them.
const SECRET_LIMIT: usize = 16 * 1024;

/// The one encoding of a `value` that is secret: written in one piece, so that no copy is left
/// behind in memory that was outgrown.
pub(crate) fn encode_secret<T: Serialize>(
    what: &'static str,
    value: &T,
) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut out = Zeroizing::new(vec![0; SECRET_LIMIT]);
    let written = bincode::serde::encode_into_slice(value, &mut out, CONFIG);
    out.truncate(written.map_err(|_| WireError::Encode { what })?);
    Ok(out)
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
        .map_err(|error| refused(what, &error))?;
    match bytes.len().checked_sub(read) {
        Some(0) => Ok(value),
        Some(extra) => Err(WireError::Trailing { extra }),
        None => Err(WireError::Field { what }),
    }
}

/// Bytes that do not make a value are malformed; a value that its type does not know was perhaps
/// written by a later release.
fn refused(what: &'static str, error: &DecodeError) -> WireError {
    match error {
        DecodeError::Other(_) | DecodeError::OtherString(_) => WireError::Unknown { what },
        _ => WireError::Field { what },
    }
}
