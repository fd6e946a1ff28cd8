//! Two sides of a flag answer alike: what asks them both. Operations come from a corpus for people (`tests/corpus`) and from a
//! generator that knows the schema only; answers are compared as bytes. Nothing here knows what a flag does.

pub mod answer;
pub mod corpus;
pub mod generate;
pub mod scene;
pub mod schema;
pub mod states;
pub mod values;
