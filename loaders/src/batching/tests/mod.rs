//! What the batching promises, shown on sources in memory.

mod flights;
mod generated;
mod graphql;
mod policies;
mod stalls;
mod world;
