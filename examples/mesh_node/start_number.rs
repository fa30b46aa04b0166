//! A number that grows with each start of the node, durable before it is used.
//!
//! It is the greater of the last one and one more, and of the seconds since 1970: a router without a clock of
//! its own counts on, and one that lost its disk goes on behind what it used before.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use meshward::store::{Access, Files, OsFiles};

const NAME: &str = "mesh_node.start";
/// What is written before it has the name.
const UNFINISHED: &str = "mesh_node.start.new";

/// The number of this start. The directory belongs to this process alone: its store is open.
///
/// # Errors
/// The file cannot be read or written, or its number is the last one.
pub(crate) fn next(directory: &Path) -> io::Result<u32> {
    let path = directory.join(NAME);
    let last = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u32>().map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let next = last.checked_add(1).ok_or_else(|| io::Error::other("its number is the last one"))?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // A clock that is beyond the range counts for nothing.
    let number = next.max(u32::try_from(seconds).unwrap_or(0));
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
