//! Random numbers for secrets, ids and names of temporary things, from the operating system.

use std::fmt::Write as _;

use nova_core::{IdSource, NoRandomness, uuid_v7};
use rand::{TryRng as _, rngs::SysRng};
use uuid::Uuid;

use crate::{clock::SystemClock, failure::Failure};

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

/// New ids of the system's time and randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl IdSource for SystemIds {
    fn next_id(&self) -> Result<Uuid, NoRandomness> {
        let mut random = [0; 10];
        SysRng.try_fill_bytes(&mut random).map_err(|_| NoRandomness)?;
        Ok(uuid_v7(&SystemClock, &random))
    }
}

/// A random number from 0 to 1, for spreading things over time; the middle when the system has none to give.
#[must_use]
pub fn fraction() -> f64 {
    SysRng.try_next_u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
