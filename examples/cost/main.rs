//! What a mesh costs each of its nodes, calculated from what was measured.
//!
//! ```text
//! cargo run --release --example cost -- --members 200 --beacon-ms 500
//! cargo run --release --example cost -- --table
//! ```
//!
//! The second prints the table of the README. `--help` tells the options.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | the command line |
//! | `measured` | what one thing of each sort takes on some machine, from a file |
//! | `lengths` | how long packets are, by making them |
//! | `model` | what a mesh comes to |
//! | `table` | the same for meshes of several sizes |

mod lengths;
mod measured;
mod model;
mod options;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use measured::Measured;
use options::{HELP, Job};

/// The options were wrong.
const WRONG_OPTION: u8 = 2;

fn main() -> ExitCode {
    match asked(std::env::args_os().skip(1)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("cost: {sentence}");
            ExitCode::from(WRONG_OPTION)
        }
    }
}

/// What is to be printed for these arguments.
///
/// # Errors
/// A sentence that says what is wrong with them, or with the file that they name.
pub(crate) fn asked(args: impl IntoIterator<Item = OsString>) -> Result<String, String> {
    Ok(match options::parse(args)? {
        Job::Help => HELP.to_owned(),
        Job::Table { measured } => table::of(&Measured::read(measured.as_deref())?)?,
        Job::Mesh { mesh, measured } => model::told(&mesh, &Measured::read(measured.as_deref())?)?,
    })
}
