//! Between the wire's bytes and numbers and the values the rooms speak.

use chrono::{DateTime, Utc};
use prost::bytes::Bytes;
use uuid::Uuid;

/// The wire form of an id: its 16 bytes.
#[must_use]
pub fn id_bytes(id: Uuid) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

/// The id in `bytes`, or `None` when they are not 16.
#[must_use]
pub fn id_from_bytes(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(bytes).ok()
}

/// Microseconds since the Unix epoch: the resolution that Postgres keeps.
#[must_use]
pub fn to_micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The time `micros` after the Unix epoch, or `None` when no calendar reaches it.
#[must_use]
pub fn from_micros(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}
