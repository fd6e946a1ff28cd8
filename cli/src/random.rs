//! Random numbers for secrets and for names of temporary things, from the operating system.

use std::fmt::Write as _;

use rand::{TryRng as _, rngs::SysRng};

use crate::failure::Failure;

/// `bytes` random bytes, as hexadecimal digits.
///
/// # Errors
/// [`Failure::Internal`] when the system has no random numbers to give.
pub fn hex(bytes: usize) -> Result<String, Failure> {
    let mut raw = vec![0; bytes];
    SysRng.try_fill_bytes(&mut raw).map_err(|error| Failure::Internal(format!("no random numbers: {error}")))?;
    Ok(raw.iter().fold(String::with_capacity(bytes * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
