//! The gRPC contract between gateway and backend: `nova.v1`, batch first.
//!
//! Every read takes many keys and answers each in the order they were asked: found, absent or failed. A write answers what it
//! wrote, or why nothing was written. This room never
//! decides anything; it holds the generated code, the answers' common shape and the names of metadata.

mod answer;
mod convert;
pub mod metadata;

pub use answer::{Answer, IntoAnswer, IntoWritten, KeyFailure};
pub use convert::{from_micros, id_bytes, id_from_bytes, to_micros};

/// Messages, clients and servers of `nova.v1`, as generated.
pub mod v1 {
    #![expect(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        reason = "generated code, documented in the .proto files"
    )]
    tonic::include_proto!("nova.v1");
}

/// The compiled description of `nova.v1`, as gRPC reflection serves it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/nova.v1.bin"));
