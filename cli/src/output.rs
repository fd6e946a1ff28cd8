//! Files that the command line is told to write.

use std::{fs::File, io::Write as _, path::Path};

/// Writes `text` to the file at `path`. Readers see the old file or the new one.
pub(crate) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_added_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)
}
