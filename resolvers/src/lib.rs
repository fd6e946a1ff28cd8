//! The GraphQL schema: one file per type.
//!
//! A resolver never opens a connection, reads a flag, or sleeps: it asks a loader. It knows the public names of things,
//! their nullability and their errors; what a value is made of is the loaders' business.

mod comment;
mod connection;
mod cursor;
mod error;
mod mutation;
mod node;
mod page_args;
mod post;
mod query;
mod scalar;
mod schema;
mod user;
mod validator;

pub use schema::{NovaSchema, SchemaConfig, schema, sdl};
pub use validator::Validator;
