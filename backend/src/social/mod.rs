//! Who likes what and who follows whom. Edges of deleted people are not there.

mod repository;
mod service;
mod sql;
mod write;

pub(crate) use service::SocialService;
