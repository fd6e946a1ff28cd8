//! Compresses answers for clients that ask for it, when they are long enough to gain by it. The rest passes untouched.

use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::SizeAbove},
};

/// The shortest answer that is compressed, in bytes: a shorter one fits into one packet as it is.
const MIN_BYTES: u64 = 1024;

/// Of gzip's 9. Above it a long answer takes twice the time for a tenth less, below it is a third longer
/// (`docs/decisions/http.md`).
const LEVEL: CompressionLevel = CompressionLevel::Precise(2);

/// The layer that does it.
pub(crate) fn layer() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(LEVEL).compress_when(SizeAbove::new(MIN_BYTES))
}
