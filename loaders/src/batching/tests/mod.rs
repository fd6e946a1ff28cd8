//! What the batching promises, shown on sources in memory.

mod flights;
mod generated;
mod graphql;
mod stalls;
mod world;
