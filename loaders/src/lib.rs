//! What is read, and how it is batched: one file per entity, over the gRPC clients of the upstreams.

pub mod batching;
pub mod trace;
