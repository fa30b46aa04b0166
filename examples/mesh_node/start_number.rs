//! A number that grows with each start of the node, durable before it is used.
//!
//! ```text
//! count 32 | drawn 32
//! ```
//!
//! The count is the greater of the last one and one more, and of the seconds since 1970: a router without a clock
//! of its own counts on, and one that lost its disk goes on behind what it used before. Where both fail, a disk from
//! a copy and a clock that is late, the count may come a second time. The number does not, for the rest of it is
//! drawn anew: so what was recorded of a start is never of another one, whoever sets the disk and the clock back.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use meshward::store::{Access, Files, OsFiles};
use meshward::{Entropy, OsEntropy};

const NAME: &str = "mesh_node.start";
/// What is written before it has the name.
const UNFINISHED: &str = "mesh_node.start.new";
/// A clock that is beyond that, in the year 2097, counts for nothing. So no clock uses the counts up.
const LAST_SECOND: u64 = 4_026_531_840;

/// The number of this start, not 0. The directory belongs to this process alone: its store is open.
///
/// # Errors
/// The file cannot be read or written, or its count is the last one; no random bytes.
pub(crate) fn next(directory: &Path) -> io::Result<u64> {
    let path = directory.join(NAME);
    let last = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().map_err(|_| {
            io::Error::other("it holds no number; remove it if the clock of this host is right")
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let number = following(last)?;
    let unfinished = directory.join(UNFINISHED);
    match OsFiles.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OsFiles.open(&unfinished, Access::Create)?;
    file.write_at(0, number.to_string().as_bytes())?;
    file.sync()?;
    OsFiles.rename(&unfinished, &path)?;
    OsFiles.sync_directory(directory)?;
    Ok(number)
}

fn following(last: u64) -> io::Result<u64> {
    let used_up = || io::Error::other("its count is the last one");
    let count = u32::try_from(last >> 32).ok().and_then(|count| count.checked_add(1));
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = if seconds > LAST_SECOND { 0 } else { seconds };
    let count = u64::from(count.ok_or_else(used_up)?).max(seconds);
    let mut drawn = [0; 4];
    OsEntropy.fill(&mut drawn).map_err(io::Error::other)?;
    Ok((count << 32) | u64::from(u32::from_le_bytes(drawn)))
}
