//! Files that the command line is given.

use std::{fs::File, io::Read as _, path::Path};

use crate::failure::Failure;

/// All of the file at `path`, of at most `max` bytes. `command` begins each message.
///
/// # Errors
/// [`Failure::NoInput`] when there is no such file, [`Failure::Data`] when it is too large, [`Failure::Io`] when it can't be
/// read.
pub(crate) fn read(command: &str, path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let told = |what: &dyn std::fmt::Display| format!("{command}: {}: {what}", path.display());
    let file = File::open(path).map_err(|error| Failure::NoInput(told(&error)))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Failure::NoInput(told(&"is a directory")));
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| Failure::Io(told(&error)))?;
    if bytes.len() as u64 > max {
        return Err(Failure::Data(told(&format_args!("larger than it may be ({} MiB)", max >> 20))));
    }
    Ok(bytes)
}
