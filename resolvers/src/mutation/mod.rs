//! Where writing begins: one file per kind of thing that is written, each with its inputs and payloads.
//!
//! A mutation that fails is null with an error, so that it does not hide those that happened beside it. Its payload is read
//! after the write and from the source.

mod comment;
mod edge;
mod input;
mod post;
mod profile;

use async_graphql::MergedObject;

/// Where writing begins.
#[derive(MergedObject, Default)]
pub struct Mutation(post::Posts, comment::Comments, edge::Edges, profile::Profile);
