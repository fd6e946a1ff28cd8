//! Reading a file that may be anything: bounded in size, and never a pipe that nobody writes to.

use std::{
    fs,
    io::{self, ErrorKind, Read as _},
    path::Path,
};

use super::transport::MAX_BODY_BYTES;

/// Longest file that is read: an answer as large as Unleash may give, and what stands around it in a disk copy.
const MAX_FILE_BYTES: u64 = MAX_BODY_BYTES as u64 + 64 * 1024;

/// All of a file. Blocks.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}
